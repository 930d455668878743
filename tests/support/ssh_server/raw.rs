//! Connections on which nobody speaks SSH, or not for long.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[derive(Debug, Clone)]
pub struct Raw {
    pub first: Vec<u8>,
    pub then: Then,
}

#[derive(Debug, Clone)]
pub enum Then {
    /// Keeps the connection and says nothing.
    Hang,
    Close,
    /// This, for ever.
    Repeat(Vec<u8>),
}

impl Raw {
    pub fn new(first: impl Into<Vec<u8>>, then: Then) -> Self {
        Self { first: first.into(), then }
    }

    pub(super) async fn serve(&self, mut stream: TcpStream) {
        if stream.write_all(&self.first).await.is_err() {
            return;
        }
        match &self.then {
            Then::Close => {}
            Then::Hang => while let Ok(1..) = stream.read(&mut [0; 1024]).await {},
            Then::Repeat(bytes) => while stream.write_all(bytes).await.is_ok() {},
        }
    }
}

/// A packet before encryption (RFC 4253, 6 and 11.2) that everybody must read and ignore.
pub fn ignored_packet(data: usize) -> Vec<u8> {
    let mut payload = vec![2];
    payload.extend(u32::try_from(data).unwrap().to_be_bytes());
    payload.resize(payload.len() + data, b'x');
    let padding = 16 - (payload.len() + 5) % 8;
    let length = u32::try_from(payload.len() + 1 + padding).unwrap();
    let mut packet = length.to_be_bytes().to_vec();
    packet.push(u8::try_from(padding).unwrap());
    packet.extend(payload);
    packet.resize(packet.len() + padding, 0);
    packet
}
