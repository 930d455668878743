//! A task's options over those that `module_defaults` gives.

use crate::modules::Spec;
use crate::yaml::Node;

/// What `module_defaults` says of a module.
pub(super) fn take_defaults(options: &mut Vec<(Node, Node)>, defaults: &Node, spec: &Spec) {
    for (name, values) in defaults.as_map().into_iter().flatten() {
        let full = format!("{}.{}", spec.collection, spec.name);
        if name.as_str().is_some_and(|name| name == spec.name || name == full || name == format!("ansible.legacy.{}", spec.name)) {
            values.as_map().into_iter().flatten().for_each(|(key, value)| set_option(options, key.clone(), value.clone(), spec));
        }
    }
}

/// An option in the place of the one that has its name, or is another word for it.
pub(super) fn set_option(options: &mut Vec<(Node, Node)>, key: Node, value: Node, spec: &Spec) {
    let canonical = |node: &Node| node.as_str().map(|name| spec.option(name).map_or(name.to_owned(), |option| option.name.to_owned()));
    options.retain(|(known, _)| canonical(known) != canonical(&key));
    options.push((key, value));
}
