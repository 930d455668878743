//! HTTP by the controller itself, over TCP connections that leave from the machine: for one that has neither curl nor wget.
//!
//! What is asked, and where one goes when a server sends us on, is what curl is told in [`super::steps::Http`].

mod address;
mod cookies;
mod exchange;
mod masked;
mod netrc;
mod proxy;
mod tls;
mod watched;

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::AsyncRead;
use tokio::time::timeout;

use self::address::{Address, encoded};
use self::cookies::Cookies;
use self::exchange::Said;
pub use self::masked::masked;
pub use self::proxy::is_listed;
pub(super) use self::tls::Trust;
use self::watched::watched;
use super::steps::Http;
use crate::transport::{Tunnel, TunnelError};

/// So often a server may send us on.
const HOPS: usize = 10;

/// Where TCP connections come from.
pub trait Tunnels: Send {
    /// A TCP connection that leaves from the machine, which looks the name up.
    ///
    /// # Errors
    /// There is none.
    fn tunnel(&mut self, host: &str, port: u16) -> impl Future<Output = Result<Tunnel, TunnelError>> + Send;
}

/// What is asked, with all that stands in files of the machine.
pub(super) struct Question<'a> {
    /// What the task says.
    pub(super) http: &'a Http,
    /// What is sent.
    pub(super) body: Option<&'a [u8]>,
    /// `If-Modified-Since`.
    pub(super) since: Option<String>,
    /// Certificates.
    pub(super) trust: Trust,
    /// Where a proxy may be named.
    pub(super) environment: BTreeMap<String, String>,
    /// ~/.netrc.
    pub(super) netrc: Option<String>,
}

/// What a server answers.
pub(super) struct Answer {
    /// Its status.
    pub(super) status: u16,
    /// Where it came from in the end.
    pub(super) url: String,
    /// The header lines.
    pub(super) head: Vec<u8>,
    /// Whether it came packed by gzip.
    pub(super) is_packed: bool,
    /// What was sent.
    pub(super) body: Box<dyn AsyncRead + Send + Unpin>,
}

/// There is no answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Silence {
    /// None can be had at all.
    Forbidden,
    /// The machine is gone, and nothing was sent.
    Lost(String),
    /// The machine is gone, after a server was asked.
    Sent(String),
    /// The server gives none, or not to us.
    Failed(String),
}

impl From<String> for Silence {
    fn from(why: String) -> Self {
        Self::Failed(why)
    }
}

impl From<TunnelError> for Silence {
    fn from(error: TunnelError) -> Self {
        match error {
            TunnelError::Forbidden => Self::Forbidden,
            TunnelError::Lost(why) => Self::Lost(why),
            error @ TunnelError::NotConnected { .. } => Self::Failed(error.to_string()),
        }
    }
}

/// Asks, and goes where the server sends us on to, as the script does that asks by curl.
///
/// # Errors
/// There is no answer.
pub(super) async fn ask(tunnels: &mut impl Tunnels, question: &Question<'_>) -> Result<Answer, Silence> {
    let http = question.http;
    let limit = Duration::from_secs(http.timeout.max(1).into());
    let tls = tls::config(&question.trust, http.insecure)?;
    let mut url = http.url.clone();
    let mut method = http.method.clone();
    let (mut is_first, mut sends, mut user) = (true, true, http.user.clone());
    // what the address says of them holds for all of that server
    let mut named = None;
    let mut cookies = Cookies::default();
    for _ in 0..=HOPS {
        let address = Address::read(&url).ok_or_else(|| format!("{} is no address that HTTP leads to", masked(&url)))?;
        let environment = if http.no_proxy { BTreeMap::new() } else { question.environment.clone() };
        let proxy = proxy::proxy(&address, &environment)?;
        named = address.user.clone().or(named);
        let login = user.clone().or_else(|| named.clone());
        let login = login.or_else(|| question.netrc.as_deref().filter(|_| http.netrc).and_then(|netrc| netrc::login(netrc, &address.host)));
        let mut headers = headers(http, is_first, sends);
        let has = |headers: &[(String, String)], name: &str| headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
        let mut add = |name: &str, value: Option<String>| {
            if let Some(value) = value.filter(|_| !has(&headers, name)) {
                headers.push((name.to_owned(), value));
            }
        };
        add("Host", Some(address.place()));
        add("Accept-Encoding", Some("identity".into()));
        add("Connection", Some("close".into()));
        add("Authorization", login.map(|login| basic(&login)));
        add("If-Modified-Since", question.since.clone());
        add("Cookie", cookies.of(&address));
        let body = question.body.filter(|_| sends);
        if body.is_none() && matches!(method.as_str(), "POST" | "PUT" | "PATCH") {
            add("Content-Length", Some("0".into()));
        }
        let next = proxy.as_ref().unwrap_or(&address);
        let silent = || Silence::Failed(exchange::silent(limit));
        let tunnel = timeout(limit, tunnels.tunnel(&next.host, next.port())).await.map_err(|_| silent())?;
        let tunnel = tunnel.map_err(|error| match error {
            TunnelError::Lost(why) if !is_first => Silence::Sent(why),
            // a server was asked already, and says what it says
            TunnelError::Forbidden if !is_first => Silence::Failed(format!("{url}: {error}")),
            error => error.into(),
        })?;
        let (mut tunnel, moved) = watched(tunnel);
        let asked = async {
            let key = proxy.as_ref().and_then(|proxy| proxy.user.as_ref()).map(basic);
            let mut target = address.path.clone();
            match (&proxy, address.is_secure) {
                (Some(_), true) => tunnel = exchange::through(tunnel, &address, key).await?,
                (Some(_), false) => {
                    target = address.whole();
                    headers.extend(key.map(|key| ("Proxy-Authorization".to_owned(), key)));
                }
                (None, _) => {}
            }
            if address.is_secure {
                tunnel = tls::secured(tunnel, &address.host, &tls).await.map_err(|why| {
                    let hint = if http.insecure { "; curl takes more: install the package curl" } else { "" };
                    why + hint
                })?;
            }
            let said = Said { method: &method, target: &target, headers: &headers, body };
            Ok::<_, Silence>(exchange::exchange(tunnel, &said).await?)
        };
        let response = moved.within(limit, asked).await.ok_or_else(silent)??;
        let text = |name: &str| response.headers().get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        for cookie in response.headers().get_all("set-cookie") {
            cookies.take(&address, &String::from_utf8_lossy(cookie.as_bytes()));
        }
        let status = response.status().as_u16();
        let next = response.headers().get("location").map(|place| encoded(place.as_bytes()));
        let next = next.filter(|_| http.follow && matches!(status, 301 | 302 | 303 | 307 | 308));
        let Some(next) = next else {
            let is_packed = http.decompress && text("content-encoding").is_some_and(|how| is_gzip(&how));
            let head = exchange::head(&response);
            return Ok(Answer { status, url, head, is_packed, body: Box::new(exchange::body(response, limit)) });
        };
        url = address.joined(&next);
        is_first = false;
        if !matches!(status, 307 | 308) {
            sends = false;
            if method != "HEAD" && (matches!(status, 302 | 303) || (status == 301 && method == "POST")) {
                method = "GET".to_owned();
            }
        }
        if !Address::read(&url).is_some_and(|there| there.is_at(&address)) {
            (user, named) = (None, None);
        }
    }
    Err("the server sends us on and on".to_owned().into())
}

/// The headers that the task has for this question.
fn headers(http: &Http, is_first: bool, sends: bool) -> Vec<(String, String)> {
    let is_said = |name: &str| {
        let is_of_body = matches!(name, "content-type" | "content-length" | "transfer-encoding");
        (is_first || !http.unredirected.iter().any(|only| only == name)) && (sends || !is_of_body)
    };
    http.headers.iter().filter(|(name, _)| is_said(&name.to_lowercase())).cloned().collect()
}

fn is_gzip(encoding: &str) -> bool {
    ["gzip", "x-gzip"].iter().any(|name| encoding.trim().eq_ignore_ascii_case(name))
}

/// RFC 7617.
fn basic((name, password): &(String, String)) -> String {
    format!("Basic {}", STANDARD.encode(format!("{name}:{password}")))
}

#[cfg(test)]
mod tests;
