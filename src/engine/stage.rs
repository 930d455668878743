//! Large contents go ahead of the change that writes them, and so do answers of servers that the controller asks.

use super::errands::errands;
use super::status::{Done, Status};
use crate::node::Change;
use crate::node::machine::Machine;
use crate::node::stage::{Unstaged, loads, staged};
use crate::plan::Scope;

/// The change with what it needs on the machine, and where that is; none if it needs nothing.
///
/// # Errors
/// Something did not arrive, and nothing was changed: what came of the task. [`Status::Unknown`] where a server was asked
/// to change something.
pub(super) async fn ahead<M: Machine>(machine: &mut M, scope: &Scope, change: &Change) -> Result<Option<(Change, Vec<String>)>, Done> {
    let mut places = Vec::new();
    match bring(machine, scope, change, &mut places).await {
        Ok(change) => Ok(change.map(|change| (change, places))),
        Err(why) => {
            let said = why.to_string();
            let done = match why {
                Unstaged::Lost(_) => return Err(Done { why: Some(said), ..Done::new(Status::Unreachable) }),
                Unstaged::Sent(_) => return Err(Done { why: Some(said), ..Done::new(Status::Unknown) }),
                Unstaged::Refused(_) => Done::failed(said),
                Unstaged::Forbidden => {
                    let hint = Some("install the package curl before this task".to_owned());
                    Done { why: Some(said), hint, ..Done::new(Status::Refused) }
                }
            };
            if !places.is_empty() {
                machine.discard(scope, &places).await;
            }
            Err(done)
        }
    }
}

async fn bring<M: Machine>(machine: &mut M, scope: &Scope, change: &Change, places: &mut Vec<String>) -> Result<Option<Change>, Unstaged> {
    let mut uploaded = Vec::new();
    for load in loads(change) {
        let (path, sha256) = machine.upload(scope, &load).await?;
        places.push(path.clone());
        uploaded.push((load.step, path, sha256));
    }
    let mut change = staged(change, &uploaded);
    let is_asked = errands(machine, scope, &mut change, places).await?;
    Ok((is_asked || !uploaded.is_empty()).then_some(change))
}
