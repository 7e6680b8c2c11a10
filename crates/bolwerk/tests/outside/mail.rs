//! Mail in, mail out, and kills in between.

use crate::desk::{Desk, MAILBOX, Sink, dns, done, reports, until};
use crate::malformed;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};
use std::collections::{HashMap, HashSet};
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
    desk.send("it1@stad1.example", mail(1, "")).unwrap();
    for (k, more) in [
        (2, "Auto-Submitted: auto-generated\r\n"),
        (3, "List-Id: <l.example>\r\nPrecedence: list\r\n"),
        (4, "X-Auto-Response-Suppress: All\r\n"),
        (5, "Precedence: bulk\r\n"),
    ] {
        desk.send(&format!("it{k}@stad{k}.example"), mail(k, more)).unwrap();
    }
    desk.send("", mail(6, "")).unwrap();
    for machine in ["postmaster@stad8.example", "MAILER-DAEMON@stad8.example", "Postmaster+x@stad8.example"] {
        desk.send(machine, mail(8, &format!("X-From: {machine}\r\n"))).unwrap();
    }
    for ours in [MAILBOX.to_owned(), MAILBOX.replace('@', "+tag@"), MAILBOX.to_uppercase()] {
        desk.send(&ours, mail(9, &format!("X-From: {ours}\r\n"))).unwrap();
    }
    for tagged in ["it1+1@stad1.example", "IT1+2@stad1.example"] {
        desk.send(tagged, mail(1, &format!("X-From: {tagged}\r\n"))).unwrap();
    }
    let receipt = until("the receipt leaves", || sink.mails().into_iter().find(|m| m.to.contains("stad1")));
    desk.kill();
    desk.again();
    desk.send("it7@stad7.example", mail(7, "")).unwrap();
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
    desk.send("it1@stad1.example", mail(1, "")).unwrap();
    let receipt = until("the receipt leaves", || sink.mails().into_iter().next());
    assert!(receipt.to.contains("it1@stad1.example") && receipt.from == "<>");
    // The same without that permission: a domain of strangers leads to no machine of ours.
    let (folder, file) = configured(&way.replace("private_addresses = true", "private_addresses = false"));
    let desk = Desk::start_in(folder, &["--config", &file]);
    desk.send("it2@stad2.example", mail(2, "")).unwrap();
    until("it is given up", || {
        let log = done(&["export", "--jsonl", "--data", desk.data().to_str().unwrap()]);
        log.contains("outbox.failed").then_some(())
    });
    assert_eq!(sink.mails().len(), 1);
}

#[test]
fn a_receipt_speaks_the_language_of_who_wrote() {
    let sink = Sink::start();
    let desk = Desk::start(&["--relay", &sink.address]);
    let written = [
        ("nl", "Goedemorgen, onze servers zijn versleuteld en wij kunnen niet meer werken. Wilt u ons bellen?"),
        (
            "fr",
            "Bonjour, nos serveurs sont chiffr\u{e9}s et nous ne pouvons plus travailler. Pouvez-vous nous appeler ?",
        ),
        (
            "de",
            "Guten Morgen, unsere Server sind verschl\u{fc}sselt und wir k\u{f6}nnen nicht mehr arbeiten. Rufen Sie uns bitte an.",
        ),
        ("en", "Good morning, our servers are encrypted and we can not work any more. Would you please call us back?"),
    ];
    for (language, text) in written {
        let raw = format!(
            "From: it@{language}.example\r\nSubject: x\r\nMessage-ID: <{language}@{language}.example>\r\nMIME-Version: 1.0\r\n\
             Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{text}\r\n"
        );
        assert!(desk.send(&format!("it@{language}.example"), raw).unwrap().starts_with("250"));
    }
    let receipts = until("all have their receipt", || Some(sink.mails()).filter(|mails| mails.len() == written.len()));
    let all = reports(&desk.data());
    for (language, _) in written {
        let receipt = receipts.iter().find(|mail| mail.to.contains(&format!("@{language}."))).unwrap();
        assert_eq!(receipt.header("Content-Language").as_deref(), Some(language), "{}", receipt.raw);
        let report = all.iter().find(|r| r["message_id"] == format!("<{language}@{language}.example>")).unwrap();
        assert!(receipt.raw.contains(report["reference"].as_str().unwrap()), "{}", receipt.raw);
        assert!(receipt.header("Content-Type").unwrap().starts_with("text/plain"));
    }
}

#[test]
fn without_a_way_out_mail_waits_and_imported_mail_is_not_answered() {
    let mut desk = Desk::start(&[]);
    let data = desk.data();
    let facts = |kind: &str| {
        let told = done(&["export", "--jsonl", "--data", data.to_str().unwrap()]);
        told.lines().filter(|l| l.contains(&format!("\"kind\":\"{kind}\""))).count()
    };
    desk.send("it1@stad1.example", mail(1, "")).unwrap();
    let file = desk.folder.path().join("two.eml");
    std::fs::write(&file, mail(2, "Return-Path: <it2@stad2.example>\r\n")).unwrap();
    done(&["import", "mail", file.to_str().unwrap(), "--data", data.to_str().unwrap()]);
    until("both are read", || (facts("intake.read") == 2).then_some(()));
    assert_eq!((facts("outbox.queued"), facts("outbox.sent"), facts("outbox.deferred")), (1, 0, 0));
    let cookie = desk.first_run("An", "an", "een lang wachtwoord");
    let page = desk.ask("GET /wacht", &format!("Cookie: {cookie}\r\n"), b"");
    assert!(page.starts_with("HTTP/1.1 200") && page.contains("Mail kan niet weg."), "every page says so: {page}");
    desk.kill();
    let sink = Sink::start();
    desk.more(&["--relay", &sink.address]);
    desk.again();
    let receipt = until("what waited leaves", || sink.mails().into_iter().next());
    assert!(receipt.to.contains("stad1"), "{receipt:?}");
    until("it is recorded", || (facts("outbox.sent") == 1).then_some(()));
    assert_eq!(sink.mails().len(), 1);
}

#[test]
fn a_smarthost_is_signed_in_to_once_it_proved_its_name() {
    let sink = Sink::encrypted();
    let (folder, password) = configured("");
    let port = sink.address.rsplit_once(':').unwrap().1;
    std::fs::write(&password, "p\u{e2}ss w\u{f6}rd\n").unwrap();
    let config = folder.path().join("relay.toml");
    let text = format!(
        "[relay]\nhost = \"localhost\"\nport = {port}\ntls = \"implicit\"\nuser = \"desk@team.example\"\npassword_file = {password:?}\n"
    );
    std::fs::write(&config, text).unwrap();
    let config = config.to_str().unwrap();
    // This machine does not know the authority that speaks for this smarthost: it hears nothing, and the mail waits.
    let mut desk = Desk::start(&["--config", config]);
    desk.send("it1@stad1.example", mail(1, "")).unwrap();
    until("the mail waits, and why is recorded", || {
        let told = done(&["export", "--jsonl", "--data", desk.data().to_str().unwrap()]);
        told.lines().any(|l| l.contains("outbox.deferred") && l.contains("certificate")).then_some(())
    });
    assert!(sink.mails().is_empty() && sink.signed_in().is_empty());
    desk.kill();
    let authority = concat!(env!("CARGO_MANIFEST_DIR"), "/../post/tests/tls/ca.pem");
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::start_after(&format!("export SSL_CERT_FILE={authority:?}"), folder, &["--config", config]);
    desk.send("it1@stad1.example", mail(1, "")).unwrap();
    let receipt = until("the receipt leaves", || sink.mails().into_iter().next());
    assert!(receipt.to.contains("it1@stad1.example"), "{receipt:?}");
    let secret = STANDARD.encode("\0desk@team.example\0p\u{e2}ss w\u{f6}rd");
    assert_eq!(sink.signed_in(), [format!("AUTH PLAIN {secret}")]);
    assert!(!desk.log().contains(&secret) && !desk.log().contains("p\u{e2}ss"), "no secret stands in the log");
}

#[test]
fn mail_by_lmtp_becomes_a_report_and_each_recipient_has_an_answer() {
    use std::io::{BufRead, BufReader, Write};
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("lmtp");
    let desk = Desk::start_in(folder, &["--lmtp", &format!("unix:{}", socket.display())]);
    let stream = std::os::unix::net::UnixStream::connect(&socket).unwrap();
    let talk = format!(
        "LHLO mx.team.example\r\nMAIL FROM:<it1@stad1.example>\r\nRCPT TO:<{MAILBOX}>\r\nRCPT TO:<else@where.example>\r\n\
         RCPT TO:<{}>\r\nDATA\r\n{}.\r\nQUIT\r\n",
        MAILBOX.replace('@', "+tag@"),
        mail(1, "")
    );
    (&stream).write_all(talk.as_bytes()).unwrap();
    let said: Vec<String> = BufReader::new(&stream).lines().map_while(Result::ok).collect();
    let last: Vec<&str> = said.iter().filter(|l| l.as_bytes()[3] == b' ').map(|l| &l[..3]).collect();
    assert_eq!(last, ["220", "250", "250", "250", "550", "250", "354", "250", "250", "221"], "{said:?}");
    let all = reports(&desk.data());
    assert_eq!((all.len(), &all[0]["via"]), (1, &serde_json::json!("lmtp")));
}

#[test]
fn an_import_that_was_killed_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let (mails, data) = (folder.path().join("box.mbox"), folder.path().join("data"));
    const COUNT: usize = 1_500;
    let one = |n: usize| format!("From a@b.example Thu Dec 15 03:04:00 2022\n{}\n", mail(n, "").replace("\r\n", "\n"));
    std::fs::write(&mails, (0..COUNT).map(one).collect::<String>()).unwrap();
    let arguments = ["import", "mail", mails.to_str().unwrap(), "--data", data.to_str().unwrap(), "--json"];
    let mut killed = 0;
    for more in [1, 200] {
        let mut import = std::process::Command::new(env!("CARGO_BIN_EXE_bolwerk")).args(arguments).spawn().unwrap();
        let lines = || crate::desk::bolwerk(&["list", "reports", "--data", data.to_str().unwrap(), "--json"]).stdout;
        let count = || lines().iter().filter(|b| **b == b'\n').count();
        until("some are there", || (import.try_wait().unwrap().is_some() || count() >= more).then_some(()));
        killed += usize::from(import.try_wait().unwrap().is_none());
        import.kill().unwrap();
        import.wait().unwrap();
        done(&["verify", "--data", data.to_str().unwrap()]);
    }
    assert!(killed > 0, "it was never interrupted");
    let before = reports(&data).len();
    let told: serde_json::Value = serde_json::from_str(&done(&arguments)).unwrap();
    assert_eq!((&told["known"], &told["imported"]), (&before.into(), &(COUNT - before).into()));
    assert_eq!(reports(&data).len(), COUNT);
}

#[test]
fn a_silent_dns_holds_up_no_mail() {
    let (folder, file) = configured(&format!("[senders]\ncheck = true\n[dns]\nserver = \"{}\"\n", dns(true)));
    let desk = Desk::start_in(folder, &["--config", &file]);
    let signed = "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=stad1.example; s=s1; h=from:subject; \
                  bh=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=; b=AAAA\r\n";
    for k in 1..40 {
        assert!(desk.send(&format!("it{k}@stad{k}.example"), mail(k, signed)).unwrap().starts_with("250"));
    }
    until("all are read", || reports(&desk.data()).iter().all(|r| r["complete"] == true).then_some(()));
    assert_eq!(reports(&desk.data()).len(), 39);
}

#[test]
fn mail_in_every_shape_becomes_a_report() {
    let desk = Desk::start(&[]);
    let mut shapes: HashMap<String, (Vec<u8>, bool)> = HashMap::new();
    for mail in malformed::all() {
        let said = desk.send("a@b.example", &mail.raw).unwrap();
        assert!(said.starts_with("250"), "{}: {said}", mail.name);
        shapes.insert(mail.message_id(), (mail.raw, mail.why.is_empty()));
    }
    let nameless: [&[u8]; 5] =
        [b"", b"\r\n\r\nno header at all", b"\0\xff\0", b"\r.\r\n..\r\n.\n.", b"Message-ID: \r\n"];
    for raw in nameless {
        let said = desk.send("a@b.example", raw).unwrap();
        assert!(said.starts_with("250"), "{raw:?}: {said}");
    }
    let all = until("all are read", || {
        let all = reports(&desk.data());
        all.iter().all(|r| r["complete"].is_boolean()).then_some(all)
    });
    assert_eq!(all.len(), shapes.len() + nameless.len());
    for report in all {
        let Some(id) = report["message_id"].as_str() else { continue };
        let (mut raw, complete) = shapes.remove(id).expect("a mail is one report");
        assert_eq!(report["complete"], complete, "{id}");
        // The client's own line end is part of what was sent.
        raw.extend_from_slice(b"\r\n");
        assert_eq!(
            report["raw_sha256"],
            ::desk::Digest(Sha256::digest(&raw).into()).to_string(),
            "{id} is kept as it came"
        );
    }
    assert!(shapes.is_empty(), "not found by their Message-ID: {:?}", shapes.keys());
    assert!(desk.get("/").starts_with("HTTP/1.1 "));
    assert!(desk.send("a@b.example", mail(1, "")).unwrap().starts_with("250"), "and it goes on");
    done(&["verify", "--data", desk.data().to_str().unwrap()]);
}
