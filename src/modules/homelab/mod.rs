//! Modules that Ansible does not have.

pub mod kernel_module;
pub mod swap;
pub mod sysctl;
pub mod time_sync;

use super::edited_file::{Edited, EditedFile};
use super::halt::Halt;
use super::{Decision, Task};
use crate::node::Change;
use crate::plan::{Facts, Plan, Refusal};

/// It could be done and must not be.
fn refuse(why: impl Into<String>, hint: impl Into<String>) -> Halt {
    Decision::from(Plan::Refuse(Refusal { why: why.into(), hint: Some(hint.into()) })).into()
}

/// Writes what `edited` makes of a file's text, if that is another.
fn write(
    task: &Task<'_>,
    facts: &Facts<'_>,
    file: EditedFile,
    change: &mut Change,
    edited: impl FnOnce(&[u8]) -> Vec<u8>,
) -> Result<(), Halt> {
    let is = file.content.clone();
    let new = edited(is.as_deref().unwrap_or_default());
    if is.as_deref().unwrap_or_default() == new {
        return Ok(());
    }
    let edited = Edited { content: new, changed: true, message: String::new(), found: None };
    file.write_into(task, facts, edited, change)
}

/// What is known of a file and of other facts; all that is missing is asked for at once.
pub(super) fn file_and<A>(file: Result<EditedFile, Halt>, facts: Result<A, crate::plan::Stop>) -> Result<(EditedFile, A), Halt> {
    match (file, facts) {
        (Ok(file), Ok(answer)) => Ok((file, answer)),
        (Err(Halt::Stop(stop)), facts) => match super::outcome::both::<(), A>(Err(stop), facts) {
            Err(stop) => Err(Halt::Stop(stop)),
            // the first is an error
            Ok(_) => Err(Halt::fail("it cannot be planned")),
        },
        (Err(halt), _) => Err(halt),
        (Ok(_), Err(stop)) => Err(Halt::Stop(stop)),
    }
}

/// One module by `name`, or several by `names`.
fn several<'a>(task: &'a Task<'_>, one: &str, all: &str) -> Vec<&'a str> {
    let mut names: Vec<&str> = Vec::new();
    for name in task.args.str(one).into_iter().chain(task.args.list(all).unwrap_or_default()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}
