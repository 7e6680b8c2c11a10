//! One conversation in SMTP (RFC 5321) or LMTP (RFC 2033), as a pure machine: bytes in, replies and wishes out.
//!
//! Extensions: PIPELINING (2920), SIZE (1870), 8BITMIME (6152), SMTPUTF8 (6531), CHUNKING (3030), STARTTLS (3207),
//! ENHANCEDSTATUSCODES (2034). Parameters of DSN (3461) are taken but the extension is not offered: it would promise
//! notifications of success that nobody sends (`docs/decisions/0011-delivery-notifications.md`).

mod command;
mod content;

use std::net::IpAddr;
use std::sync::Arc;

use memchr::memchr;

use self::command::Command;
pub use self::content::{Budget, Ender};
use self::content::{Content, Grant, Spoiled};
use crate::door::{Envelope, Kept, Mailboxes, Protocol, Reception};

/// Longest command line, in bytes without its line end.
pub const LINE_MAX_BYTES: usize = 2_048;
/// Recipients of one mail.
pub const RECIPIENTS_MAX: usize = 100;
/// Errors of a peer before it is sent away.
pub const ERRORS_MAX: u32 = 50;
/// Content beyond the size limit that is read and thrown away, so that the peer hears 552 instead of a broken line; in
/// bytes.
pub const DISCARDED_MAX_BYTES: u64 = 512 * 1024 * 1024;
/// Longest text of ours or of the keeper in a reply, in characters.
const REPLY_TEXT_MAX: usize = 400;

const SEQUENCE: &str = "503 5.5.1 Not now";
const TOO_MANY_ERRORS: &str = "421 4.7.0 Too many errors, good-bye";
const NO_RECIPIENT: &str = "503 5.5.1 No valid recipient";

/// What a session needs to know of the receiver; the same for all sessions of a listener.
#[derive(Debug)]
pub struct Rules {
    protocol: Protocol,
    hostname: String,
    mailboxes: Mailboxes,
    size_max: usize,
    tls: bool,
}

impl Rules {
    /// The rules of a reception for one protocol.
    pub fn new(reception: &Reception, protocol: Protocol) -> Self {
        Self {
            protocol,
            hostname: one_line(&reception.hostname),
            mailboxes: reception.mailboxes.clone(),
            size_max: reception.size_max,
            tls: reception.tls.is_some(),
        }
    }

    /// Whether mail to this address is ours to take.
    pub fn takes(&self, address: &str) -> bool {
        self.mailboxes.take(address)
    }

    /// What a peer hears for whom there is no room: `421`.
    pub fn no_room(&self) -> Vec<u8> {
        format!("421 4.3.2 {} Too many connections, try again later\r\n", self.hostname).into_bytes()
    }
}

/// What the shell has to do before it feeds more.
#[derive(Debug, PartialEq, Eq)]
pub enum Action {
    /// Keep this mail, then say what became of it: [`Session::kept`].
    Keep(Envelope, Vec<u8>),
    /// Send the replies, throw away what was read (a command sent along with STARTTLS is an injection), shake hands,
    /// then [`Session::secured`].
    StartTls,
    /// Send the replies and hang up.
    Close,
}

/// Why the shell ends a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interruption {
    /// The peer said nothing for too long.
    Silent,
    /// The peer took too long, though it did speak.
    Slow,
    /// The receiver stops.
    Stopping,
}

/// One conversation.
#[derive(Debug)]
pub struct Session {
    rules: Arc<Rules>,
    budget: Arc<Budget>,
    peer: Option<IpAddr>,
    tls: bool,
    helo: Option<String>,
    mail: Option<Mail>,
    phase: Phase,
    line: Vec<u8>,
    line_too_long: bool,
    first_line: bool,
    errors: u32,
    out: Vec<u8>,
}

/// A mail from `MAIL` to its last byte.
#[derive(Debug)]
struct Mail {
    from: String,
    smtputf8: bool,
    to: Vec<String>,
    content: Content,
    chunked: bool,
    /// A chunk of it was refused: nothing but RSET helps.
    broken: bool,
}

#[derive(Debug)]
enum Phase {
    Command,
    Data(Ender),
    /// Octets left of a chunk; a reply that refuses it is sent once they are read.
    Chunk {
        left: u64,
        last: bool,
        refused: Option<&'static str>,
    },
    /// Waiting for the keeper, who has the mail; so many replies are due.
    Keeping {
        replies: usize,
        _grant: Grant,
    },
    Closed,
}

impl Session {
    /// A new conversation; the banner is the first of its output.
    pub fn new(rules: Arc<Rules>, budget: Arc<Budget>, peer: Option<IpAddr>) -> Self {
        let word = if rules.protocol == Protocol::Lmtp { "LMTP" } else { "ESMTP" };
        let out = format!("220 {} {word} Bolwerk\r\n", rules.hostname).into_bytes();
        Self {
            rules,
            budget,
            peer,
            tls: false,
            helo: None,
            mail: None,
            phase: Phase::Command,
            line: Vec::new(),
            line_too_long: false,
            first_line: true,
            errors: 0,
            out,
        }
    }

    /// Replies that are due; empties them.
    pub fn output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }

    /// Whether the content of a mail is coming in.
    pub fn in_content(&self) -> bool {
        matches!(self.phase, Phase::Data(_) | Phase::Chunk { .. })
    }

    /// Takes bytes from the peer. Returns how many were used; where that is less than all, an action says why.
    pub fn take(&mut self, input: &[u8]) -> (usize, Option<Action>) {
        let mut used = 0;
        while used < input.len() {
            let rest = &input[used..];
            let (taken, action) = match self.phase {
                Phase::Command => self.take_line(rest),
                Phase::Data(ender) => self.take_data(ender, rest),
                Phase::Chunk { left, last, refused } => self.take_chunk(left, last, refused, rest),
                Phase::Keeping { .. } => return (used, None),
                Phase::Closed => return (used, Some(Action::Close)),
            };
            used += taken;
            if action.is_some() {
                return (used, action);
            }
        }
        (used, None)
    }

    /// What became of the mail that was handed out last.
    pub fn kept(&mut self, kept: &Kept) {
        let Phase::Keeping { replies, .. } = self.phase else { return };
        let reply = match kept {
            Kept::Kept { reference } => format!("250 2.0.0 Kept as {}", one_line(reference)),
            Kept::Busy { why } => format!("451 4.3.0 {}", one_line(why)),
            Kept::Full { why } => format!("452 4.3.1 {}", one_line(why)),
            Kept::Refused { why } => format!("554 5.3.0 {}", one_line(why)),
        };
        for _ in 0..replies {
            self.say(&reply);
        }
        self.phase = Phase::Command;
    }

    /// The handshake is done: everything said before it is forgotten (RFC 3207, 4.2).
    pub fn secured(&mut self) {
        self.tls = true;
        self.helo = None;
        self.mail = None;
        self.line.clear();
    }

    /// Ends the conversation from our side.
    pub fn interrupt(&mut self, why: Interruption) {
        let host = &self.rules.hostname;
        let text = match why {
            Interruption::Silent => format!("421 4.4.2 {host} Nothing heard for too long, good-bye"),
            Interruption::Slow => format!("421 4.4.2 {host} This takes too long, good-bye"),
            Interruption::Stopping => format!("421 4.3.2 {host} Stopping, try again later"),
        };
        self.say(&text);
        self.phase = Phase::Closed;
    }

    fn say(&mut self, reply: &str) {
        self.out.extend_from_slice(reply.as_bytes());
        self.out.extend_from_slice(b"\r\n");
    }

    /// Says an error, and sends away whoever makes too many.
    fn fail(&mut self, reply: &str) -> Option<Action> {
        self.say(reply);
        self.errors += 1;
        if self.errors <= ERRORS_MAX {
            return None;
        }
        self.say(TOO_MANY_ERRORS);
        Some(self.close())
    }

    fn close(&mut self) -> Action {
        self.mail = None;
        self.phase = Phase::Closed;
        Action::Close
    }

    /// Gathers a line up to LF and obeys it. Only CR LF ends a command; a lone LF ends the line too, so that its
    /// sender hears why it is refused instead of waiting for ever.
    fn take_line(&mut self, input: &[u8]) -> (usize, Option<Action>) {
        let end = memchr(b'\n', input);
        let piece = &input[..end.unwrap_or(input.len())];
        let room = (LINE_MAX_BYTES + 1).saturating_sub(self.line.len());
        self.line_too_long |= piece.len() > room;
        self.line.extend_from_slice(&piece[..piece.len().min(room)]);
        let Some(end) = end else { return (input.len(), None) };
        let line = std::mem::take(&mut self.line);
        let action = if std::mem::take(&mut self.line_too_long) {
            self.fail("500 5.5.2 Line too long")
        } else {
            match line.strip_suffix(b"\r") {
                Some(line) => self.obey(line),
                None => self.fail("500 5.5.2 Lines end with CR LF"),
            }
        };
        self.first_line = false;
        (end + 1, action)
    }

    fn obey(&mut self, line: &[u8]) -> Option<Action> {
        if self.first_line && command::is_http(line) {
            self.say("421 4.7.0 This is mail, not the web");
            return Some(self.close());
        }
        match command::parse(line) {
            Err(reply) => {
                // A chunk of unknown size follows: what it holds must not be read as commands.
                let lost = line.get(..4).is_some_and(|verb| verb.eq_ignore_ascii_case(b"BDAT"));
                let action = self.fail(reply);
                if lost { Some(self.close()) } else { action }
            }
            Ok(Command::Helo(name)) => self.hello(name, Protocol::Smtp, false),
            Ok(Command::Ehlo(name)) => self.hello(name, Protocol::Smtp, true),
            Ok(Command::Lhlo(name)) => self.hello(name, Protocol::Lmtp, true),
            Ok(Command::Mail { from, size, smtputf8 }) => self.mail(from, size, smtputf8),
            Ok(Command::Rcpt { to }) => self.rcpt(to),
            Ok(Command::Data) => self.data(),
            Ok(Command::Bdat { size, last }) => self.bdat(size, last),
            Ok(Command::StartTls) => self.starttls(),
            Ok(Command::Rset) => {
                self.mail = None;
                self.answer("250 2.0.0 Forgotten")
            }
            Ok(Command::Noop) => self.answer("250 2.0.0 Here"),
            Ok(Command::Vrfy) => self.answer("252 2.5.0 Send it and see"),
            Ok(Command::Help) => {
                self.answer("214 2.0.0 HELO EHLO LHLO MAIL RCPT DATA BDAT RSET NOOP QUIT STARTTLS (RFC 5321)")
            }
            Ok(Command::NotOffered) => self.fail("502 5.5.1 Not offered here"),
            Ok(Command::Quit) => {
                self.say("221 2.0.0 Good-bye");
                Some(self.close())
            }
        }
    }

    fn answer(&mut self, reply: &str) -> Option<Action> {
        self.say(reply);
        None
    }

    fn hello(&mut self, name: String, protocol: Protocol, extended: bool) -> Option<Action> {
        if protocol != self.rules.protocol {
            return self.fail("500 5.5.1 The other protocol is spoken here");
        }
        self.mail = None;
        self.helo = Some(name);
        let host = self.rules.hostname.clone();
        if !extended {
            return self.answer(&format!("250 {host}"));
        }
        let size = format!("SIZE {}", self.rules.size_max);
        let mut lines = vec![host.as_str(), "PIPELINING", &size, "8BITMIME", "SMTPUTF8", "CHUNKING"];
        if self.rules.tls && !self.tls {
            lines.push("STARTTLS");
        }
        lines.push("ENHANCEDSTATUSCODES");
        for (number, line) in lines.iter().enumerate() {
            let mark = if number + 1 == lines.len() { ' ' } else { '-' };
            self.say(&format!("250{mark}{line}"));
        }
        None
    }

    fn mail(&mut self, from: String, size: u64, smtputf8: bool) -> Option<Action> {
        if self.helo.is_none() {
            return self.fail("503 5.5.1 Say EHLO first");
        }
        if self.mail.is_some() {
            return self.fail("503 5.5.1 One mail at a time");
        }
        if size > self.rules.size_max as u64 {
            return self.fail(&self.too_large());
        }
        let content = Content::new(&self.budget, self.rules.size_max);
        self.mail = Some(Mail { from, smtputf8, to: Vec::new(), content, chunked: false, broken: false });
        self.answer("250 2.1.0 Sender taken")
    }

    fn rcpt(&mut self, to: String) -> Option<Action> {
        let Some(mail) = &mut self.mail else { return self.fail("503 5.5.1 Say MAIL first") };
        if mail.chunked {
            return self.fail(SEQUENCE);
        }
        if !mail.smtputf8 && !to.is_ascii() {
            return self.fail("553 5.6.7 An address beyond ASCII needs SMTPUTF8");
        }
        if !self.rules.takes(&to) {
            return self.fail("550 5.1.1 No such mailbox here");
        }
        if mail.to.len() >= RECIPIENTS_MAX {
            return self.answer("452 4.5.3 Too many recipients");
        }
        mail.to.push(to);
        self.answer("250 2.1.5 Recipient taken")
    }

    fn data(&mut self) -> Option<Action> {
        match &self.mail {
            None => self.fail("503 5.5.1 Say MAIL first"),
            Some(mail) if mail.to.is_empty() => self.fail(NO_RECIPIENT),
            Some(mail) if mail.chunked => self.fail(SEQUENCE),
            Some(_) => {
                self.phase = Phase::Data(Ender::default());
                self.answer("354 End with CR LF . CR LF")
            }
        }
    }

    fn take_data(&mut self, mut ender: Ender, input: &[u8]) -> (usize, Option<Action>) {
        let Some(mail) = &mut self.mail else { return (0, Some(self.close())) };
        let (used, done) = ender.take(input, |piece| mail.content.push(piece));
        let beyond = mail.content.discarded > DISCARDED_MAX_BYTES;
        self.phase = Phase::Data(ender);
        let action = if done { self.finish() } else { beyond.then(|| self.give_up()) };
        (used, action)
    }

    fn bdat(&mut self, size: u64, last: bool) -> Option<Action> {
        if size > self.rules.size_max as u64 + DISCARDED_MAX_BYTES {
            return Some(self.give_up());
        }
        let refused = match &mut self.mail {
            None => Some("503 5.5.1 Say MAIL first"),
            Some(mail) if mail.to.is_empty() => Some(NO_RECIPIENT),
            Some(mail) if mail.broken => Some(SEQUENCE),
            Some(mail) => {
                mail.chunked = true;
                None
            }
        };
        if size == 0 {
            return self.end_of_chunk(last, refused);
        }
        self.phase = Phase::Chunk { left: size, last, refused };
        None
    }

    fn take_chunk(
        &mut self,
        left: u64,
        last: bool,
        refused: Option<&'static str>,
        input: &[u8],
    ) -> (usize, Option<Action>) {
        let used = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
        if let (Some(mail), None) = (&mut self.mail, refused) {
            mail.content.push(&input[..used]);
            if mail.content.discarded > DISCARDED_MAX_BYTES {
                return (used, Some(self.give_up()));
            }
        }
        let left = left - used as u64;
        self.phase = Phase::Chunk { left, last, refused };
        (used, if left == 0 { self.end_of_chunk(last, refused) } else { None })
    }

    fn end_of_chunk(&mut self, last: bool, refused: Option<&'static str>) -> Option<Action> {
        self.phase = Phase::Command;
        if let Some(reply) = refused {
            return self.fail(reply);
        }
        if last {
            return self.finish();
        }
        let Some(mail) = &mut self.mail else { return self.fail(SEQUENCE) };
        match mail.content.spoiled() {
            None => self.answer("250 2.0.0 Go on"),
            Some(why) => {
                mail.broken = true;
                let reply = self.spoiled(why);
                self.fail(&reply)
            }
        }
    }

    /// The content is complete: hand it out, or say why it is not wanted.
    fn finish(&mut self) -> Option<Action> {
        self.phase = Phase::Command;
        let mail = self.mail.take()?;
        let replies = if self.rules.protocol == Protocol::Lmtp { mail.to.len() } else { 1 };
        match mail.content.finish() {
            Ok((raw, grant)) => {
                self.phase = Phase::Keeping { replies, _grant: grant };
                let envelope = Envelope {
                    protocol: self.rules.protocol,
                    peer: self.peer,
                    helo: self.helo.clone().unwrap_or_default(),
                    tls: self.tls,
                    from: mail.from,
                    to: mail.to,
                    smtputf8: mail.smtputf8,
                };
                Some(Action::Keep(envelope, raw))
            }
            Err(why) => {
                let reply = self.spoiled(why);
                for _ in 1..replies {
                    self.say(&reply);
                }
                self.fail(&reply)
            }
        }
    }

    fn spoiled(&self, why: Spoiled) -> String {
        match why {
            Spoiled::TooLarge => self.too_large(),
            Spoiled::NoMemory => "452 4.3.1 Too much mail at once, try again later".to_owned(),
        }
    }

    fn too_large(&self) -> String {
        format!("552 5.3.4 Too large: a mail may have {} bytes", self.rules.size_max)
    }

    /// More than anybody waits for.
    fn give_up(&mut self) -> Action {
        let reply = self.too_large();
        self.say(&reply);
        self.close()
    }

    fn starttls(&mut self) -> Option<Action> {
        if !self.rules.tls {
            return self.fail("502 5.5.1 Not offered here");
        }
        if self.tls || self.mail.is_some() {
            return self.fail(SEQUENCE);
        }
        self.say("220 2.0.0 Go ahead");
        Some(Action::StartTls)
    }
}

/// Printable ASCII of bounded length: what may stand in a reply.
fn one_line(text: &str) -> String {
    text.chars().take(REPLY_TEXT_MAX).map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).collect()
}

#[cfg(test)]
mod tests;
