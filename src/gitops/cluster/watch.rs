//! Waiting for an object: read once, then told of every change, so that nothing is asked again and again.

use std::time::Duration;

use futures_util::{StreamExt as _, pin_mut};
use kube::core::WatchEvent;
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use super::api;
use super::refused::ApiError;

/// How long is waited before the API is asked again when it did not answer, or ended a watch.
const PAUSE: Duration = Duration::from_millis(500);

/// How long a watch lasts, in seconds: one whose connection died without a word is noticed then.
const WATCH: u32 = 30;

/// What an object says of what is waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict<T> {
    /// Not yet, in its own words.
    Not(String),
    /// It is so.
    Done(T),
}

/// How a wait ended.
#[derive(Debug)]
pub enum Ended<T> {
    /// It is so.
    Done(T),
    /// The time is over; the last that was said.
    Late(String),
}

/// Waits until an object says what is wanted; what it says on the way is told once each.
///
/// # Errors
/// The API refuses to be asked. One that does not answer for a while is asked again until the time is over.
pub async fn until<T>(
    client: &kube::Client,
    path: &str,
    deadline: Instant,
    mut judge: impl FnMut(Option<&Value>) -> Verdict<T>,
    mut tell: impl FnMut(&str),
) -> Result<Ended<T>, ApiError> {
    let mut last = String::new();
    let mut hear = |object: Option<&Value>, last: &mut String| match judge(object) {
        Verdict::Done(done) => Some(done),
        Verdict::Not(said) => {
            if *last != said {
                tell(&said);
                *last = said;
            }
            None
        }
    };
    loop {
        let object = match timeout_at(deadline, api::get(client, path)).await {
            Err(_) => return Ok(Ended::Late(last)),
            Ok(Err(error)) if error.is_passing() => {
                last = error.to_string();
                if timeout_at(deadline, tokio::time::sleep(PAUSE)).await.is_err() {
                    return Ok(Ended::Late(last));
                }
                continue;
            }
            Ok(Err(error)) => return Err(error),
            Ok(Ok(object)) => object,
        };
        if let Some(done) = hear(object.as_ref(), &mut last) {
            return Ok(Ended::Done(done));
        }
        let version = object.as_ref().and_then(|object| object.pointer("/metadata/resourceVersion")?.as_str()).unwrap_or_default();
        let followed = follow(client, path, version, |object| hear(object, &mut last));
        match timeout_at(deadline, followed).await {
            Err(_) => return Ok(Ended::Late(last)),
            Ok(Some(done)) => return Ok(Ended::Done(done)),
            // it ended, as watches do
            Ok(None) => {}
        }
        if timeout_at(deadline, tokio::time::sleep(PAUSE)).await.is_err() {
            return Ok(Ended::Late(last));
        }
    }
}

/// Hears of every change of an object after a version; nothing where the watch ends before what is waited for.
async fn follow<T>(client: &kube::Client, path: &str, version: &str, mut hear: impl FnMut(Option<&Value>) -> Option<T>) -> Option<T> {
    let (folder, name) = path.rsplit_once('/')?;
    let field = api::escaped(&format!("metadata.name={name}"));
    let mut asked = format!("{folder}?watch=true&timeoutSeconds={WATCH}&fieldSelector={field}");
    if !version.is_empty() {
        asked.push_str(&format!("&resourceVersion={version}"));
    }
    let request = hyper::Request::get(asked).body(Vec::new()).ok()?;
    let events = client.request_events::<Value>(request).await.ok()?;
    pin_mut!(events);
    while let Some(event) = events.next().await {
        let done = match event {
            Ok(WatchEvent::Added(object) | WatchEvent::Modified(object)) => hear(Some(&object)),
            Ok(WatchEvent::Deleted(_)) => hear(None),
            Ok(WatchEvent::Bookmark(_)) => None,
            Ok(WatchEvent::Error(_)) | Err(_) => return None,
        };
        if done.is_some() {
            return done;
        }
    }
    None
}
