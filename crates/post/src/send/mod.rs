//! Handing one mail to a relay (RFC 5321), and saying exactly what is known of it afterwards.
//!
//! What may not be blurred is the moment of the final dot: whatever breaks before it, the relay does not have the
//! mail; once it is on its way, only the relay's reply tells ([`Delivery::Later`] with `unsure`).

mod client;
mod direct;
mod trust;

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use self::client::{Client, Fault, Reply};
pub use self::direct::{Direct, deliver_direct};
pub use self::trust::{Trust, TrustError};

/// How the connection is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    Off,
    /// Encrypted where the relay offers it, without proof of who it is (as between mail servers), and with proof
    /// where a password is to be sent.
    StartTlsIfOffered,
    /// Encrypted and proven, or nothing is sent.
    StartTls,
    /// The same, from the first byte (port 465, RFC 8314).
    Implicit,
}

/// Where mail goes out.
#[derive(Clone, PartialEq, Eq)]
pub struct Relay {
    /// Name or address.
    pub host: String,
    pub port: u16,
    pub tls: Tls,
    /// User and password; never sent unencrypted, but to this machine.
    pub user: Option<(String, String)>,
}

/// Without the password: this ends in logs.
impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let user = self.user.as_ref().map(|(user, _)| user);
        let Relay { host, port, tls, .. } = self;
        f.debug_struct("Relay").field("host", host).field("port", port).field("tls", tls).field("user", &user).finish()
    }
}

/// How long each step may take (RFC 5321, 4.5.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    pub connect: Duration,
    /// Each command and its reply; each handshake.
    pub command: Duration,
    /// The content up to its final dot.
    pub data: Duration,
    /// From the final dot to the reply.
    pub end: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        let minutes = |n: u64| Duration::from_secs(n * 60);
        Self { connect: Duration::from_secs(30), command: minutes(5), data: minutes(10), end: minutes(10) }
    }
}

/// What is known after one try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// The relay has it.
    Taken { said: String },
    /// The relay does not have it, or (`unsure`) may have it: try again under the same Message-ID. `code` is 0 where
    /// no reply says why.
    Later { code: u16, said: String, unsure: bool },
    /// It will not be taken, this way, ever.
    Refused { code: u16, said: String },
}

impl Delivery {
    fn later(reply: &Reply) -> Self {
        Delivery::Later { code: reply.code, said: reply.said(), unsure: false }
    }

    /// What a reply to `MAIL`, `RCPT`, `DATA` or the content means for the mail.
    fn of(reply: &Reply) -> Self {
        match reply.code {
            200..=299 => Delivery::Taken { said: reply.said() },
            500..=599 => Delivery::Refused { code: reply.code, said: reply.said() },
            _ => Delivery::later(reply),
        }
    }

    /// What a conversation that did not come to the mail means: whatever went wrong is not about the mail, so try again later.
    fn unopened(fault: Fault) -> Self {
        match fault {
            Fault::Said(reply) => Delivery::later(&reply),
            fault => Delivery::broken(&fault),
        }
    }

    fn broken(fault: &Fault) -> Self {
        Delivery::unasked(fault.to_string())
    }

    /// No server was asked: try again later.
    fn unasked(said: String) -> Self {
        Delivery::Later { code: 0, said, unsure: false }
    }

    fn refused(code: u16, said: &str) -> Self {
        Delivery::Refused { code, said: said.to_owned() }
    }
}

/// Hands over one mail for one recipient, with the certificates that this machine trusts. `raw` gets CR LF line ends
/// and stuffed dots on the way. An empty `envelope_from` is the null sender.
pub async fn deliver(
    relay: &Relay,
    helo: &str,
    envelope_from: &str,
    to: &str,
    raw: &[u8],
    timeouts: &Timeouts,
) -> Delivery {
    deliver_trusting(relay, &Trust::system(), helo, envelope_from, to, raw, timeouts).await
}

/// As [`deliver`], trusting other certificates.
pub async fn deliver_trusting(
    relay: &Relay,
    trust: &Trust,
    helo: &str,
    envelope_from: &str,
    to: &str,
    raw: &[u8],
    timeouts: &Timeouts,
) -> Delivery {
    if let Some(refused) = unlawful(envelope_from, to) {
        return refused;
    }
    match open(relay, trust, helo, timeouts).await {
        Ok(client) => hand_to(client, envelope_from, to, raw, timeouts).await,
        Err(fault) => Delivery::unopened(fault),
    }
}

/// Why a mail goes nowhere, whoever is asked: its sender or recipient cannot stand in a command.
fn unlawful(envelope_from: &str, to: &str) -> Option<Delivery> {
    let bad = !lawful(envelope_from) || !lawful(to) || to.is_empty();
    bad.then(|| Delivery::refused(553, "The address holds what no address can hold"))
}

/// Whether an address can stand in a command.
fn lawful(address: &str) -> bool {
    !address.contains(|c: char| c.is_control() || c.is_whitespace() || c == '<' || c == '>')
}

/// Hands over the mail in a conversation that is open, and ends it.
async fn hand_to(mut client: Client, envelope_from: &str, to: &str, raw: &[u8], timeouts: &Timeouts) -> Delivery {
    let ascii = envelope_from.is_ascii() && to.is_ascii();
    let smtputf8 = !ascii || !raw[..crate::scan::header_len(raw, usize::MAX)].is_ascii();
    let delivery = match client.parameters(raw, smtputf8) {
        Ok(parameters) => hand_over(&mut client, envelope_from, to, raw, &parameters, timeouts).await,
        Err(why) => Delivery::Refused { code: why.0, said: why.1 },
    };
    client.quit().await;
    delivery
}

async fn open(relay: &Relay, trust: &Trust, helo: &str, timeouts: &Timeouts) -> Result<Client, Fault> {
    let (stream, peer) = connect(relay, timeouts.connect).await.map_err(Fault::Connect)?;
    introduce(stream, peer, relay, trust, helo, timeouts).await
}

/// Greets, encrypts and signs in.
async fn introduce(
    stream: TcpStream,
    peer: IpAddr,
    relay: &Relay,
    trust: &Trust,
    helo: &str,
    timeouts: &Timeouts,
) -> Result<Client, Fault> {
    let proven = trust.connector(true);
    let mut client = Client::new(stream, timeouts.command);
    if relay.tls == Tls::Implicit {
        client = client.secure(&proven.map_err(Fault::Trust)?, &relay.host).await?;
        client.greet().await?;
        client.hello(helo).await?;
    } else {
        client.greet().await?;
        client.hello(helo).await?;
        let offered = client.offers("STARTTLS");
        if relay.tls == Tls::StartTls && !offered {
            return Err(Fault::NoTls);
        }
        if relay.tls != Tls::Off && offered {
            // A password goes to nobody who has not proven who they are.
            let prove = relay.tls == Tls::StartTls || relay.user.is_some();
            let connector = if prove { proven } else { trust.connector(false) };
            client = client.starttls(&connector.map_err(Fault::Trust)?, &relay.host).await?;
            client.hello(helo).await?;
        }
    }
    if let Some((user, password)) = &relay.user {
        if !client.secured() && !peer.is_loopback() {
            return Err(Fault::Unprotected);
        }
        client.sign_in(user, password).await?;
    }
    Ok(client)
}

async fn connect_to(address: SocketAddr, within: Duration) -> io::Result<TcpStream> {
    let stream =
        timeout(within, TcpStream::connect(address)).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

async fn connect(relay: &Relay, within: Duration) -> io::Result<(TcpStream, IpAddr)> {
    let host = relay.host.trim_start_matches('[').trim_end_matches(']');
    let mut why = io::Error::new(io::ErrorKind::NotFound, "the relay's name has no address");
    let addresses = timeout(within, tokio::net::lookup_host((host, relay.port))).await;
    for address in addresses.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))? {
        match connect_to(address, within).await {
            Ok(stream) => return Ok((stream, address.ip())),
            Err(error) => why = error,
        }
    }
    Err(why)
}

async fn hand_over(
    client: &mut Client,
    from: &str,
    to: &str,
    raw: &[u8],
    parameters: &str,
    timeouts: &Timeouts,
) -> Delivery {
    for (command, wanted) in
        [(format!("MAIL FROM:<{from}>{parameters}"), 2), (format!("RCPT TO:<{to}>"), 2), ("DATA".to_owned(), 3)]
    {
        match client.command(&command).await {
            Ok(reply) if reply.code / 100 == wanted => {}
            // A 2xx where 354 was due is as little a promise as a 1xx: the content has not been sent.
            Ok(reply) if reply.code / 100 == 2 => return Delivery::later(&reply),
            Ok(reply) => return Delivery::of(&reply),
            Err(fault) => return Delivery::broken(&fault),
        }
    }
    if let Err(fault) = client.content(raw, timeouts.data).await {
        return match client.last_words().await {
            Some(reply) => Delivery::later(&reply),
            None => Delivery::broken(&fault),
        };
    }
    match client.final_dot(timeouts.end).await {
        Ok(reply) => Delivery::of(&reply),
        Err(fault) => {
            let said = format!("The connection broke after the mail was sent, before the relay answered: {fault}");
            Delivery::Later { code: 0, said, unsure: true }
        }
    }
}

/// Hands a mail to a relay that says these bytes; for fuzzing.
pub(crate) fn fuzz(said: std::io::Cursor<Vec<u8>>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let ended = runtime.expect("a clock is all it needs").block_on(client::converse(said));
    drop(ended.map_err(|why| why.to_string()));
}
