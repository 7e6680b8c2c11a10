//! A mail server that takes everything and remembers it: the next hop of the desk under test.

use crate::failure::{Failure, Tried};
use crate::mails::unstuffed;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Longest line that is read, bytes.
const LINE_BYTES_MAX: u64 = 1 << 20;

/// How it behaves.
#[derive(Clone, Copy, Debug, Default)]
pub struct Manners {
    /// Time between the final dot and the reply.
    pub think: Duration,
    /// Whether PIPELINING is offered.
    pub pipelining: bool,
    /// Whether the content is remembered, not only its Message-ID.
    pub keep: bool,
    /// What is said to the content instead of 250.
    pub refuse: Option<&'static str>,
    /// Hangs up instead of replying to the content.
    pub hang_up: bool,
}

/// A mail that was handed over completely (final dot seen).
#[derive(Clone, Debug)]
pub struct Receipt {
    /// Envelope sender.
    pub from: String,
    /// Envelope recipients.
    pub to: Vec<String>,
    /// Without angle brackets; empty when it had none.
    pub message_id: String,
    /// When the final dot was read.
    pub dot: Instant,
    /// The content, if it is kept.
    pub raw: Vec<u8>,
}

type Receipts = Arc<Mutex<Vec<Receipt>>>;

/// The server; its threads end with the process.
pub struct Sink {
    address: SocketAddr,
    receipts: Receipts,
}

impl Sink {
    /// Listens on a free port of this machine.
    pub fn start(manners: Manners) -> Result<Sink, Failure> {
        let listen = || {
            let listener = TcpListener::bind("127.0.0.1:0")?;
            Ok((listener.local_addr()?, listener))
        };
        let (address, listener) = listen().tried(|| "the relay's port".to_owned())?;
        let receipts = Receipts::default();
        let kept = receipts.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let kept = kept.clone();
                // The desk may be killed in the middle of a conversation: that is what is measured.
                std::thread::spawn(move || converse(stream, manners, &kept).unwrap_or_default());
            }
        });
        Ok(Sink { address, receipts })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Looks at what came so far.
    pub fn look<T>(&self, at: impl FnOnce(&[Receipt]) -> T) -> T {
        at(&self.receipts.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// How many came so far.
    pub fn count(&self) -> usize {
        self.look(<[Receipt]>::len)
    }
}

fn converse(stream: TcpStream, manners: Manners, receipts: &Receipts) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut out = stream.try_clone()?;
    let mut input = BufReader::new(stream);
    let (mut from, mut to) = (String::new(), Vec::new());
    out.write_all(b"220 sink.example ESMTP\r\n")?;
    let mut line = Vec::new();
    while read_line(&mut input, &mut line)? {
        let text = String::from_utf8_lossy(line.trim_ascii_end()).into_owned();
        let (verb, rest) = text.split_at_checked(4).unwrap_or((&text, ""));
        let reply: &[u8] = match verb.to_ascii_uppercase().as_str() {
            "EHLO" if manners.pipelining => b"250-sink.example\r\n250-PIPELINING\r\n250 8BITMIME\r\n",
            "EHLO" => b"250-sink.example\r\n250 8BITMIME\r\n",
            "MAIL" => {
                from = address(rest);
                to.clear();
                b"250 ok\r\n"
            }
            "RCPT" => {
                to.push(address(rest));
                b"250 ok\r\n"
            }
            "DATA" => {
                out.write_all(b"354 go on\r\n")?;
                let Some(raw) = content(&mut input)? else { return Ok(()) };
                let dot = Instant::now();
                let receipt = Receipt {
                    from: from.clone(),
                    to: to.clone(),
                    message_id: message_id(&raw),
                    dot,
                    raw: if manners.keep { raw } else { Vec::new() },
                };
                receipts.lock().unwrap_or_else(PoisonError::into_inner).push(receipt);
                crate::pause(manners.think);
                if manners.hang_up {
                    return Ok(());
                }
                out.write_all(manners.refuse.unwrap_or("250 kept").as_bytes())?;
                b"\r\n"
            }
            "QUIT" => {
                out.write_all(b"221 bye\r\n")?;
                return Ok(());
            }
            _ => b"250 ok\r\n",
        };
        out.write_all(reply)?;
    }
    Ok(())
}

fn read_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    io::Read::take(input, LINE_BYTES_MAX).read_until(b'\n', line)?;
    Ok(!line.is_empty())
}

/// Everything up to the final dot; `None` when the peer went away before it.
fn content(input: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let (mut raw, mut line) = (Vec::new(), Vec::new());
    while read_line(input, &mut line)? {
        if line == b".\r\n" {
            return Ok(Some(raw));
        }
        raw.extend_from_slice(unstuffed(&line));
    }
    Ok(None)
}

fn address(rest: &str) -> String {
    let angle = rest.split_once('<').and_then(|(_, r)| r.split_once('>'));
    angle.map_or(rest, |(address, _)| address).to_owned()
}

/// The first Message-ID of a head, also when its value stands on the next line.
fn message_id(raw: &[u8]) -> String {
    let lines: Vec<&[u8]> = raw.split(|b| *b == b'\n').map(<[u8]>::trim_ascii).take_while(|l| !l.is_empty()).collect();
    let named = |line: &[u8]| line.get(..11).is_some_and(|n| n.eq_ignore_ascii_case(b"message-id:"));
    let Some(at) = lines.iter().position(|l| named(l)) else { return String::new() };
    let value = match lines[at][11..].trim_ascii() {
        b"" => lines.get(at + 1).copied().unwrap_or_default(),
        value => value,
    };
    String::from_utf8_lossy(value).trim_matches(['<', '>']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folded_message_id_is_found_and_one_in_the_body_is_not() {
        assert_eq!(message_id(b"From: a\r\nMessage-ID:\r\n <1@x>\r\nTo: b\r\n\r\n"), "1@x");
        assert_eq!(message_id(b"message-id: <2@x>\r\n\r\n"), "2@x");
        assert_eq!(message_id(b"From: a\r\n\r\nMessage-ID: <3@x>\r\n"), "");
    }
}
