//! A light SMTP client: one connection kept open, commands pipelined where the server offers it (RFC 2920).

use crate::mails::{MAILBOX, Mail};
use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// Longest reply line, bytes (RFC 5321, 4.5.3.1.5, with room for the careless).
const REPLY_BYTES_MAX: u64 = 4096;
/// Longest wait for a reply.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Why a mail was not acknowledged.
#[derive(Debug, thiserror::Error)]
pub enum Unsent {
    /// The connection broke. Whether the mail is kept is not known when its content was on its way.
    #[error("connection: {0}")]
    Broken(#[from] io::Error),
    /// The server said no.
    #[error("{at}: {code} {text}")]
    Refused {
        /// To which command.
        at: &'static str,
        /// Its code.
        code: u16,
        /// Its words.
        text: String,
    },
}

/// A mail was acknowledged.
#[derive(Clone, Copy, Debug)]
pub struct Sent {
    /// When the final dot had been handed to the system.
    pub dot: Instant,
    /// When the reply had come.
    pub acknowledged: Instant,
}

struct Reply {
    code: u16,
    text: String,
}

impl Reply {
    fn must(self, code: u16, at: &'static str) -> Result<Reply, Unsent> {
        match self.code == code {
            true => Ok(self),
            false => Err(Unsent::Refused { at, code: self.code, text: self.text }),
        }
    }
}

/// A connection to an SMTP server.
pub struct Client {
    input: BufReader<TcpStream>,
    pipelining: bool,
    out: Vec<u8>,
}

impl Client {
    /// Connects and says EHLO.
    pub fn connect(server: SocketAddr) -> Result<Client, Unsent> {
        let stream = TcpStream::connect_timeout(&server, TIMEOUT)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        let mut client = Client { input: BufReader::new(stream), pipelining: false, out: Vec::new() };
        client.reply()?.must(220, "greeting")?;
        client.say(b"EHLO bench.example\r\n")?;
        let offered = client.reply()?.must(250, "EHLO")?.text;
        client.pipelining = offered.lines().any(|l| l.eq_ignore_ascii_case("PIPELINING"));
        Ok(client)
    }

    /// Sends one mail; `Ok` means that the server took it over (250 after the final dot).
    pub fn send(&mut self, mail: &Mail, message_id: &str) -> Result<Sent, Unsent> {
        let commands =
            [format!("MAIL FROM:<{}>\r\n", mail.from), format!("RCPT TO:<{MAILBOX}>\r\n"), "DATA\r\n".to_owned()];
        let expected = [(250, "MAIL"), (250, "RCPT"), (354, "DATA")];
        if self.pipelining {
            self.say(commands.concat().as_bytes())?;
            for (code, at) in expected {
                self.reply()?.must(code, at)?;
            }
        } else {
            for (command, (code, at)) in commands.iter().zip(expected) {
                self.say(command.as_bytes())?;
                self.reply()?.must(code, at)?;
            }
        }
        let mut out = std::mem::take(&mut self.out);
        out.clear();
        mail.write(message_id, &mut out);
        let said = self.say(&out);
        self.out = out;
        said?;
        let dot = Instant::now();
        self.reply()?.must(250, "content")?;
        Ok(Sent { dot, acknowledged: Instant::now() })
    }

    /// Says goodbye; what the server says to it does not matter any more.
    pub fn quit(mut self) {
        let _gone = self.say(b"QUIT\r\n").and_then(|()| self.reply().map(drop));
    }

    fn say(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.input.get_mut().write_all(bytes)
    }

    /// One reply, all its lines.
    fn reply(&mut self) -> io::Result<Reply> {
        let mut text = String::new();
        loop {
            let line = line(&mut self.input)?;
            let code = line.get(..3).and_then(|c| c.parse::<u16>().ok());
            let code = code.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, format!("no reply: {line:?}")))?;
            text.push_str(line.get(4..).unwrap_or_default());
            if line.as_bytes().get(3) != Some(&b'-') {
                return Ok(Reply { code, text });
            }
            text.push('\n');
        }
    }
}

fn line(input: &mut impl BufRead) -> io::Result<String> {
    let mut line = Vec::new();
    io::Read::take(input, REPLY_BYTES_MAX).read_until(b'\n', &mut line)?;
    if !line.ends_with(b"\n") {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(String::from_utf8_lossy(line.trim_ascii_end()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::{Manners, Sink};

    #[test]
    fn mails_arrive_whole_over_one_connection_with_and_without_pipelining() {
        for pipelining in [true, false] {
            let sink = Sink::start(Manners { pipelining, keep: true, ..Manners::default() }).unwrap();
            let mut client = Client::connect(sink.address()).unwrap();
            assert_eq!(client.pipelining, pipelining);
            let dots = Mail::new("a", b"From: a@b.example\nSubject: dots\n\n.\n.. two\nend\n");
            let sent = client.send(&dots, "1@x").unwrap();
            assert!(sent.acknowledged >= sent.dot);
            client.send(&dots, "2@x").unwrap();
            client.quit();
            let receipts = sink.look(<[_]>::to_vec);
            assert_eq!(receipts.iter().map(|r| r.message_id.as_str()).collect::<Vec<_>>(), ["1@x", "2@x"]);
            assert_eq!(
                (receipts[0].from.as_str(), receipts[0].to.as_slice()),
                ("a@b.example", &[MAILBOX.to_owned()][..])
            );
            let raw = String::from_utf8(receipts[0].raw.clone()).unwrap();
            assert_eq!(raw, "Message-ID: <1@x>\r\nFrom: a@b.example\r\nSubject: dots\r\n\r\n.\r\n.. two\r\nend\r\n");
        }
    }

    #[test]
    fn a_refusal_names_the_command_and_a_broken_connection_is_no_acknowledgement() {
        let sink = Sink::start(Manners { refuse: Some("554 no"), ..Manners::default() }).unwrap();
        let mail = Mail::new("a", b"Subject: x\n\nx\n");
        let refused = Client::connect(sink.address()).unwrap().send(&mail, "1@x").unwrap_err();
        assert_eq!(refused.to_string(), "content: 554 no");
        let sink = Sink::start(Manners { hang_up: true, ..Manners::default() }).unwrap();
        let broken = Client::connect(sink.address()).unwrap().send(&mail, "1@x").unwrap_err();
        assert!(matches!(broken, Unsent::Broken(_)), "{broken}");
    }
}
