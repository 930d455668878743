//! One question over HTTP, to a server on loopback: the body comes whole, and then the server hangs up.

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, StreamOwned};
use serde_json::Value;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use super::authority::Signed;

/// How long a server may take for a part of its answer.
const ANSWERS_WITHIN: Duration = Duration::from_secs(60);

/// Who is trusted, and who asks.
#[derive(Clone)]
pub struct Client(Arc<ClientConfig>);

impl Client {
    /// One that trusts `authority` (PEM) and shows `own`.
    pub fn new(authority: &str, own: &Signed) -> io::Result<Client> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(authority.as_bytes()).map_err(io::Error::other)?).map_err(io::Error::other)?;
        let chain = vec![CertificateDer::from_pem_slice(own.certificate.as_bytes()).map_err(io::Error::other)?];
        let key = PrivateKeyDer::from_pem_slice(own.key.as_bytes()).map_err(io::Error::other)?;
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider())).with_safe_default_protocol_versions();
        let config = builder.map_err(io::Error::other)?.with_root_certificates(roots).with_client_auth_cert(chain, key);
        Ok(Client(Arc::new(config.map_err(io::Error::other)?)))
    }

    /// Asks over TLS. The status, and the body.
    pub fn ask(&self, port: u16, method: &str, path: &str, body: Option<&Value>) -> io::Result<(u16, String)> {
        exchange(self.connect(port)?, method, path, body)
    }

    /// A connection over TLS.
    pub fn connect(&self, port: u16) -> io::Result<StreamOwned<ClientConnection, TcpStream>> {
        let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
        let tls = ClientConnection::new(self.0.clone(), name).map_err(io::Error::other)?;
        Ok(StreamOwned::new(tls, connect(port)?))
    }
}

/// A server over TLS that asks nobody who they are.
pub fn server(own: &Signed) -> io::Result<ServerConfig> {
    let chain = vec![CertificateDer::from_pem_slice(own.certificate.as_bytes()).map_err(io::Error::other)?];
    let key = PrivateKeyDer::from_pem_slice(own.key.as_bytes()).map_err(io::Error::other)?;
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider())).with_safe_default_protocol_versions();
    builder.map_err(io::Error::other)?.with_no_client_auth().with_single_cert(chain, key).map_err(io::Error::other)
}

/// Asks without TLS.
pub fn get(port: u16, path: &str) -> io::Result<(u16, String)> {
    exchange(connect(port)?, "GET", path, None)
}

/// Asks a gateway to gRPC, without TLS; it gives up after half a minute.
pub fn post(port: u16, path: &str, body: &Value) -> io::Result<(u16, String)> {
    exchange_with(connect(port)?, "POST", path, "Grpc-Timeout: 30S\r\n", Some(body))
}

fn connect(port: u16) -> io::Result<TcpStream> {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_nodelay(true)?; // else each small piece waits 40 ms for the other side's word that it has the one before
    stream.set_read_timeout(Some(ANSWERS_WITHIN))?;
    stream.set_write_timeout(Some(ANSWERS_WITHIN))?;
    Ok(stream)
}

/// HTTP/1.0, in which a body ends with the connection.
fn exchange(stream: impl Read + Write, method: &str, path: &str, body: Option<&Value>) -> io::Result<(u16, String)> {
    exchange_with(stream, method, path, "", body)
}

/// The same with headers of its own, each with its end.
fn exchange_with(mut stream: impl Read + Write, method: &str, path: &str, more: &str, body: Option<&Value>) -> io::Result<(u16, String)> {
    let body = body.map(Value::to_string).unwrap_or_default();
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.0\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n{more}\r\n{body}"
    )?;
    stream.flush()?;
    let mut answer = Vec::new();
    // Go's server hangs up without TLS's own farewell
    match stream.read_to_end(&mut answer) {
        Err(e) if e.kind() != io::ErrorKind::UnexpectedEof => return Err(e),
        _ => {}
    }
    let answer = String::from_utf8_lossy(&answer);
    let parts = answer.split_once("\r\n\r\n").and_then(|(head, body)| Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned())));
    parts.ok_or_else(|| io::Error::other(format!("no HTTP: {answer:?}")))
}
