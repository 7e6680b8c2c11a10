//! The socket in the desk's folder by which other commands go through a running server. Only who may write the folder may connect.
//!
//! A request is a line of JSON, followed by as many bytes as it announces; an answer is a line of JSON. Many requests may be under way;
//! answers come in the order of the requests.

use crate::exit::{Failure, Kind};
use desk::command::{Actor, Command, Refusal};
use desk::intake::Via;
use engine::{Engine, Fault, MailIn};
use serde::{Deserialize, Serialize};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, BufWriter};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;

/// Requests under way at once: so many mails share a commit.
const UNDER_WAY_MAX: usize = 128;
/// Longest message that is imported, bytes.
pub const MESSAGE_BYTES_MAX: usize = 1 << 30;

/// What may be asked.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// Keep this mail; its bytes follow.
    Mail {
        /// How many bytes follow.
        bytes: usize,
    },
    /// How far the reports named by these references are read.
    Read {
        /// The references.
        references: Vec<String>,
    },
    /// Load the register that ships.
    LoadRegister,
    /// A token for machines.
    Token {
        /// In whose name.
        account: Option<String>,
        /// What it is for.
        label: String,
        /// SHA-256 of the secret, hex.
        secret: String,
    },
}

/// What is answered.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// The mail is a report.
    Report {
        /// Its reference.
        reference: String,
        /// Whether it came for the first time.
        new: bool,
    },
    /// How far reports are read.
    Read {
        /// How many of them are not read yet.
        unread: usize,
        /// How many of them could not be fully read.
        partial: usize,
    },
    /// Done.
    Done,
    /// Not done, and why.
    Failed {
        /// Why.
        why: String,
        /// What to do, where there is something to do.
        #[serde(default)]
        hint: Option<String>,
    },
}

impl Answer {
    /// Not done, for a reason that says all there is to say.
    pub fn failed(why: impl std::fmt::Display) -> Answer {
        Answer::Failed { why: why.to_string(), hint: None }
    }
}

/// What to do about a request that the desk refused.
fn cure(request: &'static str, fault: &Fault) -> Option<String> {
    let hint = match (request, fault) {
        ("register", Fault::Refused(Refusal::TooLate { why: "register-loaded" })) => {
            "This desk has another register (a demonstration has its own), and every fact names boards by their place in it. Load this one \
             into a new folder."
        }
        (_, Fault::Frozen(_)) => "Read the log of the server, end what stopped the storage, and run the command again.",
        _ => return None,
    };
    Some(hint.to_owned())
}

fn path(data: &Path) -> PathBuf {
    data.join("control.sock")
}

/// Opens the socket of a desk's folder.
pub fn listen(data: &Path) -> Result<UnixListener, Failure> {
    let path = path(data);
    // The folder's lock is held by this process, so whatever stands here was left by one that is gone.
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    let listener = UnixListener::bind(&path).map_err(|e| {
        Failure::new(Kind::Unforeseen, format!("{}: {e}", path.display())).hint("Is the path too long?")
    })?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Answers other commands for as long as it is not dropped.
pub async fn serve(listener: UnixListener, engine: Engine) {
    while let Ok((stream, _)) = listener.accept().await {
        let engine = engine.clone();
        tokio::spawn(async move {
            // A client that goes away in the middle is no event.
            let _gone = converse(stream, engine).await;
        });
    }
}

async fn converse(stream: UnixStream, engine: Engine) -> std::io::Result<()> {
    let (read, write) = stream.into_split();
    let mut read = BufReader::with_capacity(1 << 16, read);
    let (answers, mut ready) = mpsc::channel::<tokio::task::JoinHandle<Answer>>(UNDER_WAY_MAX);
    let writer = tokio::spawn(async move {
        let mut write = BufWriter::new(write);
        while let Some(answer) = ready.recv().await {
            let answer = answer.await.unwrap_or_else(Answer::failed);
            let mut line = serde_json::to_vec(&answer).expect("an answer is plain data");
            line.push(b'\n');
            write.write_all(&line).await?;
            if ready.is_empty() {
                write.flush().await?;
            }
        }
        write.flush().await
    });
    let mut line = String::new();
    loop {
        line.clear();
        if read.read_line(&mut line).await? == 0 {
            break;
        }
        let request: Request = serde_json::from_str(&line)?;
        let mut raw = Vec::new();
        if let Request::Mail { bytes } = request {
            if bytes > MESSAGE_BYTES_MAX {
                break;
            }
            (&mut read).take(bytes as u64).read_to_end(&mut raw).await?;
        }
        let engine = engine.clone();
        if answers.send(tokio::spawn(async move { answer(&engine, request, raw).await })).await.is_err() {
            break;
        }
    }
    drop(answers);
    writer.await?
}

/// Carries out a request, in a server or in the command itself.
pub async fn answer(engine: &Engine, request: Request, raw: Vec<u8>) -> Answer {
    let name = if matches!(request, Request::LoadRegister) { "register" } else { "" };
    match carry_out(engine, request, raw).await {
        Ok(answer) => answer,
        Err(fault) => Answer::Failed { hint: cure(name, &fault), why: fault.to_string() },
    }
}

async fn carry_out(engine: &Engine, request: Request, raw: Vec<u8>) -> Result<Answer, Fault> {
    match request {
        Request::Mail { .. } => {
            let mail = MailIn { via: Via::Import, envelope_from: None, peer: None, helo: None, tls: false, raw };
            let received = engine.receive_mail(mail).await?;
            Ok(Answer::Report { reference: received.reference.to_string(), new: received.new })
        }
        Request::Read { references } => {
            let references: Vec<_> = references.iter().filter_map(|r| r.parse().ok()).collect();
            let (unread, partial) = engine.read(|desk| desk.how_far_read(&references)).await?;
            Ok(Answer::Read { unread, partial })
        }
        Request::LoadRegister => {
            engine.submit(Actor::Rule, Command::LoadRegister(desk::register::Which::Flanders)).await?;
            Ok(Answer::Done)
        }
        Request::Token { account, label, secret } => {
            let found = engine.read(|desk| match &account {
                Some(login) => desk.account_by_login(login),
                None => desk.first_account(),
            });
            let Some(account) = found.await? else {
                let hint = match &account {
                    Some(_) => "Name an account as it signs in: the settings page lists them.",
                    None => "Finish the first run first: it makes the first account.",
                };
                return Ok(Answer::Failed { why: "there is no such account".to_owned(), hint: Some(hint.to_owned()) });
            };
            let Ok(secret) = serde_json::from_value(serde_json::Value::String(secret)) else {
                return Ok(Answer::failed("not a SHA-256"));
            };
            let command = desk::accounts::Command::MakeToken { account, label, secret };
            engine.submit(Actor::Rule, Command::Accounts(command)).await?;
            Ok(Answer::Done)
        }
    }
}

/// A conversation with the server that holds a folder, or with the folder itself when none does.
pub enum Door {
    /// Through a running server.
    Server(Box<Connection>),
    /// In this process.
    Here(Engine),
}

/// A connection to a running server.
pub struct Connection {
    read: BufReader<tokio::net::unix::OwnedReadHalf>,
    write: BufWriter<tokio::net::unix::OwnedWriteHalf>,
}

impl Door {
    /// Opens a folder's desk, through the server that holds it if there is one. Creates the folder when `create`.
    pub async fn open(data: &Path, create: bool) -> Result<Door, Failure> {
        if let Ok(stream) = UnixStream::connect(path(data)).await {
            let (read, write) = stream.into_split();
            let connection = Connection { read: BufReader::new(read), write: BufWriter::with_capacity(1 << 18, write) };
            return Ok(Door::Server(Box::new(connection)));
        }
        if !create && !data.exists() {
            return Err(Failure::new(Kind::Missing, format!("{}: there is no such folder", data.display()))
                .hint("Give the folder of a desk with --data."));
        }
        crate::open::desk(data).map(Door::Here)
    }

    /// Asks one thing.
    pub async fn ask(&mut self, request: Request) -> Result<Answer, Failure> {
        match self {
            Door::Here(engine) => Ok(answer(engine, request, Vec::new()).await),
            Door::Server(connection) => {
                connection.send(&request, &[]).await?;
                connection.write.flush().await?;
                connection.answer().await
            }
        }
    }
}

impl Connection {
    /// Sends a request; flushed only when the buffer is full or an answer is waited for.
    pub async fn send(&mut self, request: &Request, raw: &[u8]) -> Result<(), Failure> {
        let mut line = serde_json::to_vec(request).expect("a request is plain data");
        line.push(b'\n');
        self.write.write_all(&line).await?;
        self.write.write_all(raw).await?;
        Ok(())
    }

    /// Sends what is still in the buffer.
    pub async fn flush(&mut self) -> Result<(), Failure> {
        Ok(self.write.flush().await?)
    }

    /// The next answer.
    pub async fn answer(&mut self) -> Result<Answer, Failure> {
        let mut line = String::new();
        if self.read.read_line(&mut line).await? == 0 {
            return Err(Failure::new(Kind::Unforeseen, "the server went away")
                .hint("Run the command again: nothing is doubled."));
        }
        serde_json::from_str(&line).map_err(|e| Failure::new(Kind::Unforeseen, e))
    }
}
