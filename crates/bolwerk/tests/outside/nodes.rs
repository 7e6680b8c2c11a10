//! Two servers, one desk, in a real PostgreSQL that the tests start.

use crate::desk::{Desk, Sink, done, reports, until};
use crate::server;
use serde_json::Value;
use std::collections::HashMap;
use std::path::Path;

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A folder whose desk lies in the database.
fn connected(url: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("url");
    std::fs::write(&file, url).unwrap();
    done(&["nodes", "connect", "--data", text(&folder.path().join("data")), "--url-file", text(&file)]);
    folder
}

fn send(desk: &Desk, n: usize) {
    let raw = format!(
        "From: it@stad{n}.example\r\nSubject: hulp {n}\r\nMessage-ID: <n{n}@stad{n}.example>\r\n\r\nAlles ligt plat.\r\n"
    );
    let reply = desk.send(&format!("it@stad{n}.example"), &raw).unwrap();
    assert!(reply.starts_with("250"), "{reply}");
}

/// Facts of a kind.
fn count(data: &Path, kind: &str) -> usize {
    let lines = done(&["export", "--jsonl", "--data", text(data)]);
    lines.lines().filter(|l| serde_json::from_str::<Value>(l).unwrap()["kind"] == kind).count()
}

fn nodes(data: &Path) -> Vec<Value> {
    let lines = done(&["nodes", "list", "--json", "--data", text(data)]);
    lines.lines().map(|l| serde_json::from_str(l).unwrap()).collect()
}

#[test]
fn a_node_that_is_killed_passes_sending_on_and_no_receipt_goes_out_twice() {
    let Some(server) = server::shared() else { return };
    let url = server.schema();
    let sink = Sink::start();
    let relay = ["--relay", &sink.address];
    let mut a = Desk::start_in(connected(&url), &relay);
    let folder = connected(&url);
    for name in ["keys.next", "keys"] {
        std::fs::copy(a.data().join(name), folder.path().join("data").join(name)).unwrap();
    }
    let b = Desk::start_in(folder, &relay);
    for n in 0..10 {
        send(if n % 2 == 0 { &a } else { &b }, n);
    }
    until("what was sent is recorded", || (count(&b.data(), "outbox.sent") == 10).then_some(()));
    a.kill();
    for n in 10..15 {
        send(&b, n);
    }
    until("the other node sends", || (count(&b.data(), "outbox.sent") == 15).then_some(()));
    assert_eq!(nodes(&b.data()).iter().filter(|node| node["runs"] == true).count(), 1);
    a.again();
    send(&a, 15);
    until("both go on", || (count(&b.data(), "outbox.sent") == 16).then_some(()));
    let mut receipts: HashMap<String, usize> = HashMap::new();
    sink.mails().into_iter().for_each(|mail| *receipts.entry(mail.to).or_default() += 1);
    assert_eq!(receipts.len(), 16);
    assert!(receipts.values().all(|times| *times == 1), "{receipts:?}");

    let (of_a, of_b) = (reports(&a.data()), reports(&b.data()));
    assert_eq!((of_a.len(), &of_a), (16, &of_b));
    let states = nodes(&a.data());
    assert!(states.len() == 2 && states.iter().all(|n| n["runs"] == true && n["erasures_carried_out"] == true));
    commands_serve_such_a_folder_too(&b.data());
}

fn commands_serve_such_a_folder_too(data: &Path) {
    let folder = tempfile::tempdir().unwrap();
    let (note, out, alone) = (folder.path().join("note"), folder.path().join("backup"), folder.path().join("alone"));
    std::fs::write(&note, done(&["checkpoint", "--data", text(data)])).unwrap();
    done(&["verify", "--data", text(data), "--against", text(&note)]);
    done(&["backup", "--data", text(data), "--out", text(&out)]);
    done(&["restore", text(&out), "--data", text(&alone), "--checkpoint", text(&note)]);
    done(&["verify", "--data", text(&alone), "--against", text(&note)]);
    assert_eq!(reports(&alone), reports(data));
}
