//! A connection whose peer must take what it asked for: hyper limits the time of a head, nobody else that of an answer.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// A peer that is behind has so long...
pub(crate) const WRITE_WINDOW: Duration = Duration::from_secs(30);
/// ...to take so many bytes: 2 KiB a second, a tenth of the slowest mobile net.
pub(crate) const WRITE_BYTES_MIN: usize = 64 << 10;

/// A stream that ends with [`io::ErrorKind::TimedOut`] when its peer takes too little for too long.
pub(crate) struct Patient<S> {
    stream: S,
    /// Bytes taken since the peer fell behind; `None` while it keeps up.
    taken: Option<usize>,
    end: Pin<Box<Sleep>>,
}

impl<S> Patient<S> {
    pub(crate) fn new(stream: S) -> Patient<S> {
        Patient { stream, taken: None, end: Box::pin(tokio::time::sleep(WRITE_WINDOW)) }
    }

    fn told(&mut self, context: &mut Context<'_>, wrote: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match wrote {
            Poll::Ready(wrote) => {
                let enough = |taken: usize| (taken < WRITE_BYTES_MIN).then_some(taken);
                self.taken = self.taken.and_then(|taken| enough(taken + *wrote.as_ref().unwrap_or(&0)));
                Poll::Ready(wrote)
            }
            Poll::Pending => {
                if self.taken.is_none() {
                    self.taken = Some(0);
                    self.end.as_mut().reset(Instant::now() + WRITE_WINDOW);
                }
                ready!(self.end.as_mut().poll(context));
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, to)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.told(context, wrote)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.stream).poll_write_vectored(context, pieces);
        self.told(context, wrote)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = ready!(Pin::new(&mut self.stream).poll_flush(context));
        // All that there was is taken: the peer keeps up.
        self.taken = None;
        Poll::Ready(flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    /// Sends an answer to a peer that takes `bytes` every `pause`: whether all of it went, and after how long.
    async fn send(answer: usize, bytes: usize, pause: Duration) -> (io::Result<()>, Duration) {
        let (ours, mut theirs) = tokio::io::duplex(1024);
        let peer = tokio::spawn(async move {
            let mut taken = vec![0; bytes];
            while bytes > 0 && theirs.read_exact(&mut taken).await.is_ok() {
                tokio::time::sleep(pause).await;
            }
            // One that takes nothing keeps the connection open all the same.
            tokio::time::sleep(WRITE_WINDOW * 100).await;
        });
        let began = Instant::now();
        let mut patient = Patient::new(ours);
        let sent = patient.write_all(&vec![b'x'; answer]).await;
        peer.abort();
        (sent, began.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_takes_nothing_or_drop_by_drop_is_let_go() {
        for (bytes, pause) in [(0, 1), (1, 1), (512, 1), (1024, 29)] {
            let (sent, after) = send(1 << 20, bytes, Duration::from_secs(pause)).await;
            assert_eq!(sent.expect_err("it takes too long").kind(), io::ErrorKind::TimedOut, "{bytes} in {pause} s");
            assert!(after <= WRITE_WINDOW * 2, "{after:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_phone_gets_the_whole_answer() {
        let (sent, after) = send(1 << 20, 4096, Duration::from_secs(1)).await;
        sent.expect("4 KiB a second is enough");
        assert!(after > WRITE_WINDOW * 2, "{after:?}");
    }
}
