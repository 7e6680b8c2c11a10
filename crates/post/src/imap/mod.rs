//! Fetching mail out of an IMAP mailbox (RFC 3501), one after the other, and marking each once it is kept.
//!
//! A mail is marked only after its keeper has said that it is durable. Whatever breaks in between, it is fetched again,
//! byte for byte the same; a mail is never passed over. Where the server can tell of new mail (IDLE, RFC 2177), it does;
//! the folder is looked at once in a while anyway.
//!
//! The client is ours because the server is not: each response is bounded, each step has a time limit, and the
//! server's "no" to a mark is heard.

mod client;
mod fault;
mod name;
mod response;
mod trust;
mod visit;
mod wire;

use std::fmt;
use std::future::Future;
use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use self::fault::Fault;
use self::visit::{Leftovers, Visit};
use crate::door::{Kept, SIZE_MAX_DEFAULT};

/// Marks a mail as kept, where mail stays in its folder.
pub const KEYWORD: &str = "$BolwerkKept";

/// How the connection is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    /// From the first byte (port 993, RFC 8314).
    Implicit,
    /// From STARTTLS on (port 143); nothing is said before it but that.
    StartTls,
    /// Only to this machine.
    Off,
}

/// What proves who we are.
pub enum Secret {
    Password(String),
    /// Gives a valid OAuth 2 access token, for XOAUTH2; asked at each connection. Empty where there is none.
    OAuth2Token(Box<dyn Fn() -> String + Send + Sync>),
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Secret::Password(_) => "Password(…)",
            Secret::OAuth2Token(_) => "OAuth2Token(…)",
        })
    }
}

/// What becomes of a mail in its folder once it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum After {
    /// It stays, seen and marked with [`KEYWORD`]. Needs a server that stores keywords.
    Keep,
    /// It goes to this folder, which is made when it is not there.
    Move(String),
    /// It is removed; a server without UIDPLUS keeps it, marked as deleted.
    Delete,
}

/// How long each step may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timing {
    /// Each connection and each handshake.
    pub connect: Duration,
    /// Each command and everything that is told until its answer.
    pub command: Duration,
    /// The content of one mail.
    pub content: Duration,
    /// Until the keeper has answered.
    pub keep: Duration,
    /// Pause after a first failure; it doubles with each further one …
    pub pause: Duration,
    /// … up to this.
    pub pause_max: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            connect: seconds(30),
            command: seconds(60),
            content: seconds(10 * 60),
            keep: seconds(5 * 60),
            pause: seconds(1),
            pause_max: seconds(5 * 60),
        }
    }
}

/// A folder on a mail server.
#[derive(Debug)]
pub struct Mailbox {
    /// Name or address; the name has to be in the server's certificate.
    pub host: String,
    pub port: u16,
    pub tls: Tls,
    /// PEM file of the certificates that are believed, in place of those that this machine trusts.
    pub roots: Option<PathBuf>,
    pub user: String,
    pub secret: Secret,
    pub folder: String,
    pub after: After,
    /// Largest mail, in bytes; a larger one is left in the folder.
    pub size_max: usize,
    /// How often the folder is looked at, also where the server tells of new mail.
    pub poll: Duration,
    pub timing: Timing,
}

impl Mailbox {
    /// The inbox of `user`, encrypted from the first byte; mail stays there.
    pub fn new(host: impl Into<String>, user: impl Into<String>, secret: Secret) -> Self {
        Self {
            host: host.into(),
            port: 993,
            tls: Tls::Implicit,
            roots: None,
            user: user.into(),
            secret,
            folder: "INBOX".into(),
            after: After::Keep,
            size_max: SIZE_MAX_DEFAULT,
            poll: Duration::from_secs(60),
            timing: Timing::default(),
        }
    }
}

/// A mail that is not taken and stays in its folder. It is not marked: a later start tries again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    pub uid: u32,
    /// In bytes, as the server says.
    pub size: u64,
    /// The field `From`, decoded; a claim.
    pub from: Option<String>,
    pub subject: Option<String>,
    pub why: String,
}

/// What kind of thing went wrong, and so who can mend it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The server is not reached, or the connection broke.
    Connection,
    /// The server cannot be trusted with a password.
    Encryption,
    /// User, password or token.
    SignIn,
    /// The folder is not there or cannot be used as configured.
    Folder,
    /// The server does not behave.
    Server,
    /// We cannot keep mail at the moment.
    Keeping,
}

/// How a mailbox stands, for display.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    Connecting,
    /// Signed in; mail is being fetched.
    Connected,
    /// Everything is fetched but what is left. Said again after each look.
    Waiting {
        /// Whether the server tells of new mail.
        push: bool,
        /// In order of UID; at most 1,000.
        left: Vec<Left>,
    },
    /// Nothing is fetched until the next try.
    Failed {
        /// Since when all mail could not be fetched.
        since: std::time::Instant,
        trouble: Trouble,
        /// For whoever runs the desk, in English; holds no secret.
        why: String,
        again_in: Duration,
    },
}

/// Fetches what is and what comes into the mailbox, until `stop` turns true (or its sender is gone); a mail that is with
/// its keeper at that moment is still marked. Never gives up: after a failure it pauses and tries again.
///
/// `keep` resolves only when the mail is durable, or when it is certain that it is not kept. `Busy` is tried again,
/// `Refused` is left in the folder.
pub async fn fetch<K, F, S>(mailbox: Mailbox, keep: K, mut stop: watch::Receiver<bool>, state: S)
where
    K: Fn(Vec<u8>) -> F,
    F: Future<Output = Kept>,
    S: Fn(State),
{
    let mut left = Leftovers::default();
    let mut failing: Option<(Instant, Duration)> = None;
    while !*stop.borrow() {
        state(State::Connecting);
        let fault = match Visit::begin(&mailbox, &keep, &state, &mut left, stop.clone()).await {
            Ok(visit) => visit.stay(&mut || failing = None).await,
            Err(fault) => fault,
        };
        if matches!(fault, Fault::Stopped) {
            return;
        }
        let (since, pause) = failing.unwrap_or((Instant::now(), mailbox.timing.pause));
        let again_in = pause.min(mailbox.timing.pause_max);
        failing = Some((since, again_in * 2));
        let (trouble, why) = (fault.trouble(), fault.to_string());
        state(State::Failed { since: since.into_std(), trouble, why, again_in });
        tokio::select! {
            () = sleep(again_in) => {}
            () = stopped(&mut stop) => return,
        }
    }
}

/// Resolves when we are to stop, also when nobody is left to say so.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Reads these bytes as if a server had said them; for fuzzing.
#[doc(hidden)]
pub fn fuzz(bytes: &[u8]) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().build().expect("a runtime without drivers needs nothing");
    runtime.block_on(async {
        let mut wire = wire::Wire::new(bytes);
        while let Ok(frame) = wire.frame(1024 * 1024).await {
            let _ = response::parse(frame);
        }
    });
}
