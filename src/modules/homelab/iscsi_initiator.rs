//! `homelab.iscsi_initiator`

use sha2::{Digest as _, Sha256};

use super::write;
use crate::modules::edited_file::EditedFile;
use crate::modules::halt::{self, Halt, settled};
use crate::modules::outcome::planned;
use crate::modules::{Decision, Kind, Module, Opt, Spec, Task};
use crate::node::facts::{Directory, MachineId, Unit};
use crate::node::steps::{UnitAction, UnitStep};
use crate::node::{Change, Plan};
use crate::plan::{Facts, Stop};

/// The machine has a name of its own as an iSCSI initiator.
#[derive(Debug)]
pub struct HomelabIscsiInitiator;

static SPEC: Spec = Spec {
    options: &[
        Opt::new("name", Kind::Str).about("The name, such as `iqn.2024-01.lan.home:w1`; one that is there stays if none is given"),
        Opt::new("taken", Kind::List(&Kind::Str)).about("Names that other machines have: one of these is given up for a new one"),
    ],
    exclusive: &[&["name", "taken"]],
    about: "Gives the machine a name of its own as an iSCSI initiator",
    notes: &[
        "Machines that were cloned have the same name, and then lose each other's volumes. A new name is made of the machine's id, so it is the same in every run.",
        "The name is not changed while a session is open, since volumes are in use by it: it is refused, and the sessions are named.",
        "The result has `name`.",
    ],
    example: "- name: what each node is called in iSCSI\n  homelab.iscsi_initiator:\n  register: iscsi\n\n- name: no two nodes are called the same\n  homelab.iscsi_initiator:\n    taken: \"{{ ansible_play_hosts[:ansible_play_hosts.index(inventory_hostname)] | map('extract', hostvars, ['iscsi', 'name']) | list }}\"\n",
    ..Spec::new("homelab", "iscsi_initiator")
};

const FILE: &str = "/etc/iscsi/initiatorname.iscsi";
const KEY: &str = "InitiatorName=";
/// What the names begin with that open-iscsi's packages make up in Debian.
const PREFIX: &str = "iqn.1993-08.org.debian:01:";

impl Module for HomelabIscsiInitiator {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn plan(&self, task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Stop> {
        settled(plan(task, facts))
    }
}

fn plan(task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Halt> {
    let asked =
        facts.get((Directory::new("/etc/iscsi"), Directory::new("/sys/class/iscsi_session"), Unit::new("iscsid.service"), MachineId));
    let (file, (folder, sessions, unit, machine)) = halt::both(EditedFile::look_at(task, facts, FILE, "Destination"), asked)?;
    if folder.is_none() {
        return Err(Halt::fail("there is no /etc/iscsi: install open-iscsi first"));
    }
    let text = String::from_utf8_lossy(file.content.as_deref().unwrap_or_default()).into_owned();
    let is = text.lines().find_map(|line| line.strip_prefix(KEY)).map(str::trim).filter(|name| !name.is_empty());
    let taken = task.args.list("taken").unwrap_or_default();
    let name = match (task.args.str("name"), is) {
        (Some(name), _) if !is_qualified(name) => {
            return Err(Halt::fail(format!("{name:?} is no name of iSCSI: they begin with iqn., eui. or naa.")));
        }
        (Some(name), _) => name.to_owned(),
        (None, Some(is)) if !taken.contains(&is) => is.to_owned(),
        (None, _) => {
            let machine = machine.filter(|id| !id.is_empty());
            let machine = machine.ok_or_else(|| Halt::fail("the machine has no id (/etc/machine-id): it has not ended its first boot"))?;
            made(&machine, &facts.scope().host, &taken)
        }
    };
    if is == Some(&*name) {
        return Ok(Decision::unchanged().with("name", name));
    }
    let sessions = sessions.unwrap_or_default();
    if let Some(first) = sessions.first() {
        return Err(Halt::refuse(
            format!("{} is to be called {name}, and has open sessions ({}, {} in all)", is.unwrap_or("it"), first.name, sessions.len()),
            "move its volumes to other machines (kubectl drain), and run it again: `iscsiadm -m session` shows the sessions",
        ));
    }
    let mut change: Change = Plan::change([]);
    let before = is.map(str::to_owned);
    write(task, facts, file, &mut change, |_| content(&text, &name))?;
    change.diff.clear();
    change = change.differs("iSCSI initiator", before, Some(name.clone()));
    if unit.is_some_and(|unit| unit.active_state == "active") {
        change.steps.push(UnitStep::new(UnitAction::Restart, "iscsid.service").into());
    }
    Ok(planned(change).with("name", name))
}

fn is_qualified(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ":.-".contains(c);
    ["iqn.", "eui.", "naa."].iter().any(|prefix| name.len() > prefix.len() && name.starts_with(prefix))
        && name.chars().all(fits)
        && name.len() <= 223
}

/// The first of the machine's own names that nobody has.
fn made(machine: &str, host: &str, taken: &[&str]) -> String {
    let numbered = |number: u32| {
        let digest = Sha256::digest(format!("homelabctl initiator {machine} {host} {number}"));
        format!("{PREFIX}{}", digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect::<String>())
    };
    (0..).map(numbered).find(|name| !taken.contains(&name.as_str())).unwrap_or_default()
}

/// The text with that name in the place of the one that counts; without the word that has one made up at the next start.
fn content(text: &str, name: &str) -> Vec<u8> {
    let kept: String = text.split_inclusive('\n').filter(|line| !line.starts_with(KEY) && !line.starts_with("GenerateName=")).collect();
    let end = if kept.is_empty() || kept.ends_with('\n') { "" } else { "\n" };
    format!("{kept}{end}{KEY}{name}\n").into_bytes()
}

#[cfg(test)]
pub(in crate::modules) mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::modules::bench::{Bench, Seen};
    use crate::node::simulated::{Random, World};

    const TEXT: &[u8] = b"# do not share\nInitiatorName=iqn.1993-08.org.debian:01:abc\n";

    pub(in crate::modules) fn state(random: &mut Random) -> (Bench, Value) {
        let mut world = World::new(random.number());
        if !random.once_in(6) {
            world.add_directory("/etc/iscsi", 0o755);
            if !random.once_in(4) {
                world.add_file(FILE, if random.once_in(4) { b"GenerateName=yes\n" } else { TEXT }, 0o600);
            }
        }
        if !random.once_in(8) {
            world.set_machine_id("0123456789abcdef0123456789abcdef");
        }
        if random.once_in(4) {
            world.add_directory("/sys/class/iscsi_session/session1", 0o755);
        }
        if random.once_in(2) {
            world.add_unit("iscsid.service");
            world.set_unit("iscsid.service", random.once_in(2), true, false);
        }
        let args = match random.below(4) {
            0 => json!({}),
            1 => json!({"name": "iqn.2024-01.lan.home:w1"}),
            2 => json!({"name": "w1"}),
            _ => json!({"taken": ["iqn.1993-08.org.debian:01:abc"]}),
        };
        (Bench::new(world), args)
    }

    #[test]
    fn a_clone_gets_a_name_of_its_own_and_keeps_it() {
        let mut world = World::new(1);
        world.add_directory("/etc/iscsi", 0o755);
        world.add_file(FILE, TEXT, 0o600);
        world.set_machine_id("0123456789abcdef0123456789abcdef");
        let mut bench = Bench::new(world);
        let taken = json!({"taken": ["iqn.1993-08.org.debian:01:abc"]});
        let Seen::Changed(decision, ..) = bench.run(&HomelabIscsiInitiator, &taken) else { panic!() };
        let name = decision.result["name"].as_str().unwrap().to_owned();
        assert!(name.starts_with(PREFIX) && name.len() == PREFIX.len() + 12, "{name}");
        let Seen::Unchanged(decision) = bench.run(&HomelabIscsiInitiator, &taken) else { panic!() };
        assert_eq!(decision.result["name"], name.as_str());
    }

    #[test]
    fn only_the_line_with_the_name_moves() {
        assert_eq!(content("# a\nInitiatorName=iqn.x\n# b", "iqn.y"), b"# a\n# b\nInitiatorName=iqn.y\n");
        assert_eq!(content("GenerateName=yes\n", "iqn.y"), b"InitiatorName=iqn.y\n");
        assert!(is_qualified("iqn.2024-01.lan.home:w1") && !is_qualified("iqn.") && !is_qualified("w1") && !is_qualified("iqn.A"));
    }
}
