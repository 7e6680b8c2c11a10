//! Fetching from a mailbox: from a real Dovecot, and from servers that do not behave.

mod dovecot;
mod hostile;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use post::door::Kept;
use post::imap::{After, Left, Mailbox, Secret, State, Tls, Trouble, fetch};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use self::dovecot::{Dovecot, PASSWORD, USER, Wire, token};

/// Longest wait for anything; only a failing test waits that long.
const PATIENCE: Duration = Duration::from_secs(30);

/// A mailbox that is being fetched.
struct Fetching {
    mails: mpsc::UnboundedReceiver<Vec<u8>>,
    states: mpsc::UnboundedReceiver<State>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Fetching {
    fn start(mailbox: Mailbox) -> Self {
        Self::judging(mailbox, |_| Kept::Kept { reference: "M-TEST".into() })
    }

    fn judging(mailbox: Mailbox, judge: impl Fn(&[u8]) -> Kept + Send + Sync + 'static) -> Self {
        let (mail, mails) = mpsc::unbounded_channel();
        let (state, states) = mpsc::unbounded_channel();
        let (stop, watched) = watch::channel(false);
        let keep = move |raw: Vec<u8>| {
            let kept = judge(&raw);
            mail.send(raw).unwrap();
            std::future::ready(kept)
        };
        let tell = move |told| drop(state.send(told));
        Self { mails, states, stop, task: tokio::spawn(fetch(mailbox, keep, watched, tell)) }
    }

    async fn mail(&mut self) -> String {
        let mail = timeout(PATIENCE, self.mails.recv()).await.expect("no mail came").unwrap();
        String::from_utf8(mail).unwrap()
    }

    /// The next state of this kind; others before it are passed over.
    async fn state<T>(&mut self, wanted: impl Fn(&State) -> Option<T>) -> T {
        let search = async {
            loop {
                let state = self.states.recv().await.expect("fetching ended");
                if let Some(found) = wanted(&state) {
                    return found;
                }
            }
        };
        timeout(PATIENCE, search).await.expect("the state did not come")
    }

    async fn settled(&mut self) -> Vec<Left> {
        self.state(|state| if let State::Waiting { left, .. } = state { Some(left.clone()) } else { None }).await
    }

    async fn failed(&mut self) -> (Trouble, String, Duration) {
        self.state(|state| match state {
            State::Failed { trouble, why, again_in, .. } => Some((*trouble, why.clone(), *again_in)),
            _ => None,
        })
        .await
    }

    /// Ends it; what was fetched that nobody asked for yet.
    async fn end(mut self) -> usize {
        self.stop.send(true).unwrap();
        timeout(PATIENCE, self.task).await.expect("it does not stop").unwrap();
        let mut more = 0;
        while self.mails.try_recv().is_ok() {
            more += 1;
        }
        more
    }
}

fn mail(number: usize, lines: usize) -> String {
    let body = ".\ndot, \u{e9}, \"{3}\", )\n".repeat(lines);
    format!("From: Ann <ann@board.example>\nSubject: Number {number}\nMessage-ID: <{number}@board.example>\n\n{body}")
}

/// As it comes in: Maildir has LF, the wire CR LF.
fn on_the_wire(text: &str) -> String {
    text.replace('\n', "\r\n")
}

fn tls_file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tls").join(name)
}

#[tokio::test]
async fn fifty_mails_are_fetched_once_and_in_order() {
    let Some(server) = Dovecot::start().await else { return };
    (0..50).for_each(|number| server.deliver(&mail(number, number % 7)));
    let mut fetching = Fetching::start(server.mailbox());
    for number in 0..50 {
        assert_eq!(fetching.mail().await, on_the_wire(&mail(number, number % 7)));
    }
    assert!(fetching.settled().await.is_empty());
    assert_eq!(fetching.end().await, 0);
    let marked = server.mails("");
    assert!(marked.len() == 50 && marked.iter().all(|name| name.ends_with(":2,Sa")), "{marked:?}");

    let mut again = Fetching::start(server.mailbox());
    assert!(again.settled().await.is_empty());
    assert_eq!(again.end().await, 0, "mail that is marked was fetched again");
}

#[tokio::test]
async fn a_new_mail_is_told_by_the_server_and_not_found_by_polling() {
    let Some(server) = Dovecot::start().await else { return };
    let mut fetching = Fetching::start(server.mailbox());
    let push = fetching.state(|state| if let State::Waiting { push, .. } = state { Some(*push) } else { None }).await;
    assert!(push);
    for number in 0..3 {
        let sent = Instant::now();
        server.deliver(&mail(number, 1));
        assert_eq!(fetching.mail().await, on_the_wire(&mail(number, 1)));
        eprintln!("IDLE: fetched {} ms after delivery", sent.elapsed().as_millis());
        fetching.settled().await;
    }
    assert_eq!(fetching.end().await, 0);
}

#[tokio::test]
async fn where_nothing_is_told_the_folder_is_looked_at() {
    let Some(server) = Dovecot::start().await else { return };
    let mailbox = Mailbox { poll: Duration::from_millis(100), ..server.mailbox() };
    let mut fetching = Fetching::start(mailbox);
    for _ in 0..4 {
        fetching.settled().await;
    }
    server.deliver(&mail(1, 1));
    assert_eq!(fetching.mail().await, on_the_wire(&mail(1, 1)));
    assert_eq!(fetching.end().await, 0);
}

#[tokio::test]
async fn a_connection_lost_between_keeping_and_marking_brings_the_same_mail_again() {
    let Some(server) = Dovecot::start().await else { return };
    (0..3).for_each(|number| server.deliver(&mail(number, 100)));
    let wire = Arc::new(Wire::to(server.port, usize::MAX).await);
    let (scissors, calls) = (wire.clone(), AtomicUsize::new(0));
    let mailbox = Mailbox { port: wire.port, ..server.mailbox() };
    let mut fetching = Fetching::judging(mailbox, move |_| {
        if calls.fetch_add(1, Ordering::SeqCst) == 1 {
            scissors.cut();
        }
        Kept::Kept { reference: "M-TEST".into() }
    });
    for number in [0, 1, 1, 2] {
        assert_eq!(fetching.mail().await, on_the_wire(&mail(number, 100)));
    }
    let (trouble, why, _) = fetching.failed().await;
    assert_eq!(trouble, Trouble::Connection, "{why}");
    assert!(fetching.settled().await.is_empty());
    assert_eq!((fetching.end().await, wire.connections()), (0, 2));
}

#[tokio::test]
async fn a_connection_cut_within_a_mail_keeps_no_half_of_it() {
    let Some(server) = Dovecot::start().await else { return };
    server.deliver(&mail(1, 50_000));
    let wire = Wire::to(server.port, 300_000).await;
    let mut fetching = Fetching::start(Mailbox { port: wire.port, ..server.mailbox() });
    let (trouble, why, _) = fetching.failed().await;
    assert_eq!((trouble, why.as_str()), (Trouble::Connection, "The mail server closed the connection"));
    assert_eq!(fetching.mail().await, on_the_wire(&mail(1, 50_000)));
    fetching.settled().await;
    assert_eq!((fetching.end().await, wire.connections()), (0, 2));
}

#[tokio::test]
async fn a_wrong_password_is_said_plainly_and_tried_ever_more_rarely() {
    let Some(server) = Dovecot::start().await else { return };
    let mut fetching = Fetching::start(Mailbox { secret: Secret::Password("not the one".into()), ..server.mailbox() });
    let mut pauses = Vec::new();
    for _ in 0..4 {
        let (trouble, why, again_in) = fetching.failed().await;
        assert_eq!(trouble, Trouble::SignIn);
        assert!(
            why.starts_with("The mail server refused to sign in desk@example.org: [AUTHENTICATIONFAILED]"),
            "{why}"
        );
        assert!(!why.contains("not the one"), "{why}");
        pauses.push(again_in.as_millis());
    }
    assert_eq!(pauses, [20, 40, 80, 160]);
    assert_eq!(fetching.end().await, 0);
}

#[tokio::test]
async fn a_mail_that_is_too_large_is_left_and_named() {
    let Some(server) = Dovecot::start().await else { return };
    for (number, lines) in [(1, 1), (2, 20_000), (3, 1)] {
        server.deliver(&mail(number, lines));
    }
    let mut fetching = Fetching::start(Mailbox { size_max: 10_000, ..server.mailbox() });
    for number in [1, 3] {
        assert_eq!(fetching.mail().await, on_the_wire(&mail(number, 1)));
    }
    let left = fetching.settled().await;
    let size = on_the_wire(&mail(2, 20_000)).len() as u64;
    let named = Left {
        uid: 2,
        size,
        from: Some("Ann <ann@board.example>".into()),
        subject: Some("Number 2".into()),
        why: format!("The mail has {size} bytes, at most 10000 are taken"),
    };
    assert_eq!(left, [named]);
    assert_eq!(fetching.end().await, 0);

    let mut larger = Fetching::start(server.mailbox());
    assert_eq!(larger.mail().await, on_the_wire(&mail(2, 20_000)));
    assert!(larger.settled().await.is_empty());
    assert_eq!(larger.end().await, 0);
}

#[tokio::test]
async fn what_cannot_be_kept_now_comes_again_and_what_is_refused_stays() {
    let Some(server) = Dovecot::start().await else { return };
    (1..=3).for_each(|number| server.deliver(&mail(number, 1)));
    let calls = AtomicUsize::new(0);
    let mut fetching = Fetching::judging(server.mailbox(), move |_| match calls.fetch_add(1, Ordering::SeqCst) {
        0 => Kept::Busy { why: "the disk is full".into() },
        2 => Kept::Refused { why: "not for us".into() },
        _ => Kept::Kept { reference: "M-TEST".into() },
    });
    let (trouble, why, _) = fetching.failed().await;
    assert_eq!((trouble, why.as_str()), (Trouble::Keeping, "The mail cannot be kept now: the disk is full"));
    for number in [1, 1, 2, 3] {
        assert_eq!(fetching.mail().await, on_the_wire(&mail(number, 1)));
    }
    let left = fetching.settled().await;
    assert_eq!((left.len(), left[0].uid, left[0].why.as_str()), (1, 2, "not for us"));
    assert_eq!(fetching.end().await, 0);
}

#[tokio::test]
async fn mail_moves_to_a_folder_that_is_made_for_it() {
    let Some(server) = Dovecot::start().await else { return };
    (0..3).for_each(|number| server.deliver(&mail(number, 1)));
    let mut fetching = Fetching::start(Mailbox { after: After::Move("Verwerkt \u{e9}".into()), ..server.mailbox() });
    for number in 0..3 {
        assert_eq!(fetching.mail().await, on_the_wire(&mail(number, 1)));
    }
    fetching.settled().await;
    assert_eq!(fetching.end().await, 0);
    assert_eq!((server.mails("").len(), server.mails("Verwerkt &AOk-").len()), (0, 3));
}

#[tokio::test]
async fn mail_is_removed_where_that_is_asked() {
    let Some(server) = Dovecot::start().await else { return };
    (0..3).for_each(|number| server.deliver(&mail(number, 1)));
    let mut fetching = Fetching::start(Mailbox { after: After::Delete, ..server.mailbox() });
    for number in 0..3 {
        assert_eq!(fetching.mail().await, on_the_wire(&mail(number, 1)));
    }
    fetching.settled().await;
    assert_eq!((fetching.end().await, server.mails("").len()), (0, 0));
}

#[tokio::test]
async fn a_token_signs_in_where_the_server_believes_it() {
    let Some(server) = Dovecot::start().await else { return };
    server.deliver(&mail(1, 1));
    let with = |token: String| Secret::OAuth2Token(Box::new(move || token.clone()));
    let mut fetching = Fetching::start(Mailbox { secret: with(token("else@example.org")), ..server.mailbox() });
    let (trouble, why, _) = fetching.failed().await;
    assert_eq!(trouble, Trouble::SignIn, "{why}");
    assert_eq!(fetching.end().await, 0);

    let mut fetching = Fetching::start(Mailbox { secret: with(token(USER)), ..server.mailbox() });
    assert_eq!(fetching.mail().await, on_the_wire(&mail(1, 1)));
    assert_eq!(fetching.end().await, 0);
}

#[tokio::test]
async fn encryption_proves_the_server_or_nothing_is_said() {
    let Some(server) = Dovecot::start().await else { return };
    let over = |tls, roots: &str| {
        let port = if tls == Tls::Implicit { server.port_tls } else { server.port };
        Mailbox { host: "localhost".into(), port, tls, roots: Some(tls_file(roots)), ..server.mailbox() }
    };
    for (number, tls) in [Tls::Implicit, Tls::StartTls].into_iter().enumerate() {
        server.deliver(&mail(number, 1));
        let mut fetching = Fetching::start(over(tls, "ca.pem"));
        assert_eq!(fetching.mail().await, on_the_wire(&mail(number, 1)));
        assert_eq!(fetching.end().await, 0);
        // This machine does not know the tests' authority.
        let mut stranger = Fetching::start(Mailbox { roots: None, ..over(tls, "ca.pem") });
        let (trouble, why, _) = stranger.failed().await;
        assert_eq!(trouble, Trouble::Encryption, "{why}");
        assert_eq!(stranger.end().await, 0);
        let mut nobody = Fetching::start(over(tls, "key.pem"));
        let (trouble, why, _) = nobody.failed().await;
        assert!(trouble == Trouble::Encryption && why.contains("holds no certificate"), "{why}");
        assert_eq!(nobody.end().await, 0);
    }
    assert!(!server.log().contains(PASSWORD));
}

#[tokio::test]
async fn it_stops_at_once_whatever_it_does() {
    let Some(server) = Dovecot::start().await else { return };
    // While waiting for the server, for the next look, and for the next try.
    let idle = server.mailbox();
    let wrong = Mailbox { port: 1, ..server.mailbox() };
    let patient = |mailbox: Mailbox| {
        let pause = Duration::from_secs(3_600);
        Mailbox { timing: post::imap::Timing { pause, pause_max: pause, ..mailbox.timing.clone() }, ..mailbox }
    };
    let mut waiting = Fetching::start(patient(idle));
    waiting.settled().await;
    assert_eq!(waiting.end().await, 0);
    let mut failing = Fetching::start(patient(wrong));
    failing.failed().await;
    assert_eq!(failing.end().await, 0);
    // And when nobody is left to stop it.
    let mut orphan = Fetching::start(server.mailbox());
    orphan.settled().await;
    drop(orphan.stop);
    timeout(PATIENCE, orphan.task).await.expect("it does not stop").unwrap();
}
