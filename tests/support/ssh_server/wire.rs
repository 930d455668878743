//! The bytes under a session, slowed down, stopped or cut.

use std::net::Shutdown;
use std::os::fd::{AsFd, OwnedFd};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;

/// How a server writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    Usual,
    /// So many bytes, then nothing more; it goes on reading.
    StopsAfter(usize),
    /// So many bytes, then one by one with this pause.
    DripsAfter(usize, Duration),
}

/// Controls one connection.
#[derive(Debug, Clone)]
pub struct Wire(Arc<Control>);

/// A wire that may be closed already.
pub(super) struct WeakWire(Weak<Control>);

impl WeakWire {
    pub(super) fn upgrade(&self) -> Option<Wire> {
        self.0.upgrade().map(Wire)
    }
}

#[derive(Debug)]
struct Control {
    frozen: AtomicBool,
    mute: AtomicBool,
    socket: OwnedFd,
}

impl Wire {
    pub(super) fn of(stream: &TcpStream) -> Self {
        let socket = stream.as_fd().try_clone_to_owned().unwrap();
        Self(Arc::new(Control { frozen: AtomicBool::new(false), mute: AtomicBool::new(false), socket }))
    }

    /// Reads and writes nothing more, and does not say so.
    pub fn freeze(&self) {
        self.0.frozen.store(true, Ordering::SeqCst);
    }

    /// Writes nothing more, but goes on reading.
    pub fn mute(&self) {
        self.0.mute.store(true, Ordering::SeqCst);
    }

    /// Closes the connection.
    pub fn cut(&self) {
        // closed already: all the better
        let _ = std::net::TcpStream::from(self.0.socket.try_clone().unwrap()).shutdown(Shutdown::Both);
    }

    pub(super) fn downgrade(&self) -> WeakWire {
        WeakWire(Arc::downgrade(&self.0))
    }

    pub(super) fn wrap(self, stream: TcpStream, pace: Pace) -> Stream {
        Stream { wire: self, stream, pace, written: 0, pause: None }
    }

    fn is_frozen(&self) -> bool {
        self.0.frozen.load(Ordering::SeqCst)
    }
}

/// A connection under such control.
pub(super) struct Stream {
    wire: Wire,
    stream: TcpStream,
    pace: Pace,
    written: usize,
    pause: Option<Pin<Box<Sleep>>>,
}

impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        if self.wire.is_frozen() {
            return Poll::Pending;
        }
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<std::io::Result<usize>> {
        if self.wire.is_frozen() {
            return Poll::Pending;
        }
        if self.wire.0.mute.load(Ordering::SeqCst) {
            return Poll::Ready(Ok(buf.len()));
        }
        let (whole, pause) = match self.pace {
            Pace::Usual => (usize::MAX, None),
            Pace::StopsAfter(whole) => (whole, None),
            Pace::DripsAfter(whole, pause) => (whole, Some(pause)),
        };
        let mut room = whole.saturating_sub(self.written);
        if room == 0 {
            // swallowed: the session goes on and does not know
            let Some(pause) = pause else { return Poll::Ready(Ok(buf.len())) };
            let sleep = self.pause.get_or_insert_with(|| Box::pin(tokio::time::sleep(pause)));
            ready!(sleep.as_mut().poll(cx));
            self.pause = None;
            room = 1;
        }
        let part = &buf[..buf.len().min(room)];
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, part))?;
        self.written += written;
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
