//! Strings that break programs, and mails made to break parsers.

use post::compose::{Outgoing, compose};
use post::html::{html_to_text, sanitised};
use post::read::{ReadLimits, read, reason};
use post::scan::scan;
use proptest::prelude::*;

use crate::malformed::{self, CRY};
use crate::support::corpus;

fn strings() -> Vec<String> {
    let Some(folder) = corpus("hostile") else { return Vec::new() };
    let naughty = std::fs::read(folder.join("naughty_strings.json")).unwrap();
    let mut all: Vec<String> = serde_json::from_slice(&naughty).unwrap();
    let payloads = std::fs::read(folder.join("xss_payloads.txt")).unwrap();
    all.extend(String::from_utf8_lossy(&payloads).lines().map(str::to_owned));
    assert!(all.len() > 5_000);
    all
}

#[test]
fn no_hostile_string_makes_a_header_or_a_recipient() {
    for text in strings() {
        let mail = Outgoing {
            message_id: text.clone(),
            from_name: text.clone(),
            from: text.clone(),
            to: text.clone(),
            subject: text.clone(),
            text: text.clone(),
            in_reply_to: vec![text.clone()],
            references: vec![text.clone()],
            language: text.clone(),
            ..Outgoing::default()
        };
        let raw = compose(&mail);
        let reading = read(&raw, &ReadLimits::default());
        let names: Vec<&str> = reading.headers.iter().map(|(name, _)| name.as_str()).collect();
        let ours = [
            "Date",
            "From",
            "To",
            "Message-ID",
            "Subject",
            "In-Reply-To",
            "References",
            "MIME-Version",
            "Content-Language",
            "Content-Type",
            "Content-Transfer-Encoding",
        ];
        assert!(names.iter().all(|name| ours.contains(name)), "{text:?} made a header: {names:?}");
        assert!(reading.to.len() <= 1 && reading.attachments.is_empty(), "{text:?}");
        let seen: String = text.chars().filter(|c| !c.is_control() || *c == '\t').collect();
        // A mark of byte order before the text is none of it.
        assert_eq!(reading.text.trim_end(), seen.trim_start_matches('\u{feff}').trim_end(), "the text is another");
        assert!(raw.split(|&b| b == b'\n').all(|line| line.len() <= 999));
    }
}

/// Reads sanitised HTML with a scanner that knows only what may be there.
fn is_inert(html: &str) -> bool {
    const TAGS: &str = " abbr b blockquote br caption center code dd del div dl dt em h1 h2 h3 h4 h5 h6 hr i ins li ol p pre q s small span strong sub sup table tbody td tfoot th thead tr u ul colgroup ";
    html.split('<').skip(1).all(|piece| {
        let Some((tag, text)) = piece.split_once('>') else { return false };
        let (name, mut attributes) = tag.split_once(' ').unwrap_or((tag, ""));
        let mut lawful = TAGS.contains(&format!(" {} ", name.trim_start_matches('/'))) && !text.contains('>');
        while !attributes.is_empty() {
            let Some((key, rest)) = attributes.split_once("=\"") else { return false };
            let Some((value, rest)) = rest.split_once('"') else { return false };
            lawful &= match key.trim() {
                "colspan" | "rowspan" | "start" => value.bytes().all(|b| b.is_ascii_digit()),
                _ => false,
            };
            attributes = rest;
        }
        lawful
    })
}

#[test]
fn no_script_survives() {
    assert!(is_inert("<p>x</p><ol start=\"2\">y</ol>"));
    for bad in ["<script>", "<p onclick=\"x\">", "<a href=\"https://x\">", "<img src=\"x\">", "<p", "<p>x>"] {
        assert!(!is_inert(bad), "the scanner lets {bad} through");
    }
    let all = strings();
    for text in &all {
        for html in [
            text.clone(),
            format!("<p title=\"{text}\">x</p>"),
            format!("<a href='{text}'>x</a>"),
            format!("<table><td>{text}</table>"),
        ] {
            let out = sanitised(&html);
            assert!(is_inert(&out), "{html:?} became {out:?}");
            html_to_text(&html);
        }
    }
    let out = sanitised(&all.join("\n"));
    assert!(is_inert(&out));
}

fn header() -> &'static str {
    "From: a@b.example\r\nSubject: hostile\r\nMessage-ID: <h@x.example>\r\nMIME-Version: 1.0\r\n"
}

/// Each kind of malformed mail: what can be read of it is, and the reading says what is not.
#[test]
fn malformed_mail_is_read_as_far_as_it_goes() {
    let mut wrong = Vec::new();
    let all = malformed::all();
    for mail in &all {
        let reading = read(&mail.raw, &ReadLimits::default());
        let id = mail.message_id();
        assert_eq!(scan(&mail.raw).message_id.as_deref(), Some(id.as_str()), "{}", mail.name);
        let complete: Vec<&str> = reading.complete.iter().map(String::as_str).collect();
        let heard = reading.text.contains(CRY);
        let known = reading.message_id.as_deref() == Some(id.as_str());
        if complete != mail.why || heard != mail.heard || !known {
            wrong.push(format!(
                "{}: {complete:?}, not {:?}; heard: {heard}; its Message-ID: {known}",
                mail.name, mail.why
            ));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let names: std::collections::HashSet<_> = all.iter().map(malformed::Malformed::message_id).collect();
    assert_eq!(names.len(), all.len());
}

/// Pieces that mails are made of, broken in every way.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let fixed = proptest::sample::select(vec![
        "\r\n",
        "\n",
        "\r\n\r\n",
        "--b\r\n",
        "--b--\r\n",
        "--c\r\n",
        "--b",
        "--",
        "Content-Type: multipart/mixed; boundary=b\r\n",
        "Content-Type: multipart/alternative; boundary=\"c\"\r\n",
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n",
        "Content-Type: message/rfc822\r\n",
        "Content-Type: text/html; charset=utf-16\r\n",
        "Content-Type: text/plain; charset=no-such\r\n",
        "Content-Type: text/plain; charset=utf-7; format=flowed\r\n",
        "Content-Type: text/plain; name*0*=utf-8''%ff; name*2=x\r\n",
        "Content-Transfer-Encoding: base64\r\n",
        "Content-Transfer-Encoding: quoted-printable\r\n",
        "Content-Transfer-Encoding: x\r\n",
        "Content-Disposition: attachment; filename=\"../../x.exe\"\r\n",
        "Subject: =?utf-8?B?////?= =?x?Q?=41?=\r\n",
        "From: <<>>,(\"\r\n",
        " folded\r\n",
        "\0",
        "=41=",
        "aGFsbG8=",
        "<p><b>",
        "\u{202e}",
        ":\r\n",
        "X: y\r\n",
    ]);
    prop_oneof![
        8 => fixed.prop_map(|text| text.as_bytes().to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..40),
    ]
}

proptest! {
    #[test]
    fn whatever_a_mail_is_made_of_it_is_read(pieces in proptest::collection::vec(piece(), 0..60)) {
        let raw = [header().as_bytes(), &pieces.concat()].concat();
        let limits = ReadLimits { parts_max: 12, multipart_depth_max: 3, message_depth_max: 2, header_fields_max: 20, ..ReadLimits::default() };
        for limits in [limits, ReadLimits::default()] {
            let reading = read(&raw, &limits);
            prop_assert_eq!(reading.subject.as_str(), "hostile");
            prop_assert!(reading.complete.iter().all(|key| reason::ALL.contains(&key.as_str())));
            prop_assert!(reading.attachments.len() <= limits.parts_max);
            let html = reading.html.unwrap_or_default();
            prop_assert!(is_inert(&html), "{}", html);
        }
        post::fuzzing::scan(&raw);
        post::fuzzing::read(&raw);
        post::fuzzing::session(&raw);
        post::fuzzing::html(&raw);
    }

    #[test]
    fn depth_and_number_cost_no_stack_and_little_time(
        unit in proptest::sample::select(vec![
            "Content-Type: message/rfc822\r\n\r\n", "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n", "--b\r\n\r\nx\r\n",
            "X: y\r\n", " fold\r\n", "=?utf-8?Q?=41?= ", "(", "\"", "<", "a@b,", "<div>", "%%%%", "\0", "--b--\r\n", "\n--b\n--",
        ]),
        start in proptest::sample::select(vec![
            "", "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n", "Content-Type: text/html\r\n\r\n", "To: ", "Content-Type: text/plain; x=",
            "Content-Transfer-Encoding: base64\r\n\r\n", "References: <",
        ]),
        times in 1_000usize..20_000,
    ) {
        let raw = format!("{}{start}{}", header(), unit.repeat(times));
        let reading = read(raw.as_bytes(), &ReadLimits::default());
        prop_assert_eq!(reading.message_id.as_deref(), Some("<h@x.example>"));
        scan(raw.as_bytes());
    }
}
