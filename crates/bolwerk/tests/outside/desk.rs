//! A running desk, a client, and a sink for the mail that leaves.

use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// The mailbox of every desk here.
pub const MAILBOX: &str = "cyberresponse@team.example";
/// How long anything may take on a machine that has other things to do.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The program, with arguments.
pub fn bolwerk(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bolwerk")).args(arguments).stdin(Stdio::null()).output().unwrap()
}

/// The program, which must succeed; what it printed.
pub fn done(arguments: &[&str]) -> String {
    let output = bolwerk(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The reports of a folder.
pub fn reports(data: &Path) -> Vec<Value> {
    let lines = done(&["list", "reports", "--data", data.to_str().unwrap(), "--json"]);
    lines.lines().map(|l| serde_json::from_str(l).unwrap()).collect()
}

/// Waits until something is so.
pub fn until<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(started.elapsed() < PATIENCE, "never: {what}");
        pause(Duration::from_millis(50));
    }
}

#[allow(clippy::disallowed_methods, reason = "another process gives no event to wait for")]
fn pause(time: Duration) {
    std::thread::sleep(time);
}

/// `bolwerk serve` on free ports.
pub struct Desk {
    pub folder: tempfile::TempDir,
    more: Vec<String>,
    files: Option<u32>,
    child: Option<Child>,
    pub http: String,
    pub smtp: String,
}

impl Desk {
    pub fn start(more: &[&str]) -> Desk {
        Desk::start_in(tempfile::tempdir().unwrap(), more)
    }

    /// In a folder that was prepared.
    pub fn start_in(folder: tempfile::TempDir, more: &[&str]) -> Desk {
        let more = more.iter().map(|m| (*m).to_owned()).collect();
        let mut desk = Desk { folder, more, files: None, child: None, http: String::new(), smtp: String::new() };
        desk.again();
        desk
    }

    /// With so many open files, hard and soft.
    pub fn start_limited(files: u32) -> Desk {
        let folder = tempfile::tempdir().unwrap();
        let (more, files) = (Vec::new(), Some(files));
        let mut desk = Desk { folder, more, files, child: None, http: String::new(), smtp: String::new() };
        desk.again();
        desk
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Starts it (again).
    pub fn again(&mut self) {
        let ready = self.folder.path().join("ready.json");
        let _before = std::fs::remove_file(&ready);
        let log = std::fs::File::options().create(true).append(true).open(self.folder.path().join("log")).unwrap();
        let program = env!("CARGO_BIN_EXE_bolwerk");
        let mut command = match self.files {
            None => Command::new(program),
            Some(files) => {
                let mut command = Command::new("sh");
                command.args(["-c", &format!("ulimit -n {files}; exec \"$@\""), "sh", program]);
                command
            }
        };
        let mut child = command
            .args(["serve", "--http", "127.0.0.1:0", "--smtp", "127.0.0.1:0", "--address", MAILBOX])
            .args(["--data", self.data().to_str().unwrap(), "--ready-file", ready.to_str().unwrap()])
            .args(&self.more)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let ready: Value = until("the desk is ready", || {
            assert!(child.try_wait().unwrap().is_none(), "{}", self.log());
            serde_json::from_str(&std::fs::read_to_string(&ready).ok()?).ok()
        });
        self.child = Some(child);
        self.http = ready["http"].as_str().unwrap().to_owned();
        self.smtp = ready["smtp"].as_str().unwrap().to_owned();
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// One mail; the reply to its content, or where the conversation ended.
    pub fn send(&self, from: &str, raw: &str) -> std::io::Result<String> {
        let mut client = Client::connect(&self.smtp)?;
        client.say("EHLO client.example")?;
        client.say(&format!("MAIL FROM:<{from}>"))?;
        client.say(&format!("RCPT TO:<{MAILBOX}>"))?;
        client.say("DATA")?;
        let stuffed = raw.replace("\r\n.", "\r\n..");
        client.say(&format!("{stuffed}\r\n."))
    }

    /// Status line, headers and body of a page.
    pub fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(&self.http).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.http).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("{}", self.log());
        }
    }
}

/// An SMTP client that does as it is told.
pub struct Client {
    read: BufReader<TcpStream>,
    write: TcpStream,
}

impl Client {
    pub fn connect(address: &str) -> std::io::Result<Client> {
        let write = TcpStream::connect(address)?;
        write.set_read_timeout(Some(PATIENCE))?;
        let mut client = Client { read: BufReader::new(write.try_clone()?), write };
        client.reply()?;
        Ok(client)
    }

    /// A line (the end is added); the last line of the reply.
    pub fn say(&mut self, line: &str) -> std::io::Result<String> {
        self.write.write_all(format!("{line}\r\n").as_bytes())?;
        self.reply()
    }

    fn reply(&mut self) -> std::io::Result<String> {
        loop {
            let mut line = String::new();
            if self.read.read_line(&mut line)? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            if line.as_bytes().get(3) != Some(&b'-') {
                return Ok(line.trim_end().to_owned());
            }
        }
    }
}

/// A mail that left the desk.
#[derive(Clone, Debug)]
pub struct Left {
    pub from: String,
    pub to: String,
    pub raw: String,
}

impl Left {
    /// A header field's value, folded lines joined.
    pub fn header(&self, name: &str) -> Option<String> {
        let head = self.raw.split("\r\n\r\n").next()?.replace("\r\n ", " ").replace("\r\n\t", " ");
        let field = head.lines().find(|l| l.to_lowercase().starts_with(&format!("{}:", name.to_lowercase())))?;
        Some(field.split_once(':')?.1.trim().to_owned())
    }
}

/// A next hop that takes everything.
pub struct Sink {
    pub address: String,
    mails: Arc<Mutex<Vec<Left>>>,
}

impl Sink {
    pub fn start() -> Sink {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let mails = Arc::new(Mutex::new(Vec::new()));
        let kept = mails.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let kept = kept.clone();
                std::thread::spawn(move || {
                    // A desk that is killed in the middle is part of the tests.
                    let _ended = converse(stream, &kept);
                });
            }
        });
        Sink { address, mails }
    }

    pub fn mails(&self) -> Vec<Left> {
        self.mails.lock().unwrap().clone()
    }
}

fn converse(stream: TcpStream, kept: &Mutex<Vec<Left>>) -> std::io::Result<()> {
    let mut write = stream.try_clone()?;
    let mut read = BufReader::new(stream);
    let (mut from, mut to, mut line) = (String::new(), String::new(), String::new());
    write.write_all(b"220 sink.example ESMTP\r\n")?;
    loop {
        line.clear();
        if read.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let upper = line.to_uppercase();
        let argument = || line.split_once(':').map_or("", |(_, a)| a).trim().to_owned();
        if upper.starts_with("EHLO") {
            write.write_all(b"250-sink.example\r\n250 8BITMIME\r\n")?;
        } else if upper.starts_with("MAIL FROM:") {
            from = argument();
            write.write_all(b"250 ok\r\n")?;
        } else if upper.starts_with("RCPT TO:") {
            to = argument();
            write.write_all(b"250 ok\r\n")?;
        } else if upper.starts_with("DATA") {
            write.write_all(b"354 go on\r\n")?;
            let mut raw = Vec::new();
            while !raw.ends_with(b"\r\n.\r\n") {
                if read.read_until(b'\n', &mut raw)? == 0 {
                    return Ok(());
                }
            }
            raw.truncate(raw.len() - 3);
            let raw = String::from_utf8_lossy(&raw).replace("\r\n..", "\r\n.");
            kept.lock().unwrap().push(Left { from: from.clone(), to: to.clone(), raw });
            write.write_all(b"250 kept\r\n")?;
        } else if upper.starts_with("QUIT") {
            return write.write_all(b"221 bye\r\n");
        } else {
            write.write_all(b"250 ok\r\n")?;
        }
    }
}

/// A DNS server for which every domain has one mail server, on this machine; or one that never says a word. Gives back its address.
pub fn dns(silent: bool) -> String {
    const MX: u8 = 15;
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        let mut buffer = [0; 1024];
        while let Ok((length, peer)) = socket.recv_from(&mut buffer) {
            let asked = &buffer[12..length];
            // The name is labels up to an empty one; type and class follow.
            let Some(end) = asked.iter().position(|b| *b == 0).filter(|end| !silent && end + 5 <= asked.len()) else {
                continue;
            };
            let mut answer = buffer[..2].to_vec();
            let kind = asked[end + 2];
            let answers = u8::from(kind == 1 || kind == MX);
            answer.extend_from_slice(&[0x81, 0x80, 0, 1, 0, answers, 0, 0, 0, 0]);
            answer.extend_from_slice(&asked[..end + 5]);
            // The name again, by a pointer; IN, one minute.
            let head = [0xc0, 12, 0, kind, 0, 1, 0, 0, 0, 60];
            match kind {
                1 => answer.extend_from_slice(&[&head[..], &[0, 4, 127, 0, 0, 1]].concat()),
                MX => answer.extend_from_slice(&[&head[..], &[0, 7, 0, 10, 2, b'm', b'x', 0xc0, 12]].concat()),
                _ => {}
            }
            let _gone = socket.send_to(&answer, peer);
        }
    });
    address
}
