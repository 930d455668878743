//! TCP connections that leave from where a connection leads.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// How long after the last byte of a lost connection it may take until we know that it is lost.
const KNOWN: Duration = Duration::from_millis(10);

/// The bytes of a TCP connection.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// A TCP connection that leaves from the machine; what it goes over stays in use for as long as it is there.
pub type Tunnel = Box<dyn Stream>;

/// There is no such connection.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TunnelError {
    /// The machine's SSH server opens none, whereto ever: sshd_config(5), AllowTcpForwarding and PermitOpen.
    #[error("the SSH server there does not forward TCP connections")]
    Forbidden,
    /// The machine could not connect.
    #[error("{to}: {why}")]
    NotConnected {
        /// Whereto.
        to: String,
        /// Why.
        why: String,
    },
    /// The connection to the machine is gone.
    #[error("the connection was lost: {0}")]
    Lost(String),
}

/// A stream, and what must be there for as long as it is. It ends where the far side ended it; where the connection below
/// it was lost, that is an error.
pub(super) struct With<S, T> {
    stream: S,
    _kept: Arc<T>,
    /// Why the connection below was lost, if it was.
    lost: Box<dyn Fn() -> Option<String> + Send>,
    /// It has ended; why is known in a moment.
    ended: Option<Pin<Box<Sleep>>>,
}

impl<S, T> With<S, T> {
    pub(super) fn new(stream: S, kept: Arc<T>, lost: impl Fn() -> Option<String> + Send + 'static) -> Self {
        Self { stream, _kept: kept, lost: Box::new(lost), ended: None }
    }
}

impl<S: AsyncRead + Unpin, T> AsyncRead for With<S, T> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.ended.is_none() {
            let before = buffer.filled().len();
            ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
            if buffer.filled().len() > before || buffer.remaining() == 0 {
                return Poll::Ready(Ok(()));
            }
        }
        ready!(self.ended.get_or_insert_with(|| Box::pin(sleep(KNOWN))).as_mut().poll(cx));
        Poll::Ready((self.lost)().map_or(Ok(()), |why| Err(io::Error::new(io::ErrorKind::ConnectionAborted, why))))
    }
}

impl<S: AsyncWrite + Unpin, T> AsyncWrite for With<S, T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test]
    async fn what_ends_because_the_connection_is_lost_is_not_whole() {
        for lost in [None, Some("gone".to_owned())] {
            let (ours, mut theirs) = tokio::io::duplex(64);
            theirs.write_all(b"half").await.unwrap();
            drop(theirs);
            let why = lost.clone();
            let mut text = String::new();
            let read = With::new(ours, Arc::new(()), move || why.clone()).read_to_string(&mut text).await;
            assert_eq!(read.map_err(|error| error.to_string()), lost.map_or(Ok(4), Err));
        }
    }
}
