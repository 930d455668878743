//! `ping`: whether a machine answers.

use super::spec::{Kind, Opt, Spec};
use super::{Decision, Module, Task};
use crate::node::facts::Login;
use crate::plan::{Facts, Stop};

/// Asks something of the machine and says `pong`.
pub struct Ping;

static SPEC: Spec = Spec {
    options: &[Opt::new("data", Kind::Str).about("What it answers; `crash` makes it fail").default("pong")],
    about: "Says whether a machine answers",
    ..Spec::new("ansible.builtin", "ping")
};

impl Module for Ping {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn plan(&self, task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Stop> {
        facts.get(Login)?;
        match task.args.str("data") {
            Some("crash") => Ok(Decision::fail("boom").with("msg", "Task failed: Module failed: boom")),
            data => Ok(Decision::unchanged().with("ping", data.unwrap_or("pong"))),
        }
    }
}
