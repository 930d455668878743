//! Objects are applied from here: on a cluster that has no Flux yet, or whose Flux cannot bring them itself.

use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::super::cluster::diagnosis::Reference;
use super::super::cluster::watch::{Ended, Verdict, until};
use super::super::cluster::{ApiError, Kinds, api};
use super::live::{AT_ONCE, Change, Changed};
use super::progress::{Tell, Told};
use super::run::{NotReady, RunError};
use super::stages::{id, is_established, kind, stages};

/// How long the API may take to know a kind whose definition it has.
const DEFINED_WITHIN: Duration = Duration::from_secs(60);
/// How long is waited before an object is sent again whose kind the API does not know yet.
const PAUSE: Duration = Duration::from_millis(300);

/// Applies objects, those first of which the others are made; those that are as they shall be are not sent.
///
/// # Errors
/// The API did not take one, or does not come to know a kind.
pub async fn apply(
    client: &kube::Client,
    kinds: &Kinds,
    objects: &[Value],
    changed: &[Changed],
    tell: Tell<'_>,
) -> Result<usize, RunError> {
    let is_same = |object: &Value| changed.iter().any(|changed| changed.id == id(object) && changed.change == Change::Same);
    let (first, rest) = stages(objects);
    let mut applied = 0;
    for (name, stage) in [("definitions, the namespace and roles", first), ("controllers and what belongs to them", rest)] {
        let stage: Vec<&Value> = stage.into_iter().filter(|object| !is_same(object)).collect();
        if stage.is_empty() {
            continue;
        }
        tell(Told::Doing(&format!("applying {name}")));
        let mut begin = 0;
        // one kind after the other: an account is there before what runs as it
        while let Some(object) = stage.get(begin) {
            let same = stage.iter().skip(begin).take_while(|other| kind(other) == kind(object)).count();
            let together: Vec<&Value> = stage.iter().skip(begin).take(same).copied().collect();
            let sent = together.iter().map(|object| send(client, kinds, object));
            let answers: Vec<Result<Value, RunError>> = stream::iter(sent).buffered(AT_ONCE).collect().await;
            for answer in answers {
                defined(client, kinds, &answer?).await?;
                applied += 1;
            }
            begin += same;
        }
        tell(Told::Done(&format!("{} applied: {name}", stage.len())));
    }
    Ok(applied)
}

/// Sends one object; a kind that the API is about to learn is waited for.
async fn send(client: &kube::Client, kinds: &Kinds, object: &Value) -> Result<Value, RunError> {
    let deadline = Instant::now() + DEFINED_WITHIN;
    loop {
        let sent = async {
            let path = kinds.path_of(client, object).await?;
            api::apply_at(client, &path, object, false).await
        };
        match sent.await {
            Err(error) if error.is_absent() && Instant::now() < deadline => sleep(PAUSE).await,
            answer => return answer.map_err(|error| RunError::Apply { object: id(object), error }),
        }
    }
}

/// Waits until the API knows what a definition defines.
async fn defined(client: &kube::Client, kinds: &Kinds, object: &Value) -> Result<(), RunError> {
    if kind(object) != "CustomResourceDefinition" || is_established(object) {
        return Ok(());
    }
    let failed = |error: ApiError| RunError::Apply { object: id(object), error };
    let path = kinds.path_of(client, object).await.map_err(failed)?;
    let judge = |object: Option<&Value>| match object {
        Some(object) if is_established(object) => Verdict::Done(()),
        _ => Verdict::Not("not established yet".into()),
    };
    match until(client, &path, Instant::now() + DEFINED_WITHIN, judge, |_| {}).await.map_err(failed)? {
        Ended::Done(()) => Ok(()),
        Ended::Late(said) => Err(RunError::NotReady(NotReady { object: Reference::of(object), said, after: DEFINED_WITHIN })),
    }
}
