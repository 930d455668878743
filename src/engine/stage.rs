//! Large contents go ahead of the change that writes them.

use super::status::{Done, Status};
use crate::node::Change;
use crate::node::machine::Machine;
use crate::node::stage::{Unstaged, loads, staged};
use crate::plan::Scope;

/// The change with its large contents on the machine, and where they are; none if there are none.
///
/// # Errors
/// One did not arrive, and nothing was changed: what came of the task.
pub(super) async fn ahead<M: Machine>(machine: &mut M, scope: &Scope, change: &Change) -> Result<Option<(Change, Vec<String>)>, Done> {
    let mut places = Vec::new();
    for load in loads(change) {
        match machine.upload(scope, &load).await {
            Ok((path, sha256)) => places.push((load.step, path, sha256)),
            Err(why) => {
                let paths: Vec<String> = places.into_iter().map(|(_, path, _)| path).collect();
                return Err(match why {
                    Unstaged::Lost(why) => Done { why: Some(why), ..Done::new(Status::Unreachable) },
                    Unstaged::Refused(why) => {
                        if !paths.is_empty() {
                            machine.discard(scope, &paths).await;
                        }
                        Done::failed(why)
                    }
                });
            }
        }
    }
    if places.is_empty() {
        return Ok(None);
    }
    let change = staged(change, &places);
    Ok(Some((change, places.into_iter().map(|(_, path, _)| path).collect())))
}
