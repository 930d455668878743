//! A task's options over those that `module_defaults` gives.

use crate::modules::Spec;
use crate::yaml::Node;

/// An option in the place of the one that has its name, or is another word for it.
pub(super) fn set_option(options: &mut Vec<(Node, Node)>, key: Node, value: Node, spec: &Spec) {
    let canonical = |node: &Node| node.as_str().map(|name| spec.option(name).map_or(name.to_owned(), |option| option.name.to_owned()));
    options.retain(|(known, _)| canonical(known) != canonical(&key));
    options.push((key, value));
}
