//! `raw`: a text that a shell runs, and nothing around it.

use serde_json::{Map, Value};

use super::command::{EXECUTABLE, text_of};
use super::outcome::planned;
use super::shell::{only_reads, shell};
use super::spec::{FREE_FORM, Spec};
use super::{Decision, Module, Task, guarded, ran};
use crate::disk::guard::{Setting, of_text_for};
use crate::node::apply::Carried;
use crate::node::steps::{Run, Step};
use crate::plan::{Difference, Facts, Plan, Stop};

/// Runs a text by a shell, without the task's environment.
pub struct Raw;

static SPEC: Spec = Spec {
    free_form: true,
    one_of: &[&[FREE_FORM]],
    options: &[EXECUTABLE],
    about: "Runs a command as it is, with nothing else on the machine",
    ..Spec::new("ansible.builtin", "raw")
};

impl Module for Raw {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn plan(&self, task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Stop> {
        let Some(text) = text_of(task).filter(|text| !text.is_empty()) else { return Ok(Decision::fail("no command given")) };
        if let Some(refused) = guarded::refused(&of_text_for(shell(task), &text, Setting::default()), None, task, facts)? {
            return Ok(refused);
        }
        let argv = vec![shell(task).to_owned(), "-c".into(), text.clone()];
        let mut change = Plan::change([Step::from(Run { argv, any_status: true, ..Run::default() })]);
        change.diff.push(Difference { what: "run".into(), before: None, after: Some(text) });
        Ok(planned(change))
    }

    fn result(&self, _task: &Task<'_>, _facts: &Facts<'_>, carried: Option<&Carried>) -> Result<Map<String, Value>, Stop> {
        Ok(ran::first(carried))
    }

    fn is_opaque(&self) -> bool {
        true
    }

    fn only_reads(&self, task: &Task<'_>) -> bool {
        only_reads(task)
    }
}
