//! What a receiver is told and what it asks: the surface between SMTP or LMTP and whoever keeps the mail.

use std::future::Future;
use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

pub use crate::serve::{network, serve_lmtp_tcp, serve_lmtp_unix, serve_smtp};

/// Largest mail that is taken when nothing else is configured, in bytes.
pub const SIZE_MAX_DEFAULT: usize = 50 * 1024 * 1024;
/// Connections served at once when nothing else is configured.
pub const CONNECTIONS_MAX_DEFAULT: usize = 1_000;
/// Longest silence between two commands or two pieces of content (RFC 5321, 4.5.3.2.7 asks for at least 5 minutes).
pub const COMMAND_TIMEOUT_DEFAULT: Duration = Duration::from_secs(5 * 60);
/// Longest time that the content of one mail may take from `DATA` to its end.
pub const DATA_TIMEOUT_DEFAULT: Duration = Duration::from_secs(15 * 60);

/// How the mail came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// RFC 5321.
    Smtp,
    /// RFC 2033: from a mail server beside us, one answer a recipient.
    Lmtp,
}

/// What the conversation said about a mail; none of it is from the mail itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    pub protocol: Protocol,
    /// Address of the peer; `None` on a Unix socket.
    pub peer: Option<IpAddr>,
    /// What the peer called itself in `EHLO`, `HELO` or `LHLO`; a claim, at most 255 bytes.
    pub helo: String,
    /// Whether the content came in encrypted.
    pub tls: bool,
    /// Return path; empty for the null sender `<>`.
    pub from: String,
    /// Recipients as written, at least one, all of them ours.
    pub to: Vec<String>,
    /// Whether `MAIL` asked for RFC 6531.
    pub smtputf8: bool,
}

/// What became of a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    /// Durable. The peer is told `250 2.0.0 Kept as REFERENCE`.
    Kept { reference: String },
    /// Not now: `451`, the peer tries again.
    Busy { why: String },
    /// No room: `452`, the peer tries again.
    Full { why: String },
    /// Never: `554`.
    Refused { why: String },
}

/// Whoever keeps the mail.
pub trait Door: Send + Sync + 'static {
    /// Resolves only when the mail is durable, or when it is certain that this receiver does not have it.
    /// `raw` is the content as the peer meant it (dots unstuffed), without a `Received` line of ours.
    fn keep(&self, envelope: Envelope, raw: Vec<u8>) -> impl Future<Output = Kept> + Send;
}

/// Full addresses, shared with whoever may change them.
#[derive(Clone, Debug, Default)]
pub struct Mailboxes(Arc<RwLock<Vec<String>>>);

impl Mailboxes {
    /// From now on these.
    pub fn set(&self, addresses: impl IntoIterator<Item = String>) {
        let addresses = addresses.into_iter().map(|a| a.to_lowercase()).collect();
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = addresses;
    }

    /// Whether mail to this address is theirs: `local+anything@domain` is `local@domain`, and `postmaster` of each of
    /// their domains is. Case does not matter.
    pub fn take(&self, address: &str) -> bool {
        let address = address.to_lowercase();
        let Some((local, domain)) = address.rsplit_once('@') else { return address == "postmaster" };
        let plain = local.split_once('+').map_or(local, |(local, _)| local);
        self.0.read().unwrap_or_else(PoisonError::into_inner).iter().any(|ours| {
            *ours == address
                || ours.rsplit_once('@').is_some_and(|(l, d)| d == domain && (l == plain || plain == "postmaster"))
        })
    }
}

impl<S: Into<String>> FromIterator<S> for Mailboxes {
    fn from_iter<I: IntoIterator<Item = S>>(addresses: I) -> Mailboxes {
        let mailboxes = Mailboxes::default();
        mailboxes.set(addresses.into_iter().map(Into::into));
        mailboxes
    }
}

/// How mail is received. `Reception { hostname, mailboxes, ..Reception::default() }`.
#[derive(Clone, Debug)]
pub struct Reception {
    /// Our name in the banner and in `EHLO`.
    pub hostname: String,
    /// Full addresses that are ours; case does not matter, `local+anything@domain` is `local@domain`, and
    /// `postmaster` of each of their domains is always ours. Anybody else's address is refused: no relaying.
    /// The list may change while mail is received.
    pub mailboxes: Mailboxes,
    /// Largest mail, in bytes.
    pub size_max: usize,
    /// Connections served at once, on one listener.
    pub connections_max: usize,
    /// Longest silence.
    pub command_timeout: Duration,
    /// Longest time for the content of one mail.
    pub data_timeout: Duration,
    /// Offered by `STARTTLS` when present.
    pub tls: Option<Arc<rustls::ServerConfig>>,
}

impl Default for Reception {
    fn default() -> Self {
        Self {
            hostname: "localhost".into(),
            mailboxes: Mailboxes::default(),
            size_max: SIZE_MAX_DEFAULT,
            connections_max: CONNECTIONS_MAX_DEFAULT,
            command_timeout: COMMAND_TIMEOUT_DEFAULT,
            data_timeout: DATA_TIMEOUT_DEFAULT,
            tls: None,
        }
    }
}
