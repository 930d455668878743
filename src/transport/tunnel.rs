//! TCP connections that leave from where a connection leads.

use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};

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

/// A stream, and what must be there for as long as it is.
pub(super) struct With<S, T> {
    pub(super) stream: S,
    pub(super) _kept: Arc<T>,
}

impl<S: AsyncRead + Unpin, T> AsyncRead for With<S, T> {
    fn poll_read(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
        buffer: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::pin::Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin, T> AsyncWrite for With<S, T> {
    fn poll_write(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
        bytes: &[u8],
    ) -> std::task::Poll<std::io::Result<usize>> {
        std::pin::Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: std::pin::Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> std::task::Poll<std::io::Result<()>> {
        std::pin::Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: std::pin::Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> std::task::Poll<std::io::Result<()>> {
        std::pin::Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
