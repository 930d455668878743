//! Files of a release, which anybody may fetch: over the same connection as the API, without the token.

use std::time::Duration;

use http_body_util::{BodyExt as _, Limited};
use hyper::header::{LOCATION, USER_AGENT};
use hyper::{Request, StatusCode, Uri};
use octocrab::OctoBody;
use tower_service::Service as _;

use super::client::{Settings, SettingsError, proxy};
use super::connection::{Connection, Place};
use super::refused::{Refused, Right, Why};

/// The longest file that is fetched: Flux's base files have 80 KB.
const MOST: usize = 16 << 20;
/// How often it may be elsewhere.
const REDIRECTS: usize = 5;
/// How long a file may take.
const WITHIN: Duration = Duration::from_secs(120);

/// Fetches a file, wherever it is sent on to.
///
/// # Errors
/// It is not there, or nobody answers.
pub async fn fetch(settings: &Settings, url: &str) -> Result<Vec<u8>, Refused> {
    let refused = |why: Why| Refused { doing: format!("fetching {url}"), right: Right::Known, why };
    let mut address = url.to_owned();
    for _ in 0..=REDIRECTS {
        let answer = tokio::time::timeout(WITHIN, once(settings, &address)).await;
        match answer.unwrap_or(Err(Why::Slow { after: WITHIN })).map_err(refused)? {
            Step::Done(bytes) => return Ok(bytes),
            Step::Elsewhere(other) => address = other,
        }
    }
    Err(refused(Why::Answer { said: "it is sent on and on".into() }))
}

enum Step {
    Done(Vec<u8>),
    Elsewhere(String),
}

async fn once(settings: &Settings, address: &str) -> Result<Step, Why> {
    let unreachable = |said: String| Why::Unreachable { said };
    let uri: Uri = address.parse().map_err(|_| unreachable(format!("{address} is no address")))?;
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err(unreachable(format!("{address} is no address")));
    };
    let place = Place::read(&format!("{scheme}://{authority}")).ok_or_else(|| unreachable(format!("{address} is no address")))?;
    let proxy = settings.proxy.as_ref().map(proxy).transpose().map_err(|error: SettingsError| unreachable(error.to_string()))?;
    let mut connection = Connection::new(place, proxy, &settings.authorities, settings.connect).map_err(unreachable)?;
    let asked = uri.path_and_query().map_or("/", |asked| asked.as_str());
    let request = Request::get(asked).header(USER_AGENT, "homelabctl").body(OctoBody::empty());
    let request = request.map_err(|error| unreachable(error.to_string()))?;
    settings.requests.pass().await;
    let answer = connection.call(request).await.map_err(|fault| Why::Cut { said: fault.to_string() })?;
    let (head, body) = answer.into_parts();
    if head.status.is_redirection() {
        let to = head.headers.get(LOCATION).and_then(|to| to.to_str().ok()).unwrap_or_default();
        let to = if to.starts_with('/') { format!("{scheme}://{authority}{to}") } else { to.to_owned() };
        return Ok(Step::Elsewhere(to));
    }
    let body = Limited::new(body, MOST).collect().await.map_err(|error| Why::Cut { said: error.to_string() })?.to_bytes();
    if head.status != StatusCode::OK {
        return Err(Why::of(head.status, &head.headers, &body));
    }
    Ok(Step::Done(body.to_vec()))
}
