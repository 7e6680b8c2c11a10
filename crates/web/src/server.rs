//! The connection loop: axum on hyper, with the limits that `axum::serve` has not.

use crate::Web;
use axum::body::Body;
use axum::extract::Request;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tower::ServiceExt;

/// Connections at once; a browser holds a handful.
const CONNECTIONS_MAX: usize = 2000;
/// Longest wait for the head of a request, which is also how long an idle connection is kept.
const HEAD_TIMEOUT: Duration = Duration::from_secs(20);
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

/// Resolves when we are to stop, also when nobody is left to say so.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    // The value is a borrow that must not be held across an await of the caller.
    drop(stop.wait_for(|stop| *stop).await);
}

/// Serves the pages until `stop` becomes true, then lets open conversations end. At most `connections_max` at once, so that
/// enough files can be opened for everything else.
pub async fn serve(listener: TcpListener, web: Web, connections_max: usize, mut stop: watch::Receiver<bool>) {
    let app = crate::app::router(web.clone());
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX.min(connections_max)));
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
            .header_read_timeout(HEAD_TIMEOUT)
            .max_buf_size(HEAD_BYTES_MAX)
            .max_headers(HEADERS_MAX)
            .serve_connection(TokioIo::new(stream), service);
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            // A peer that goes away in the middle is its own business.
            let _ended = connection.await;
            drop(place);
        });
    }
    web.close();
    drop(listener);
    let _in_time = tokio::time::timeout(GRACE, graceful.shutdown()).await;
}
