//! A running desk, a client, and a sink for the mail that leaves.

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
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
    /// What a shell does before it becomes the program.
    before: String,
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
        Desk::start_after("", folder, more)
    }

    /// By a shell that first does this: a limit, or a variable of the environment.
    pub fn start_after(before: &str, folder: tempfile::TempDir, more: &[&str]) -> Desk {
        let more = more.iter().map(|m| (*m).to_owned()).collect();
        let before = before.to_owned();
        let mut desk = Desk { folder, more, before, child: None, http: String::new(), smtp: String::new() };
        desk.again();
        desk
    }

    /// More arguments, for the next start.
    pub fn more(&mut self, more: &[&str]) {
        self.more.extend(more.iter().map(|m| (*m).to_owned()));
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Starts it (again).
    pub fn again(&mut self) {
        let ready = self.folder.path().join("ready.json");
        let _before = std::fs::remove_file(&ready);
        let log = std::fs::File::options().create(true).append(true).open(self.folder.path().join("log")).unwrap();
        let mut child = Command::new("sh")
            .args(["-c", &format!("{}\nexec \"$@\"", self.before), "sh", env!("CARGO_BIN_EXE_bolwerk")])
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

    /// Does the first run, as this person; gives back the cookie that signs them in.
    pub fn first_run(&self, name: &str, login: &str, password: &str) -> String {
        let said = || Some(self.log().split_once("which works once: ")?.1.lines().next()?.trim().to_owned());
        let code = until("a code is printed", said);
        let form = format!(
            "code={code}&organisation=Team&address={MAILBOX}&phone=&language=nl&name={name}&login={login}&password={password}"
        );
        let fields = "Content-Type: application/x-www-form-urlencoded\r\nSec-Fetch-Site: same-origin\r\n";
        let answer = self.ask("POST /first-run", fields, form.as_bytes());
        assert!(answer.starts_with("HTTP/1.1 303"), "{answer}");
        let cookie =
            answer.lines().find_map(|line| line.to_lowercase().starts_with("set-cookie:").then(|| &line[11..]));
        cookie.unwrap().split(';').next().unwrap().trim().to_owned()
    }

    /// Of its process.
    pub fn id(&self) -> u32 {
        self.child.as_ref().map_or(0, Child::id)
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// One mail; the reply to its content, or where the conversation ended.
    pub fn send(&self, from: &str, raw: impl AsRef<[u8]>) -> std::io::Result<String> {
        let mut client = Client::connect(&self.smtp)?;
        client.say("EHLO client.example")?;
        client.say(&format!("MAIL FROM:<{from}>"))?;
        client.say(&format!("RCPT TO:<{MAILBOX}>"))?;
        client.say("DATA")?;
        client.content(raw.as_ref())
    }

    /// Status line, headers and body of a page.
    pub fn get(&self, path: &str) -> String {
        self.ask(&format!("GET {path}"), "", b"")
    }

    /// As [`Desk::get`], with a method before the path, more header fields (each with its line end) and a body.
    pub fn ask(&self, what: &str, fields: &str, body: &[u8]) -> String {
        let mut stream = TcpStream::connect(&self.http).unwrap();
        let head = format!("{what} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{fields}", self.http);
        write!(stream, "{head}Content-Length: {}\r\n\r\n", body.len()).unwrap();
        stream.write_all(body).unwrap();
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

    /// A mail, which gets a line end of its own and the final dot.
    pub fn content(&mut self, raw: &[u8]) -> std::io::Result<String> {
        let mut wire = Vec::with_capacity(raw.len() + 100);
        for (n, line) in raw.split(|byte| *byte == b'\n').enumerate() {
            if n > 0 {
                wire.push(b'\n');
            }
            if line.first() == Some(&b'.') && (n == 0 || wire.ends_with(b"\r\n")) {
                wire.push(b'.');
            }
            wire.extend_from_slice(line);
        }
        self.write.write_all(&wire)?;
        self.write.write_all(b"\r\n.\r\n")?;
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
    signed_in: Arc<Mutex<Vec<String>>>,
}

impl Sink {
    pub fn start() -> Sink {
        Sink::listening(None)
    }

    /// With the tests' certificate for `localhost`, encrypted from the first byte. It wants somebody who signs in.
    pub fn encrypted() -> Sink {
        let tls = Path::new(env!("CARGO_MANIFEST_DIR")).join("../post/tests/tls");
        let certificate = CertificateDer::from_pem_file(tls.join("cert.pem")).unwrap();
        let key = PrivateKeyDer::from_pem_file(tls.join("key.pem")).unwrap();
        let builder = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
        let builder = builder.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
        Sink::listening(Some(Arc::new(builder.with_single_cert(vec![certificate], key).unwrap())))
    }

    fn listening(tls: Option<Arc<ServerConfig>>) -> Sink {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (mails, signed_in) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(Vec::new())));
        let sink = Sink { address, mails: mails.clone(), signed_in: signed_in.clone() };
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (mails, signed_in, tls) = (mails.clone(), signed_in.clone(), tls.clone());
                std::thread::spawn(move || {
                    // A desk that is killed in the middle is part of the tests.
                    let _ended = match tls {
                        None => converse(stream, None, &mails),
                        Some(tls) => {
                            let tls = StreamOwned::new(ServerConnection::new(tls).unwrap(), stream);
                            converse(tls, Some(&signed_in), &mails)
                        }
                    };
                });
            }
        });
        sink
    }

    pub fn mails(&self) -> Vec<Left> {
        self.mails.lock().unwrap().clone()
    }

    /// What each peer said that signed in, as it was said.
    pub fn signed_in(&self) -> Vec<String> {
        self.signed_in.lock().unwrap().clone()
    }
}

fn converse(
    stream: impl Read + Write,
    signed_in: Option<&Mutex<Vec<String>>>,
    kept: &Mutex<Vec<Left>>,
) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let (mut from, mut to, mut line, mut known) = (String::new(), String::new(), String::new(), signed_in.is_none());
    stream.get_mut().write_all(b"220 sink.example ESMTP\r\n")?;
    loop {
        line.clear();
        if stream.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let upper = line.to_uppercase();
        let argument = || line.split_once(':').map_or("", |(_, a)| a).trim().to_owned();
        let said: &[u8] = if upper.starts_with("EHLO") && signed_in.is_some() {
            b"250-sink.example\r\n250-AUTH PLAIN LOGIN\r\n250 8BITMIME\r\n"
        } else if upper.starts_with("EHLO") {
            b"250-sink.example\r\n250 8BITMIME\r\n"
        } else if let (true, Some(signed_in)) = (upper.starts_with("AUTH "), signed_in) {
            signed_in.lock().unwrap().push(line.trim().to_owned());
            known = true;
            b"235 welcome\r\n"
        } else if upper.starts_with("MAIL FROM:") && !known {
            b"530 5.7.0 sign in first\r\n"
        } else if upper.starts_with("MAIL FROM:") {
            from = argument();
            b"250 ok\r\n"
        } else if upper.starts_with("RCPT TO:") {
            to = argument();
            b"250 ok\r\n"
        } else if upper.starts_with("DATA") {
            stream.get_mut().write_all(b"354 go on\r\n")?;
            let mut raw = Vec::new();
            while !raw.ends_with(b"\r\n.\r\n") {
                if stream.read_until(b'\n', &mut raw)? == 0 {
                    return Ok(());
                }
            }
            raw.truncate(raw.len() - 3);
            let raw = String::from_utf8_lossy(&raw).replace("\r\n..", "\r\n.");
            kept.lock().unwrap().push(Left { from: from.clone(), to: to.clone(), raw });
            b"250 kept\r\n"
        } else if upper.starts_with("QUIT") {
            return stream.get_mut().write_all(b"221 bye\r\n");
        } else {
            b"250 ok\r\n"
        };
        stream.get_mut().write_all(said)?;
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
