//! One question and its answer, over one connection.

use std::io;
use std::time::Duration;

use futures_util::stream::{self, Stream};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{HeaderName, HeaderValue};
use hyper::{Request, Response, Uri};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;
use tokio_util::io::StreamReader;

use super::address::Address;
use crate::transport::Tunnel;

/// How long the head of a proxy's answer may be, in bytes.
const PROXY_HEAD: usize = 16 << 10;

/// What is said.
pub(super) struct Said<'a> {
    pub(super) method: &'a str,
    /// The path, or the whole address for a proxy.
    pub(super) target: &'a str,
    pub(super) headers: &'a [(String, String)],
    pub(super) body: Option<&'a [u8]>,
}

/// Asks, and waits for the answer's head.
///
/// # Errors
/// The connection ended, or what came is no answer: in words for people.
pub(super) async fn exchange(tunnel: Tunnel, said: &Said<'_>) -> Result<Response<Incoming>, String> {
    let words = |error: hyper::Error| chain(&error);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(tunnel)).await.map_err(words)?;
    tokio::spawn(connection);
    let bad = |what: &str| format!("{what} cannot be said to a server");
    let uri: Uri = said.target.parse().map_err(|_| bad("the address"))?;
    let body = Full::new(Bytes::from(said.body.unwrap_or_default().to_vec()));
    let mut request = Request::builder().method(said.method).uri(uri).body(body).map_err(|_| bad("the method"))?;
    for (name, value) in said.headers {
        let header = HeaderName::try_from(name.as_str()).ok().zip(HeaderValue::from_bytes(value.as_bytes()).ok());
        let (name, value) = header.ok_or_else(|| bad(&format!("the header {name}")))?;
        request.headers_mut().append(name, value);
    }
    sender.send_request(request).await.map_err(words)
}

/// Asks a proxy for a connection to another server.
///
/// # Errors
/// It gives none: in words for people.
pub(super) async fn through(mut tunnel: Tunnel, address: &Address, authorization: Option<String>) -> Result<Tunnel, String> {
    let host = if address.host.contains(':') { format!("[{}]", address.host) } else { address.host.clone() };
    let place = format!("{host}:{}", address.port());
    let authorization = authorization.map_or_else(String::new, |value| format!("Proxy-Authorization: {value}\r\n"));
    let question = format!("CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n{authorization}\r\n");
    let words = |error: io::Error| format!("the proxy: {error}");
    tunnel.write_all(question.as_bytes()).await.map_err(words)?;
    tunnel.flush().await.map_err(words)?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") && head.len() < PROXY_HEAD {
        // what follows belongs to the server behind it
        head.push(tunnel.read_u8().await.map_err(words)?);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let first = head.lines().next().unwrap_or_default();
    match first.split_whitespace().nth(1) {
        Some(status) if status.starts_with('2') => Ok(tunnel),
        _ => Err(format!("the proxy gives no connection to {place}: {first}")),
    }
}

/// An answer's header lines, as they go over the line.
pub(super) fn head(response: &Response<Incoming>) -> Vec<u8> {
    let status = response.status();
    let reason = match response.extensions().get::<hyper::ext::ReasonPhrase>() {
        Some(reason) => String::from_utf8_lossy(reason.as_bytes()).into_owned(),
        None => status.canonical_reason().unwrap_or_default().to_owned(),
    };
    let mut head = format!("{:?} {} {reason}\r\n", response.version(), status.as_u16()).into_bytes();
    for (name, value) in response.headers() {
        head.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    head.extend(b"\r\n");
    head
}

/// An answer's body, as a file is read; nothing may come for as long as `limit`.
pub(super) fn body(response: Response<Incoming>, limit: Duration) -> impl AsyncRead + Send + Unpin {
    StreamReader::new(Box::pin(pieces(response.into_body(), limit)))
}

fn pieces(body: Incoming, limit: Duration) -> impl Stream<Item = io::Result<Bytes>> + Send {
    stream::unfold(Some(body), move |body| async move {
        let mut body = body?;
        loop {
            match timeout(limit, body.frame()).await {
                Err(_) => return Some((Err(io::Error::new(io::ErrorKind::TimedOut, silent(limit))), None)),
                Ok(None) => return None,
                Ok(Some(Err(error))) => return Some((Err(io::Error::other(chain(&error))), None)),
                // trailers are nobody's concern
                Ok(Some(Ok(frame))) => {
                    if let Ok(bytes) = frame.into_data() {
                        return Some((Ok(bytes), Some(body)));
                    }
                }
            }
        }
    })
}

/// What is said of a server that says nothing.
pub(super) fn silent(limit: Duration) -> String {
    format!("the server says nothing for {} s", limit.as_secs())
}

/// An error, and what it comes of.
fn chain(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", chain(source)),
        None => error.to_string(),
    }
}
