use super::*;

fn reading(raw: &str) -> Reading {
    read(raw.replace('\n', "\r\n").as_bytes(), &ReadLimits::default())
}

const MIXED: &str = "From: \"Peeters, An\" <an@diest.example>
To: cyber@desk.example, Jan <jan@x.example>
Cc: <piet@x.example>
Subject: =?utf-8?Q?Bestanden_versleuteld_=E2=80=93_hulp?=
Message-ID: <1@diest.example>
In-Reply-To: <0@desk.example>
References: <a@x.example>
 <0@desk.example>
Date: Thu, 15 Dec 2022 03:04:05 +0100
Reply-To: it@diest.example
Content-Language: nl
Authentication-Results: mx.desk.example; spf=pass
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=\"outer\"

preamble
--outer
Content-Type: multipart/alternative; boundary=inner

--inner
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

Wij zijn gehackt =E9=E9n keer.
--inner
Content-Type: text/html; charset=utf-8

<p>Wij zijn <b>gehackt</b>, zie <a href=\"https://bad.example/x\">hier</a>.</p><img src=\"https://bad.example/p.gif\">
--inner--

--outer
Content-Type: application/octet-stream; name=\"../log.csv\"
Content-Disposition: attachment; filename*=utf-8''..%2Flog.csv
Content-Transfer-Encoding: base64

aXAsdGlqZAoxOTIuMC4yLjEsbnUK
--outer
Content-Type: message/rfc822

From: boef@evil.example
Subject: inner
Content-Type: multipart/mixed; boundary=deep

--deep
Content-Type: text/plain

betaal
--deep
Content-Type: application/x-msdownload
Content-Disposition: attachment; filename=\"betaal.pdf.exe\"

MZ
--deep--
--outer--
epilogue
";

#[test]
fn a_mail_with_everything_is_read() {
    let reading = reading(MIXED);
    assert_eq!(reading.complete, Vec::<String>::new());
    assert_eq!(reading.from_name.as_deref(), Some("Peeters, An"));
    assert_eq!(reading.from_address.as_deref(), Some("an@diest.example"));
    assert_eq!(reading.reply_to.as_deref(), Some("it@diest.example"));
    assert_eq!(reading.subject, "Bestanden versleuteld – hulp");
    assert_eq!(reading.message_id.as_deref(), Some("<1@diest.example>"));
    assert_eq!(reading.in_reply_to, ["<0@desk.example>"]);
    assert_eq!(reading.references, ["<a@x.example>", "<0@desk.example>"]);
    assert_eq!(reading.to, ["cyber@desk.example", "jan@x.example", "piet@x.example"]);
    assert_eq!(reading.date, Some(1_671_069_845));
    assert_eq!(reading.language_hint.as_deref(), Some("nl"));
    assert_eq!(reading.authentication, ["mx.desk.example; spf=pass"]);
    assert_eq!(reading.text, "Wij zijn gehackt één keer.\n");
    assert!(reading.html.as_deref().is_some_and(|html| html.contains("<b>gehackt</b>") && !html.contains("img")));
    assert_eq!(reading.links, ["https://bad.example/x", "https://bad.example/p.gif"]);
    assert_eq!(reading.nested, ["From: boef@evil.example\nSubject: inner\n\nbetaal\n"]);
    let names: Vec<_> =
        reading.attachments.iter().map(|part| (part.name.as_str(), part.suspicious.as_deref())).collect();
    assert_eq!(names, [("log.csv", None), ("part-2.eml", Some("mail")), ("betaal.pdf.exe", Some("double-extension"))]);
    assert_eq!(reading.attachments[0].text.as_deref(), Some("ip,tijd\n192.0.2.1,nu\n"));
    assert!(reading.may_answer);
}

#[test]
fn an_attachment_is_found_by_its_number() {
    let raw = MIXED.replace('\n', "\r\n");
    let limits = ReadLimits::default();
    let reading = read(raw.as_bytes(), &limits);
    for part in &reading.attachments {
        let (found, bytes) = attachment(raw.as_bytes(), part.index, &limits).unwrap();
        assert_eq!((&found.name, &found.sha256, found.size), (&part.name, &part.sha256, bytes.len() as u64));
    }
    assert_eq!(attachment(raw.as_bytes(), 0, &limits).unwrap().1, b"ip,tijd\n192.0.2.1,nu\n");
    assert!(attachment(raw.as_bytes(), 3, &limits).is_none());
}

#[test]
fn html_alone_gives_text_and_beside_other_text_is_not_lost() {
    let alone = reading("From: a@b.example\nContent-Type: text/html\n\n<p>Dag <b>wereld</b></p>\n");
    assert_eq!(alone.text, "Dag wereld\n");
    let mixed = "From: a@b.example\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\neen\n--b\nContent-Type: text/html\n\n<p>twee</p>\n--b--\n";
    assert_eq!(reading(mixed).text, "een\n\ntwee\n");
    let empty = "From: a@b.example\nContent-Type: multipart/alternative; boundary=b\n\n--b\n\n  \n--b\nContent-Type: text/html\n\n<p>twee</p>\n--b--\n";
    assert_eq!(reading(empty).text, "twee\n");
}

fn verdict(header: &str) -> (Automatic, bool) {
    let reading = reading(&format!("{header}Subject: x\n\nx\n"));
    (reading.automatic, reading.may_answer)
}

#[test]
fn machines_are_known_and_left_alone() {
    for (header, expected) in [
        ("From: a@b.example\n", (Automatic::No, true)),
        ("From: a@b.example\nAuto-Submitted: no\n", (Automatic::No, true)),
        ("From: a@b.example\nX-Auto-Response-Suppress: None\n", (Automatic::No, true)),
        ("From: a@b.example\nX-Auto-Response-Suppress: OOF, AutoReply\n", (Automatic::No, false)),
        ("From: a@b.example\nAuto-Submitted: auto-generated; x=y\n", (Automatic::Generated, false)),
        ("From: a@b.example\nAuto-Submitted: auto-replied\n", (Automatic::Reply, false)),
        ("From: a@b.example\nPrecedence: bulk\n", (Automatic::List, false)),
        ("From: a@b.example\nList-Id: <x.example>\n", (Automatic::List, false)),
        ("From: a@b.example\nReturn-Path: <>\n", (Automatic::No, false)),
        ("From: noreply@b.example\n", (Automatic::No, false)),
        ("From: owner-x@b.example\n", (Automatic::No, false)),
        ("From: MAILER-DAEMON@b.example\nReturn-Path: <>\n", (Automatic::Bounce, false)),
        ("", (Automatic::No, false)),
        ("From: nobody\n", (Automatic::No, false)),
    ] {
        assert_eq!(verdict(header), expected, "{header:?}");
    }
}

#[test]
fn bounces_and_complaints_name_the_mail_they_are_about() {
    let report = |kind: &str, status: &str, returned: &str| {
        format!(
            "From: x@mx.example\nContent-Type: multipart/report; report-type={kind}; boundary=b\n\n--b\n\nsorry\n--b\nContent-Type: {status}\n\n\
             Final-Recipient: rfc822; a@b.example\nStatus: 5.1.1\n--b\nContent-Type: {returned}\n\nFrom: us@desk.example\nMessage-ID: <n1@desk.example>\n\nx\n--b--\n"
        )
    };
    let bounce = reading(&report("delivery-status", "message/delivery-status", "message/rfc822"));
    assert_eq!(
        (bounce.automatic, bounce.returned_message_ids),
        (Automatic::Bounce, vec!["<n1@desk.example>".to_owned()])
    );
    let bounce = reading(&report("delivery-status", "message/delivery-status", "text/rfc822-headers"));
    assert_eq!(bounce.returned_message_ids, ["<n1@desk.example>"]);
    assert_eq!(bounce.returned_recipients, ["a@b.example"]);
    let feedback = reading(&report("feedback-report", "message/feedback-report", "message/rfc822"));
    assert_eq!((feedback.automatic, feedback.may_answer), (Automatic::Feedback, false));
    assert_eq!(feedback.returned_message_ids, ["<n1@desk.example>"]);
    let complaint = reading(&report("feedback-report", "message/feedback-report", "message/rfc822").replace(
        "Final-Recipient: rfc822; a@b.example\nStatus: 5.1.1",
        "Feedback-Type: abuse\nOriginal-Rcpt-To: <a@b.example>",
    ));
    assert_eq!(complaint.noted_recipients, ["a@b.example"], "what somebody complains about did arrive");
    assert_eq!(complaint.returned_recipients, Vec::<String>::new());
    let old = reading(
        "From: MAILER-DAEMON@x.example\nReturn-Path: <>\nSubject: failure notice\n\nHi.\nMessage-ID: <n2@desk.example>\n",
    );
    assert_eq!((old.automatic, old.returned_message_ids), (Automatic::Bounce, vec!["<n2@desk.example>".to_owned()]));
}

#[test]
fn only_what_failed_came_back() {
    let report = |groups: &str| {
        reading(&format!(
            "From: x@mx.example\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n\nhm\n--b\n\
             Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\n{groups}\n--b--\n"
        ))
    };
    let one = |fields: &str| {
        let read = report(&format!("Final-Recipient: rfc822;\n a@b.example\n{fields}\n"));
        assert!(!read.may_answer);
        assert_eq!([read.returned_recipients, read.noted_recipients].concat(), ["a@b.example"], "{fields}");
        read.automatic
    };
    for (fields, is) in [
        ("Action: failed\nStatus: 5.1.1", Automatic::Bounce),
        ("action: FAILED (no such user)\nStatus: 4.4.7", Automatic::Bounce),
        ("Action: delayed\nStatus: 4.4.1", Automatic::Delayed),
        ("Action: delivered\nStatus: 2.0.0", Automatic::Delivered),
        ("Action: relayed\nStatus: 2.1.9", Automatic::Delivered),
        ("Action: expanded\nStatus: 2.1.5", Automatic::Delivered),
        ("Status: 5.1.1", Automatic::Bounce),
        ("Status: 4.4.1", Automatic::Delayed),
        ("X-Nothing: said", Automatic::Bounce),
    ] {
        assert_eq!(one(fields), is, "{fields}");
    }
    assert!(
        report("Final-Recipient: rfc822; a@b.example\n").returned_recipients.is_empty(),
        "nobody said that it failed"
    );
    let mixed = report(
        "Final-Recipient: rfc822; a@b.example\nAction: delayed\n\nFinal-Recipient: rfc822; c@d.example\nAction: failed\n\n\
         Final-Recipient: rfc822; e@f.example\nAction: delivered\n",
    );
    assert_eq!((mixed.automatic, &*mixed.returned_recipients), (Automatic::Bounce, &["c@d.example".to_owned()][..]));
    assert_eq!(mixed.noted_recipients, ["a@b.example", "e@f.example"]);
}

#[test]
fn long_logs_are_read_and_what_is_cut_is_said() {
    let log = |lines: usize| {
        let lines: String = (0..lines).map(|n| format!("{n:07} deny tcp 192.0.2.1\n")).collect();
        let head = "From: a@b.example\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nzie log\n";
        reading(&format!(
            "{head}--b\nContent-Type: text/plain; name=fw.log\nContent-Disposition: attachment\n\n{lines}\n--b--\n"
        ))
    };
    let read = log(20_000);
    assert_eq!(read.complete, Vec::<String>::new());
    assert!(read.attachments[0].text.as_ref().unwrap().contains("0019999 deny"));
    let read = log(60_000);
    assert_eq!(read.complete, [reason::ATTACHMENT_CUT]);
    assert_eq!(read.attachments[0].text.as_ref().unwrap().len(), 1 << 20);
}

#[test]
fn a_mail_inside_says_who_sent_it_and_which_way() {
    let inner = "Return-Path: <terug@kwaad.example>\nReceived: from kwaad.example ([203.0.113.7])\n by mx.stad.example; x\n\
        From: baas@kwaad.example\nReply-To: antwoord@kwaad.example\nX-Originating-IP: [203.0.113.44]\nX-Mailer: y\nSubject: z\n\nklik\n";
    let head = "From: a@b.example\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nzie\n--b\n";
    for part in ["Content-Type: message/rfc822\n\n", "Content-Type: application/octet-stream; name=x.eml\n\n"] {
        let read = reading(&format!("{head}{part}{inner}\n--b--\n"));
        let text = read.nested.first().or(read.attachments[0].text.as_ref()).unwrap();
        for line in [
            "Return-Path: <terug@kwaad.example>",
            "Received: from kwaad.example ([203.0.113.7])",
            "X-Originating-IP: [203.0.113.44]",
            "Reply-To: antwoord@kwaad.example",
            "\nklik",
        ] {
            assert!(text.contains(line), "{line}: {text}");
        }
        assert!(!text.contains("X-Mailer"));
    }
}

#[test]
fn limits_cut_and_say_so_and_the_rest_is_given() {
    let head = "From: a@b.example\nSubject: hostile\nMessage-ID: <h@x.example>\n";
    let nested =
        format!("{head}{}", "Content-Type: message/rfc822\n\n".repeat(20_000)) + "Content-Type: text/plain\n\ndiep\n";
    let multiparts: String =
        (0..5_000).map(|n| format!("Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n")).collect();
    let parts = format!(
        "Content-Type: multipart/mixed; boundary=b\n\n{}--b--\n",
        "--b\nContent-Type: text/plain\n\nx\n".repeat(20_000)
    );
    let headers: String = (0..20_000).map(|n| format!("X-H{n}: {n}\n")).collect::<String>() + "\nnog tekst\n";
    let long = format!("X-Long: {}\n\nnog tekst\n", "a".repeat(400_000));
    for (mail, why) in [
        (nested, reason::NESTING),
        (format!("{head}{multiparts}"), reason::NESTING),
        (format!("{head}{parts}"), reason::PARTS),
        (format!("{head}{headers}"), reason::HEADER_FIELDS),
        (format!("{head}{long}"), reason::HEADER_SIZE),
        (format!("{head}Content-Type: multipart/mixed; boundary=never\n\nnog tekst\n"), reason::STRUCTURE),
        (format!("{head}Content-Type: multipart/mixed\n\nnog tekst\n"), reason::STRUCTURE),
        (format!("{head}Content-Type: text/plain; charset=no-such-charset\n\nnog tekst\n"), ""),
        (
            format!("{head}Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\n/////w==\n"),
            reason::CHARSET,
        ),
        (format!("{head}Content-Transfer-Encoding: base64\n\n%%%%bm9nIHRla3N0\n"), reason::ENCODING),
        (format!("{head}Content-Transfer-Encoding: x-uuencode\n\nnog tekst\n"), reason::ENCODING),
        (format!("{head}\n{}", "x".repeat(2 << 20)), reason::TEXT_CUT),
    ] {
        let reading = reading(&mail);
        assert_eq!(
            (reading.subject.as_str(), reading.message_id.as_deref()),
            ("hostile", Some("<h@x.example>")),
            "{why}"
        );
        assert!(
            reading.complete.iter().any(|key| key == why) || why.is_empty(),
            "{why} is not in {:?}",
            reading.complete
        );
        assert!(reading.complete.iter().all(|key| reason::ALL.contains(&key.as_str())));
        if mail.contains("nog tekst") {
            assert_eq!(reading.text, "nog tekst\n", "{why}");
        }
    }
}

#[test]
fn what_cannot_be_read_still_has_a_header() {
    let reading = Reading::unread(b"From: \"An\" <a@b.example>\r\nSubject: x\r\n\r\n", reason::WORKER_DIED);
    assert_eq!((reading.from_name.as_deref(), reading.from_address.as_deref()), (Some("An"), Some("a@b.example")));
    assert_eq!((reading.complete, reading.may_answer), (vec!["worker-died".to_owned()], false));
}

#[test]
fn nobody_reads_what_is_sent_to_a_mail_system() {
    for address in [
        "postmaster@b.example",
        "Postmaster+x@b.example",
        "\"MAILER-DAEMON\"@b.example",
        "noreply@b.example",
        "owner-list@b.example",
        "list-bounces@b.example",
        "@b.example",
        "nobody",
        "",
    ] {
        assert!(!reads_answers(address), "{address}");
    }
    for address in ["an@b.example", "an+postmaster@b.example", "postmasters@b.example"] {
        assert!(reads_answers(address), "{address}");
    }
}
