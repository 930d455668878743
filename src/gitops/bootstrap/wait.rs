//! Waiting until Flux is what it shall be: its controllers run, it has read the commit, and applied it.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::super::cluster::diagnosis::Reference;
use super::super::cluster::watch::{Ended, until};
use super::super::cluster::{api, path_of};
use super::progress::{Tell, Told};
use super::ready::{Answer, REQUESTED_AT, answer, rolled_out};
use super::run::{NotReady, RunError};
use super::stages::{id, kind};

/// How long is waited before an object that could not is asked again: a new deploy key is not known everywhere at once.
const PAUSES: [Duration; 3] = [Duration::from_secs(2), Duration::from_secs(5), Duration::from_secs(10)];

/// Until when is waited, and since when.
#[derive(Debug, Clone, Copy)]
pub struct Limit {
    began: Instant,
    timeout: Duration,
}

impl Limit {
    /// From now on.
    pub fn of(timeout: Duration) -> Self {
        Self { began: Instant::now(), timeout }
    }

    fn end(&self) -> Instant {
        self.began + self.timeout
    }

    fn not_ready(&self, object: &Value, said: String) -> RunError {
        let after = Duration::from_secs(self.began.elapsed().as_secs());
        RunError::NotReady(NotReady { object: Reference::of(object), said, after })
    }
}

/// Waits for Deployments.
///
/// # Errors
/// One does not come to run, or the API refused to say.
pub async fn deployments(client: &kube::Client, objects: &[Value], limit: Limit, tell: Tell<'_>) -> Result<(), RunError> {
    let deployments: Vec<&Value> = objects.iter().filter(|object| kind(object) == "Deployment").collect();
    tell(Told::Doing("waiting for the controllers"));
    let waits = deployments.iter().map(|object| async move {
        let Some(path) = path_of(object) else { return Ok(()) };
        let (name, failed) = (id(object), |error| RunError::Apply { object: id(object), error });
        let ended = until(client, &path, limit.end(), rolled_out, |said| tell(Told::Says { object: &name, said })).await;
        match ended.map_err(failed)? {
            Ended::Done(()) => Ok(()),
            Ended::Late(said) => Err(limit.not_ready(object, said)),
        }
    });
    futures_util::future::try_join_all(waits).await?;
    tell(Told::Done(&format!("{} controllers run", deployments.len())));
    Ok(())
}

/// Asks an object of Flux to look again, and waits for its answer to that; its revision.
///
/// # Errors
/// It could not, several times; it did not answer in time; the API refused to say.
pub async fn reconciled(
    client: &kube::Client,
    object: &Value,
    head: &str,
    before: &[String],
    limit: Limit,
    tell: Tell<'_>,
) -> Result<String, RunError> {
    let Some(path) = path_of(object) else { return Ok(String::new()) };
    let name = id(object);
    tell(Told::Doing(&format!("waiting for {name}")));
    let failed = |error| RunError::Apply { object: id(object), error };
    let mut pauses = PAUSES.iter();
    loop {
        let token = jiff::Timestamp::now().to_string();
        let patch = json!({ "metadata": { "annotations": { REQUESTED_AT: token } } });
        api::merge(client, &path, &patch).await.map_err(failed)?;
        let judge = |object: Option<&Value>| answer(object, &token, head, before);
        let ended = until(client, &path, limit.end(), judge, |said| tell(Told::Says { object: &name, said })).await;
        let said = match ended.map_err(failed)? {
            Ended::Done(Answer::Ready(revision)) => {
                tell(Told::Done(&format!("{name} is ready at {revision}")));
                return Ok(revision);
            }
            Ended::Done(Answer::Failed(said)) => said,
            Ended::Late(said) => return Err(limit.not_ready(object, said)),
        };
        tell(Told::Says { object: &name, said: &said });
        match pauses.next() {
            Some(pause) if Instant::now() + *pause < limit.end() => sleep(*pause).await,
            _ => return Err(limit.not_ready(object, said)),
        }
    }
}
