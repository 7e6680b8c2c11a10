//! Handing mail on: to our own receiver, and to relays that misbehave at every step.

use std::time::Duration;

use post::door::Reception;
use post::send::{Delivery, Relay, Timeouts, Tls, Trust, deliver, deliver_trusting};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, BufStream};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::support::{MAILBOX, Server, authority, reception, tls};

const RAW: &[u8] = b"Subject: x\r\n\r\n.dot\nbare\rcr\r\n";

fn relay(port: u16, tls: Tls) -> Relay {
    Relay { host: "localhost".into(), port, tls, user: None }
}

fn timeouts() -> Timeouts {
    let short = Duration::from_millis(300);
    Timeouts { connect: short, command: short, data: short, end: short }
}

async fn send(relay: &Relay, to: &str) -> Delivery {
    deliver(relay, "desk.example", "", to, RAW, &timeouts()).await
}

#[tokio::test]
async fn our_own_receiver_takes_it_in_every_way_of_protection() {
    let server = Server::start(Reception { tls: Some(tls()), ..reception() }, false).await;
    let trust = Trust::file(&authority());
    for way in [Tls::Off, Tls::StartTlsIfOffered, Tls::StartTls] {
        let relay = relay(server.address.port(), way);
        let delivery = deliver_trusting(&relay, &trust, "desk.example", "", MAILBOX, RAW, &Timeouts::default()).await;
        assert!(matches!(&delivery, Delivery::Taken { said } if said.contains("Kept as")), "{way:?}: {delivery:?}");
    }
    let mails = server.keeper.mails.lock().unwrap().clone();
    assert_eq!(mails.iter().map(|(envelope, _)| envelope.tls).collect::<Vec<_>>(), [false, true, true]);
    assert!(
        mails
            .iter()
            .all(|(envelope, raw)| raw == b"Subject: x\r\n\r\n.dot\r\nbare\r\ncr\r\n" && envelope.from.is_empty())
    );
    let unproven = deliver(&relay(server.address.port(), Tls::StartTls), "a", "", MAILBOX, RAW, &timeouts()).await;
    assert!(
        matches!(unproven, Delivery::Later { code: 0, unsure: false, .. }),
        "an unknown authority is trusted: {unproven:?}"
    );
    assert!(matches!(
        send(&relay(server.address.port(), Tls::Off), "x@elsewhere.example").await,
        Delivery::Refused { code: 550, .. }
    ));
    server.stop().await;
}

/// What a relay does after each thing it hears.
enum Step {
    /// Says this and waits for a line.
    Say(&'static str),
    /// Says this, and reads content up to the final dot.
    TakeContent(&'static str),
    /// Says this, reads so many bytes of content, hangs up.
    HangUpIn(&'static str, usize),
    /// Hangs up without a word.
    HangUp,
    /// Says nothing more, and keeps the line.
    Fall,
}

use Step::{Fall, HangUp, HangUpIn, Say, TakeContent};

/// A relay that plays the steps once; gives back what it heard.
async fn play(steps: Vec<Step>) -> (u16, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (port, tokio::spawn(async move { perform(listener.accept().await.unwrap().0, steps).await }))
}

async fn perform(stream: impl AsyncRead + AsyncWrite + Unpin, steps: Vec<Step>) -> String {
    let mut stream = BufStream::new(stream);
    let mut heard = String::new();
    for step in steps {
        match step {
            Say(text) => {
                stream.write_all(text.as_bytes()).await.unwrap();
                stream.flush().await.unwrap();
                let _ = stream.read_line(&mut heard).await;
            }
            TakeContent(text) => {
                stream.write_all(text.as_bytes()).await.unwrap();
                stream.flush().await.unwrap();
                while !heard.ends_with("\r\n.\r\n") && stream.read_line(&mut heard).await.unwrap_or(0) > 0 {}
            }
            HangUpIn(text, bytes) => {
                stream.write_all(text.as_bytes()).await.unwrap();
                stream.flush().await.unwrap();
                let mut content = vec![0; bytes];
                let _ = stream.read_exact(&mut content).await;
                return heard;
            }
            HangUp => return heard,
            Fall => tokio::time::sleep(Duration::from_secs(5)).await,
        }
    }
    heard
}

/// A smarthost with the tests' certificate for `localhost`, that plays the steps once encrypted; gives back what it heard before and after.
async fn play_encrypted(at: &str, way: Tls, steps: Vec<Step>) -> (u16, JoinHandle<(String, String)>) {
    let listener = TcpListener::bind((at, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = tokio::spawn(async move {
        let mut stream = listener.accept().await.unwrap().0;
        let mut before = String::new();
        if way != Tls::Implicit {
            let mut lines = BufReader::new(&mut stream);
            // It would take a password here too: it must not be told one.
            for said in ["220 relay.example\r\n", "250-relay.example\r\n250-AUTH PLAIN LOGIN\r\n250 STARTTLS\r\n"] {
                lines.write_all(said.as_bytes()).await.unwrap();
                lines.read_line(&mut before).await.unwrap();
            }
            lines.write_all(b"220 go on\r\n").await.unwrap();
            assert!(lines.buffer().is_empty(), "nothing is said before the handshake");
        }
        match TlsAcceptor::from(tls()).accept(stream).await {
            Ok(stream) => (before, perform(stream, steps).await),
            Err(_) => (before, String::new()),
        }
    });
    (port, heard)
}

const BANNER: Step = Say("220 relay.example ESMTP\r\n");
const HELLO: Step = Say("250-relay.example\r\n250 SIZE 1000\r\n");
const OK: Step = Say("250 ok\r\n");

async fn outcome(steps: Vec<Step>) -> Delivery {
    let (port, _heard) = play(steps).await;
    send(&relay(port, Tls::StartTlsIfOffered), "a@b.example").await
}

fn later(code: u16, unsure: bool) -> impl Fn(&Delivery) -> bool {
    move |delivery| matches!(delivery, Delivery::Later { code: c, unsure: u, said } if *c == code && *u == unsure && !said.is_empty())
}

fn refused(code: u16) -> impl Fn(&Delivery) -> bool {
    move |delivery| matches!(delivery, Delivery::Refused { code: c, .. } if *c == code)
}

#[tokio::test]
async fn what_breaks_before_the_final_dot_is_certain_and_after_it_unsure() {
    type Check = Box<dyn Fn(&Delivery) -> bool>;
    let cases: Vec<(&str, Vec<Step>, Check)> = vec![
        ("no banner", vec![Fall], Box::new(later(0, false))),
        ("hung up at once", vec![HangUp], Box::new(later(0, false))),
        ("gibberish", vec![Say("SSH-2.0-OpenSSH\r\n")], Box::new(later(0, false))),
        ("busy banner", vec![Say("421 busy\r\n")], Box::new(later(421, false))),
        ("banner that refuses us, not the mail", vec![Say("554 no\r\n")], Box::new(later(554, false))),
        ("greylisted", vec![BANNER, HELLO, OK, Say("450-wait\r\n450 a bit\r\n")], Box::new(later(450, false))),
        ("unknown recipient", vec![BANNER, HELLO, OK, Say("550 5.1.1 unknown\r\n")], Box::new(refused(550))),
        ("refused sender", vec![BANNER, HELLO, Say("553 no\r\n")], Box::new(refused(553))),
        ("DATA refused for now", vec![BANNER, HELLO, OK, OK, Say("451 no\r\n")], Box::new(later(451, false))),
        ("hung up at DATA", vec![BANNER, HELLO, OK, OK, HangUp], Box::new(later(0, false))),
        ("2xx instead of 354", vec![BANNER, HELLO, OK, OK, Say("250 what\r\n")], Box::new(later(250, false))),
        (
            "taken",
            vec![BANNER, HELLO, OK, OK, TakeContent("354 go\r\n"), Say("250 2.0.0 queued as 42\r\n")],
            Box::new(|delivery| matches!(delivery, Delivery::Taken { said } if said.contains("queued as 42"))),
        ),
        (
            "refused content",
            vec![BANNER, HELLO, OK, OK, TakeContent("354 go\r\n"), Say("554 spam\r\n")],
            Box::new(refused(554)),
        ),
        (
            "content not now",
            vec![BANNER, HELLO, OK, OK, TakeContent("354 go\r\n"), Say("452 full\r\n")],
            Box::new(later(452, false)),
        ),
        (
            "hung up after the dot",
            vec![BANNER, HELLO, OK, OK, TakeContent("354 go\r\n"), HangUp],
            Box::new(later(0, true)),
        ),
        (
            "silent after the dot",
            vec![BANNER, HELLO, OK, OK, TakeContent("354 go\r\n"), Fall],
            Box::new(later(0, true)),
        ),
        (
            "gibberish after the dot",
            vec![BANNER, HELLO, OK, OK, TakeContent("354 go\r\n"), Say("??\r\n")],
            Box::new(later(0, true)),
        ),
        (
            "HELO for an old relay",
            vec![BANNER, Say("500 what\r\n"), OK, OK, OK, TakeContent("354 go\r\n"), OK],
            Box::new(|delivery| matches!(delivery, Delivery::Taken { .. })),
        ),
    ];
    for (name, steps, check) in cases {
        let delivery = outcome(steps).await;
        assert!(check(&delivery), "{name}: {delivery:?}");
    }
}

#[tokio::test]
async fn a_relay_that_hangs_up_inside_the_content_does_not_have_it() {
    let (port, _heard) = play(vec![BANNER, Say("250 relay.example\r\n"), OK, OK, HangUpIn("354 go\r\n", 1_000)]).await;
    let big = b"x".repeat(30_000_000);
    let delivery = deliver(&relay(port, Tls::Off), "a", "", "a@b.example", &big, &Timeouts::default()).await;
    assert!(matches!(delivery, Delivery::Later { unsure: false, .. }), "{delivery:?}");
}

#[tokio::test]
async fn nobody_there_is_later() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    assert!(later(0, false)(&send(&relay(port, Tls::Off), "a@b.example").await));
}

#[tokio::test]
async fn what_a_relay_cannot_take_is_not_offered_to_it() {
    let (port, heard) = play(vec![BANNER, HELLO, Say("")]).await;
    let utf8 = send(&relay(port, Tls::Off), "jürgen@b.example").await;
    assert!(refused(553)(&utf8), "{utf8:?}");
    assert!(!heard.await.unwrap().contains("MAIL"));
    let (port, heard) = play(vec![BANNER, HELLO, Say("")]).await;
    let big = deliver(&relay(port, Tls::Off), "a", "", "a@b.example", &[b'x'; 2_000], &timeouts()).await;
    assert!(refused(552)(&big), "{big:?}");
    assert!(!heard.await.unwrap().contains("MAIL"));
    for to in ["", "a@b.example> NOTIFY=SUCCESS <", "a@b.example\r\nRCPT TO:<c@d.example"] {
        assert!(refused(553)(&send(&relay(1, Tls::Off), to).await), "{to:?}");
    }
}

#[tokio::test]
async fn a_password_goes_to_nobody_unproven() {
    let user = Some(("an".to_owned(), "geheim".to_owned()));
    assert!(!format!("{:?}", Relay { user: user.clone(), ..relay(25, Tls::Off) }).contains("geheim"));
    // Encryption is offered, but its certificate is not one that this machine trusts.
    let server = Server::start(Reception { tls: Some(tls()), ..reception() }, false).await;
    let relay = Relay {
        host: "localhost".into(),
        port: server.address.port(),
        tls: Tls::StartTlsIfOffered,
        user: user.clone(),
    };
    assert!(later(0, false)(&send(&relay, MAILBOX).await));
    server.stop().await;
    // This machine itself may hear it; PLAIN first, LOGIN where only that is known.
    let plain = Say("250-relay.example\r\n250 AUTH LOGIN PLAIN\r\n");
    let (port, heard) = play(vec![BANNER, plain, Say("535 5.7.8 no\r\n")]).await;
    let relay = Relay { host: "127.0.0.1".into(), port, tls: Tls::Off, user: user.clone() };
    assert!(later(535, false)(&send(&relay, MAILBOX).await), "a wrong password is not about the mail");
    assert!(heard.await.unwrap().contains("AUTH PLAIN AGFuAGdlaGVpbQ==\r\n"));
    let login = Say("250-relay.example\r\n250 AUTH LOGIN\r\n");
    let steps =
        vec![BANNER, login, Say("334 VXNlcm5hbWU6\r\n"), Say("334 UGFzc3dvcmQ6\r\n"), Say("235 ok\r\n"), OK, OK];
    let (port, heard) = play(steps).await;
    let relay = Relay { host: "127.0.0.1".into(), port, tls: Tls::Off, user };
    let _ = send(&relay, MAILBOX).await;
    let heard = heard.await.unwrap();
    assert!(heard.contains("AUTH LOGIN\r\nYW4=\r\nZ2VoZWlt\r\nMAIL FROM:<>"), "{heard}");
}

/// Signing in at a smarthost, encrypted from the first byte or by STARTTLS: the password is said once the server proved its name, and only
/// then is mail handed over.
#[tokio::test]
async fn a_smarthost_that_proved_its_name_hears_the_password_and_takes_the_mail() {
    let user = Some(("desk@team.example".to_owned(), "p\u{e2}ss \"w\\rd".to_owned()));
    let plain = "AUTH PLAIN AGRlc2tAdGVhbS5leGFtcGxlAHDDonNzICJ3XHJk\r\n";
    let login = "AUTH LOGIN\r\nZGVza0B0ZWFtLmV4YW1wbGU=\r\ncMOic3MgIndccmQ=\r\n";
    let through = |way, port| Relay { host: "localhost".into(), port, tls: way, user: user.clone() };
    for way in [Tls::Implicit, Tls::StartTls, Tls::StartTlsIfOffered] {
        for (offer, signs_in) in [("PLAIN LOGIN", plain), ("LOGIN", login), ("XOAUTH2 login", login)] {
            let hello: &'static str = Box::leak(format!("250-relay.example\r\n250 AUTH {offer}\r\n").into_boxed_str());
            let mut steps = if way == Tls::Implicit { vec![BANNER] } else { Vec::new() };
            steps.push(Say(hello));
            if signs_in == login {
                steps.extend([Say("334 VXNlcm5hbWU6\r\n"), Say("334 UGFzc3dvcmQ6\r\n")]);
            }
            steps.extend([
                Say("235 2.7.0 ok\r\n"),
                OK,
                OK,
                TakeContent("354 go\r\n"),
                Say("250 2.0.0 queued as 7\r\n"),
            ]);
            // An encrypted conversation begins with the relay's word, one after STARTTLS with ours.
            let first = if way == Tls::Implicit { None } else { Some(Say("")) };
            let (port, heard) = play_encrypted("127.0.0.1", way, first.into_iter().chain(steps).collect()).await;
            let trust = Trust::file(&authority());
            let delivery =
                deliver_trusting(&through(way, port), &trust, "desk.example", "", MAILBOX, RAW, &Timeouts::default())
                    .await;
            assert!(
                matches!(&delivery, Delivery::Taken { said } if said.contains("queued as 7")),
                "{way:?}: {delivery:?}"
            );
            let (before, after) = heard.await.unwrap();
            let ehlo = if way == Tls::Implicit { "" } else { "EHLO desk.example\r\nSTARTTLS\r\n" };
            assert_eq!(before, ehlo, "in the clear");
            let begin = format!("EHLO desk.example\r\n{signs_in}MAIL FROM:<>\r\nRCPT TO:<{MAILBOX}>\r\nDATA\r\n");
            assert!(after.starts_with(&begin), "{way:?}, {offer}: {after}");
        }
        // It does not let in whoever says it; the mail is none the worse for it, and is not offered.
        let hello = Say("250-relay.example\r\n250 AUTH PLAIN\r\n");
        let first = if way == Tls::Implicit { BANNER } else { Say("") };
        let (port, heard) =
            play_encrypted("127.0.0.1", way, vec![first, hello, Say("535 5.7.8 no\r\n"), Say("")]).await;
        let trust = Trust::file(&authority());
        let delivery = deliver_trusting(&through(way, port), &trust, "a.example", "", MAILBOX, RAW, &timeouts()).await;
        assert!(later(535, false)(&delivery), "{way:?}: {delivery:?}");
        assert!(!heard.await.unwrap().1.contains("MAIL"));
        // It knows no way to sign in that we know: no mail leaves without.
        let first = if way == Tls::Implicit { BANNER } else { Say("") };
        let (port, heard) = play_encrypted("127.0.0.1", way, vec![first, HELLO, Say("")]).await;
        let delivery = deliver_trusting(&through(way, port), &trust, "a.example", "", MAILBOX, RAW, &timeouts()).await;
        assert!(later(0, false)(&delivery), "{way:?}: {delivery:?}");
        assert!(!heard.await.unwrap().1.contains("MAIL"));
        // Another authority, or another name than the one in its certificate: not a word after the handshake.
        let stranger = Trust::file(&authority().with_file_name("key.pem"));
        for (host, at, trust) in [("localhost", "127.0.0.1", &stranger), ("127.0.0.2", "127.0.0.2", &trust)] {
            let (port, heard) = play_encrypted(at, way, vec![BANNER, HELLO, OK]).await;
            let relay = Relay { host: host.into(), ..through(way, port) };
            let delivery = deliver_trusting(&relay, trust, "a.example", "", MAILBOX, RAW, &timeouts()).await;
            assert!(later(0, false)(&delivery), "{way:?}, {host}: {delivery:?}");
            let (before, after) = heard.await.unwrap();
            assert!(!before.contains("AUTH") && after.is_empty(), "{way:?}, {host}: {before}{after}");
        }
    }
}

#[tokio::test]
async fn what_a_relay_says_is_bounded_and_clean() {
    let endless: &'static str =
        Box::leak(format!("550-\u{1b}[31m{}\r\n", "x".repeat(3_000)).repeat(20).into_boxed_str());
    let (port, _heard) = play(vec![BANNER, HELLO, OK, Say(endless), Say("550 end\r\n")]).await;
    let delivery = send(&relay(port, Tls::Off), "a@b.example").await;
    let (Delivery::Refused { said, .. } | Delivery::Later { said, .. } | Delivery::Taken { said }) = delivery;
    assert!(said.chars().count() <= 500 && !said.contains(char::is_control), "{said:?}");
}
