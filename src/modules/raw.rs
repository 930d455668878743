//! `raw`: a text that a shell runs, and nothing around it.

use serde_json::{Map, Value};

use super::command::{EXECUTABLE, text_of};
use super::outcome::planned;
use super::spec::{FREE_FORM, Spec};
use super::{Decision, Module, Task, ran, reading_commands};
use crate::node::apply::Carried;
use crate::node::steps::{Run, Step};
use crate::plan::{Difference, Facts, Plan, Stop};

/// Runs a text by a shell, without the task's environment.
pub struct Raw;

static SPEC: Spec = Spec { free_form: true, one_of: &[&[FREE_FORM]], options: &[EXECUTABLE], ..Spec::new("ansible.builtin", "raw") };

impl Module for Raw {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn plan(&self, task: &Task<'_>, _facts: &Facts<'_>) -> Result<Decision, Stop> {
        let Some(text) = text_of(task).filter(|text| !text.is_empty()) else { return Ok(Decision::fail("no command given")) };
        let argv = vec![shell(task).to_owned(), "-c".into(), text.clone()];
        let mut change = Plan::change([Step::from(Run { argv, any_status: true, ..Run::default() })]);
        change.diff.push(Difference { what: "run".into(), before: None, after: Some(text) });
        Ok(planned(change))
    }

    fn result(&self, _task: &Task<'_>, _facts: &Facts<'_>, carried: Option<&Carried>) -> Result<Map<String, Value>, Stop> {
        let output = carried.and_then(|carried| carried.outputs.first());
        Ok(output.map(|output| ran::said(output, &output.stderr, false)).unwrap_or_default())
    }

    fn is_opaque(&self) -> bool {
        true
    }

    fn only_reads(&self, task: &Task<'_>) -> bool {
        let is_known = matches!(shell(task).rsplit('/').next(), Some("sh" | "bash" | "dash"));
        is_known && text_of(task).is_some_and(|text| reading_commands::shell_only_reads(&text))
    }
}

fn shell<'a>(task: &Task<'a>) -> &'a str {
    task.args.str("executable").filter(|shell| !shell.is_empty()).unwrap_or("/bin/sh")
}
