//! The client's side of one SMTP conversation.

use std::fmt;
use std::io;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufStream};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::TrustError;

/// Longest line of a reply, in bytes (RFC 5321 allows 512).
const LINE_MAX_BYTES: u64 = 4 * 1024;
/// Lines of one reply.
const LINES_MAX: usize = 100;
/// Longest text of a reply that is passed on, in characters.
const SAID_MAX: usize = 500;
/// Longest wait for a farewell, or for the last words of a relay that hung up.
const FAREWELL: Duration = Duration::from_secs(3);

/// Why a conversation ended early.
#[derive(Debug)]
pub(super) enum Fault {
    Connect(io::Error),
    Io(io::Error),
    /// Encryption was asked for and did not come about.
    Handshake(io::Error),
    Timeout,
    Trust(TrustError),
    /// The relay said something that is no reply.
    Gibberish,
    NoTls,
    Unprotected,
    NoSignIn,
    /// The relay said no.
    Said(Reply),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Connect(why) => write!(f, "No connection to the relay: {why}"),
            Fault::Io(why) => write!(f, "The connection to the relay broke: {why}"),
            Fault::Handshake(why) => write!(f, "No encryption came about with the relay: {why}"),
            Fault::Timeout => write!(f, "The relay did not answer in time"),
            Fault::Trust(why) => write!(f, "The relay cannot be checked: {why}"),
            Fault::Gibberish => write!(f, "The relay answered something that is no SMTP"),
            Fault::NoTls => write!(f, "The relay offers no encryption (STARTTLS), which the configuration asks for"),
            Fault::Unprotected => write!(f, "The relay wants a password but offers no encryption: it was not sent"),
            Fault::NoSignIn => write!(f, "The relay offers no way to sign in that is known here (PLAIN, LOGIN)"),
            Fault::Said(reply) => write!(f, "{}", reply.said()),
        }
    }
}

impl From<io::Error> for Fault {
    fn from(why: io::Error) -> Self {
        Fault::Io(why)
    }
}

/// One reply, all its lines.
#[derive(Debug)]
pub(super) struct Reply {
    pub code: u16,
    lines: Vec<String>,
}

impl Reply {
    /// Code and text on one bounded line, without control characters.
    pub fn said(&self) -> String {
        let text = format!("{} {}", self.code, self.lines.join(" "));
        text.chars().take(SAID_MAX).map(|c| if c.is_control() { ' ' } else { c }).collect()
    }

    fn wanted(self, class: u16) -> Result<Self, Fault> {
        if self.code / 100 == class { Ok(self) } else { Err(Fault::Said(self)) }
    }
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// A conversation with a relay.
pub(super) struct Client {
    stream: BufStream<Box<dyn Stream>>,
    within: Duration,
    secured: bool,
    offers: Vec<String>,
}

impl Client {
    pub fn new(stream: TcpStream, within: Duration) -> Self {
        Self { stream: BufStream::new(Box::new(stream)), within, secured: false, offers: Vec::new() }
    }

    pub fn secured(&self) -> bool {
        self.secured
    }

    /// Whether `EHLO` named this extension.
    pub fn offers(&self, word: &str) -> bool {
        self.parameter(word).is_some()
    }

    fn parameter(&self, word: &str) -> Option<&str> {
        self.offers.iter().find_map(|line| {
            let (name, parameter) = line.split_once([' ', '=']).unwrap_or((line, ""));
            name.eq_ignore_ascii_case(word).then_some(parameter)
        })
    }

    pub async fn greet(&mut self) -> Result<(), Fault> {
        self.reply(self.within).await?.wanted(2).map(drop)
    }

    /// `EHLO`, or `HELO` where that is not known.
    pub async fn hello(&mut self, name: &str) -> Result<(), Fault> {
        let name: String = name.chars().filter(|c| c.is_ascii_graphic()).take(255).collect();
        let name = if name.is_empty() { "localhost" } else { &name };
        let reply = self.command(&format!("EHLO {name}")).await?;
        if reply.code / 100 == 5 {
            self.offers.clear();
            return self.command(&format!("HELO {name}")).await?.wanted(2).map(drop);
        }
        self.offers = reply.wanted(2)?.lines.into_iter().skip(1).collect();
        Ok(())
    }

    pub async fn starttls(mut self, connector: &TlsConnector, host: &str) -> Result<Self, Fault> {
        self.command("STARTTLS").await?.wanted(2)?;
        self.secure(connector, host).await
    }

    /// The handshake. What the relay sent before it is forgotten with the buffer.
    pub async fn secure(self, connector: &TlsConnector, host: &str) -> Result<Self, Fault> {
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(host).map_err(|why| io::Error::new(io::ErrorKind::InvalidInput, why))?;
        let handshake = connector.connect(name, self.stream.into_inner());
        let stream = timeout(self.within, handshake).await.map_err(|_| Fault::Timeout)?.map_err(Fault::Handshake)?;
        Ok(Self { stream: BufStream::new(Box::new(stream)), within: self.within, secured: true, offers: Vec::new() })
    }

    /// `AUTH PLAIN` (RFC 4616), or `LOGIN` where only that is offered.
    pub async fn sign_in(&mut self, user: &str, password: &str) -> Result<(), Fault> {
        let offered = self.parameter("AUTH").unwrap_or_default().to_ascii_uppercase();
        let mut ways = offered.split_ascii_whitespace();
        if ways.clone().any(|way| way == "PLAIN") {
            let secret = STANDARD.encode(format!("\0{user}\0{password}"));
            return self.command(&format!("AUTH PLAIN {secret}")).await?.wanted(2).map(drop);
        }
        if ways.any(|way| way == "LOGIN") {
            self.command("AUTH LOGIN").await?.wanted(3)?;
            self.command(&STANDARD.encode(user)).await?.wanted(3)?;
            return self.command(&STANDARD.encode(password)).await?.wanted(2).map(drop);
        }
        Err(Fault::NoSignIn)
    }

    /// Parameters of `MAIL`, or why the relay cannot take this mail.
    pub fn parameters(&self, raw: &[u8], smtputf8: bool) -> Result<String, (u16, String)> {
        let mut parameters = String::new();
        if let Some(limit) = self.parameter("SIZE") {
            if limit.parse().is_ok_and(|limit: u64| limit > 0 && raw.len() as u64 > limit) {
                return Err((552, format!("The mail has {} bytes, the relay takes {limit}", raw.len())));
            }
            parameters.push_str(&format!(" SIZE={}", raw.len()));
        }
        if smtputf8 {
            if !self.offers("SMTPUTF8") {
                return Err((
                    553,
                    "The address has letters beyond ASCII, which the relay does not take (SMTPUTF8)".into(),
                ));
            }
            parameters.push_str(" SMTPUTF8");
        }
        if !raw.is_ascii() && self.offers("8BITMIME") {
            parameters.push_str(" BODY=8BITMIME");
        }
        Ok(parameters)
    }

    pub async fn command(&mut self, line: &str) -> Result<Reply, Fault> {
        let write = async {
            self.stream.write_all(line.as_bytes()).await?;
            self.stream.write_all(b"\r\n").await?;
            self.stream.flush().await
        };
        timeout(self.within, write).await.map_err(|_| Fault::Timeout)??;
        self.reply(self.within).await
    }

    /// Everything but the final dot. When this returns, the relay cannot have taken the mail yet.
    pub async fn content(&mut self, raw: &[u8], within: Duration) -> Result<(), Fault> {
        let wire = on_the_wire(raw);
        let write = async {
            self.stream.write_all(&wire).await?;
            self.stream.flush().await
        };
        Ok(timeout(within, write).await.map_err(|_| Fault::Timeout)??)
    }

    /// The final dot and what is said to it.
    pub async fn final_dot(&mut self, within: Duration) -> Result<Reply, Fault> {
        let write = async {
            self.stream.write_all(b".\r\n").await?;
            self.stream.flush().await
        };
        timeout(within, write).await.map_err(|_| Fault::Timeout)??;
        self.reply(within).await
    }

    /// What a relay said before it hung up in the middle.
    pub async fn last_words(&mut self) -> Option<Reply> {
        self.reply(FAREWELL).await.ok()
    }

    pub async fn quit(mut self) {
        let farewell = async {
            let _ = self.stream.write_all(b"QUIT\r\n").await;
            let _ = self.stream.flush().await;
            let _ = self.stream.shutdown().await;
        };
        let _ = timeout(FAREWELL, farewell).await;
    }

    async fn reply(&mut self, within: Duration) -> Result<Reply, Fault> {
        timeout(within, self.read_reply()).await.map_err(|_| Fault::Timeout)?
    }

    async fn read_reply(&mut self) -> Result<Reply, Fault> {
        let mut lines = Vec::new();
        loop {
            let mut line = Vec::new();
            (&mut self.stream).take(LINE_MAX_BYTES).read_until(b'\n', &mut line).await?;
            if line.is_empty() {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
            let line = String::from_utf8_lossy(&line);
            let (code, text) = line.trim_end().split_at_checked(3).ok_or(Fault::Gibberish)?;
            let code: u16 = code.parse().map_err(|_| Fault::Gibberish)?;
            if !(200..=599).contains(&code) || lines.len() >= LINES_MAX {
                return Err(Fault::Gibberish);
            }
            lines.push(text.get(1..).unwrap_or_default().to_owned());
            if !text.starts_with('-') {
                return Ok(Reply { code, lines });
            }
        }
    }
}

/// A conversation with a relay that says these bytes; for fuzzing.
pub(super) async fn converse(said: io::Cursor<Vec<u8>>) -> Result<(), Fault> {
    let stream: Box<dyn Stream> = Box::new(tokio::io::join(said, tokio::io::sink()));
    let mut client =
        Client { stream: BufStream::new(stream), within: Duration::MAX, secured: true, offers: Vec::new() };
    client.greet().await?;
    client.hello("a.example").await?;
    let mail = "Subject: \u{e9}\r\n\r\n.\r\n".as_bytes();
    let parameters = client.parameters(mail, true).unwrap_or_else(|(_, why)| why);
    assert!(!parameters.contains(char::is_control));
    client.sign_in("user", "password").await?;
    loop {
        let reply = client.command("MAIL FROM:<a@a.example>").await?;
        assert!((200..600).contains(&reply.code) && reply.said().chars().count() <= SAID_MAX);
        client.content(mail, Duration::MAX).await?;
    }
}

/// CR LF for every kind of line end, dots stuffed, ended by CR LF: a mail of ours smuggles nothing either.
fn on_the_wire(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len() + raw.len() / 32 + 2);
    let mut line_start = true;
    let mut bytes = raw.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        if byte == b'\r' || byte == b'\n' {
            if byte == b'\r' {
                bytes.next_if_eq(&b'\n');
            }
            out.extend_from_slice(b"\r\n");
            line_start = true;
            continue;
        }
        if line_start && byte == b'.' {
            out.push(b'.');
        }
        out.push(byte);
        line_start = false;
    }
    if !line_start {
        out.extend_from_slice(b"\r\n");
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::session::Ender;

    proptest! {
        #[test]
        fn a_mail_of_ours_ends_once(raw in proptest::collection::vec(prop_oneof![Just(b'.'), Just(b'\r'), Just(b'\n'), any::<u8>()], 0..100)) {
            let mut wire = on_the_wire(&raw);
            wire.extend_from_slice(b".\r\n");
            let mut out = Vec::new();
            let (used, done) = Ender::default().take(&wire, |piece| out.extend_from_slice(piece));
            prop_assert!(done && used == wire.len());
            let text = out.replace_line_ends();
            prop_assert!(!text.contains(&b'\r') && !text.contains(&b'\n'));
        }
    }

    trait Lines {
        fn replace_line_ends(&self) -> Vec<u8>;
    }

    impl Lines for Vec<u8> {
        /// Without its CR LF pairs.
        fn replace_line_ends(&self) -> Vec<u8> {
            let (mut out, mut at) = (Vec::new(), 0);
            while at < self.len() {
                if self[at..].starts_with(b"\r\n") {
                    at += 2;
                } else {
                    out.push(self[at]);
                    at += 1;
                }
            }
            out
        }
    }
}
