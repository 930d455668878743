//! What a task registers.

use serde_json::Value as Json;

use super::host::{Host, Machines, State};
use super::magic::made;
use super::play::Engine;
use super::status::{Done, Status};
use crate::modules::{self, json};
use crate::yaml::{Node, Value};

impl<M: Machines> Engine<M> {
    /// Notes down under a name what a task came to. `secret`: nothing of it is shown.
    pub(super) fn register(&self, host: &Host<M::Machine>, name: &str, done: &Done, secret: bool) {
        let mut value = modules::node(&Json::Object(done.registered()), &made(Value::Null).place);
        let mut state = host.state();
        keep(&mut value, &state);
        value.each_mut(&mut |node| node.secret |= secret);
        if done.status == Status::Pending {
            state.unknown.insert(name.to_owned(), unknown(name, done));
        } else {
            state.unknown.remove(name);
        }
        if self.core.options.check && done.has_changed() {
            state.foreseen.insert(name.to_owned(), format!("all of `{name}` is known after a real run only"));
        } else {
            state.foreseen.remove(name);
        }
        state.set.insert(name.to_owned(), value);
    }
}

/// Why a dry run does not know what is registered under a name.
pub(super) fn unknown(name: &str, done: &Done) -> String {
    format!("`{name}` is known after a real run only: {}", done.why.as_deref().unwrap_or_default())
}

/// Variables that a task has set are registered as they are: what the playbook says of them stays a template.
fn keep(value: &mut Node, state: &State) {
    let Value::Map(map) = &mut value.value else { return };
    let Some((_, facts)) = map.iter_mut().find(|(key, _)| key.as_str() == Some("ansible_facts")) else { return };
    let Value::Map(facts) = &mut facts.value else { return };
    for (key, fact) in facts {
        let Some(name) = key.as_str() else { continue };
        let own = state.set.get(name).or_else(|| state.included.get(name));
        if let Some(own) = own.filter(|own| json(own) == json(fact)) {
            *fact = own.clone();
        }
    }
}
