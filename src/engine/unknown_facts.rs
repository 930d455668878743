//! What a dry run does not know of a host's variables.

use super::host::{Host, Machines};
use super::play::Engine;
use crate::playbook::Task;

impl<M: Machines> Engine<M> {
    /// Variables that `set_fact` would set, and facts that a module would bring, are known after a real run only.
    pub(super) fn unknown_facts(&self, task: &Task, host: &Host<M::Machine>, why: &str) {
        let module = task.action.name.rsplit('.').next().unwrap_or_default();
        let names: Vec<String> = match module {
            "set_fact" => task.action.options.iter().filter_map(|(key, _)| Some(key.as_str()?.to_owned())).collect(),
            _ => brought_by(module).map(keys).into_iter().flatten().collect(),
        };
        let mut state = host.state();
        names.into_iter().for_each(|name| drop(state.unknown.insert(name, why.to_owned())));
    }
}

/// The fact that a module brings which brings that one only.
fn brought_by(module: &str) -> Option<&'static str> {
    match module {
        "package_facts" => Some("packages"),
        "service_facts" => Some("services"),
        _ => None,
    }
}

/// By which names [`super::host::State::unknown`] has a fact: it is a variable, and a part of `ansible_facts`.
pub(super) fn keys(name: &str) -> [String; 2] {
    [name.to_owned(), fact_key(name)]
}

/// Where [`super::host::State::unknown`] has a part of `ansible_facts`.
pub(super) fn fact_key(name: &str) -> String {
    format!("ansible_facts.{name}")
}
