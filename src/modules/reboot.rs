//! `reboot` and `wait_for_connection`: what the engine does with the connection, as data.

use serde_json::{Map, Value};

use super::spec::{Kind, Opt, Spec};
use super::{Act, Decision, Module, Task};
use crate::plan::{Facts, Stop};

/// Reboots a machine and waits until it is back.
pub struct Reboot;

/// Waits until a machine can be reached.
pub struct WaitForConnection;

static REBOOT: Spec = Spec {
    options: &[
        Opt::new("boot_time_command", Kind::Str)
            .about("Says which start of the machine this is")
            .default("cat /proc/sys/kernel/random/boot_id"),
        Opt::new("connect_timeout", Kind::Int).about("How long one connection may take, in seconds").aliases(&["connect_timeout_sec"]),
        Opt::new("msg", Kind::Str).about("What people who are logged in see").default("Reboot initiated by Ansible"),
        Opt::new("post_reboot_delay", Kind::Int)
            .about("How long nothing is tried afterwards, in seconds")
            .aliases(&["post_reboot_delay_sec"])
            .default("0"),
        Opt::new("pre_reboot_delay", Kind::Int)
            .about("How long before it begins, in seconds")
            .aliases(&["pre_reboot_delay_sec"])
            .default("0"),
        Opt::new("reboot_command", Kind::Str).about("Another command than shutdown"),
        Opt::new("reboot_timeout", Kind::Int)
            .about("How long the machine may take, in seconds")
            .aliases(&["reboot_timeout_sec"])
            .default("600"),
        Opt::new("search_paths", Kind::List(&Kind::Str))
            .about("Where shutdown is looked for")
            .default("/sbin,/bin,/usr/sbin,/usr/bin,/usr/local/sbin"),
        Opt::new("test_command", Kind::Str).about("Must succeed before the machine counts as back").default("whoami"),
    ],
    about: "Restarts a machine and waits until it is back",
    example: "- name: a new kernel\n  ansible.builtin.reboot:\n    reboot_timeout: 600\n",
    ..Spec::new("ansible.builtin", "reboot")
};

static WAIT_FOR_CONNECTION: Spec = Spec {
    options: &[
        Opt::new("connect_timeout", Kind::Int).about("How long one try may take, in seconds").default("5"),
        Opt::new("delay", Kind::Int).about("How long nothing is tried in the beginning, in seconds").default("0"),
        Opt::new("sleep", Kind::Int).about("How long between two tries, in seconds").default("1"),
        Opt::new("timeout", Kind::Int).about("How long altogether, in seconds").default("600"),
    ],
    about: "Waits until a machine can be reached and used",
    ..Spec::new("ansible.builtin", "wait_for_connection")
};

/// How a machine is rebooted, in the order in which it happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rebooting {
    /// What a shell runs before and after: once it says something else, the machine has started anew.
    pub boot_time_command: String,
    /// What a shell runs to reboot, without `exec`; the connection may be lost while it does.
    pub command: String,
    /// How long the machine may take to come back with another boot time and to pass the test, in seconds.
    pub timeout: u64,
    /// How long one connection may take, in seconds; if not said, as long as usual.
    pub connect_timeout: Option<u64>,
    /// How long nothing is tried after the command, in seconds.
    pub post_delay: u64,
    /// What a shell must run with status 0 on the machine that is back.
    pub test_command: String,
}

/// How a connection is waited for; times are in seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reconnecting {
    /// How long nothing is tried.
    pub delay: u64,
    /// How long between two tries.
    pub sleep: u64,
    /// How long at most.
    pub timeout: u64,
    /// How long one try may take.
    pub connect_timeout: u64,
}

impl Module for Reboot {
    fn spec(&self) -> &'static Spec {
        &REBOOT
    }

    fn plan(&self, task: &Task<'_>, _facts: &Facts<'_>) -> Result<Decision, Stop> {
        let rebooting = rebooting(task);
        Ok(Decision { act: Act::Reboot(rebooting), ..Decision::unchanged() })
    }

    fn is_opaque(&self) -> bool {
        true
    }
}

fn rebooting(task: &Task<'_>) -> Rebooting {
    let args = task.args;
    let text = |name: &str| args.str(name).unwrap_or_default().to_owned();
    // a delay below zero is none
    let seconds = |name: &str| args.int(name).and_then(|seconds| u64::try_from(seconds).ok());
    let command = match args.str("reboot_command").filter(|command| !command.trim().is_empty()) {
        Some(command) => command.to_owned(),
        None => {
            // shutdown(8) counts in minutes
            let minutes = seconds("pre_reboot_delay").unwrap_or(0) / 60;
            let places: Vec<&str> = args.list("search_paths").unwrap_or_default();
            let message = super::shell::quoted(&text("msg"));
            let path = super::shell::quoted(&places.join(":"));
            format!("PATH={path}:$PATH shutdown -r {minutes} {message}")
        }
    };
    Rebooting {
        boot_time_command: text("boot_time_command"),
        command,
        timeout: seconds("reboot_timeout").unwrap_or(600),
        connect_timeout: seconds("connect_timeout"),
        post_delay: seconds("post_reboot_delay").unwrap_or(0),
        test_command: text("test_command"),
    }
}

impl Rebooting {
    /// What is registered: the whole seconds it took, or why it failed.
    pub fn result(elapsed: u64, failed: Option<String>) -> Map<String, Value> {
        let mut result = Map::new();
        result.insert("elapsed".into(), elapsed.into());
        result.insert("changed".into(), true.into());
        result.insert("rebooted".into(), failed.is_none().into());
        if let Some(message) = failed {
            result.insert("failed".into(), true.into());
            result.insert("msg".into(), message.into());
        }
        result
    }
}

impl Module for WaitForConnection {
    fn spec(&self) -> &'static Spec {
        &WAIT_FOR_CONNECTION
    }

    fn plan(&self, task: &Task<'_>, _facts: &Facts<'_>) -> Result<Decision, Stop> {
        if task.check {
            return Ok(Decision { act: Act::Skip("nothing is waited for in check mode".into()), ..Decision::unchanged() });
        }
        let seconds = |name: &str| task.args.int(name).and_then(|seconds| u64::try_from(seconds).ok()).unwrap_or(0);
        let reconnecting = Reconnecting {
            delay: seconds("delay"),
            sleep: seconds("sleep"),
            timeout: seconds("timeout"),
            connect_timeout: seconds("connect_timeout"),
        };
        Ok(Decision { act: Act::Reconnect(reconnecting), ..Decision::unchanged() })
    }

    fn is_opaque(&self) -> bool {
        true
    }
}
