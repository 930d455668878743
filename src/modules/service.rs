//! `ansible.builtin.service`

use super::halt::{Halt, settled};
use super::systemd::{self, ONE_OF, OPTIONS};
use super::{Decision, Kind, Module, Opt, Spec, Task};
use crate::plan::{Facts, Plan, Refusal, Stop};

/// A service runs or does not, starts at boot or does not: by systemd.
///
/// As in Ansible, all that `systemd_service` takes is taken too, and what only other service managers know is ignored with a
/// warning. Other service managers are refused.
#[derive(Debug)]
pub struct Service;

static SPEC: Spec = Spec {
    options: &SERVICE_OPTIONS,
    one_of: ONE_OF,
    required_by: &[("state", &["name"]), ("enabled", &["name"]), ("masked", &["name"])],
    about: "Starts, stops and enables services",
    notes: &[
        "Only machines that systemd runs on are supported; elsewhere the task is refused. Ansible knows other service managers too.",
        "`pattern`, `sleep`, `runlevel` and `arguments` mean nothing to systemd: they are ignored with a warning, as by Ansible.",
        "All options of `systemd_service` are taken, because Ansible hands them on.",
    ],
    example: "- name: time is kept\n  ansible.builtin.service:\n    name: chrony\n    state: started\n    enabled: true\n",
    ..Spec::new("ansible.builtin", "service")
};

const SERVICE_OPTIONS: [Opt; 14] = {
    let [name, state, enabled, force, masked, reload, reexec, scope, no_block] = OPTIONS;
    [
        name,
        state,
        enabled,
        force,
        masked,
        reload,
        reexec,
        scope,
        no_block,
        Opt::new("pattern", Kind::Str).about("How other service managers find the service among processes; ignored"),
        Opt::new("sleep", Kind::Int).about("How long other service managers wait between stop and start; ignored"),
        Opt::new("runlevel", Kind::Str).about("In which runlevel other service managers start it; ignored"),
        Opt::new("arguments", Kind::Str).aliases(&["args"]).about("What other service managers hand to it; ignored"),
        Opt::new("use", Kind::Str).default("auto").about("Which service manager is meant; only systemd is supported"),
    ]
};

impl Module for Service {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn plan(&self, task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Stop> {
        settled(plan(task, facts))
    }
}

fn plan(task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Halt> {
    let by = task.args.str("use").unwrap_or("auto").to_lowercase();
    if !["auto", "systemd", "systemd_service", "ansible.builtin.systemd", "ansible.builtin.systemd_service"].contains(&by.as_str()) {
        return Err(refusal(format!("`use: {by}` asks for another service manager than systemd, which is the only one known here")));
    }
    let mut decision = match systemd::plan(task, facts) {
        Err(Halt::Stop(Stop::Unknown(keys))) if keys.values().any(|why| why == NO_SYSTEMD) => {
            return Err(refusal("systemd does not run there, and no other service manager is known here"));
        }
        Ok(decision) => decision,
        Err(Halt::Decided(decision)) => *decision,
        Err(stop) => return Err(stop),
    };
    for unused in ["pattern", "runlevel", "sleep", "arguments"] {
        if task.args.is_given(unused) {
            decision = decision.warns(format!("Ignoring \"{unused}\" as it is not used in \"systemd\""));
        }
    }
    Ok(decision)
}

/// What the facts about units say where there are none.
const NO_SYSTEMD: &str = "systemd does not run here";

fn refusal(why: impl Into<String>) -> Halt {
    Decision::from(Plan::Refuse(Refusal { why: why.into(), hint: None })).into()
}
