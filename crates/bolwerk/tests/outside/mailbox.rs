//! A mailbox on a real mail server, emptied into the desk.

use crate::desk::{Desk, MAILBOX, done, reports, until};
use crate::dovecot::{Dovecot, PASSWORD, USER, token};
use std::path::Path;
use tokio::runtime::Runtime;

/// A desk that empties the mailbox, with this secret in a file of this name.
fn emptying(server: &Dovecot, key: &str, secret: &str) -> Desk {
    let folder = tempfile::tempdir().unwrap();
    let (config, file) = (folder.path().join("bolwerk.toml"), folder.path().join("secret"));
    std::fs::write(&file, secret).unwrap();
    // Once an hour: whatever comes sooner, the server told.
    let text = format!(
        "[imap]\nhost = \"127.0.0.1\"\nport = {}\ntls = \"off\"\nuser = \"{USER}\"\n{key} = {file:?}\npoll_seconds = 3600\n",
        server.port
    );
    std::fs::write(&config, text).unwrap();
    let config = config.to_str().unwrap().to_owned();
    Desk::start_in(folder, &["--config", &config])
}

fn mail(name: &str, text: &str) -> String {
    format!(
        "From: An <it@diest.example>\r\nTo: {MAILBOX}\r\nSubject: {name}\r\nMessage-ID: <{name}@diest.example>\r\n\r\n{text}\r\n.\r\n"
    )
}

/// As it lies in a mailbox: other line ends, and what the servers on its way wrote on top.
fn delivered(mail: &str) -> String {
    let trace = "Return-Path: <it@diest.example>\nDelivered-To: desk@example.org\n\
        Received: from mx.diest.example by mail.example.org with ESMTPS;\n\tThu, 15 Dec 2022 03:04:00 +0100\n";
    trace.to_owned() + &mail.replace("\r\n", "\n")
}

fn vias(data: &Path, name: &str) -> Vec<String> {
    let id = format!("<{name}@diest.example>");
    let of = reports(data).into_iter().filter(|r| r["message_id"] == id);
    of.map(|r| r["via"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_same_mail_by_imap_smtp_and_import_is_one_report_in_whatever_order() {
    let runtime = Runtime::new().unwrap();
    let Some(server) = runtime.block_on(Dovecot::start()) else { return };
    let desk = emptying(&server, "password_file", PASSWORD);
    let data = desk.data();
    let by_smtp = |mail: &str| {
        let said = desk.send("it@diest.example", mail.strip_suffix("\r\n").unwrap()).unwrap();
        assert!(said.starts_with("250"), "{said}");
    };
    let by_import = |mail: &str| {
        let file = desk.folder.path().join("mail.eml");
        std::fs::write(&file, mail).unwrap();
        done(&["import", "mail", file.to_str().unwrap(), "--data", data.to_str().unwrap()]);
    };
    // Whatever was fetched before a mail of its own that comes after it is fetched too.
    let fetched = std::cell::Cell::new(0);
    let by_imap = |mail: &str| {
        server.deliver(&delivered(mail));
        let last = format!("last-{}", fetched.replace(fetched.get() + 1));
        server.deliver(&delivered(&self::mail(&last, "tot hier")));
        until("the mailbox is emptied", || (!vias(&data, &last).is_empty()).then_some(()));
    };
    type Way<'a> = (&'a str, &'a dyn Fn(&str));
    let ways: [Way<'_>; 3] = [("imap", &by_imap), ("smtp", &by_smtp), ("import", &by_import)];
    for (first, second, third) in [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)] {
        let name = format!("{}-{}-{}", ways[first].0, ways[second].0, ways[third].0);
        let one = mail(&name, "Alles ligt plat.");
        for way in [first, second, third] {
            ways[way].1(&one);
        }
        assert_eq!(vias(&data, &name), [ways[first].0], "one report, of the way that was first");
        // Another mail that calls itself the same is none of these, whatever its way.
        ways[second].1(&mail(&name, "Alles ligt weer recht."));
        ways[third].1(&mail(&name, "Niets ligt recht."));
        let mut expected = vec![ways[first].0, ways[second].0, ways[third].0];
        let mut found = vias(&data, &name);
        expected.sort_unstable();
        found.sort_unstable();
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn a_token_that_another_program_renews_signs_in() {
    let runtime = Runtime::new().unwrap();
    let Some(server) = runtime.block_on(Dovecot::start()) else { return };
    server.deliver(&delivered(&mail("token", "Alles ligt plat.")));
    let desk = emptying(&server, "token_file", &token("somebody-else@example.org"));
    until("it is said that nothing is fetched", || desk.log().contains("no mail is fetched").then_some(()));
    assert!(desk.log().contains("refused to sign in"), "{}", desk.log());
    assert!(reports(&desk.data()).is_empty());
    std::fs::write(desk.folder.path().join("secret"), token(USER) + "\n").unwrap();
    until("the mail is fetched", || (vias(&desk.data(), "token") == ["imap"]).then_some(()));
    assert!(!desk.log().contains(&token(USER)), "no secret stands in the log");
}
