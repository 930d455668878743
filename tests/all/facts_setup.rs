//! `setup` on machines of Debian 12 and 13, against what `ansible -m setup` was recorded to find there.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::provision_machines::project;
use crate::testbed::{Bed, Suite};

const PLAY: &str = r"
- hosts: nodes
  become: true
  gather_facts: false
  tasks:
    - setup:
      register: found
    - copy:
        content: '{{ found.ansible_facts | to_json }}'
        dest: /root/facts.json
";

/// What is not offered: what only Ansible's Python, or a bus of disks that nobody here has, has an answer to.
const NOT_OFFERED: &[&str] = &[
    "discovered_interpreter_python",
    "fibre_channel_wwn",
    "hostnqn",
    "locally_reachable_ips",
    "lvm",
    "python_version",
    "selinux_python_present",
    "system_capabilities",
    "system_capabilities_enforced",
    "device_links",
];

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "text",
        Value::Array(_) => "list",
        Value::Object(_) => "map",
    }
}

/// Whether all of a value stands in another.
fn is_part(value: &Value, whole: &Value) -> bool {
    match (value, whole) {
        (Value::Object(value), Value::Object(whole)) => {
            !value.is_empty() && value.iter().all(|(name, value)| whole.get(name).is_some_and(|whole| is_part(value, whole)))
        }
        _ => value == whole,
    }
}

fn map(value: &Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

#[test]
fn facts_have_the_values_that_ansible_finds() {
    let bed = Bed::new().unwrap();
    let mut wrong = Vec::new();
    for (suite, debian) in [(Suite::Bookworm, "12"), (Suite::Trixie, "13")] {
        let machines = vec![bed.machine(&format!("f{debian}")).suite(suite).start().unwrap()];
        let program = project(&bed, &machines);
        program.file("facts.yml", PLAY);
        let ran = bed.inside(|| program.run(&["provision", "-i", "hosts", "facts.yml"])).unwrap();
        assert_eq!(ran.code, Some(0), "{}", ran.all());
        let ours: Map<String, Value> = serde_json::from_str(&machines[0].root_says("cat /root/facts.json").unwrap()).unwrap();
        let ours: Map<String, Value> =
            ours.into_iter().map(|(name, value)| (name.strip_prefix("ansible_").unwrap_or(&name).to_owned(), value)).collect();
        let path = format!("{}/tests/records/facts/debian{debian}.json", env!("CARGO_MANIFEST_DIR"));
        let record: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let (fixed, moving) = (map(&record["facts"]), map(&record["moving"]));
        for (name, wanted) in &fixed {
            match ours.get(name) {
                Some(value) if value == wanted => {}
                // nothing of ours asks the machine's Python for more than its name says
                Some(value) if name == "python" && is_part(value, wanted) => {}
                None if NOT_OFFERED.contains(&name.as_str()) => {}
                other => wrong.push(format!("debian {debian}: {name}: {other:?}, not {wanted}")),
            }
        }
        for (name, wanted) in &moving {
            match ours.get(name) {
                Some(value) if kind(value) == wanted => {}
                None if NOT_OFFERED.contains(&name.as_str()) => {}
                other => wrong.push(format!("debian {debian}: {name}: {other:?}, not a {wanted}")),
            }
        }
        let theirs: BTreeSet<&String> = fixed.keys().chain(moving.keys()).collect();
        wrong.extend(ours.keys().filter(|name| !theirs.contains(name)).map(|name| format!("debian {debian}: nobody else has {name}")));
        // a list that says too much is no list
        let offered = NOT_OFFERED.iter().filter(|name| ours.contains_key(**name));
        wrong.extend(offered.map(|name| format!("debian {debian}: {name} is offered")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
