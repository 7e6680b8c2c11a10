//! A receiver that remembers, a client that says exactly what it is told, and where the corpus is.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use post::door::{Door, Envelope, Kept, Reception, serve_lmtp_tcp, serve_smtp};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufStream};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub const MAILBOX: &str = "cyber@desk.example";

/// Keeps mails in memory.
#[derive(Default)]
pub struct Keeper {
    pub mails: Mutex<Vec<(Envelope, Vec<u8>)>>,
}

impl Keeper {
    pub fn raw(&self) -> Vec<Vec<u8>> {
        self.mails.lock().unwrap().iter().map(|(_, raw)| raw.clone()).collect()
    }
}

impl Door for Keeper {
    async fn keep(&self, envelope: Envelope, raw: Vec<u8>) -> Kept {
        if raw.windows(9).any(|window| window == b"please-no") {
            return Kept::Busy { why: "Not now".into() };
        }
        let mut mails = self.mails.lock().unwrap();
        mails.push((envelope, raw));
        Kept::Kept { reference: format!("M-{}", mails.len()) }
    }
}

pub struct Server {
    pub address: SocketAddr,
    pub keeper: Arc<Keeper>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Server {
    pub async fn smtp() -> Self {
        Self::start(reception(), false).await
    }

    pub async fn start(reception: Reception, lmtp: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let keeper = Arc::new(Keeper::default());
        let (stop, stopped) = watch::channel(false);
        let (reception, door) = (Arc::new(reception), keeper.clone());
        let task = tokio::spawn(async move {
            if lmtp {
                serve_lmtp_tcp(listener, reception, door, stopped).await;
            } else {
                serve_smtp(listener, reception, door, stopped).await;
            }
        });
        Self { address, keeper, stop, task }
    }

    pub async fn client(&self) -> Client {
        Client::connect(self.address).await
    }

    pub async fn stop(self) {
        self.stop.send(true).unwrap();
        tokio::time::timeout(Duration::from_secs(10), self.task).await.expect("it stops in time").unwrap();
    }
}

pub fn reception() -> Reception {
    Reception {
        hostname: "mx.desk.example".into(),
        mailboxes: [MAILBOX, "brandweer@desk.example", "jürgen@desk.example"].into_iter().collect(),
        size_max: 1_000_000,
        ..Reception::default()
    }
}

/// A client that sends bytes and reads replies.
pub struct Client {
    stream: BufStream<TcpStream>,
}

impl Client {
    pub async fn connect(address: SocketAddr) -> Self {
        Self { stream: BufStream::new(TcpStream::connect(address).await.unwrap()) }
    }

    pub async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
        self.stream.flush().await.unwrap();
    }

    /// All lines of one reply; empty when the connection is closed.
    pub async fn reply(&mut self) -> String {
        let mut all = String::new();
        loop {
            let mut line = String::new();
            if self.stream.read_line(&mut line).await.unwrap_or(0) == 0 {
                return all;
            }
            all.push_str(&line);
            if line.as_bytes().get(3) != Some(&b'-') {
                return all;
            }
        }
    }

    /// Sends a line, checks the code of the reply.
    pub async fn say(&mut self, line: &str, code: &str) -> String {
        self.send(format!("{line}\r\n").as_bytes()).await;
        let reply = self.reply().await;
        assert!(reply.starts_with(code), "{line} was answered {reply:?}, not {code}");
        reply
    }

    /// Banner to `DATA`'s 354.
    pub async fn up_to_data(&mut self) {
        self.reply().await;
        self.say("EHLO a.example", "250").await;
        self.say("MAIL FROM:<a@diest.example>", "250").await;
        self.say(&format!("RCPT TO:<{MAILBOX}>"), "250").await;
        self.say("DATA", "354").await;
    }

    /// Everything up to the end of the connection.
    pub async fn rest(&mut self) -> String {
        let mut all = Vec::new();
        let _ = self.stream.read_to_end(&mut all).await;
        String::from_utf8_lossy(&all).into_owned()
    }

    pub async fn hang_up_sending(&mut self) {
        self.stream.get_mut().shutdown().await.unwrap();
    }
}

fn tls_file(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests", "tls", name].iter().collect()
}

/// The authority that signed [`tls`]'s certificate for `localhost`.
pub fn authority() -> PathBuf {
    tls_file("ca.pem")
}

pub fn tls() -> Arc<rustls::ServerConfig> {
    let certificate = CertificateDer::from_pem_file(tls_file("cert.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(tls_file("key.pem")).unwrap();
    let builder = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    Arc::new(builder.with_single_cert(vec![certificate], key).unwrap())
}

/// The folder of real input, when there is one.
pub fn corpus(folder: &str) -> Option<PathBuf> {
    match std::env::var_os("BOLWERK_CORPUS") {
        Some(root) => Some(PathBuf::from(root).join(folder)),
        None => {
            println!("SKIPPED: BOLWERK_CORPUS is not set, so no real input was tried");
            None
        }
    }
}
