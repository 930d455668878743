//! Who asks GitHub: the token, the address, how long is waited, what is asked again.

use std::fmt;
use std::time::Duration;

use http_body_util::{BodyExt as _, Limited};
use hyper::body::Bytes;
use hyper::header::{ACCEPT, USER_AGENT};
use hyper::{Method, StatusCode};
use jiff::Timestamp;
use octocrab::{AuthState, Octocrab, OctocrabBuilder};
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::super::requests::Requests;
use super::connection::{Connection, Fault, Place, Proxy, never};
use super::refused::{Refused, Right, Why};

/// The longest answer that is read: a tree of a hundred thousand files has 30 MB, and GitHub cuts it off at 7.
const MOST: usize = 32 << 20;
/// How often a request is sent whose answer may be another one a moment later.
const ATTEMPTS: u32 = 3;

/// What a client is made of.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where the API is: `https://api.github.com`.
    pub base: String,
    /// The token.
    pub token: SecretString,
    /// Certificates of the authorities that are trusted, as PEM: the system's, and those of a CA file.
    pub authorities: Vec<u8>,
    /// A proxy's address, `http://[user:password@]host:port`.
    pub proxy: Option<SecretString>,
    /// How long a connection may take to come about.
    pub connect: Duration,
    /// How long an answer may take.
    pub answer: Duration,
    /// How long is waited at most, at a time, for GitHub to look at our requests again.
    pub patience: Duration,
    /// How long is waited before a request is sent again; then twice that.
    pub pause: Duration,
    /// Which requests pass, and how many.
    pub requests: Requests,
}

impl Settings {
    /// As one asks github.com.
    pub fn new(token: SecretString, authorities: Vec<u8>) -> Self {
        Self {
            base: "https://api.github.com".into(),
            token,
            authorities,
            proxy: None,
            connect: Duration::from_secs(15),
            answer: Duration::from_secs(30),
            patience: Duration::from_secs(90),
            pause: Duration::from_secs(1),
            requests: Requests::default(),
        }
    }
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The address of the API is none.
    #[error("{0} is no address of an API, like https://api.github.com")]
    Base(String),
    /// The proxy's address is none; it is not shown, because there may be a password in it.
    #[error("the proxy's address is none, like http://proxy.lab:3128")]
    Proxy,
    /// There is nobody to trust.
    #[error("nobody can be trusted over TLS: {0}")]
    Authorities(String),
}

/// One who asks GitHub. To be made within a Tokio runtime.
#[derive(Clone)]
pub struct Client {
    crab: Octocrab,
    base: Place,
    answer: Duration,
    patience: Duration,
    pause: Duration,
    requests: Requests,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("base", &self.base.to_string()).field("token", &"[redacted]").finish_non_exhaustive()
    }
}

/// One request.
pub(super) struct Request {
    doing: String,
    right: Right,
    method: Method,
    route: String,
    body: Option<Value>,
    is_repeatable: bool,
}

impl Request {
    /// One that reads.
    pub(super) fn get(doing: impl Into<String>, right: Right, route: impl Into<String>) -> Self {
        Self { doing: doing.into(), right, method: Method::GET, route: route.into(), body: None, is_repeatable: true }
    }

    /// One that makes something. It is sent once only: nobody knows what became of one without an answer.
    pub(super) fn post(doing: impl Into<String>, right: Right, route: impl Into<String>, body: Value) -> Self {
        Self { method: Method::POST, body: Some(body), is_repeatable: false, ..Self::get(doing, right, route) }
    }

    /// One that makes something with another method.
    pub(super) fn with(mut self, method: Method) -> Self {
        self.method = method;
        self
    }

    /// One that changes nothing more when it is done a second time.
    pub(super) fn repeatable(mut self) -> Self {
        self.is_repeatable = true;
        self
    }
}

/// What was answered, if it is a success.
#[derive(Debug)]
pub(super) struct Answer {
    doing: String,
    right: Right,
    body: Bytes,
}

impl Answer {
    /// As what it should be.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T, Refused> {
        serde_json::from_slice(&self.body).map_err(|error| Refused {
            doing: self.doing.clone(),
            right: self.right,
            why: Why::Answer { said: error.to_string() },
        })
    }
}

impl Client {
    /// Nothing is asked yet.
    ///
    /// # Errors
    /// A setting that cannot be.
    pub fn new(settings: &Settings) -> Result<Self, SettingsError> {
        let base = Place::read(&settings.base).ok_or_else(|| SettingsError::Base(settings.base.clone()))?;
        let proxy = settings.proxy.as_ref().map(proxy).transpose()?;
        let connection = Connection::new(base.clone(), proxy, &settings.authorities, settings.connect);
        let connection = connection.map_err(SettingsError::Authorities)?;
        let auth = AuthState::AccessToken { token: settings.token.clone() };
        let crab = never(OctocrabBuilder::new_empty().with_service(connection).with_auth(auth).build());
        Ok(Self {
            crab,
            base,
            answer: settings.answer,
            patience: settings.patience,
            pause: settings.pause,
            requests: settings.requests.clone(),
        })
    }

    /// The gate that its requests pass.
    pub fn requests(&self) -> &Requests {
        &self.requests
    }

    /// Sends a request, and again where that is sure to do no harm.
    pub(super) async fn call(&self, request: Request) -> Result<Answer, Refused> {
        let (mut attempt, mut pause) = (1, self.pause);
        loop {
            let why = match self.once(&request).await {
                Ok(body) => return Ok(Answer { doing: request.doing, right: request.right, body }),
                Err(why) => why,
            };
            let wait = match why.wait(Timestamp::now()) {
                Some(wait) => Some(wait).filter(|wait| *wait <= self.patience),
                None => (why.is_passing() && (request.is_repeatable || matches!(why, Why::Unreachable { .. }))).then_some(pause),
            };
            match wait {
                Some(wait) if attempt < ATTEMPTS => tokio::time::sleep(wait).await,
                _ => return Err(Refused { doing: request.doing, right: request.right, why }),
            }
            (attempt, pause) = (attempt + 1, pause * 2);
        }
    }

    /// Waits before something is tried again.
    pub(super) async fn rest(&self, attempt: u32) {
        tokio::time::sleep(self.pause / 4 * attempt).await;
    }

    /// As [`Self::call`], where 404 is an answer too.
    pub(super) async fn find(&self, request: Request) -> Result<Option<Answer>, Refused> {
        match self.call(request).await {
            Ok(answer) => Ok(Some(answer)),
            Err(Refused { why: Why::Absent, .. }) => Ok(None),
            Err(refused) => Err(refused),
        }
    }

    async fn once(&self, request: &Request) -> Result<Bytes, Why> {
        self.requests.pass().await;
        let builder = hyper::Request::builder().method(request.method.clone()).uri(&request.route);
        let builder = builder.header(ACCEPT, "application/vnd.github+json").header(USER_AGENT, "homelabctl");
        let built = self.crab.build_request(builder, request.body.as_ref());
        let built = built.map_err(|error| Why::Unreachable { said: error.to_string() })?;
        let exchange = async {
            let response = self.crab.execute(built).await.map_err(|error| fault(&error))?;
            let (head, body) = response.into_parts();
            let body = Limited::new(body, MOST).collect().await.map_err(|error| Why::Cut { said: error.to_string() })?;
            Ok::<_, Why>((head.status, head.headers, body.to_bytes()))
        };
        match tokio::time::timeout(self.answer, exchange).await {
            Ok(Ok((status, _, body))) if status.is_success() && status != StatusCode::ACCEPTED => Ok(body),
            Ok(Ok((status, headers, body))) => Err(Why::of(status, &headers, &body)),
            Ok(Err(why)) => Err(why),
            Err(_) => Err(Why::Slow { after: self.answer }),
        }
    }
}

/// What octocrab has wrapped up.
fn fault(error: &octocrab::Error) -> Why {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        match error.downcast_ref::<Fault>() {
            Some(Fault::Unreachable(said)) => return Why::Unreachable { said: said.clone() },
            Some(Fault::Cut(said)) => return Why::Cut { said: said.clone() },
            None => cause = error.source(),
        }
    }
    Why::Cut { said: "without a word".into() }
}

/// A proxy's address, its login apart.
pub(super) fn proxy(address: &SecretString) -> Result<Proxy, SettingsError> {
    use secrecy::ExposeSecret as _;
    let address = address.expose_secret();
    let (scheme, rest) = address.split_once("://").ok_or(SettingsError::Proxy)?;
    let (login, host) = rest.rsplit_once('@').map_or((None, rest), |(login, host)| (Some(SecretString::from(login)), host));
    let place = Place::read(&format!("{scheme}://{host}")).ok_or(SettingsError::Proxy)?;
    Ok(Proxy { place, login })
}

/// A part of a route: everything that could end it or mean something else is written with `%`.
pub(super) fn part(text: &str) -> String {
    let mut part = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            part.push(char::from(byte));
        } else {
            part.push_str(&format!("%{byte:02X}"));
        }
    }
    part
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_token_is_not_shown() {
        let mut settings = Settings::new(SecretString::from("ghp_secret"), Vec::new());
        settings.base = "http://127.0.0.1:9".into();
        settings.proxy = Some(SecretString::from("http://me:hidden@proxy.lab:3128"));
        let shown = format!("{settings:?} {:?}", Client::new(&settings).unwrap());
        assert!(!shown.contains("ghp_secret") && !shown.contains("hidden"), "{shown}");
        assert!(shown.contains("[redacted]"), "{shown}");
        settings.proxy = Some(SecretString::from("me:hidden@proxy.lab"));
        assert_eq!(Client::new(&settings).unwrap_err().to_string(), "the proxy's address is none, like http://proxy.lab:3128");
        settings.base = "https://api.github.com".into();
        settings.proxy = None;
        let said = Client::new(&settings).unwrap_err().to_string();
        assert_eq!(said, "nobody can be trusted over TLS: there is no certificate of an authority");
    }

    #[test]
    fn a_part_of_a_route_stays_one() {
        assert_eq!(part("feature/a"), "feature/a");
        assert_eq!(part("a b?c#d%e\u{e9}"), "a%20b%3Fc%23d%25e%C3%A9");
    }
}
