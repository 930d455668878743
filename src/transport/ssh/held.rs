//! The bytes under a connection that somebody still wants.
//!
//! russh reads and writes them in a task of its own, which nobody can stop from outside: a far side that hangs in a key
//! exchange would keep the task and the socket for as long as the program runs. So the stream itself ends: when its owner
//! is gone, and when the far side takes nothing for too long (russh sends no question while it waits to write).

use std::io::{Error, ErrorKind, Result};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};
use tokio_util::sync::{CancellationToken, DropGuard, WaitForCancellationFutureOwned};

use crate::transport::Stream;

/// A stream that ends with its owner.
pub(super) struct Held<S> {
    stream: S,
    unused: Pin<Box<WaitForCancellationFutureOwned>>,
    silence: Duration,
    /// Runs while the far side takes nothing.
    stuck: Option<Pin<Box<Sleep>>>,
    /// The connection that this one goes through.
    _below: Option<Arc<DropGuard>>,
}

impl<S> Held<S> {
    /// A stream that ends when `unused` is cancelled, or the far side takes nothing for `silence`.
    pub(super) fn new(stream: S, unused: CancellationToken, silence: Duration, below: Option<Arc<DropGuard>>) -> Self {
        Self { stream, unused: Box::pin(unused.cancelled_owned()), silence, stuck: None, _below: below }
    }

    fn wanted(&mut self, cx: &mut Context<'_>) -> Result<()> {
        match self.unused.as_mut().poll(cx) {
            Poll::Ready(()) => Err(Error::from(ErrorKind::ConnectionAborted)),
            Poll::Pending => Ok(()),
        }
    }
}

impl<S: Stream> AsyncRead for Held<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        self.wanted(cx)?;
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: Stream> AsyncWrite for Held<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<Result<usize>> {
        self.wanted(cx)?;
        if let Poll::Ready(result) = Pin::new(&mut self.stream).poll_write(cx, buf) {
            self.stuck = None;
            return Poll::Ready(result);
        }
        let silence = self.silence;
        let stuck = self.stuck.get_or_insert_with(|| Box::pin(sleep(silence)));
        ready!(stuck.as_mut().poll(cx));
        Poll::Ready(Err(Error::new(ErrorKind::TimedOut, "it takes nothing that is sent to it")))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        self.wanted(cx)?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        self.wanted(cx)?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[tokio::test]
    async fn it_ends_with_its_owner() {
        let (near, _far) = duplex(10);
        let unused = CancellationToken::new();
        let mut held = Held::new(near, unused.clone(), MS, None);
        let owner = unused.drop_guard();
        let reading = tokio::spawn(async move { held.read_u8().await.unwrap_err().kind() });
        sleep(MS * 100).await;
        assert!(!reading.is_finished(), "nothing to read is no reason to end");
        drop(owner);
        assert_eq!(reading.await.unwrap(), ErrorKind::ConnectionAborted);
    }

    #[tokio::test]
    async fn it_ends_when_nothing_is_taken_but_not_when_little_is() {
        let (near, mut far) = duplex(10);
        let mut held = Held::new(near, CancellationToken::new(), MS * 500, None);
        let taking = tokio::spawn(async move {
            for _ in 0..10 {
                sleep(MS * 100).await;
                far.read_u8().await.unwrap();
            }
            far
        });
        let mut written = 0;
        let error = loop {
            match held.write(&[0]).await {
                Ok(length) => written += length,
                Err(error) => break error,
            }
        };
        assert_eq!((error.kind(), written), (ErrorKind::TimedOut, 20));
        drop(taking.await.unwrap());
    }
}
