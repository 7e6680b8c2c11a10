//! The connection loop: axum on hyper, with the limits that `axum::serve` has not.

use crate::Web;
use crate::patience::Patient;
use crate::shares::{Share, Shares};
use axum::body::Body;
use axum::extract::Request;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use post::door::network;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tower::ServiceExt;

/// Connections at once; a browser holds a handful.
const CONNECTIONS_MAX: usize = 2000;
/// Connections of one address (of one /64 in IPv6) at once; a whole office sits behind one. This machine is not counted: a proxy on
/// it speaks for everybody.
const CONNECTIONS_PER_ADDRESS_MAX: usize = 200;
/// The same while it is crowded.
const CONNECTIONS_PER_ADDRESS_CROWDED_MAX: usize = 20;
/// It is crowded when fewer places are free than one in so many.
const CROWDED_ONE_IN: usize = 10;
/// Longest wait for the head of a request, which is also how long an idle connection is kept.
const HEAD_TIMEOUT: Duration = Duration::from_secs(20);
/// The same while it is crowded.
const HEAD_TIMEOUT_CROWDED: Duration = Duration::from_secs(5);
/// Longest head of a request, bytes.
const HEAD_BYTES_MAX: usize = 32 * 1024;
/// Most header fields.
const HEADERS_MAX: usize = 64;
/// How long open conversations may go on after the order to stop.
const GRACE: Duration = Duration::from_secs(4);
/// After an error of the listener (no file handles left), so long until the next try.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Address at the other end of the connection.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

/// A connection has all that its address may hold.
struct Full;

/// A place for one more connection of an address; `None` within: it is not counted.
fn share_of(shares: &Shares<IpAddr>, address: IpAddr, crowded: bool) -> Result<Option<Share<IpAddr>>, Full> {
    if address.is_loopback() {
        return Ok(None);
    }
    let most = if crowded { CONNECTIONS_PER_ADDRESS_CROWDED_MAX } else { CONNECTIONS_PER_ADDRESS_MAX };
    shares.take(network(address), most).map(Some).ok_or(Full)
}

/// Resolves when we are to stop, also when nobody is left to say so.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    // The value is a borrow that must not be held across an await of the caller.
    drop(stop.wait_for(|stop| *stop).await);
}

/// Serves the pages until `stop` becomes true, then lets open conversations end. At most `connections_max` at once, so that
/// enough files can be opened for everything else.
pub async fn serve(listener: TcpListener, web: Web, connections_max: usize, mut stop: watch::Receiver<bool>) {
    let app = crate::app::router(web.clone());
    let places_max = CONNECTIONS_MAX.min(connections_max);
    let places = Arc::new(Semaphore::new(places_max));
    let shares = Shares::default();
    let graceful = GracefulShutdown::new();
    loop {
        let place = places.clone().acquire_owned().await.expect("the semaphore is never closed");
        let (stream, peer) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    eprintln!("bolwerk: a connection for the pages could not be taken: {error}");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            },
            () = stopped(&mut stop) => break,
        };
        let crowded = places.available_permits() < places_max / CROWDED_ONE_IN;
        // One that holds its share already is let go without a word: there are no places for words either.
        let Ok(share) = share_of(&shares, peer.ip().to_canonical(), crowded) else { continue };
        // Small answers (one event of the live stream) leave at once.
        let _without = stream.set_nodelay(true);
        let app = app.clone();
        let service = hyper::service::service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
            let mut request: Request = request.map(Body::new);
            request.extensions_mut().insert(Peer(peer));
            app.clone().oneshot(request)
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(if crowded { HEAD_TIMEOUT_CROWDED } else { HEAD_TIMEOUT })
            .max_buf_size(HEAD_BYTES_MAX)
            .max_headers(HEADERS_MAX)
            .serve_connection(TokioIo::new(Patient::new(stream)), service);
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            // A peer that goes away in the middle is its own business.
            let _ended = connection.await;
            drop((place, share));
        });
    }
    web.close();
    drop(listener);
    let _in_time = tokio::time::timeout(GRACE, graceful.shutdown()).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_cannot_hold_all_places() {
        let shares = Shares::default();
        let take =
            |address: &str, crowded| share_of(&shares, address.parse::<IpAddr>().unwrap().to_canonical(), crowded);
        let held: Vec<_> =
            (0..CONNECTIONS_MAX).filter_map(|n| take(&format!("2001:db8:1:2::{n:x}"), false).ok()).collect();
        assert_eq!(held.len(), CONNECTIONS_PER_ADDRESS_MAX, "a network of IPv6 is one address");
        assert!(take("2001:db8:1:3::1", true).is_ok());
        let few: Vec<_> = (0..CONNECTIONS_MAX).filter_map(|_| take("::ffff:192.0.2.1", true).ok()).collect();
        assert_eq!(few.len(), CONNECTIONS_PER_ADDRESS_CROWDED_MAX);
        drop(held);
        assert!(take("2001:db8:1:2::1", true).is_ok(), "places come back");
        assert!((0..CONNECTIONS_MAX).all(|_| take("127.0.0.1", true).is_ok_and(|s| s.is_none())));
    }
}
