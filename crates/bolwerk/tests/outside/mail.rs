//! Mail in, mail out, and kills in between.

use crate::desk::{Desk, MAILBOX, Sink, dns, done, reports, until};
use std::collections::HashSet;
use std::sync::{Arc, Mutex};

fn mail(k: usize, more: &str) -> String {
    format!(
        "From: it{k}@stad{k}.example\r\nTo: desk\r\nSubject: hulp {k}\r\nMessage-ID: <ask-{k}@stad{k}.example>\r\n{more}\r\nAlles ligt plat.\r\n"
    )
}

fn message_ids(desk: &Desk) -> Vec<String> {
    let bare = |r: &serde_json::Value| r["message_id"].as_str().unwrap().trim_matches(['<', '>']).to_owned();
    reports(&desk.data()).iter().map(bare).collect()
}

#[test]
fn what_was_acknowledged_survives_kills_and_is_there_once() {
    let mut desk = Desk::start(&[]);
    let acknowledged = Arc::new(Mutex::new(HashSet::new()));
    for round in 0..6 {
        let senders: Vec<_> = (0..8)
            .map(|client| {
                let (smtp, acknowledged) = (desk.smtp.clone(), acknowledged.clone());
                std::thread::spawn(move || send_until_the_end(&smtp, round * 100 + client, &acknowledged))
            })
            .collect();
        until("some more are acknowledged", || (acknowledged.lock().unwrap().len() > (round + 1) * 30).then_some(()));
        desk.kill();
        senders.into_iter().for_each(|s| s.join().unwrap());
        desk.again();
    }
    let acknowledged = acknowledged.lock().unwrap().clone();
    let listed = message_ids(&desk);
    let once: HashSet<String> = listed.iter().cloned().collect();
    assert!(acknowledged.len() > 150, "{}", acknowledged.len());
    assert!(acknowledged.is_subset(&once), "lost: {:?}", acknowledged.difference(&once).collect::<Vec<_>>());
    assert_eq!(listed.len(), once.len(), "doubled");
    done(&["verify", "--data", desk.data().to_str().unwrap()]);
}

/// Sends until the desk goes away, and notes what was acknowledged.
fn send_until_the_end(smtp: &str, client: usize, acknowledged: &Mutex<HashSet<String>>) {
    let Ok(mut talk) = crate::desk::Client::connect(smtp) else { return };
    for n in 0.. {
        let id = format!("{client}-{n}@example.org");
        let raw = format!("From: a@b.example\r\nSubject: {n}\r\nMessage-ID: <{id}>\r\n\r\ntekst {n}\r\n.");
        let recipient = format!("RCPT TO:<{}>", crate::desk::MAILBOX);
        let lines = ["EHLO c.example", "MAIL FROM:<a@b.example>", &recipient, "DATA", &raw];
        match lines.iter().map(|line| talk.say(line)).last() {
            Some(Ok(reply)) if reply.starts_with("250") => acknowledged.lock().unwrap().insert(id),
            _ => return,
        };
    }
}

#[test]
fn the_same_mail_is_one_report_by_whatever_way_and_another_under_its_message_id_is_kept() {
    let desk = Desk::start(&[]);
    let one = mail(1, "");
    assert!(desk.send("it1@stad1.example", &one).unwrap().starts_with("250"));
    let by_another_way = format!("Received: from elsewhere by here; Tue, 13 Dec 2022 10:00:00 +0100\r\n{one}");
    assert!(desk.send("it1@stad1.example", &by_another_way).unwrap().starts_with("250"));
    let other = one.replace("plat", "weer recht");
    assert!(desk.send("it1@stad1.example", &other).unwrap().starts_with("250"));
    let file = desk.folder.path().join("one.eml");
    std::fs::write(&file, &one).unwrap();
    let told = done(&["import", "mail", file.to_str().unwrap(), "--data", desk.data().to_str().unwrap(), "--json"]);
    assert_eq!(told.trim(), r#"{"imported":0,"known":1,"not_fully_read":0,"failed":0}"#);
    assert_eq!(reports(&desk.data()).len(), 2);
}

#[test]
fn a_sender_gets_one_receipt_and_robots_get_none() {
    let sink = Sink::start();
    let mut desk = Desk::start(&["--relay", &sink.address]);
    desk.send("it1@stad1.example", &mail(1, "")).unwrap();
    for (k, more) in [
        (2, "Auto-Submitted: auto-generated\r\n"),
        (3, "List-Id: <l.example>\r\nPrecedence: list\r\n"),
        (4, "X-Auto-Response-Suppress: All\r\n"),
        (5, "Precedence: bulk\r\n"),
    ] {
        desk.send(&format!("it{k}@stad{k}.example"), &mail(k, more)).unwrap();
    }
    desk.send("", &mail(6, "")).unwrap();
    for machine in ["postmaster@stad8.example", "MAILER-DAEMON@stad8.example", "Postmaster+x@stad8.example"] {
        desk.send(machine, &mail(8, &format!("X-From: {machine}\r\n"))).unwrap();
    }
    for ours in [MAILBOX.to_owned(), MAILBOX.replace('@', "+tag@"), MAILBOX.to_uppercase()] {
        desk.send(&ours, &mail(9, &format!("X-From: {ours}\r\n"))).unwrap();
    }
    for tagged in ["it1+1@stad1.example", "IT1+2@stad1.example"] {
        desk.send(tagged, &mail(1, &format!("X-From: {tagged}\r\n"))).unwrap();
    }
    let receipt = until("the receipt leaves", || sink.mails().into_iter().find(|m| m.to.contains("stad1")));
    desk.kill();
    desk.again();
    desk.send("it7@stad7.example", &mail(7, "")).unwrap();
    until("a receipt leaves after a kill", || sink.mails().into_iter().find(|m| m.to.contains("stad7")));
    assert_eq!(receipt.from, "<>", "nothing may ever answer an automatic answer");
    assert_eq!(receipt.header("Auto-Submitted").unwrap(), "auto-replied");
    assert!(receipt.header("In-Reply-To").unwrap().contains("ask-1@stad1.example"));
    let first = reports(&desk.data()).into_iter().find(|r| r["message_id"] == "<ask-1@stad1.example>").unwrap();
    assert!(receipt.raw.contains(first["reference"].as_str().unwrap()));
    let others: Vec<String> =
        sink.mails().into_iter().map(|m| m.to).filter(|t| !t.contains("stad1") && !t.contains("stad7")).collect();
    assert!(others.is_empty(), "{others:?}");
    let ids: HashSet<_> =
        sink.mails().iter().filter(|m| m.to.contains("stad1")).map(|m| m.header("Message-ID")).collect();
    assert_eq!(ids.len(), 1, "one mail, one Message-ID, however often");
}

/// A configuration file in the desk's folder.
fn configured(text: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bolwerk.toml");
    std::fs::write(&file, text).unwrap();
    (folder, file.to_str().unwrap().to_owned())
}

#[test]
fn mail_leaves_straight_to_the_servers_of_a_domain_and_not_to_what_lies_behind_us() {
    let sink = Sink::start();
    let port = sink.address.rsplit_once(':').unwrap().1;
    let way = format!("[direct]\nport = {port}\nprivate_addresses = true\n[dns]\nserver = \"{}\"\n", dns(false));
    let (folder, file) = configured(&way);
    let desk = Desk::start_in(folder, &["--config", &file]);
    desk.send("it1@stad1.example", &mail(1, "")).unwrap();
    let receipt = until("the receipt leaves", || sink.mails().into_iter().next());
    assert!(receipt.to.contains("it1@stad1.example") && receipt.from == "<>");
    // The same without that permission: a domain of strangers leads to no machine of ours.
    let (folder, file) = configured(&way.replace("private_addresses = true", "private_addresses = false"));
    let desk = Desk::start_in(folder, &["--config", &file]);
    desk.send("it2@stad2.example", &mail(2, "")).unwrap();
    until("it is given up", || {
        let log = done(&["export", "--jsonl", "--data", desk.data().to_str().unwrap()]);
        log.contains("outbox.failed").then_some(())
    });
    assert_eq!(sink.mails().len(), 1);
}

#[test]
fn a_silent_dns_holds_up_no_mail() {
    let (folder, file) = configured(&format!("[senders]\ncheck = true\n[dns]\nserver = \"{}\"\n", dns(true)));
    let desk = Desk::start_in(folder, &["--config", &file]);
    let signed = "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=stad1.example; s=s1; h=from:subject; \
                  bh=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=; b=AAAA\r\n";
    for k in 1..40 {
        assert!(desk.send(&format!("it{k}@stad{k}.example"), &mail(k, signed)).unwrap().starts_with("250"));
    }
    until("all are read", || reports(&desk.data()).iter().all(|r| r["complete"] == true).then_some(()));
    assert_eq!(reports(&desk.data()).len(), 39);
}

#[test]
fn mail_in_every_shape_becomes_a_report() {
    let desk = Desk::start(&[]);
    let nested = "Content-Type: message/rfc822\r\n\r\n".repeat(20_000);
    let shapes = [
        format!("Subject: nested\r\nMIME-Version: 1.0\r\n{nested}Content-Type: text/plain\r\n\r\nx\r\n"),
        format!(
            "Subject: parts\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n{}",
            "--b\r\n\r\nx\r\n".repeat(20_000)
        ),
        format!("Subject: long\r\nX-Long: {}\r\n\r\nx\r\n", "a".repeat(500_000)),
        format!("Subject: nul\0nul\r\n\r\n{}\r\n", "\0\u{1}\u{fffd}".repeat(1000)),
        "\r\n\r\nno header at all\r\n".to_owned(),
        String::new(),
    ];
    for (n, raw) in shapes.iter().enumerate() {
        let said = desk.send("a@b.example", raw).unwrap();
        assert!(said.starts_with("250"), "{n}: {said}");
    }
    until("all are read", || reports(&desk.data()).iter().all(|r| r["complete"].is_boolean()).then_some(()));
    assert_eq!(reports(&desk.data()).len(), shapes.len());
    assert!(desk.get("/").starts_with("HTTP/1.1 "));
}
