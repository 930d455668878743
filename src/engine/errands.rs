//! Servers that the controller asks for a machine go ahead of the change that wants their answers.

use crate::node::Change;
use crate::node::errand::Errand;
use crate::node::facts::{Checksum, HexDigest};
use crate::node::machine::Machine;
use crate::node::stage::Unstaged;
use crate::node::steps::{Asker, Fetch, Had, Http, Request, Source, Step, digest_in};
use crate::plan::{Fact as _, Reading, Scope};

/// Where an answer that goes into no file is put, until the step has read it.
const PLACE: &str = "/tmp/answer";

fn is_ours(http: &Http) -> bool {
    http.asker == Asker::Controller
}

/// Whether something is asked that may change something by being asked: then it is asked once.
pub(super) fn acts(change: &Change) -> bool {
    let asks = |step: &Step| match step {
        Step::Request(request) => is_ours(&request.http) && request.http.acts(),
        _ => false,
    };
    change.steps.iter().any(asks)
}

/// Asks all that the change wants to be asked; where large answers were put is added to `places`. Whether anything was.
pub(super) async fn errands<M: Machine>(
    machine: &mut M,
    scope: &Scope,
    change: &mut Change,
    places: &mut Vec<String>,
) -> Result<bool, Unstaged> {
    let mut any = false;
    for step in &mut change.steps {
        match step {
            Step::Fetch(fetch) if is_ours(&fetch.request) => self::fetch(machine, scope, fetch, places).await?,
            Step::Request(request) if is_ours(&request.http) => self::request(machine, scope, request, places).await?,
            _ => continue,
        }
        any = true;
    }
    Ok(any)
}

async fn fetch<M: Machine>(machine: &mut M, scope: &Scope, fetch: &mut Fetch, places: &mut Vec<String>) -> Result<(), Unstaged> {
    let path = fetch.path.clone();
    // by this user's step the list is read and the file is written: two files, which do not stand in each other's way
    let near_list = {
        let (above, name) = path.rsplit_once('/').unwrap_or(("", &path));
        format!("{above}/checksums-of-{name}")
    };
    if let Some((list, name)) = &mut fetch.checksum_list {
        // so that it can be read here, where the server does as it is told
        list.headers.retain(|(header, _)| !header.eq_ignore_ascii_case("Accept-Encoding"));
        list.asker = ask(machine, scope, &Errand { http: list, newer: None, is_short: false, near: &near_list }, places).await?;
        // what is there already is not brought again
        let digest = match &list.asker {
            Asker::Had(had) => match had.as_ref() {
                Had::Answer { status: 200, body: Source::Bytes(bytes), is_packed: false, .. } => {
                    digest_in(&String::from_utf8_lossy(bytes), name)
                }
                _ => None,
            },
            _ => None,
        };
        if let (Some(digest), Some((algorithm, _))) = (digest, &fetch.checksum) {
            let query = Checksum::new(&path, algorithm).query();
            let here = machine.read(scope, &[query]).await.map_err(|lost| Unstaged::Lost(lost.why))?;
            let is = |reading: &Reading| match reading {
                Reading::Present(value) => serde_json::from_value::<HexDigest>(value.clone()).is_ok_and(|here| here.0 == digest),
                _ => false,
            };
            if here.iter().any(|(_, observation)| is(&observation.reading)) {
                return Ok(());
            }
        }
    }
    // where the digest in the list is another one, what is newer is no matter
    let newer = (fetch.only_newer && fetch.checksum_list.is_none()).then_some(path.as_str());
    fetch.request.asker = ask(machine, scope, &Errand { http: &fetch.request, newer, is_short: false, near: &path }, places).await?;
    Ok(())
}

async fn request<M: Machine>(machine: &mut M, scope: &Scope, request: &mut Request, places: &mut Vec<String>) -> Result<(), Unstaged> {
    let newer = request.save.as_ref().map(|save| save.path.as_str());
    // two users' answers do not stand in each other's way
    let near = format!("{PLACE}-{}", scope.user);
    let is_short = !request.whole && newer.is_none();
    request.http.asker = ask(machine, scope, &Errand { http: &request.http, newer, is_short, near: &near }, places).await?;
    Ok(())
}

async fn ask<M: Machine>(machine: &mut M, scope: &Scope, errand: &Errand<'_>, places: &mut Vec<String>) -> Result<Asker, Unstaged> {
    let had = machine.ask_server(scope, errand).await?;
    if let Had::Answer { body: Source::Staged { path, .. }, .. } = &had {
        places.push(path.clone());
    }
    Ok(Asker::Had(Box::new(had)))
}

#[cfg(test)]
mod tests;
