//! The connection under the client: through a proxy if there is one, in TLS that trusts whom it is told to, kept for the next request.
//!
//! One stack for both, so that a private authority's certificate and a proxy go together.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{HOST, HeaderValue};
use hyper::{Request, Response, Uri};
use hyper_util::rt::TokioIo;
use octocrab::OctoBody;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::diagnostics::with_causes;

/// The longest answer of a proxy that is read.
const PROXY_SAYS: usize = 16 << 10;

/// Where a server is, in an address like `https://api.github.com/v3`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    is_secure: bool,
    host: String,
    port: u16,
    path: String,
}

impl Place {
    /// From an address; nothing of it is left out of account, so one with a user or a query is refused.
    pub(super) fn read(address: &str) -> Option<Self> {
        let uri: Uri = address.parse().ok()?;
        let is_secure = match uri.scheme_str()? {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        if uri.authority()?.as_str().contains('@') || uri.query().is_some() {
            return None;
        }
        let host = uri.host()?.trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = uri.port_u16().unwrap_or(if is_secure { 443 } else { 80 });
        Some(Self { is_secure, host, port, path: uri.path().trim_end_matches('/').to_owned() })
    }

    fn authority(&self) -> String {
        if self.host.contains(':') { format!("[{}]:{}", self.host, self.port) } else { format!("{}:{}", self.host, self.port) }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", if self.is_secure { "https" } else { "http" }, self.authority(), self.path)
    }
}

/// A proxy that is spoken to by HTTP.
#[derive(Debug, Clone)]
pub(super) struct Proxy {
    pub(super) place: Place,
    /// `user:password`.
    pub(super) login: Option<SecretString>,
}

/// Why a request has no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// Nothing was sent.
    #[error("{0}")]
    Unreachable(String),
    /// It may have been done.
    #[error("{0}")]
    Cut(String),
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Requests to one server.
#[derive(Clone)]
pub(super) struct Connection(Arc<Inner>);

struct Inner {
    place: Place,
    proxy: Option<Proxy>,
    tls: Arc<ClientConfig>,
    connect: Duration,
    kept: Mutex<Option<SendRequest<OctoBody>>>,
}

impl Connection {
    /// Nothing is connected before the first request.
    ///
    /// # Errors
    /// No authority can be read, in words for people.
    pub(super) fn new(place: Place, proxy: Option<Proxy>, authorities: &[u8], connect: Duration) -> Result<Self, String> {
        let mut roots = RootCertStore::empty();
        let (read, _) = roots.add_parsable_certificates(CertificateDer::pem_slice_iter(authorities).filter_map(Result::ok));
        if read == 0 && place.is_secure {
            return Err("there is no certificate of an authority".into());
        }
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider())).with_safe_default_protocol_versions();
        let mut tls = builder.map_err(|error| error.to_string())?.with_root_certificates(roots).with_no_client_auth();
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self(Arc::new(Inner { place, proxy, tls: Arc::new(tls), connect, kept: Mutex::new(None) })))
    }

    async fn send(self, mut request: Request<OctoBody>) -> Result<Response<Incoming>, Fault> {
        let inner = &self.0;
        let asked = request.uri().path_and_query().map_or("/", |asked| asked.as_str());
        let whole = format!("{}{asked}", inner.place.path);
        *request.uri_mut() = whole.parse::<Uri>().map_err(|error| Fault::Unreachable(format!("{whole}: {error}")))?;
        let host = HeaderValue::from_str(&inner.place.authority()).map_err(|error| Fault::Unreachable(error.to_string()))?;
        request.headers_mut().insert(HOST, host);
        let kept = inner.kept.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut sender) = kept
            && sender.ready().await.is_ok()
        {
            match sender.try_send_request(request).await {
                Ok(response) => return Ok(inner.keep(sender, response)),
                // a server closes what nobody has used for long; what was not sent is sent again
                Err(mut error) => match error.take_message() {
                    Some(unsent) => request = unsent,
                    None => return Err(Fault::Cut(with_causes(&error.into_error()))),
                },
            }
        }
        let mut sender = match tokio::time::timeout(inner.connect, inner.connect()).await {
            Ok(sender) => sender.map_err(Fault::Unreachable)?,
            Err(_) => return Err(Fault::Unreachable(format!("no connection to {} after {:?}", inner.place, inner.connect))),
        };
        let response = sender.send_request(request).await.map_err(|error| Fault::Cut(with_causes(&error)))?;
        Ok(inner.keep(sender, response))
    }
}

impl Inner {
    fn keep(&self, sender: SendRequest<OctoBody>, response: Response<Incoming>) -> Response<Incoming> {
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender);
        response
    }

    async fn connect(&self) -> Result<SendRequest<OctoBody>, String> {
        let first = self.proxy.as_ref().map_or(&self.place, |proxy| &proxy.place);
        let to = (first.host.as_str(), first.port);
        let tcp = TcpStream::connect(to).await.map_err(|error| format!("{}: {error}", first.authority()))?;
        tcp.set_nodelay(true).map_err(|error| error.to_string())?;
        let mut stream: Box<dyn Stream> = Box::new(tcp);
        if let Some(proxy) = &self.proxy {
            if proxy.place.is_secure {
                stream = self.secured(stream, &proxy.place.host).await?;
            }
            through(&mut stream, &self.place, proxy).await?;
        }
        if self.place.is_secure {
            stream = self.secured(stream, &self.place.host).await?;
        }
        let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(|error| with_causes(&error))?;
        tokio::spawn(async move {
            // whoever waits for the answer is told
            let _ = connection.await;
        });
        Ok(sender)
    }

    async fn secured(&self, stream: Box<dyn Stream>, host: &str) -> Result<Box<dyn Stream>, String> {
        let name = ServerName::try_from(host.to_owned()).map_err(|error| format!("{host}: {error}"))?;
        match TlsConnector::from(Arc::clone(&self.tls)).connect(name, stream).await {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) => Err(format!("TLS with {host}: {error}")),
        }
    }
}

/// Asks a proxy to be let through: RFC 9110, 9.3.6.
async fn through(stream: &mut Box<dyn Stream>, place: &Place, proxy: &Proxy) -> Result<(), String> {
    let to = place.authority();
    let login = proxy.login.as_ref().map(|login| format!("Proxy-Authorization: Basic {}\r\n", STANDARD.encode(login.expose_secret())));
    let asked = format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n{}\r\n", login.unwrap_or_default());
    let by = |error: std::io::Error| format!("the proxy {}: {error}", proxy.place);
    stream.write_all(asked.as_bytes()).await.map_err(by)?;
    stream.flush().await.map_err(by)?;
    // one at a time: what comes after the empty line is the server's
    let mut said = Vec::new();
    while !said.ends_with(b"\r\n\r\n") {
        let byte = stream.read_u8().await.map_err(by)?;
        said.push(byte);
        if said.len() > PROXY_SAYS {
            return Err(format!("the proxy {} says too much", proxy.place));
        }
    }
    let said = String::from_utf8_lossy(&said);
    let first = said.lines().next().unwrap_or_default();
    match first.split(' ').nth(1) {
        Some(status) if first.starts_with("HTTP/1.") && status.starts_with('2') => Ok(()),
        _ => Err(format!("the proxy {} does not let us through to {to}: {first}", proxy.place)),
    }
}

impl tower_service::Service<Request<OctoBody>> for Connection {
    type Response = Response<Incoming>;
    type Error = Fault;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Fault>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<OctoBody>) -> Self::Future {
        Box::pin(self.clone().send(request))
    }
}

/// What cannot happen, as octocrab's builder tells it.
pub(super) fn never<T>(result: Result<T, Infallible>) -> T {
    match result {
        Ok(value) => value,
        Err(never) => match never {},
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_whole_or_not_at_all() {
        let read = |address: &str| Place::read(address).map(|place| place.to_string());
        assert_eq!(read("https://api.github.com"), Some("https://api.github.com:443".into()));
        assert_eq!(read("https://ghe.lab/api/v3/"), Some("https://ghe.lab:443/api/v3".into()));
        assert_eq!(read("http://[::1]:8080"), Some("http://[::1]:8080".into()));
        for address in ["api.github.com", "ftp://a", "https://user:secret@a", "https://a/?b", ""] {
            assert_eq!(read(address), None, "{address}");
        }
    }

    #[tokio::test]
    async fn a_proxy_is_asked_with_its_login_and_its_refusal_is_told() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let heard = tokio::spawn(async move {
            let (mut peer, _) = listener.accept().await.unwrap();
            let mut said = vec![0; 4096];
            let length = peer.read(&mut said).await.unwrap();
            peer.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n").await.unwrap();
            String::from_utf8(said[..length].to_vec()).unwrap()
        });
        let proxy = Proxy { place: Place::read(&address).unwrap(), login: Some(SecretString::from("me:secret")) };
        let place = Place::read("http://api.github.com").unwrap();
        let connection = Connection::new(place, Some(proxy), b"", Duration::from_secs(5)).unwrap();
        let fault = connection.send(Request::get("/meta").body(OctoBody::empty()).unwrap()).await.unwrap_err();
        assert_eq!(
            fault.to_string(),
            format!("the proxy {address} does not let us through to api.github.com:80: HTTP/1.1 407 Proxy Authentication Required")
        );
        let heard = heard.await.unwrap();
        assert_eq!(
            heard,
            "CONNECT api.github.com:80 HTTP/1.1\r\nHost: api.github.com:80\r\nProxy-Authorization: Basic bWU6c2VjcmV0\r\n\r\n"
        );
    }
}
