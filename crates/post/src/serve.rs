//! The shell around a [`Session`]: sockets, time, TLS, and how many peers are served at once.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_rustls::TlsAcceptor;

use crate::door::{Door, Kept, Protocol, Reception};
use crate::session::{Action, Budget, Interruption, Rules, Session};

/// Connections of one address (of one /64 in IPv6) at once; this machine is not counted.
const CONNECTIONS_PER_PEER_MAX: usize = 100;
/// Memory for all mails on their way in, in bytes; at least one largest mail always fits.
const IN_FLIGHT_MAX_BYTES: usize = 256 * 1024 * 1024;
/// Piece in which a peer is read, in bytes.
const READ_BYTES: usize = 32 * 1024;
/// Longest time for a TLS handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(30);
/// Longest time until the peer takes our replies.
const WRITE_TIMEOUT: Duration = Duration::from_secs(60);
/// Longest time that the keeper may take; a peer waits 10 minutes (RFC 5321, 4.5.3.2.6).
const KEEP_TIMEOUT: Duration = Duration::from_secs(5 * 60);
/// Longest conversation, between two mails.
const SESSION_TIMEOUT: Duration = Duration::from_secs(60 * 60);
/// Longest silence while nine of ten connections are taken.
const CROWDED_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a stopping receiver lets mails on their way in finish.
const STOP_GRACE: Duration = Duration::from_secs(5);
/// Pause after a failed accept (out of file descriptors).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves SMTP until `stop` turns true or its sender is gone, then lets running mails finish for a few seconds.
pub async fn serve_smtp(
    listener: TcpListener,
    reception: Arc<Reception>,
    door: Arc<impl Door>,
    stop: watch::Receiver<bool>,
) {
    serve(Listener::Tcp(listener), reception, Protocol::Smtp, door, stop).await;
}

/// Serves LMTP on TCP, like [`serve_smtp`].
pub async fn serve_lmtp_tcp(
    listener: TcpListener,
    reception: Arc<Reception>,
    door: Arc<impl Door>,
    stop: watch::Receiver<bool>,
) {
    serve(Listener::Tcp(listener), reception, Protocol::Lmtp, door, stop).await;
}

/// Serves LMTP on a Unix socket, like [`serve_smtp`].
pub async fn serve_lmtp_unix(
    listener: UnixListener,
    reception: Arc<Reception>,
    door: Arc<impl Door>,
    stop: watch::Receiver<bool>,
) {
    serve(Listener::Unix(listener), reception, Protocol::Lmtp, door, stop).await;
}

enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

enum Socket {
    Tcp(TcpStream, IpAddr),
    Unix(UnixStream),
}

impl Listener {
    async fn accept(&self) -> io::Result<Socket> {
        match self {
            Listener::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                // Replies are single small writes; waiting to fill a packet only costs the peer time.
                let _ = stream.set_nodelay(true);
                Ok(Socket::Tcp(stream, peer.ip()))
            }
            Listener::Unix(listener) => Ok(Socket::Unix(listener.accept().await?.0)),
        }
    }
}

async fn serve(
    listener: Listener,
    reception: Arc<Reception>,
    protocol: Protocol,
    door: Arc<impl Door>,
    mut stop: watch::Receiver<bool>,
) {
    let shared = Arc::new(Shared {
        rules: Arc::new(Rules::new(&reception, protocol)),
        budget: Budget::new(IN_FLIGHT_MAX_BYTES.max(reception.size_max.saturating_mul(2))),
        peers: Peers::default(),
        reception,
        stop: stop.clone(),
    });
    let mut conversations = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            _ = stop.wait_for(|stop| *stop) => break,
            Some(_) = conversations.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        let Ok(socket) = accepted else {
            sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let seat = shared.seat(&socket, conversations.len());
        conversations.spawn(welcome(socket, seat, shared.clone(), door.clone()));
    }
    drop(listener);
    let _ = timeout(STOP_GRACE, async { while conversations.join_next().await.is_some() {} }).await;
}

/// What all conversations of a listener share.
struct Shared {
    rules: Arc<Rules>,
    reception: Arc<Reception>,
    budget: Arc<Budget>,
    peers: Peers,
    stop: watch::Receiver<bool>,
}

impl Shared {
    /// A seat for a new peer; `None` when the house or this peer's share of it is full.
    fn seat(self: &Arc<Self>, socket: &Socket, taken: usize) -> Option<Seat> {
        if taken >= self.reception.connections_max {
            return None;
        }
        let key = match socket {
            Socket::Tcp(_, ip) if !ip.to_canonical().is_loopback() => Some(network(*ip)),
            _ => None,
        };
        if let Some(key) = key {
            let mut peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
            let count = peers.entry(key).or_default();
            if *count >= CONNECTIONS_PER_PEER_MAX {
                return None;
            }
            *count += 1;
        }
        let crowded = taken.saturating_mul(10) >= self.reception.connections_max.saturating_mul(9);
        Some(Seat { key, crowded, shared: self.clone() })
    }
}

type Peers = Mutex<HashMap<IpAddr, usize>>;

/// The address under which a peer is counted: an IPv6 network (/64) is one household, office or attacker.
pub fn network(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() & !u128::from(u64::MAX))),
        v4 => v4,
    }
}

/// The right to one conversation; given back when dropped.
struct Seat {
    key: Option<IpAddr>,
    crowded: bool,
    shared: Arc<Shared>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let Some(key) = self.key else { return };
        let mut peers = self.shared.peers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = peers.get_mut(&key) {
            *count -= 1;
            if *count == 0 {
                peers.remove(&key);
            }
        }
    }
}

async fn welcome(socket: Socket, seat: Option<Seat>, shared: Arc<Shared>, door: Arc<impl Door>) {
    match socket {
        Socket::Tcp(stream, ip) => converse(stream, Some(ip), seat, shared, door).await,
        Socket::Unix(stream) => converse(stream, None, seat, shared, door).await,
    }
}

async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    peer: Option<IpAddr>,
    seat: Option<Seat>,
    shared: Arc<Shared>,
    door: Arc<impl Door>,
) {
    let Some(seat) = seat else {
        let _ = timeout(CROWDED_TIMEOUT, stream.write_all(&shared.rules.no_room())).await;
        let _ = timeout(CROWDED_TIMEOUT, stream.shutdown()).await;
        return;
    };
    let idle = if seat.crowded { CROWDED_TIMEOUT } else { shared.reception.command_timeout };
    let session = Session::new(shared.rules.clone(), shared.budget.clone(), peer);
    let mut talk = Talk { session, shared: &shared, door: &*door, idle, until: Instant::now() + SESSION_TIMEOUT };
    if talk.run(&mut stream).await != End::StartTls {
        return;
    }
    let Some(config) = shared.reception.tls.clone() else { return };
    let handshake = TlsAcceptor::from(config).accept(stream);
    let Ok(Ok(mut stream)) = timeout(HANDSHAKE_TIMEOUT, handshake).await else { return };
    talk.session.secured();
    talk.run(&mut stream).await;
}

#[derive(PartialEq, Eq)]
enum End {
    Closed,
    StartTls,
}

/// One conversation, on whatever carries it now.
struct Talk<'a, D> {
    session: Session,
    shared: &'a Shared,
    door: &'a D,
    idle: Duration,
    until: Instant,
}

impl<D: Door> Talk<'_, D> {
    async fn run<S: AsyncRead + AsyncWrite + Unpin>(&mut self, stream: &mut S) -> End {
        let mut buffer = vec![0; READ_BYTES];
        let mut content_until = None;
        loop {
            if self.flush(stream).await.is_err() {
                return End::Closed;
            }
            content_until = match (self.session.in_content(), content_until) {
                (false, _) => None,
                (true, None) => Some(Instant::now() + self.shared.reception.data_timeout),
                (true, until) => until,
            };
            let until = content_until.unwrap_or(self.until);
            let read = match self.read(stream, &mut buffer, until).await {
                Ok(0) | Err(None) => break,
                Ok(read) => read,
                Err(Some(why)) => {
                    self.session.interrupt(why);
                    break;
                }
            };
            match self.obey(stream, &buffer[..read]).await {
                Some(End::StartTls) => return End::StartTls,
                Some(End::Closed) => break,
                None => {}
            }
        }
        if self.flush(stream).await.is_ok() {
            let _ = timeout(WRITE_TIMEOUT, stream.shutdown()).await;
            drain(stream, &mut buffer).await;
        }
        End::Closed
    }

    /// Feeds what was read, and does what the session wishes.
    async fn obey<S: AsyncRead + AsyncWrite + Unpin>(&mut self, stream: &mut S, mut input: &[u8]) -> Option<End> {
        while !input.is_empty() {
            let (used, action) = self.session.take(input);
            input = &input[used..];
            match action {
                None => {}
                Some(Action::Close) => return Some(End::Closed),
                Some(Action::StartTls) => {
                    return Some(if self.flush(stream).await.is_ok() { End::StartTls } else { End::Closed });
                }
                Some(Action::Keep(envelope, raw)) => {
                    // The mail is complete: it is kept even when the peer has gone by now.
                    let kept = timeout(KEEP_TIMEOUT, self.door.keep(envelope, raw)).await;
                    let busy = || Kept::Busy { why: "Storage does not answer, try again later".into() };
                    self.session.kept(&kept.unwrap_or_else(|_| busy()));
                    self.until = self.until.max(Instant::now() + self.idle);
                }
            }
        }
        None
    }

    /// Reads once. `Err(None)`: the connection broke.
    async fn read<S: AsyncRead + Unpin>(
        &self,
        stream: &mut S,
        buffer: &mut [u8],
        until: Instant,
    ) -> Result<usize, Option<Interruption>> {
        let mut stop = self.shared.stop.clone();
        let in_content = self.session.in_content();
        let idle = Instant::now() + self.idle;
        let read = timeout_at(idle.min(until), stream.read(buffer));
        tokio::select! {
            biased;
            read = read => match read {
                Ok(read) => read.map_err(|_| None),
                Err(_) if until < idle => Err(Some(Interruption::Slow)),
                Err(_) => Err(Some(Interruption::Silent)),
            },
            // A stop with content on its way waits for the end of it, as long as the receiver lets it.
            _ = stop.wait_for(|stop| *stop), if !in_content => Err(Some(Interruption::Stopping)),
        }
    }

    async fn flush<S: AsyncWrite + Unpin>(&mut self, stream: &mut S) -> io::Result<()> {
        let out = self.session.output();
        if out.is_empty() {
            return Ok(());
        }
        let write = async {
            stream.write_all(&out).await?;
            stream.flush().await
        };
        timeout(WRITE_TIMEOUT, write).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }
}

/// Reads what the peer still sends, for a moment: closing a socket with unread input resets the connection, and the
/// last reply would be lost with it.
async fn drain<S: AsyncRead + Unpin>(stream: &mut S, buffer: &mut [u8]) {
    const DRAIN_TIME: Duration = Duration::from_secs(2);
    let _ = timeout(DRAIN_TIME, async { while matches!(stream.read(buffer).await, Ok(read) if read > 0) {} }).await;
}

#[cfg(test)]
mod tests;
