//! The client's side of one IMAP conversation (RFC 3501). Every exchange has a time limit; everything that comes in is
//! bounded by [`Wire`].

use std::io;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_rustls::TlsConnector;

use super::fault::Fault;
use super::name::quoted;
use super::response::{Code, Fetched, Response, Said, Status, parse, plain};
use super::wire::Wire;
use super::{Mailbox, Secret, Timing, Tls, stopped, trust};

/// Literals where no content was asked for, in bytes.
const LITERALS_MAX_BYTES: usize = 64 * 1024;
/// The beginning of a mail that is looked at when the whole is too large, in bytes.
const HEAD_MAX_BYTES: usize = 64 * 1024;
/// Longest wait for a farewell.
const FAREWELL: Duration = Duration::from_secs(3);

pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// How a folder was opened.
#[derive(Debug, Default)]
pub(super) struct Folder {
    pub uid_validity: u32,
    pub read_only: bool,
    /// What may be changed for good, in upper case; `None` where the server does not say.
    pub permanent_flags: Option<Vec<String>>,
}

/// How waiting for the server ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Idled {
    /// There is more mail, or the time was over.
    Over,
    /// The server does not do it, or does not hold on.
    Unable,
}

/// A conversation with a mail server.
pub(super) struct Client {
    wire: Wire<Box<dyn Stream>>,
    timing: Timing,
    tag: u32,
    /// An exchange is under way, or was dropped: nothing but the end of the connection can follow.
    open: bool,
    offers: Vec<String>,
    /// Messages in the folder.
    pub exists: u32,
    /// Whether messages came in since this was last set to false.
    pub grown: bool,
}

impl Client {
    /// Connects, encrypts and signs in.
    pub async fn open(mailbox: &Mailbox) -> Result<Self, Fault> {
        let host = mailbox.host.trim_start_matches('[').trim_end_matches(']');
        let stream = connect(host, mailbox.port, mailbox.timing.connect).await?;
        if mailbox.tls == Tls::Off && !stream.peer_addr()?.ip().to_canonical().is_loopback() {
            return Err(Fault::Unprotected);
        }
        let connector = || trust::connector(mailbox.roots.as_deref());
        let stream: Box<dyn Stream> = match mailbox.tls {
            Tls::Implicit => secure(Box::new(stream), &connector()?, host, mailbox.timing.connect).await?,
            Tls::StartTls | Tls::Off => Box::new(stream),
        };
        let mut client = Self::new(stream, &mailbox.timing);
        let known = client.greeting().await?;
        client.capability().await?;
        if mailbox.tls == Tls::StartTls {
            // Whoever is known before encryption is not known to us: RFC 9051, 11.1, and 7.1.4.
            if known || !client.offers("STARTTLS") {
                return Err(Fault::NoTls);
            }
            client = client.starttls(&connector()?, host).await?;
        }
        if !known {
            client.sign_in(&mailbox.user, &mailbox.secret).await?;
            client.capability().await?;
        }
        Ok(client)
    }

    fn new(stream: Box<dyn Stream>, timing: &Timing) -> Self {
        let wire = Wire::new(stream);
        Self { wire, timing: timing.clone(), tag: 0, open: false, offers: Vec::new(), exists: 0, grown: false }
    }

    /// Whether the server greets us as somebody whom it knows already.
    async fn greeting(&mut self) -> Result<bool, Fault> {
        let greeting = timeout(self.timing.command, self.response(LITERALS_MAX_BYTES)).await;
        match greeting.map_err(|_| Fault::Timeout("greeting"))?? {
            Response::Untagged(Said { status: Status::Ok, .. }) => Ok(false),
            Response::Untagged(Said { status: Status::Preauth, .. }) => Ok(true),
            Response::Untagged(Said { status: Status::Bye, text, .. }) => Err(Fault::Bye(text)),
            _ => Err(Fault::Gibberish("greeting")),
        }
    }

    /// Whether the server named this capability.
    pub fn offers(&self, word: &str) -> bool {
        self.offers.iter().any(|offer| offer == word)
    }

    async fn capability(&mut self) -> Result<(), Fault> {
        let mut offers = Vec::new();
        self.ask("CAPABILITY", "", |response| {
            if let Response::Capability(words) = response {
                offers = words;
            }
        })
        .await?;
        self.offers = offers;
        Ok(())
    }

    async fn starttls(mut self, connector: &TlsConnector, host: &str) -> Result<Self, Fault> {
        match self.ask("STARTTLS", "", drop).await {
            Err(Fault::Refused { .. }) => return Err(Fault::NoTls),
            done => done?,
        };
        if self.wire.ahead() {
            return Err(Fault::Gibberish("more than an answer before encryption"));
        }
        let stream = secure(self.wire.into_inner(), connector, host, self.timing.connect).await?;
        let mut client = Self::new(stream, &self.timing);
        client.tag = self.tag;
        client.capability().await?;
        Ok(client)
    }

    async fn sign_in(&mut self, user: &str, secret: &Secret) -> Result<(), Fault> {
        let refused = |said: String| Fault::SignIn { user: user.to_owned(), said };
        let secret = match secret {
            Secret::OAuth2Token(token) => {
                let token = token();
                if token.is_empty() || token.chars().any(char::is_control) {
                    return Err(refused("there is no OAuth 2 token at hand".into()));
                }
                if !self.offers("AUTH=XOAUTH2") {
                    return Err(Fault::NoSignIn("AUTH=XOAUTH2"));
                }
                let words = format!("user={user}\x01auth=Bearer {token}\x01\x01");
                return self.authenticate("XOAUTH2", &words).await?.map_err(refused);
            }
            Secret::Password(password) => password,
        };
        if self.offers("AUTH=PLAIN") {
            return self.authenticate("PLAIN", &format!("\0{user}\0{secret}")).await?.map_err(refused);
        }
        if self.offers("LOGINDISABLED") {
            return Err(Fault::NoSignIn("AUTH=PLAIN, LOGIN"));
        }
        // Words that do not fit in quotes are for AUTH=PLAIN, which every server that knows them offers.
        let (Some(user), Some(secret)) = (quoted(user), quoted(secret)) else {
            return Err(Fault::NoSignIn("AUTH=PLAIN, because of letters beyond ASCII"));
        };
        match self.ask("LOGIN", &format!(" {user} {secret}"), drop).await {
            Err(Fault::Refused { said, .. }) => Err(refused(said)),
            done => done.map(drop),
        }
    }

    /// `AUTHENTICATE` (RFC 3501, 6.2.2; RFC 4959). The inner error is what the server says when it refuses.
    async fn authenticate(&mut self, mechanism: &str, words: &str) -> Result<Result<(), String>, Fault> {
        let within = self.timing.command;
        timeout(within, self.do_authenticate(mechanism, words)).await.map_err(|_| Fault::Timeout("AUTHENTICATE"))?
    }

    async fn do_authenticate(&mut self, mechanism: &str, words: &str) -> Result<Result<(), String>, Fault> {
        let words = STANDARD.encode(words);
        let mut unsaid = Some(words.as_str());
        let initial = if self.offers("SASL-IR") { unsaid.take().map(|words| format!(" {words}")) } else { None };
        let tag = self.send(&format!("AUTHENTICATE {mechanism}{}", initial.unwrap_or_default())).await?;
        let mut challenge = None;
        loop {
            match self.response(LITERALS_MAX_BYTES).await? {
                Response::Continue(_) if unsaid.is_some() => self.wire.send(unsaid.take().unwrap_or_default()).await?,
                // XOAUTH2 tells why in a challenge, and says NO once that is acknowledged.
                Response::Continue(text) if challenge.is_none() => {
                    challenge = Some(String::from_utf8_lossy(&STANDARD.decode(text).unwrap_or_default()).into_owned());
                    self.wire.send("").await?;
                }
                Response::Continue(_) => return Err(Fault::Gibberish("AUTHENTICATE")),
                Response::Tagged(name, said) if name == tag => {
                    self.open = false;
                    let why = challenge.filter(|why| !why.trim().is_empty()).map(|why| format!(" ({})", plain(&why)));
                    return Ok(match said.status {
                        Status::Ok => Ok(()),
                        _ => Err(said.text + &why.unwrap_or_default()),
                    });
                }
                response => self.untold(response)?,
            }
        }
    }

    /// `SELECT`; `folder` is an argument.
    pub async fn select(&mut self, folder: &str) -> Result<Folder, Fault> {
        let mut opened = Folder::default();
        let said = self
            .ask("SELECT", &format!(" {folder}"), |response| match response {
                Response::Untagged(Said { code: Code::UidValidity(number), .. }) => opened.uid_validity = number,
                Response::Untagged(Said { code: Code::PermanentFlags(flags), .. }) => {
                    opened.permanent_flags = Some(flags);
                }
                _ => {}
            })
            .await?;
        opened.read_only = said.code == Code::ReadOnly;
        Ok(opened)
    }

    pub async fn noop(&mut self) -> Result<(), Fault> {
        self.ask("NOOP", "", drop).await.map(drop)
    }

    /// UIDs of the messages from number `first` to `last` that match, in order.
    pub async fn search(&mut self, first: u32, last: u32, criteria: &str) -> Result<Vec<u32>, Fault> {
        let most = (last - first) as usize + 1;
        let mut found = Vec::new();
        self.ask("UID SEARCH", &format!(" {first}:{last} {criteria}"), |response| {
            if let Response::Search(mut uids) = response {
                uids.truncate((most + 1).saturating_sub(found.len()));
                found.append(&mut uids);
            }
        })
        .await?;
        if found.len() > most {
            return Err(Fault::Gibberish("more found than there is"));
        }
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    /// The size of each of these messages, as far as they are still there.
    pub async fn sizes(&mut self, uids: &[u32]) -> Result<Vec<(u32, u64)>, Fault> {
        let set = uids.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
        let mut sizes: Vec<Option<u64>> = vec![None; uids.len()];
        self.ask("UID FETCH", &format!(" {set} (UID RFC822.SIZE)"), |response| {
            if let Response::Fetch(Fetched { uid: Some(uid), size: Some(size), .. }) = response
                && let Ok(at) = uids.binary_search(&uid)
            {
                sizes[at] = Some(size);
            }
        })
        .await?;
        Ok(uids.iter().zip(sizes).filter_map(|(uid, size)| Some((*uid, size?))).collect())
    }

    /// The whole message, without marking it as seen. `None` where it is gone or the server has nothing to give.
    pub async fn content(&mut self, uid: u32, max: usize) -> Result<Option<Vec<u8>>, Fault> {
        self.body(uid, "BODY.PEEK[]", max, self.timing.content).await
    }

    /// The first bytes of a message.
    pub async fn head(&mut self, uid: u32) -> Result<Option<Vec<u8>>, Fault> {
        let item = format!("BODY.PEEK[]<0.{HEAD_MAX_BYTES}>");
        self.body(uid, &item, HEAD_MAX_BYTES, self.timing.command).await
    }

    async fn body(&mut self, uid: u32, item: &str, max: usize, within: Duration) -> Result<Option<Vec<u8>>, Fault> {
        let mut content = None;
        let told = |response| {
            if let Response::Fetch(Fetched { uid: Some(told), content: Some(bytes), .. }) = response
                && told == uid
            {
                content = Some(bytes);
            }
        };
        self.exchange("UID FETCH", &format!(" {uid} (UID {item})"), max, within, told).await?;
        Ok(content)
    }

    pub async fn store(&mut self, uid: u32, flags: &str) -> Result<(), Fault> {
        self.ask("UID STORE", &format!(" {uid} +FLAGS.SILENT ({flags})"), drop).await.map(drop)
    }

    pub async fn expunge(&mut self, uid: u32) -> Result<(), Fault> {
        self.ask("UID EXPUNGE", &format!(" {uid}"), drop).await.map(drop)
    }

    /// `UID MOVE` or `UID COPY`; a folder that is not there yet is made.
    pub async fn transfer(&mut self, command: &'static str, uid: u32, folder: &str) -> Result<(), Fault> {
        let arguments = format!(" {uid} {folder}");
        match self.ask(command, &arguments, drop).await {
            Err(Fault::Refused { code: Code::TryCreate, .. }) => {
                self.ask("CREATE", &format!(" {folder}"), drop).await?;
                self.ask(command, &arguments, drop).await.map(drop)
            }
            done => done.map(drop),
        }
    }

    /// `IDLE` (RFC 2177) until there is more mail, `span` is over, or we are to stop.
    pub async fn idle(&mut self, span: Duration, stop: &mut watch::Receiver<bool>) -> Result<Idled, Fault> {
        let until = Instant::now() + span;
        let within = self.timing.command;
        let late = |_| Fault::Timeout("IDLE");
        let tag = timeout(within, self.send("IDLE")).await.map_err(late)??;
        let mut begun = false;
        while !begun || !self.grown {
            if begun {
                tokio::select! {
                    ready = self.wire.ready() => ready?,
                    () = sleep_until(until) => break,
                    () = stopped(stop) => break,
                }
            }
            match timeout(within, self.response(LITERALS_MAX_BYTES)).await.map_err(late)?? {
                Response::Continue(_) => begun = true,
                Response::Tagged(name, _) if name == tag => {
                    self.open = false;
                    return Ok(if self.grown { Idled::Over } else { Idled::Unable });
                }
                response => self.untold(response)?,
            }
        }
        timeout(within, self.end_idle(&tag)).await.map_err(late)??;
        Ok(Idled::Over)
    }

    async fn end_idle(&mut self, tag: &str) -> Result<(), Fault> {
        self.wire.send("DONE").await?;
        loop {
            match self.response(LITERALS_MAX_BYTES).await? {
                Response::Tagged(name, _) if name == tag => break,
                response => self.untold(response)?,
            }
        }
        self.open = false;
        Ok(())
    }

    /// Takes leave where that can still be understood.
    pub async fn logout(mut self) {
        if !self.open {
            let _ = timeout(FAREWELL, self.ask("LOGOUT", "", drop)).await;
        }
    }

    async fn ask(&mut self, command: &'static str, arguments: &str, each: impl FnMut(Response)) -> Result<Said, Fault> {
        self.exchange(command, arguments, LITERALS_MAX_BYTES, self.timing.command, each).await
    }

    /// One command and everything that is told until its answer; only `OK` is no error.
    async fn exchange(
        &mut self,
        command: &'static str,
        arguments: &str,
        literals_max: usize,
        within: Duration,
        mut each: impl FnMut(Response),
    ) -> Result<Said, Fault> {
        let talk = async {
            let tag = self.send(&format!("{command}{arguments}")).await?;
            loop {
                match self.response(literals_max).await? {
                    Response::Tagged(name, said) if name == tag => return Ok(said),
                    response @ (Response::Tagged(..) | Response::Continue(_)) => self.untold(response)?,
                    response @ Response::Untagged(Said { status: Status::Bye, .. }) if command != "LOGOUT" => {
                        self.untold(response)?;
                    }
                    response => each(response),
                }
            }
        };
        let said: Result<Said, Fault> = timeout(within, talk).await.map_err(|_| Fault::Timeout(command))?;
        let said = said?;
        self.open = false;
        match said.status {
            Status::Ok => Ok(said),
            _ => Err(Fault::Refused { command, said: said.text, code: said.code }),
        }
    }

    /// Sends one command under the next tag.
    async fn send(&mut self, command: &str) -> Result<String, Fault> {
        self.tag = self.tag.wrapping_add(1);
        let tag = format!("B{}", self.tag);
        self.open = true;
        self.wire.send(&format!("{tag} {command}")).await?;
        Ok(tag)
    }

    /// The next response; keeps count of the messages.
    async fn response(&mut self, literals_max: usize) -> Result<Response, Fault> {
        let response = parse(self.wire.frame(literals_max).await?)?;
        match response {
            Response::Exists(count) => {
                self.grown |= count > self.exists;
                self.exists = count;
            }
            Response::Expunge => self.exists = self.exists.saturating_sub(1),
            _ => {}
        }
        Ok(response)
    }

    /// What nobody asked for.
    fn untold(&self, response: Response) -> Result<(), Fault> {
        match response {
            Response::Untagged(Said { status: Status::Bye, text, .. }) => Err(Fault::Bye(text)),
            Response::Tagged(..) => Err(Fault::Gibberish("an answer to nothing")),
            Response::Continue(_) => Err(Fault::Gibberish("a question in the wrong place")),
            _ => Ok(()),
        }
    }
}

async fn connect(host: &str, port: u16, within: Duration) -> Result<TcpStream, Fault> {
    let mut why = io::Error::new(io::ErrorKind::NotFound, "its name has no address");
    let late = || io::Error::from(io::ErrorKind::TimedOut);
    let addresses = timeout(within, tokio::net::lookup_host((host, port))).await;
    for address in addresses.unwrap_or_else(|_| Err(late())).map_err(Fault::Connect)? {
        match timeout(within, TcpStream::connect(address)).await.unwrap_or_else(|_| Err(late())) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) => why = error,
        }
    }
    Err(Fault::Connect(why))
}

async fn secure(
    stream: Box<dyn Stream>,
    connector: &TlsConnector,
    host: &str,
    within: Duration,
) -> Result<Box<dyn Stream>, Fault> {
    let name = ServerName::try_from(host.to_owned()).map_err(|why| Fault::Tls(why.to_string()))?;
    let handshake = timeout(within, connector.connect(name, stream)).await.map_err(|_| Fault::Timeout("TLS"))?;
    Ok(Box::new(handshake.map_err(|why| Fault::Tls(why.to_string()))?))
}
