//! The demonstration from outside: what it opens, what it leaves alone.

use crate::commands::{Stopped, program};
use crate::desk::{Desk, bolwerk, done, until};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Stdio;

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn journal(data: &Path) -> String {
    done(&["export", "--jsonl", "--data", text(data)])
}

/// What the demonstration says when it is not to open a folder.
fn refused(keep: &Path) -> String {
    let output = bolwerk(&["demo", "--build-only", "--keep", text(keep)]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(6), "{said}");
    assert!(output.stdout.is_empty() && said.contains(text(keep)), "{said}");
    said
}

#[test]
fn a_desk_in_use_is_never_opened_as_a_demonstration() {
    let folder = tempfile::tempdir().unwrap();
    let (mail, data) = (folder.path().join("a.eml"), folder.path().join("data"));
    std::fs::write(&mail, "Message-ID: <a@b.example>\r\n\r\nhulp\r\n").unwrap();
    done(&["import", "mail", text(&mail), "--data", text(&data)]);
    let imported = journal(&data);
    assert!(refused(&data).contains("bolwerk serve --data"));
    assert_eq!(journal(&data), imported, "not one entry more");

    // Configured, with a receipt that waits for a way out: no sink swallows it.
    let mut desk = Desk::start_in(folder, &[]);
    desk.first_run("Ans", "ans", "een lang wachtwoord");
    assert!(desk.send("it@stad.example", "Message-ID: <b@b.example>\r\n\r\nhulp").unwrap().starts_with("250"));
    desk.kill();
    let before = journal(&data);
    assert!(refused(&data).contains("nothing in it was changed"));
    assert_eq!(journal(&data), before);

    // Nor a folder with something else in it.
    let elsewhere = tempfile::tempdir().unwrap();
    std::fs::write(elsewhere.path().join("notes"), "mine").unwrap();
    assert!(refused(elsewhere.path()).contains("something else"));
    assert_eq!(std::fs::read_dir(elsewhere.path()).unwrap().count(), 1);
}

#[test]
fn a_demonstration_is_built_where_it_is_kept_opened_again_and_stays_one_when_it_is_served() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let output = bolwerk(&["demo", "--build-only"]);
    assert_eq!(output.status.code(), Some(2), "its folder would be gone: say where it is kept");
    assert!(String::from_utf8_lossy(&output.stderr).contains("--keep <DIR>"));
    assert_eq!(done(&["demo", "--build-only", "--keep", text(&data)]).trim(), text(&data));
    let built = journal(&data);
    assert!(built.lines().count() > 300);
    assert_eq!(done(&["demo", "--build-only", "--keep", text(&data)]).trim(), text(&data));
    assert_eq!(journal(&data), built, "it is not played twice");
    an_earlier_moment_has_what_there_was(&data, &built);
    let desk = Desk::start_in(folder, &[]);
    until("it says so", || desk.log().contains("This folder holds a demonstration").then_some(()));
    let page = desk.get("/melden");
    assert!(!desk.log().contains("First run"), "{}", desk.log());
    assert!(page.contains("class=\"demo\""), "{page}");
}

/// Lists as of a day and as known at a position, beside what the journal says of then.
fn an_earlier_moment_has_what_there_was(data: &Path, journal: &str) {
    let facts: Vec<serde_json::Value> = journal.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let list = |what: &str, more: &[&str]| {
        let told = done(&[&["list", what, "--json", "--data", text(data)], more].concat());
        told.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<serde_json::Value>>()
    };
    for (what, fact) in [("reports", "intake.received"), ("incidents", "incidents.opened")] {
        let seqs: Vec<u64> = facts.iter().filter(|f| f["kind"] == fact).map(|f| f["seq"].as_u64().unwrap()).collect();
        assert!(!seqs.is_empty(), "{what}");
        assert_eq!(list(what, &[]).len(), seqs.len());
        for (n, seq) in seqs.iter().enumerate().step_by(seqs.len().div_ceil(4)) {
            assert_eq!(list(what, &["--known-at", &seq.to_string()]).len(), n + 1, "{what} {seq}");
            assert_eq!(list(what, &["--known-at", &(seq - 1).to_string()]).len(), n, "{what} {seq}");
        }
        // The days of the story, in Brussels: it is UTC+1 then.
        let at = if what == "reports" { "received_at" } else { "opened_at" };
        let by_then = list(what, &[]).iter().filter(|row| row[at].as_str().unwrap() < "2022-12-14T23:00").count();
        assert!(by_then > 0);
        assert_eq!(list(what, &["--as-of", "2022-12-14"]).len(), by_then, "{what}");
        assert_eq!(list(what, &["--as-of", "2022-12-01"]).len(), 0, "{what}");
    }
}

/// A page of a server; `cookie` where there is one.
fn page(http: &str, path: &str, cookie: &str) -> String {
    let mut stream = TcpStream::connect(http).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {http}\r\nConnection: close\r\nCookie: {cookie}\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn one_click_opens_it_and_no_report_is_laid_at_a_real_town() {
    let folder = tempfile::tempdir().unwrap();
    let keep = folder.path().join("demo");
    let mut demo = Stopped(
        program(&["demo", "--http", "127.0.0.1:0", "--keep", text(&keep)]).stdout(Stdio::piped()).spawn().unwrap(),
    );
    let lines = BufReader::new(demo.0.stdout.take().unwrap()).lines().map_while(Result::ok);
    let link =
        lines.filter_map(|line| line.split_once("http://").map(|(_, link)| link.trim().to_owned())).next().unwrap();
    let (http, path) = link.split_once('/').unwrap();
    let opened = page(http, &format!("/{path}"), "");
    let cookies =
        opened.lines().filter(|line| line.to_lowercase().starts_with("set-cookie:")).map(|line| line[11..].trim());
    let cookie = cookies.filter_map(|c| c.split(';').next()).collect::<Vec<_>>().join("; ");
    // A board of the story has its reports there; Antwerp, Willebroek and Diest have none.
    let known = |refnis: u32| {
        let page = page(http, &format!("/bestuur/{refnis}"), &cookie);
        assert!(page.starts_with("HTTP/1.1 200"), "{page}");
        page.contains("/melding/M-")
    };
    assert!(known(72018), "Lijsterhove");
    for refnis in [11002, 12040, 24020] {
        assert!(!known(refnis), "{refnis}");
    }
}
