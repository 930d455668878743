//! `ansible.builtin.package`

use serde_json::{Map, Value};

use super::apt::Apt;
use super::apt::spec::{EXCLUSIVE, ONE_OF, OPTIONS};
use super::{Decision, Module, Opt, Spec, Task};
use crate::node::apply::{Carried, Output};
use crate::node::facts::Stat;
use crate::node::steps::Step;
use crate::plan::{Facts, Stop};

/// Packages by the package manager of the machine.
#[derive(Debug)]
pub struct Package;

/// The options of `apt`, with `use` before them.
#[expect(clippy::indexing_slicing, reason = "the compiler does it, and would say so")]
static WITH_USE: [Opt; OPTIONS.len() + 1] = {
    let mut options = [USE; OPTIONS.len() + 1];
    let mut at = 0;
    while at < OPTIONS.len() {
        options[at + 1] = OPTIONS[at];
        at += 1;
    }
    options
};

const USE: Opt = Opt::new("use", super::Kind::Str)
    .default("auto")
    .about("The module that does it: `auto` for what the variable `ansible_package_use` says, else that of the machine; or `apt`");

static SPEC: Spec = Spec {
    options: &WITH_USE,
    exclusive: EXCLUSIVE,
    one_of: ONE_OF,
    about: "Packages are installed, upgraded or removed with whatever package manager the machine has",
    notes: &[
        "The other options are those of `apt`, the only package manager here so far. On a machine that has another one the task fails, as Ansible's does where a module is missing.",
    ],
    example: "- name: What mounts a share\n  ansible.builtin.package:\n    name: nfs-common\n    state: present\n",
    ..Spec::new("ansible.builtin", "package")
};

impl Module for Package {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn plan(&self, task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Stop> {
        if let Some(other) = other_manager(task, facts)? {
            return Ok(Decision::fail(other));
        }
        Apt.plan(task, facts)
    }

    fn rest(&self, task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Stop> {
        Apt.rest(task, facts)
    }

    fn result(&self, task: &Task<'_>, facts: &Facts<'_>, carried: Option<&Carried>) -> Result<Map<String, Value>, Stop> {
        Apt.result(task, facts, carried)
    }

    fn failed_step(&self, task: &Task<'_>, step: Option<&Step>, output: &Output) -> Map<String, Value> {
        Apt.failed_step(task, step, output)
    }
}

/// Why apt does not do it.
fn other_manager(task: &Task<'_>, facts: &Facts<'_>) -> Result<Option<String>, Stop> {
    let missing = |name: &str| Some(format!("Could not find a matching action for the \"{name}\" package manager."));
    match task.args.str("use").unwrap_or("auto") {
        "apt" | "ansible.builtin.apt" | "ansible.legacy.apt" => Ok(None),
        "auto" => {
            let is_there = facts.get(Stat::followed("/usr/bin/apt-get"))?.is_some();
            Ok(if is_there { None } else { Some("this machine has no apt-get, and no other package manager is used here yet".into()) })
        }
        other => Ok(missing(other)),
    }
}
