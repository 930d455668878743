//! Inventories as text, for tests.

use std::path::Path;
use std::time::Duration;

use super::data::{GroupId, Inventory, Variable};
use super::read::{Given, Request, read};
use crate::diagnostics::{Diagnostics, Source};
use crate::yaml::{Keys, one_line};

pub(super) fn result(name: &str, text: &str) -> Result<(Inventory, Diagnostics), Diagnostics> {
    read_all(&[Given::Text(Source::new(name, text))])
}

pub(crate) fn read_all(given: &[Given]) -> Result<(Inventory, Diagnostics), Diagnostics> {
    let limit = Duration::from_secs(10);
    let (keys, home) = (Keys::default(), Path::new("/home/pat"));
    let (inventory, problems) = read(&Request {
        given,
        playbook_dir: None,
        extra: &[],
        keys: &keys,
        script_limit: limit,
        merges: false,
        passwords_failed: false,
        home,
    });
    problems.or(inventory)
}

pub(super) fn inventory(text: &str) -> Inventory {
    result("hosts.ini", text).unwrap_or_else(|errors| panic!("{errors}")).0
}

fn shown(inventory: &Inventory) -> String {
    let variables = |list: &[Variable]| -> String {
        list.iter().map(|variable| format!("    {} = {}\n", variable.name, one_line(&variable.value))).collect()
    };
    let mut text = String::new();
    for group in &inventory.groups {
        let hosts: Vec<&str> = group.hosts.iter().map(|&id| &*inventory.at(id).name).collect();
        let children: Vec<&str> = group.children.iter().map(|(id, _)| &*inventory.group_at(*id).name).collect();
        text += &format!(
            "[{}] depth {} priority {}\n  hosts: {}\n  children: {}\n{}",
            group.name,
            group.depth,
            group.priority,
            hosts.join(" "),
            children.join(" "),
            variables(&group.variables)
        );
    }
    for host in inventory.hosts() {
        let groups: Vec<&str> = inventory.groups_of(host).into_iter().map(|id: GroupId| &*inventory.group_at(id).name).collect();
        text += &format!("{} in {}\n{}", host.name, groups.join(" "), variables(&host.variables));
    }
    text
}

fn outcome(result: Result<(Inventory, Diagnostics), Diagnostics>) -> String {
    match result {
        Ok((inventory, warnings)) => format!("{}\n{warnings}", shown(&inventory)),
        Err(errors) => errors.to_string(),
    }
}

/// The tree of an INI inventory without mistakes.
pub(super) fn tree(text: &str) -> String {
    outcome(Ok(result("hosts.ini", text).unwrap_or_else(|errors| panic!("{errors}"))))
}

/// What is wrong with an INI inventory.
pub(super) fn problems(text: &str) -> String {
    result("hosts.ini", text).expect_err("it is wrong").to_string()
}

/// The same for YAML.
pub(super) fn yaml_tree(text: &str) -> String {
    outcome(in_file("hosts.yml", text))
}

pub(super) fn yaml_problems(text: &str) -> String {
    in_file("hosts.yml", text).expect_err("it is wrong").to_string()
}

fn in_file(name: &str, text: &str) -> Result<(Inventory, Diagnostics), Diagnostics> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(name);
    std::fs::write(&path, text).unwrap();
    let place = format!("{}/", directory.path().display());
    let strip = |problems: Diagnostics| {
        let strip = |place_of: &crate::diagnostics::Place| {
            let source = Source::new(place_of.source.name.replace(&place, ""), std::sync::Arc::clone(&place_of.source.text));
            source.at(place_of.span.clone())
        };
        let problems = problems.0.into_iter().map(|problem| crate::diagnostics::Diagnostic {
            place: problem.place.as_ref().map(strip),
            also: problem.also.iter().map(|(place, label)| (strip(place), label.clone())).collect(),
            ..problem
        });
        Diagnostics(problems.collect())
    };
    read_all(&[Given::Argument(path.display().to_string())]).map(|(inventory, warnings)| (inventory, strip(warnings))).map_err(strip)
}

/// One that opens nothing and sees an empty environment.
pub(super) fn engine() -> crate::template::Engine {
    crate::template::Engine::new(crate::template::Surroundings {
        env: std::collections::BTreeMap::new(),
        dir: "/nonexistent".into(),
        home: "/home/pat".into(),
        decrypt: std::sync::Arc::new(|_: &str| Err(("no vault password was given".to_owned(), "give it".to_owned()))),
        from_yaml: None,
        programs: false,
    })
}
