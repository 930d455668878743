//! `ansible.builtin.hostname`

use serde_json::{Map, Value, json};

use super::attributes::Wanted;
use super::halt::{Halt, settled};
use super::outcome::{both, planned};
use super::whole_file::WholeFile;
use super::{Decision, Kind, Module, Opt, Spec, Task};
use crate::node::apply::Carried;
use crate::node::facts::{Content, FileContent, Hostname as Current, Saying, Stat};
use crate::node::steps::SetHostname;
use crate::node::{Change, Plan};
use crate::plan::{Difference, Expect, Facts, Reading, Stop};

/// What the machine is called.
#[derive(Debug)]
pub struct Hostname;

const HOW: &[&str] =
    &["alpine", "debian", "freebsd", "generic", "macos", "macosx", "darwin", "openbsd", "openrc", "redhat", "sles", "solaris", "systemd"];

static SPEC: Spec = Spec {
    options: &[
        Opt::new("name", Kind::Str).required().about("The name, with or without a domain"),
        Opt::new("use", Kind::Str)
            .choices(HOW)
            .about("How it is set: `systemd` and `debian` by hostnamectl; as the machine does it where nothing is said"),
    ],
    about: "Sets the name of the machine, now and for the next boots",
    notes: &[
        "`/etc/hosts` is left alone, as in Ansible: a line for the new name is a task of its own.",
        "With systemd running, hostnamectl is used. Without it, `/etc/hostname` is written on Debian and what descends from it; other \
         machines, and other ways that `use` names, are refused.",
        "What is no name is refused. Ansible hands it to hostnamectl, which makes another of it, and would change it again in each run.",
    ],
    example: "- name: The machine is called as in the inventory\n  hostname:\n    name: \"{{ inventory_hostname }}\"\n",
    ..Spec::new("ansible.builtin", "hostname")
};

const FILE: &str = "/etc/hostname";

impl Module for Hostname {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn plan(&self, task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Stop> {
        settled(plan(task, facts))
    }

    fn result(&self, task: &Task<'_>, facts: &Facts<'_>, _carried: Option<&Carried>) -> Result<Map<String, Value>, Stop> {
        let name = task.args.str("name").unwrap_or_default();
        let mut told = json!({"ansible_hostname": name.split('.').next(), "ansible_nodename": name});
        if let (Reading::Present(Value::String(full)), Some(told)) = (facts.reading(&Saying::FullName)?, told.as_object_mut()) {
            told.insert("ansible_domain".into(), full.split_once('.').map_or("", |(_, domain)| domain).into());
            told.insert("ansible_fqdn".into(), full.into());
        }
        Ok(Map::from_iter([("ansible_facts".to_owned(), told)]))
    }
}

fn plan(task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Halt> {
    let name = task.args.str("name").unwrap_or_default();
    let ask = (Current, vec![Stat::followed("/run/systemd/system"), Stat::followed("/etc/debian_version")]);
    let looked = match WholeFile::look(facts, FILE) {
        Err(Halt::Stop(stop)) => Err(stop),
        looked => Ok(looked),
    };
    let ((current, there), file) = both(facts.get(ask), looked)?;
    let (file, current) = (file?, current.unwrap_or_default());
    let mut there = there.iter().map(Option::is_some);
    let (systemd, debian) = (there.next() == Some(true), there.next() == Some(true));
    let by_systemd = match task.args.str("use") {
        Some("systemd" | "debian") => true,
        Some(other) => return Err(Halt::fail(format!("`use: {other}` of `hostname` is not carried out here"))),
        None if systemd => true,
        None if debian => false,
        None => return Err(Halt::fail("the name of a machine with neither systemd nor Debian's files is not set here")),
    };
    let lasting = lasting(&file.text());
    let mut change: Change = Plan::change([]);
    // without systemd only the next boot takes the name from the file
    let before = if by_systemd && current != name { &current } else { &lasting };
    if lasting != name || (by_systemd && current != name) {
        if name.len() > 64 {
            return Err(Halt::fail("name cannot be longer than 64 characters on systemd servers, try a shorter name"));
        }
        if by_systemd {
            by_hostnamectl(name, lasting != name, &mut change);
        } else {
            file.put(facts, format!("{name}\n").into_bytes(), &Wanted::default(), &mut change)?;
        }
        change.diff = vec![Difference { what: "hostname".into(), before: Some(before.clone()), after: Some(name.into()) }];
    }
    let diff = json!({"before": format!("hostname = {before}\n"), "after": format!("hostname = {name}\n")});
    let changes = !change.steps.is_empty();
    let decision = planned(change).with("name", name);
    Ok(if changes { decision.with("diff", diff) } else { decision })
}

fn by_hostnamectl(name: &str, lasting: bool, change: &mut Change) {
    change.steps.push(SetHostname { name: name.into(), lasting }.into());
    change.expect.push(Expect::is(&Current, &name.to_owned()));
    if lasting {
        let content = Content::itself(FILE, super::remote_file::LONGEST);
        change.expect.push(Expect::is(&content, &FileContent::from(format!("{name}\n").into_bytes())));
    }
}

/// The name in /etc/hostname: its first line that is neither empty nor a comment.
fn lasting(text: &str) -> String {
    text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#')).unwrap_or_default().to_owned()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::modules::bench::{Bench, Seen};
    use crate::node::simulated::{Random, World};

    fn world(random: &mut Random) -> World {
        let mut world = World::new(random.number());
        if !random.once_in(4) {
            world.add_directory("/run/systemd/system", 0o755);
        }
        if !random.once_in(4) {
            world.add_file("/etc/debian_version", b"13.1\n", 0o644);
        }
        if !random.once_in(4) {
            let content = *random.pick(&["node\n", "# x\nold\n", "w1", ""]).unwrap();
            world.add_file(FILE, content.as_bytes(), 0o644);
        }
        world
    }

    pub(crate) fn state(random: &mut Random) -> (Bench, Value) {
        let bench = Bench::new(world(random));
        let mut args = json!({"name": *random.pick(&["node", "w1", "w1.example.org", "my machine", ""]).unwrap()});
        if random.once_in(4) {
            args["use"] = (*random.pick(&["systemd", "debian", "alpine"]).unwrap()).into();
        }
        (bench, args)
    }

    #[test]
    fn a_name_is_set_now_and_for_later() {
        let mut world = World::new(1);
        world.add_directory("/run/systemd/system", 0o755);
        world.add_file(FILE, b"w1\n", 0o644);
        let mut bench = Bench::new(world);
        let Seen::Changed(decision, change, carried) = bench.run(&Hostname, &json!({"name": "w1"})) else { panic!() };
        assert_eq!(change.steps, [SetHostname { name: "w1".into(), lasting: false }.into()]);
        assert_eq!(decision.result["diff"]["before"], "hostname = node\n");
        let result = bench.result(&Hostname, &json!({"name": "w1"}), Some(&carried));
        assert_eq!(result["ansible_facts"]["ansible_fqdn"], "w1");
        let Seen::Changed(_, change, _) = bench.run(&Hostname, &json!({"name": "w2.example"})) else { panic!() };
        assert_eq!(change.steps, [SetHostname { name: "w2.example".into(), lasting: true }.into()]);
        assert_eq!(bench.machine.world().content(FILE).unwrap(), b"w2.example\n");
    }
}
