//! The folder of a desk as this program's first version left it: it opens for ever, shows the same, and goes on.

use crate::desk::{Desk, Sink, bolwerk, done, until};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// What the folder must go on telling: the command, and the file with what it told.
const TELLS: [(&[&str], &str); 3] = [
    (&["list", "reports", "--json"], "reports.jsonl"),
    (&["list", "incidents", "--json"], "incidents.jsonl"),
    (&["export", "--jsonl"], "facts.jsonl"),
];

/// What lies in the folder for as long as it is open, and says nothing.
const PASSING: [&str; 3] = ["lock", "journal.db-shm", "journal.db-wal"];

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/v1")
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for item in std::fs::read_dir(from).unwrap() {
        let item = item.unwrap();
        let (path, target) = (item.path(), to.join(item.file_name()));
        let kind = item.file_type().unwrap();
        if kind.is_dir() {
            copy(&path, &target);
        } else if kind.is_file() && !PASSING.contains(&item.file_name().to_str().unwrap()) {
            std::fs::copy(path, target).unwrap();
        }
    }
}

fn told(data: &Path, command: &[&str]) -> Vec<Value> {
    let arguments = [command, &["--data", data.to_str().unwrap()]].concat();
    done(&arguments).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Whether everything that was told is told now, in the same place. More may be told than then.
fn still_says(now: &Value, then: &Value) -> bool {
    match (now, then) {
        (Value::Object(now), Value::Object(then)) => {
            then.iter().all(|(key, then)| now.get(key).is_some_and(|now| still_says(now, then)))
        }
        (Value::Array(now), Value::Array(then)) => {
            now.len() == then.len() && now.iter().zip(then).all(|(now, then)| still_says(now, then))
        }
        (now, then) => now == then,
    }
}

#[test]
fn the_folder_of_version_1_opens_shows_the_same_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    copy(&golden().join("data"), &data);
    let (data_text, checkpoint) = (data.to_str().unwrap().to_owned(), golden().join("checkpoint"));
    let against = ["verify", "--data", &data_text, "--against", checkpoint.to_str().unwrap()];
    done(&against);
    for (command, file) in TELLS {
        let then = std::fs::read_to_string(golden().join(file)).unwrap();
        let then: Vec<Value> = then.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let now = told(&data, command);
        assert!(!then.is_empty() && now.len() == then.len(), "{file}: {} lines, not {}", now.len(), then.len());
        for (now, then) in now.iter().zip(&then) {
            assert!(still_says(now, then), "{file}: {now}\nwas once {then}");
        }
    }
    let desk = Desk::start_in(folder, &[]);
    // A token of that time lets in still, and what was written then is read.
    let token = std::fs::read_to_string(golden().join("token")).unwrap();
    let incident = &told(&data, TELLS[1].0)[0];
    let path = format!("GET /api/v1/incidents/{}", incident["reference"].as_str().unwrap());
    let page = desk.ask(&path, &format!("Authorization: Bearer {}\r\n", token.trim()), b"");
    assert!(page.starts_with("HTTP/1.1 200") && page.contains("Netwerk losgekoppeld"), "{page}");
    let before = told(&data, TELLS[0].0).len();
    assert!(desk.send("a@b.example", "Message-ID: <new@b.example>\r\n\r\nhulp").unwrap().starts_with("250"));
    assert_eq!(told(&data, TELLS[0].0).len(), before + 1);
    // The same mail as then is known still.
    let again = golden().join("one.eml");
    let known = done(&["import", "mail", again.to_str().unwrap(), "--data", &data_text, "--json"]);
    assert_eq!(known.trim(), r#"{"imported":0,"known":1,"not_fully_read":0,"failed":0}"#);
    done(&against);
}

#[test]
fn another_value_or_a_missing_one_is_noticed() {
    let then = json!({ "a": [1, { "b": null }] });
    assert!(still_says(&json!({ "a": [1, { "b": null, "c": 2 }], "d": 3 }), &then));
    for now in [json!({}), json!({ "a": [1] }), json!({ "a": [1, {}] }), json!({ "a": [2, { "b": null }] })] {
        assert!(!still_says(&now, &then), "{now}");
    }
}

/// Made once. Never make it anew: it stands for what is out there.
#[test]
#[ignore = "writes the golden folder when there is none"]
fn make_the_folder_of_version_1() {
    assert!(!golden().exists(), "it is there already");
    std::fs::create_dir_all(golden()).unwrap();
    let sink = Sink::start();
    let mut desk = Desk::start(&["--relay", &sink.address]);
    let data = desk.data();
    desk.first_run("An Peeters", "an", "een lang wachtwoord");
    let of = |token: String| token.lines().last().unwrap().trim().to_owned();
    let token = of(done(&["token", "new", "--data", data.to_str().unwrap()]));
    done(&["register", "load", "flanders", "--data", data.to_str().unwrap()]);
    let api = |what: &str, body: Value| -> Value {
        let fields = format!("Authorization: Bearer {token}\r\nContent-Type: application/json\r\n");
        let (method, path) = what.split_once(' ').unwrap();
        let answer = desk.ask(&format!("{method} /api/v1{path}"), &fields, body.to_string().as_bytes());
        assert!(answer.starts_with("HTTP/1.1 2"), "{what}: {answer}");
        serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
    };
    let mail = |n: usize, text: &str| {
        format!(
            "From: IT {n} <it{n}@diest.example>\r\nTo: desk\r\nSubject: Stad Diest, vraag {n}\r\nDate: Thu, 15 Dec 2022 03:04:00 +0100\r\n\
             Message-ID: <ask-{n}@diest.example>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
             --b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n\
             --b\r\nContent-Type: text/plain; name=log.txt\r\n\r\nhxxp://evil[.]example/x 192.0.2.7\r\n--b--\r\n"
        )
    };
    std::fs::write(golden().join("one.eml"), mail(0, "Alle servers zijn versleuteld, wij worden nu aangevallen!"))
        .unwrap();
    desk.send("it0@diest.example", std::fs::read(golden().join("one.eml")).unwrap()).unwrap();
    for (n, text) in
        [(1, "Een vraag over paswoorden."), (2, "Gefeliciteerd, u hebt gewonnen."), (3, "Nogmaals hetzelfde.")]
    {
        desk.send(&format!("it{n}@diest.example"), mail(n, text)).unwrap();
    }
    desk.send(
        "it4@diest.example",
        "Message-ID: <ask-4@diest.example>\r\nContent-Type: multipart/mixed\r\n\r\nhalf\r\n",
    )
    .unwrap();
    api(
        "POST /reports",
        json!({ "what": "Gebeld: alles ligt plat", "board": "Diest", "name": "Jan", "phone": "0470 12 34 56", "hit_now": true }),
    );
    let reports = until("all is read", || {
        let all = told(&data, TELLS[0].0);
        all.iter().all(|r| r["complete"].is_boolean()).then_some(all)
    });
    let named = |n: usize| {
        let id = format!("<ask-{n}@diest.example>");
        reports.iter().find(|r| r["message_id"] == id).unwrap()["reference"].as_str().unwrap().to_owned()
    };
    let opened = api(
        "POST /incidents",
        json!({ "title": "Servers versleuteld", "reports": [named(0)], "severity": "C2", "boards": ["Diest"] }),
    );
    let incident = format!("POST /incidents/{}", opened["reference"].as_str().unwrap());
    for (act, body) in [
        ("notes", json!({ "text": "Netwerk losgekoppeld", "kind": "decision", "why": "Het breidt uit" })),
        (
            "notes",
            json!({ "text": "Gebeld met de leverancier", "tlp": "RED", "certain": false, "event_at": "2022-12-15T03:30:00+01:00" }),
        ),
        ("tasks", json!({ "text": "Back-ups nakijken" })),
        ("observables", json!({ "value": "evil[.]example" })),
        ("change", json!({ "field": "phase", "value": "contained", "reason": "Losgekoppeld" })),
        ("change", json!({ "field": "tlp", "value": "AMBER+STRICT" })),
        ("change", json!({ "field": "title", "value": "Servers van Diest versleuteld" })),
        ("mails", json!({ "to": "it0@diest.example", "subject": "Hoe gaat het?", "text": "Laat iets weten." })),
    ] {
        api(&format!("{incident}/{act}"), body);
    }
    api(&format!("POST /reports/{}/claim", named(1)), json!({}));
    api(&format!("POST /reports/{}/reply", named(1)), json!({ "text": "Zo doet u dat.", "ask": true }));
    api(&format!("POST /reports/{}/decide", named(2)), json!({ "verdict": "spam" }));
    api(&format!("POST /reports/{}/decide", named(3)), json!({ "verdict": "duplicate", "of": named(1) }));
    api(&format!("POST /reports/{}/snooze", named(4)), json!({ "until": "2099-01-01T08:00:00+01:00" }));
    let other = api("POST /incidents", json!({ "title": "Wat weg moet" }));
    let other = format!("POST /incidents/{}", other["reference"].as_str().unwrap());
    api(&format!("{other}/notes"), json!({ "text": "Een naam" }));
    api(&format!("{other}/change"), json!({ "field": "phase", "value": "closed", "reason": "Vergissing" }));
    api(&format!("{other}/erasure"), json!({ "act": "alone", "reason": "gevraagd" }));
    until("all mail has left", || {
        let facts = told(&data, TELLS[2].0);
        let count = |kind: &str| facts.iter().filter(|fact| fact["kind"] == kind).count();
        (count("outbox.queued") == count("outbox.sent")).then_some(())
    });
    desk.kill();
    // Opened and closed once more, its log is part of the store.
    assert!(
        bolwerk(&["import", "mail", golden().join("one.eml").to_str().unwrap(), "--data", data.to_str().unwrap()])
            .status
            .success()
    );
    copy(&data, &golden().join("data"));
    std::fs::write(golden().join("token"), token).unwrap();
    std::fs::write(golden().join("checkpoint"), done(&["checkpoint", "--data", data.to_str().unwrap()])).unwrap();
    for (command, file) in TELLS {
        let lines: Vec<String> = told(&data, command).iter().map(|line| format!("{line}\n")).collect();
        std::fs::write(golden().join(file), lines.concat()).unwrap();
    }
}
