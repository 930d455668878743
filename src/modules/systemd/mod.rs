//! `ansible.builtin.systemd_service`, which is also called `systemd`.

mod ask;
mod decide;
#[cfg(test)]
pub(super) mod tests;

use super::halt::settled;
use super::{Decision, Kind, Module, Opt, Spec, Task};
use crate::plan::{Facts, Stop};

pub(super) use decide::plan;

/// A unit of systemd runs or does not, starts at boot or does not.
///
/// As in Ansible: `reloaded` starts what does not run; a unit whose file an earlier task would bring is unknown in check
/// mode, and no failure. That the service manager reads its files again is no change.
#[derive(Debug)]
pub struct SystemdService;

/// The same by its older name.
#[derive(Debug)]
pub struct Systemd;

/// What both take, and `service` passes on.
pub(super) const OPTIONS: [Opt; 9] = [
    Opt::new("name", Kind::Str).aliases(&["service", "unit"]).about("Name of the unit; without a suffix it is a service"),
    Opt::new("state", Kind::Str)
        .choices(&["reloaded", "restarted", "started", "stopped"])
        .about("Whether it runs; restarted and reloaded act every time, and start what does not run"),
    Opt::new("enabled", Kind::Bool).about("Whether it starts at boot"),
    Opt::new("force", Kind::Bool).about("Whether links that stand in the way of others are replaced"),
    Opt::new("masked", Kind::Bool).about("Whether it cannot be started at all"),
    Opt::new("daemon_reload", Kind::Bool)
        .aliases(&["daemon-reload"])
        .default("false")
        .about("Has systemd read its files again before anything else; counts as no change, and is not done in check mode"),
    Opt::new("daemon_reexec", Kind::Bool)
        .aliases(&["daemon-reexec"])
        .default("false")
        .about("Starts systemd itself anew before anything else; counts as no change, and is not done in check mode"),
    Opt::new("scope", Kind::Str)
        .default("system")
        .choices(&["system", "user", "global"])
        .about("Whose units are meant: those of the machine, of the user of the task, or of all users"),
    Opt::new("no_block", Kind::Bool).default("false").about("Whether the end of starting or stopping is not waited for"),
];

/// Always so, in effect: one of them has a default. With a name alone it registers how the unit is.
pub(super) const ONE_OF: &[&[&str]] = &[&["state", "enabled", "masked", "daemon_reload", "daemon_reexec"]];
const BY: &[(&str, &[&str])] = &[("state", &["name"]), ("enabled", &["name"]), ("masked", &["name"])];

const fn spec(name: &'static str) -> Spec {
    Spec {
        options: &OPTIONS,
        one_of: ONE_OF,
        required_by: BY,
        about: "Starts, stops, enables and masks units of systemd",
        notes: &[
            "A unit that is static has no [Install] section: `enabled: false` cannot change it. Ansible disables it again in every \
             run and calls that a change; here it is unchanged, and a warning says why.",
            "In check mode a unit that an earlier task of the same run would install is reported as not known yet; Ansible's check \
             mode fails there.",
            "`status` is read only where the result is registered; it is what systemd said before the task changed anything.",
            "A name with `*`, `?` or `[` is refused, as by Ansible.",
        ],
        example: "- name: containerd runs, now and after a reboot\n  ansible.builtin.systemd_service:\n    name: containerd\n    state: \
                  started\n    enabled: true\n    daemon_reload: true\n",
        ..Spec::new("ansible.builtin", name)
    }
}

static SERVICE: Spec = spec("systemd_service");
static SHORT: Spec = spec("systemd");

impl Module for SystemdService {
    fn spec(&self) -> &'static Spec {
        &SERVICE
    }

    fn plan(&self, task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Stop> {
        settled(plan(task, facts))
    }
}

impl Module for Systemd {
    fn spec(&self) -> &'static Spec {
        &SHORT
    }

    fn plan(&self, task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Stop> {
        settled(plan(task, facts))
    }
}
