//! What acts every time by definition, whatever the machine is like.

use serde_json::Value;

use crate::modules::Args;

/// What an option must be.
enum When {
    Is(&'static str, &'static str),
    IsNot(&'static str, &'static str),
    Given(&'static str),
    NotGiven(&'static str),
}
use When::{Given, Is, IsNot, NotGiven};

/// The modules and option values after which the same plan is the same change.
const ACTS_ALWAYS: &[(&str, &[When])] = &[
    // lists are as old as the last look at them, and archives go whether there are any or not
    ("apt", &[Is("update_cache", "true"), NotGiven("package")]),
    ("apt", &[Is("clean", "true"), NotGiven("package")]),
    // programs: nobody knows what they do
    ("command", &[]),
    ("shell", &[]),
    ("raw", &[]),
    ("script", &[]),
    // servers are asked, and ports waited for, each time
    ("uri", &[]),
    ("wait_for", &[]),
    // an archive is looked into on the host; the result says whether anything changed
    ("unarchive", &[]),
    // machines and connections
    ("reboot", &[]),
    ("wait_for_connection", &[]),
    // a name that nobody has
    ("tempfile", &[]),
    // the clock goes on
    ("file", &[Is("state", "touch"), IsNot("access_time", "preserve"), IsNot("access_time", "202601312359.58")]),
    ("file", &[Is("state", "touch"), IsNot("modification_time", "preserve"), IsNot("modification_time", "202601312359.58")]),
    ("file", &[IsNot("state", "absent"), IsNot("state", "link"), Is("access_time", "now")]),
    ("file", &[IsNot("state", "absent"), IsNot("state", "link"), Is("modification_time", "now")]),
    // what the server has is fetched and compared on the host, unless a digest tells
    ("get_url", &[Is("force", "true")]),
    ("get_url", &[NotGiven("checksum")]),
    // what is to run anew, or to be read again, each time
    ("systemd", &[Is("state", "restarted")]),
    ("systemd", &[Is("state", "reloaded")]),
    ("systemd", &[Is("daemon_reload", "true")]),
    ("systemd", &[Is("daemon_reexec", "true")]),
    ("systemd_service", &[Is("state", "restarted")]),
    ("systemd_service", &[Is("state", "reloaded")]),
    ("systemd_service", &[Is("daemon_reload", "true")]),
    ("systemd_service", &[Is("daemon_reexec", "true")]),
    ("service", &[Is("state", "restarted")]),
    ("service", &[Is("state", "reloaded")]),
    ("service", &[Is("daemon_reload", "true")]),
    ("service", &[Is("daemon_reexec", "true")]),
    // what is mounted is to be mounted anew each time
    ("mount", &[Is("state", "remounted")]),
    ("mount", &[Is("state", "ephemeral")]),
    // new keys in the place of the old ones
    ("user", &[IsNot("state", "absent"), Is("force", "true"), Given("generate_ssh_key")]),
];

/// What takes away that which it is asked for: the second time it fails, as Ansible's does.
const ENDS: &[(&str, &[When])] = &[("async_status", &[Is("mode", "cleanup")])];

/// Whether the module acts each time with these arguments.
pub(super) fn acts_always(module: &str, args: &Args) -> bool {
    stands_in(ACTS_ALWAYS, module, args)
}

/// Whether the module fails the second time with these arguments.
pub(super) fn ends(module: &str, args: &Args) -> bool {
    stands_in(ENDS, module, args)
}

fn stands_in(table: &[(&str, &[When])], module: &str, args: &Args) -> bool {
    let text = |name: &str| match args.get(name) {
        Some(Value::String(text)) => Some(text.clone()),
        other => other.map(ToString::to_string),
    };
    let holds = |when: &When| match when {
        Is(name, value) => text(name).as_deref() == Some(*value),
        IsNot(name, value) => text(name).as_deref() != Some(*value),
        Given(name) => args.get(name).is_some(),
        NotGiven(name) => text(name).is_none_or(|text| text.is_empty()),
    };
    table.iter().any(|(name, when)| *name == module && when.iter().all(holds))
}

/// Whether the table names the module.
pub(super) fn is_named(module: &str) -> bool {
    ACTS_ALWAYS.iter().any(|(name, _)| *name == module)
}
