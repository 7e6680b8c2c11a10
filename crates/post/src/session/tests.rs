use proptest::prelude::*;

use super::*;

const MAILBOX: &str = "cyber@desk.example";

fn reception() -> Reception {
    Reception {
        hostname: "mx.desk.example".into(),
        mailboxes: [MAILBOX].into_iter().collect(),
        size_max: 1_000,
        ..Reception::default()
    }
}

fn session(protocol: Protocol) -> Session {
    Session::new(Arc::new(Rules::new(&reception(), protocol)), Budget::new(1 << 20), None)
}

/// Feeds everything in pieces, keeps every mail; returns the replies' first words and the mails.
fn converse(session: &mut Session, input: &[u8], piece: usize) -> (Vec<String>, Vec<(Envelope, Vec<u8>)>) {
    let (mut out, mut mails) = (Vec::new(), Vec::new());
    'all: for mut rest in input.chunks(piece.max(1)) {
        while !rest.is_empty() {
            let (used, action) = session.take(rest);
            rest = &rest[used..];
            match action {
                Some(Action::Keep(envelope, raw)) => {
                    mails.push((envelope, raw));
                    session.kept(&Kept::Kept { reference: format!("M-{}", mails.len()) });
                }
                Some(Action::Close) => break 'all,
                Some(Action::StartTls) => panic!("no TLS here"),
                None => assert!(rest.is_empty(), "input left without a reason"),
            }
        }
    }
    out.extend(session.output());
    let text = String::from_utf8(out).unwrap();
    assert!(text.ends_with("\r\n") && !text.replace("\r\n", "").contains(['\r', '\n']), "{text:?}");
    (text.split_terminator("\r\n").map(str::to_owned).collect(), mails)
}

fn codes(replies: &[String]) -> Vec<&str> {
    replies.iter().filter(|reply| reply.as_bytes()[3] == b' ').map(|reply| &reply[..3]).collect()
}

#[test]
fn a_plain_mail_is_kept_and_its_reference_said() {
    let mut session = session(Protocol::Smtp);
    let talk = b"EHLO a.example\r\nMAIL FROM:<a@b.example> SIZE=20\r\nRCPT TO:<CYBER@desk.Example>\r\nDATA\r\nSubject: x\r\n\r\n..dot\r\n.\r\nQUIT\r\n";
    let (replies, mails) = converse(&mut session, talk, talk.len());
    assert_eq!(codes(&replies), ["220", "250", "250", "250", "354", "250", "221"]);
    assert!(replies.contains(&"250 2.0.0 Kept as M-1".to_owned()));
    assert_eq!(mails[0].1, b"Subject: x\r\n\r\n.dot\r\n");
    assert_eq!((mails[0].0.from.as_str(), mails[0].0.helo.as_str()), ("a@b.example", "a.example"));
}

#[test]
fn mail_for_others_is_never_taken() {
    let rules = Rules::new(&reception(), Protocol::Smtp);
    for ours in ["cyber@desk.example", "Cyber+token@DESK.example", "postmaster", "Postmaster@desk.example"] {
        assert!(rules.takes(ours), "{ours}");
    }
    for other in
        ["postmaster@elsewhere.example", "someone@desk.example", "cyber", "", "@desk.example", "cyber@desk.example@x"]
    {
        assert!(!rules.takes(other), "{other}");
    }
}

#[test]
fn commands_out_of_order_are_503() {
    let talk = b"MAIL FROM:<>\r\nRCPT TO:<cyber@desk.example>\r\nDATA\r\nEHLO a\r\nDATA\r\nMAIL FROM:<>\r\nMAIL FROM:<>\r\nDATA\r\nSTARTTLS\r\n";
    let (replies, mails) = converse(&mut session(Protocol::Smtp), talk, 7);
    assert_eq!(codes(&replies), ["220", "503", "503", "503", "250", "503", "250", "503", "503", "502"]);
    assert!(mails.is_empty());
}

#[test]
fn too_large_is_552_declared_or_not_and_the_session_goes_on() {
    let big = "x".repeat(1_001);
    let talk = format!(
        "EHLO a\r\nMAIL FROM:<> SIZE=1001\r\nMAIL FROM:<>\r\nRCPT TO:<{MAILBOX}>\r\nDATA\r\n{big}\r\n.\r\n\
         MAIL FROM:<>\r\nRCPT TO:<{MAILBOX}>\r\nDATA\r\nsmall\r\n.\r\n"
    );
    let (replies, mails) = converse(&mut session(Protocol::Smtp), talk.as_bytes(), 100);
    assert_eq!(codes(&replies), ["220", "250", "552", "250", "250", "354", "552", "250", "250", "354", "250"]);
    assert_eq!(mails.len(), 1);
}

#[test]
fn chunks_are_counted_not_searched() {
    let body = "Subject: x\r\n\r\n.\r\nQUIT\r\n\n.\n";
    let talk = format!(
        "EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<{MAILBOX}>\r\nBDAT {}\r\n{body}BDAT 3\r\nabcBDAT 0 LAST\r\nNOOP\r\n",
        body.len()
    );
    for piece in [1, 2, 13, 4_096] {
        let (replies, mails) = converse(&mut session(Protocol::Smtp), talk.as_bytes(), piece);
        assert_eq!(codes(&replies), ["220", "250", "250", "250", "250", "250", "250", "250"]);
        assert_eq!(mails[0].1, format!("{body}abc").into_bytes());
    }
}

#[test]
fn a_refused_chunk_is_read_but_never_obeyed() {
    let talk = format!("EHLO a\r\nBDAT 6 LAST\r\nQUIT\r\nMAIL FROM:<>\r\nRCPT TO:<{MAILBOX}>\r\nBDAT 2\r\nab");
    let (replies, _) = converse(&mut session(Protocol::Smtp), talk.as_bytes(), 3);
    assert_eq!(codes(&replies), ["220", "250", "503", "250", "250", "250"]);
    // DATA inside chunks is out of order; a chunk whose size is not understood ends the conversation.
    let talk =
        format!("EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<{MAILBOX}>\r\nBDAT 2\r\nabDATA\r\nBDAT x LAST\r\nMAIL FROM:<>\r\n");
    let (replies, _) = converse(&mut session(Protocol::Smtp), talk.as_bytes(), 3);
    assert_eq!(codes(&replies), ["220", "250", "250", "250", "250", "503", "501"]);
}

#[test]
fn a_chunk_too_many_is_552_until_reset() {
    let x = "x".repeat(600);
    let talk = format!(
        "EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<{MAILBOX}>\r\nBDAT 600\r\n{x}BDAT 600\r\n{x}BDAT 1 LAST\r\nxRSET\r\n\
         MAIL FROM:<>\r\nRCPT TO:<{MAILBOX}>\r\nBDAT 1 LAST\r\nx"
    );
    let (replies, mails) = converse(&mut session(Protocol::Smtp), talk.as_bytes(), 50);
    assert_eq!(codes(&replies), ["220", "250", "250", "250", "250", "552", "503", "250", "250", "250", "250"]);
    assert_eq!(mails.len(), 1);
}

#[test]
fn lmtp_answers_once_a_recipient() {
    let talk = format!(
        "EHLO a\r\nLHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<{MAILBOX}>\r\nRCPT TO:<x@desk.example>\r\nRCPT TO:<postmaster@desk.example>\r\nDATA\r\nx\r\n.\r\n"
    );
    let (replies, mails) = converse(&mut session(Protocol::Lmtp), talk.as_bytes(), 9);
    assert_eq!(codes(&replies), ["220", "500", "250", "250", "250", "550", "250", "354", "250", "250"]);
    assert_eq!(mails[0].0.to.len(), 2);
}

#[test]
fn ten_thousand_recipients_are_survived() {
    let mut talk = b"EHLO a\r\nMAIL FROM:<>\r\n".to_vec();
    for _ in 0..10_000 {
        talk.extend_from_slice(format!("RCPT TO:<{MAILBOX}>\r\n").as_bytes());
    }
    talk.extend_from_slice(b"DATA\r\nx\r\n.\r\n");
    let (replies, mails) = converse(&mut session(Protocol::Smtp), &talk, 1_000);
    assert_eq!(replies.iter().filter(|reply| reply.starts_with("452")).count(), 10_000 - RECIPIENTS_MAX);
    assert_eq!(mails[0].0.to.len(), RECIPIENTS_MAX);
}

#[test]
fn whoever_errs_for_ever_is_sent_away() {
    let talk = "NONSENSE\r\n".repeat(1_000);
    let (replies, _) = converse(&mut session(Protocol::Smtp), talk.as_bytes(), 64);
    assert_eq!(replies.len(), 1 + ERRORS_MAX as usize + 2);
    assert!(replies.last().unwrap().starts_with("421"));
}

#[test]
fn lines_without_end_or_with_the_wrong_one_are_refused_not_gathered() {
    let mut session = session(Protocol::Smtp);
    let talk = [vec![b'x'; 100_000], b"\r\nEHLO a\nNOOP\r\r\nNO\0OP\r\nNOOP\r\n".to_vec()].concat();
    let (replies, _) = converse(&mut session, &talk, 999);
    assert_eq!(codes(&replies), ["220", "500", "500", "500", "500", "250"]);
}

#[test]
fn a_browser_is_sent_away_at_once() {
    let (replies, mails) = converse(
        &mut session(Protocol::Smtp),
        b"POST / HTTP/1.1\r\nEHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<cyber@desk.example>\r\nDATA\r\nx\r\n.\r\n",
        5,
    );
    assert_eq!(codes(&replies), ["220", "421"]);
    assert!(mails.is_empty());
}

#[test]
fn what_was_said_before_tls_is_forgotten() {
    let reception = Reception { tls: None, ..reception() };
    let mut rules = Rules::new(&reception, Protocol::Smtp);
    rules.tls = true;
    let mut session = Session::new(Arc::new(rules), Budget::new(1 << 20), None);
    session.output();
    let talk = b"EHLO a\r\nSTARTTLS\r\nMAIL FROM:<injected@x.example>\r\n";
    let (used, action) = session.take(talk);
    assert_eq!((used, action), (18, Some(Action::StartTls)));
    session.secured();
    session.output();
    session.take(b"MAIL FROM:<>\r\nEHLO a\r\n");
    let replies = String::from_utf8(session.output()).unwrap();
    assert!(replies.starts_with("503") && !replies.contains("STARTTLS"), "{replies}");
}

#[test]
fn no_memory_is_452_and_comes_back() {
    let rules = Arc::new(Rules::new(&Reception { size_max: 1 << 20, ..reception() }, Protocol::Smtp));
    let budget = Budget::new(100_000);
    let mut one = Session::new(rules, budget.clone(), None);
    let big = "x".repeat(200_000);
    let talk = format!("EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<{MAILBOX}>\r\nDATA\r\n{big}\r\n.\r\n");
    let (replies, _) = converse(&mut one, talk.as_bytes(), 10_000);
    assert_eq!(codes(&replies).last(), Some(&"452"));
    assert_eq!(budget.free(), 100_000);
}

#[test]
fn a_keeper_cannot_break_the_reply() {
    let mut session = session(Protocol::Smtp);
    let talk = format!("EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<{MAILBOX}>\r\nDATA\r\nx\r\n.\r\n");
    session.take(talk.as_bytes());
    session.output();
    session.kept(&Kept::Busy { why: "vol\r\n250 2.0.0 Kept".into() });
    assert_eq!(session.output(), b"451 4.3.0 vol??250 2.0.0 Kept\r\n");
}

proptest! {
    #[test]
    fn any_bytes_in_any_pieces_give_whole_replies_and_the_same_mails(
        words in proptest::collection::vec(proptest::sample::select(vec![
            "EHLO a\r\n", "MAIL FROM:<>\r\n", "RCPT TO:<cyber@desk.example>\r\n", "DATA\r\n", "\r\n.\r\n", "BDAT 5\r\n",
            "BDAT 0 LAST\r\n", "RSET\r\n", "\n.\r\n", "\0é\r", ".", "\n",
        ]), 0..40),
        piece in 1usize..30,
    ) {
        let talk = words.concat().into_bytes();
        let whole = converse(&mut session(Protocol::Smtp), &talk, talk.len().max(1));
        let pieces = converse(&mut session(Protocol::Smtp), &talk, piece);
        prop_assert_eq!(whole, pieces);
    }
}
