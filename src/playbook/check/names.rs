//! Names of modules: those that nobody has, and those that Ansible has and we have not.

use std::collections::BTreeMap;

use super::python::Python;
use super::walk::Seen;
use super::where_it_is_reached;
use crate::diagnostics::{Diagnostic, Diagnostics, Level, Place};
use crate::modules::{Found, find, module_names, names};
use crate::yaml::Node;

/// What the name of a task's module means, with the collections that the task searches.
pub(super) fn found(seen: &Seen) -> Found {
    let name = &seen.task.action.name;
    let found = find(name);
    if !matches!(found, Found::Unknown) || name.contains('.') {
        return found;
    }
    let collections = seen.task.keyword("collections").and_then(Node::as_list).unwrap_or_default();
    let named = collections.iter().filter_map(Node::as_str).map(|collection| find(&format!("{collection}.{name}")));
    named.into_iter().find(|found| !matches!(found, Found::Unknown)).unwrap_or(Found::Unknown)
}

/// A module that cannot run: where it is named first, and how often.
struct Absent {
    place: Place,
    guarded: bool,
    count: usize,
    why: String,
}

pub(super) fn check(tasks: &[Seen], python: &Python, problems: &mut Diagnostics) {
    let mut absent: BTreeMap<(bool, &str), Absent> = BTreeMap::new();
    for seen in tasks {
        let (name, place) = (seen.task.action.name.as_str(), &seen.task.action.place);
        let why = match found(seen) {
            Found::Module(_) | Found::Play(_) | Found::Action(_) => continue,
            Found::NotHere => "it is one of Ansible's that cannot run here".to_owned(),
            Found::Unknown => match python.module(seen.play, seen.task.role.as_deref(), name) {
                Some(file) => format!("it is a program in Python: {}", file),
                None if names::nearest(name, module_names()).is_none() && elsewhere(name) => {
                    "it does not come with Ansible, and cannot run here".to_owned()
                }
                // a template gives it when its turn comes
                None if name.contains("{{") => continue,
                None => {
                    super::tolerated(seen, Diagnostics(vec![unknown(name, place)]), problems);
                    continue;
                }
            },
        };
        let first = || Absent { place: place.clone(), guarded: seen.guarded, count: 0, why };
        absent.entry((seen.guarded, name)).or_insert_with(first).count += 1;
    }
    let mut absent: Vec<_> = absent.into_iter().collect();
    absent.sort_by(|(_, one), (_, other)| {
        (&one.place.source.name, one.place.span.start).cmp(&(&other.place.source.name, other.place.span.start))
    });
    for ((_, name), Absent { place, guarded, count, why }) in absent {
        let more = match count {
            1 => String::new(),
            2 => ", and one more task uses it".to_owned(),
            count => format!(", and {} more tasks use it", count - 1),
        };
        let problem = where_it_is_reached(guarded, format!("there is no module `{name}` here")).at(place).label(format!("{why}{more}"));
        problems.push(if problem.level == Level::Error {
            problem.hint("do it with another module or with `command`, or put a condition on it that keeps every host away")
        } else {
            problem.hint("a host that comes to it fails there")
        });
    }
}

/// Whether it has the name of a module in somebody's own collection.
fn elsewhere(name: &str) -> bool {
    let collection = name.rsplit_once('.').map(|(collection, _)| collection);
    collection.is_some_and(|collection| collection.contains('.') && !names::is_collection(collection))
}

fn unknown(name: &str, place: &Place) -> Diagnostic {
    let error = Diagnostic::error(format!("unknown module `{name}`")).at(place.clone());
    if matches!(name, "include" | "ansible.builtin.include") {
        return error.label("Ansible has it no longer").hint("write `include_tasks`, or `import_tasks` to read the file before the run");
    }
    if let Some(meant) = names::nearest(name, module_names()) {
        return error.label(format!("did you mean `{meant}`?"));
    }
    match name.rsplit_once('.') {
        Some((collection, _)) if names::is_collection(collection) => {
            error.label(format!("the collection `{collection}` has no such module"))
        }
        _ => error.label("neither Ansible nor its collections have it"),
    }
}
