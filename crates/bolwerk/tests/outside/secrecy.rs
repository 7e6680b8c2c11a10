//! What people said lies in the open in no file, whatever way it came in and whatever was done with it.

use crate::desk::{Desk, Sink, done, reports, until};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What is said somewhere, once at each place, so that whatever is found tells from where it leaked.
struct Secrets(BTreeSet<String>);

impl Secrets {
    fn say(&mut self, place: &str) -> String {
        let secret = format!("geheimpje{place}");
        assert!(self.0.insert(secret.clone()), "{place} is a place of its own");
        secret
    }
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let paths = std::fs::read_dir(folder).unwrap().map(|item| item.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { files_in(&path) } else { vec![path] }).filter(|p| p.is_file()).collect()
}

/// Places and files of what lies in the open, in whatever case.
fn leaks(secrets: &Secrets, folders: &[&Path]) -> Vec<String> {
    let mut found = Vec::new();
    for path in folders.iter().flat_map(|folder| files_in(folder)) {
        let bytes = std::fs::read(&path).unwrap().to_ascii_lowercase();
        // All of them begin so: one pass over what holds none.
        for (at, _) in bytes.windows(9).enumerate().filter(|(_, window)| *window == b"geheimpje") {
            let rest = &bytes[at..];
            let which = secrets.0.iter().find(|secret| rest.starts_with(secret.as_bytes()));
            found.push(format!("{}: {}", path.display(), which.map_or("?", String::as_str)));
        }
    }
    found
}

/// Files that hold the hash of a mail's raw bytes, which whoever has that mail could look for; written out, or as it is.
fn hashes(all: &[Value], folders: &[&Path]) -> Vec<PathBuf> {
    let files: Vec<PathBuf> = folders.iter().flat_map(|folder| files_in(folder)).collect();
    let hex =
        |text: &str| (0..32).map(|n| u8::from_str_radix(&text[n * 2..n * 2 + 2], 16).unwrap()).collect::<Vec<u8>>();
    let mut wanted: Vec<Vec<u8>> = Vec::new();
    for hash in all.iter().filter_map(|report| report["raw_sha256"].as_str()) {
        wanted.extend([hash.as_bytes().to_vec(), hex(hash)]);
    }
    assert!(wanted.len() >= 10);
    let holds = |path: &PathBuf| {
        let bytes = std::fs::read(path).unwrap();
        wanted.iter().any(|wanted| bytes.windows(wanted.len()).any(|window| window == wanted))
    };
    files.into_iter().filter(holds).collect()
}

/// Regular files that a process of the desk has open, deleted ones too.
fn open_files(desk: &Desk) -> Vec<String> {
    let data = desk.data();
    let mut open = Vec::new();
    for process in std::fs::read_dir("/proc").unwrap().flatten() {
        let line = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
        let ours = String::from_utf8_lossy(&line).contains(data.to_str().unwrap());
        let worker = std::fs::read_to_string(process.path().join("stat")).unwrap_or_default();
        let worker = worker.split(' ').nth(3) == Some(desk.id().to_string().as_str());
        if !ours && !worker {
            continue;
        }
        let links = std::fs::read_dir(process.path().join("fd")).into_iter().flatten().flatten();
        open.extend(links.filter_map(|link| Some(std::fs::read_link(link.path()).ok()?.display().to_string())));
    }
    open.retain(|path| path.starts_with('/') && !path.starts_with("/dev/") && !path.starts_with("/proc/"));
    open.sort();
    open.dedup();
    open
}

/// A report by mail, with something to say in every place that a stranger can fill; large enough for a file of its own, or not.
fn mail(secrets: &mut Secrets, name: &str, bytes: usize) -> (String, String) {
    let mut say = |place: &str| secrets.say(&format!("{name}{place}"));
    let from = format!("{}@stad.example", say("envelope"));
    let raw = format!(
        "From: \"{}\" <{}@stad.example>\r\nTo: desk\r\nCc: {}@stad.example\r\nSubject: {}\r\nX-Odd: {}\r\n\
         Message-ID: <{}@stad.example>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
         --b\r\nContent-Type: multipart/alternative; boundary=c\r\n\r\n\
         --c\r\n\r\n{} http://{}.example/x {}\r\n--c\r\nContent-Type: text/html\r\n\r\n<p>{}</p>\r\n--c--\r\n\
         --b\r\nContent-Type: text/plain\r\nContent-Disposition: attachment; filename=\"{}.txt\"\r\n\r\n{}\r\n--b--\r\n",
        say("name"),
        say("address"),
        say("copy"),
        say("subject"),
        say("field"),
        say("id"),
        say("text"),
        say("observable"),
        "x ".repeat(bytes / 2),
        say("html"),
        say("filename"),
        say("file"),
    );
    (from, raw)
}

fn api(desk: &Desk, token: &str, what: &str, body: &Value) -> Value {
    let (method, path) = what.split_once(' ').unwrap();
    let fields = format!("Authorization: Bearer {token}\r\nContent-Type: application/json\r\n");
    let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    let answer = desk.ask(&format!("{method} /api/v1{path}"), &fields, &body);
    assert!(answer.starts_with("HTTP/1.1 2"), "{what}: {answer}");
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

fn report_by_form(desk: &Desk, secrets: &mut Secrets) {
    let mut form = String::new();
    for (field, value) in [
        ("board", secrets.say("formboard")),
        ("name", secrets.say("formname")),
        ("phone", "0470 12 34 56".to_owned()),
        ("email", format!("{}@stad.example", secrets.say("formmail"))),
        ("what", secrets.say("formtext")),
    ] {
        form += &format!("--grens\r\nContent-Disposition: form-data; name=\"{field}\"\r\n\r\n{value}\r\n");
    }
    let (name, large) = (secrets.say("formfilename"), secrets.say("formfile").repeat(20_000));
    form += &format!(
        "--grens\r\nContent-Disposition: form-data; name=\"files\"; filename=\"{name}.txt\"\r\nContent-Type: text/plain\r\n\r\n{large}\r\n--grens--\r\n"
    );
    let fields = "Content-Type: multipart/form-data; boundary=grens\r\nSec-Fetch-Site: same-origin\r\n";
    let answer = desk.ask("POST /melden", fields, form.as_bytes());
    assert!(answer.starts_with("HTTP/1.1 303"), "{answer}");
}

#[test]
fn what_people_say_lies_in_the_open_nowhere() {
    let mut secrets = Secrets(BTreeSet::new());
    let (sink, folder) = (Sink::start(), tempfile::tempdir().unwrap());
    // Nothing can be put down anywhere but in the folder of the desk.
    let before = "export TMPDIR=/nonexistent SQLITE_TMPDIR=/nonexistent";
    let mut desk = Desk::start_after(before, folder, &["--relay", &sink.address]);
    desk.first_run(&secrets.say("person"), &secrets.say("login"), &secrets.say("password"));
    let token =
        done(&["token", "new", "--data", desk.data().to_str().unwrap()]).lines().last().unwrap().trim().to_owned();
    for (name, bytes) in [("small", 10), ("large", 600_000)] {
        let (from, raw) = mail(&mut secrets, name, bytes);
        assert!(desk.send(&from, raw).unwrap().starts_with("250"));
    }
    let partial = format!(
        "Subject: {}\r\nContent-Type: multipart/mixed\r\n\r\n{}",
        secrets.say("partsubject"),
        secrets.say("part")
    );
    assert!(desk.send("a@b.example", partial).unwrap().starts_with("250"));
    let file = desk.folder.path().join("import.eml");
    std::fs::write(&file, mail(&mut secrets, "imported", 10).1).unwrap();
    done(&["import", "mail", file.to_str().unwrap(), "--data", desk.data().to_str().unwrap()]);
    std::fs::remove_file(&file).unwrap();
    report_by_form(&desk, &mut secrets);
    let phoned = json!({ "what": secrets.say("apitext"), "name": secrets.say("apiname"), "hit_now": true });
    api(&desk, &token, "POST /reports", &phoned);
    let all = until("all is read", || {
        let all = reports(&desk.data());
        all.iter().all(|r| r["complete"].is_boolean()).then_some(all)
    });
    assert_eq!(all.len(), 6);
    let mailed = all
        .iter()
        .find(|r| r["subject"] == "geheimpjesmallsubject")
        .expect("the mail is listed, and its subject is told");
    let reference = mailed["reference"].as_str().unwrap();
    let incident =
        api(&desk, &token, "POST /incidents", &json!({ "title": secrets.say("title"), "reports": [reference] }));
    let incident = format!("POST /incidents/{}", incident["reference"].as_str().unwrap());
    for (act, body) in [
        ("notes", json!({ "text": secrets.say("note"), "kind": "decision", "why": secrets.say("why") })),
        ("tasks", json!({ "text": secrets.say("task") })),
        ("observables", json!({ "value": format!("{}.example", secrets.say("value")) })),
        ("change", json!({ "field": "phase", "value": "contained", "reason": secrets.say("reason") })),
        ("change", json!({ "field": "title", "value": secrets.say("newtitle") })),
        (
            "mails",
            json!({ "to": "geheimpjesmallenvelope@stad.example", "subject": secrets.say("mailsubject"), "text": secrets.say("mailtext") }),
        ),
    ] {
        api(&desk, &token, &format!("{incident}/{act}"), &body);
    }
    let answer = json!({ "text": secrets.say("reply"), "subject": secrets.say("replysubject") });
    api(&desk, &token, &format!("POST /reports/{reference}/reply"), &answer);
    let found = api(&desk, &token, &format!("GET /search?q={}", secrets.say("searched")), &Value::Null);
    assert_eq!(found["total"], 0);
    let found = api(&desk, &token, "GET /search?q=geheimpjesmalltext", &Value::Null);
    assert!(found.to_string().contains(reference), "what is sealed is found all the same: {found}");
    until("what leaves has left", || {
        let said: String = sink.mails().iter().map(|mail| mail.raw.clone()).collect();
        (said.contains("geheimpjereply") && said.contains("geheimpjemailtext")).then_some(())
    });
    let (data, outside) = (desk.data(), tempfile::tempdir().unwrap());
    let backup = outside.path().join("backup");
    done(&["backup", "--data", data.to_str().unwrap(), "--out", backup.to_str().unwrap()]);
    let log = desk.folder.path().join("log");
    let mut elsewhere = open_files(&desk);
    elsewhere.retain(|path| !path.starts_with(data.to_str().unwrap()) && Path::new(path) != log);
    assert_eq!(elsewhere, Vec::<String>::new(), "no file elsewhere is open");

    let folders = [desk.folder.path().to_owned(), outside.path().to_owned()];
    let folders: Vec<&Path> = folders.iter().map(PathBuf::as_path).collect();
    assert!(files_in(&data).iter().any(|p| p.starts_with(data.join("blobs"))), "the large ones are files of their own");
    assert_eq!(leaks(&secrets, &folders), Vec::<String>::new(), "while it runs");
    assert_eq!(hashes(&all, &folders), Vec::<PathBuf>::new());
    desk.kill();
    assert_eq!(leaks(&secrets, &folders), Vec::<String>::new(), "after a crash");
    desk.again();
    assert_eq!(reports(&data).len(), 6);
    assert_eq!(leaks(&secrets, &folders), Vec::<String>::new(), "after a start");
    let left: Vec<_> = files_in(&data).into_iter().filter_map(|p| p.file_name()?.to_str().map(str::to_owned)).collect();
    assert!(
        !left.iter().any(|name| name.contains("tmp") || name.ends_with(".new")),
        "nothing half written is left: {left:?}"
    );
    // The test itself would find it.
    std::fs::write(desk.folder.path().join("told"), "... GeheimpjeSmallText").unwrap();
    assert_eq!(leaks(&secrets, &folders).len(), 1);
}
