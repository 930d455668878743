//! What Ansible says of arguments that a module does not take (module_utils/common/validation.py): playbooks that fail a
//! task on purpose look for these words in what is registered. A person is told ours.

use super::spec::{Opt, Spec};
use crate::yaml::{Node, plain};

/// The first thing that Ansible complains about, if it is one of those that have fixed words.
pub fn ansible_words(spec: &Spec, given: &[(Node, Node)]) -> Option<String> {
    let names: Vec<&str> = given.iter().filter_map(|(key, _)| key.as_str()).collect();
    let value = |option: &str| {
        let own = |name: &str| spec.option(name).map_or(name, |found| found.name) == option;
        given.iter().find(|(key, _)| key.as_str().is_some_and(own)).map(|(_, value)| value).filter(|value| !value.is_null())
    };
    let is_given = |option: &&str| value(option).is_some();
    let missing = |options: &[&'static str]| options.iter().copied().filter(|option| !is_given(option)).collect::<Vec<_>>();
    if let Some(words) = of_an_action(spec, &names, &is_given) {
        return Some(words);
    }
    for group in spec.exclusive {
        let count = group.iter().filter(|option| is_given(option)).count();
        if count > 1 {
            return Some(format!("parameters are mutually exclusive: {}", group.join("|")));
        }
    }
    let required: Vec<&'static str> = spec.options.iter().filter(|option| option.required).map(|option| option.name).collect();
    let required = missing(&required);
    if !required.is_empty() {
        return Some(format!("missing required arguments: {}", required.join(", ")));
    }
    for option in spec.options.iter().filter(|option| !option.choices.is_empty()) {
        let Some(given) = value(option.name).filter(|value| value.as_list().is_none()) else { continue };
        let shown = plain(&given.value);
        if !option.choices.contains(&shown.as_str()) {
            return Some(format!("value of {} must be one of: {}, got: {shown}", option.name, option.choices.join(", ")));
        }
    }
    if let Some(group) = spec.together.iter().find(|group| group.iter().any(is_given) && !missing(group).is_empty()) {
        return Some(format!("parameters are required together: {}", group.join(", ")));
    }
    if let Some(group) = spec.one_of.iter().find(|group| !group.iter().any(|option| is_given(option) || spec.has_default(option))) {
        return Some(format!("one of the following is required: {}", group.join(", ")));
    }
    for rule in spec.required_if {
        let usual = spec.option(rule.option).and_then(|option| option.default).map(str::to_owned);
        let is = value(rule.option).map(|value| plain(&value.value)).or(usual);
        let without = missing(rule.then);
        let unmet = if rule.any { without.len() == rule.then.len() } else { !without.is_empty() };
        if is.as_deref() == Some(rule.value) && unmet {
            let word = if rule.any { "any" } else { "all" };
            return Some(format!("{} is {} but {word} of the following are missing: {}", rule.option, rule.value, without.join(", ")));
        }
    }
    for (option, needed) in spec.required_by.iter().filter(|(option, _)| is_given(option)) {
        let without = missing(needed);
        if !without.is_empty() {
            return Some(format!("missing parameter(s) required by '{option}': {}", without.join(", ")));
        }
    }
    let mut unknown: Vec<&str> = names.into_iter().filter(|name| !spec.any_option && spec.option(name).is_none()).collect();
    unknown.sort_unstable();
    if unknown.is_empty() {
        return None;
    }
    let mut known: Vec<&str> = spec.options.iter().map(|option| option.name).collect();
    known.sort_unstable();
    let mut aliases: Vec<&str> = spec.options.iter().flat_map(|option: &Opt| option.aliases.iter().copied()).collect();
    aliases.sort_unstable();
    let aliases = if aliases.is_empty() { String::new() } else { format!(" ({})", aliases.join(", ")) };
    let unknown = unknown.join(", ");
    Some(format!(
        "Unsupported parameters for ({}) module: {unknown}. Supported parameters include: {}{aliases}.",
        spec.name,
        known.join(", ")
    ))
}

/// Actions that look at their arguments themselves have their own words.
fn of_an_action(spec: &Spec, names: &[&str], is_given: &dyn Fn(&&str) -> bool) -> Option<String> {
    let words = match spec.name {
        "copy" if !is_given(&"src") && !is_given(&"content") => "src (or content) is required",
        "copy" if !is_given(&"dest") => "dest is required",
        "copy" if is_given(&"src") && is_given(&"content") => "src and content are mutually exclusive",
        "fetch" | "template" | "assemble" if !is_given(&"src") || !is_given(&"dest") => "src and dest are required",
        "shell" if names.contains(&"expand_argument_vars") => "Unsupported parameters for (shell) module: expand_argument_vars",
        _ => return None,
    };
    Some(words.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::{Found, find};

    fn said(module: &str, options: &[(&str, &str)]) -> String {
        let Found::Module(module) = find(module) else { panic!("{module}") };
        let node = |text: &str| Node::new(text, crate::diagnostics::Source::new("", "").whole());
        let given: Vec<(Node, Node)> = options.iter().map(|(key, value)| (node(key), node(value))).collect();
        ansible_words(module.spec(), &given).unwrap_or_default()
    }

    #[test]
    fn the_words_are_ansibles() {
        assert_eq!(said("file", &[("state", "hard")]), "missing required arguments: path");
        assert_eq!(
            said("stat", &[("path", "/a"), ("name", "x"), ("paht", "/")]).split(". ").next(),
            Some("Unsupported parameters for (stat) module: paht")
        );
        assert_eq!(said("copy", &[("dest", "/a")]), "src (or content) is required");
        assert_eq!(said("copy", &[("src", "a"), ("content", "b"), ("dest", "/a")]), "src and content are mutually exclusive");
        assert_eq!(said("command", &[]), "one of the following is required: _raw_params, cmd, argv");
        assert_eq!(said("command", &[("cmd", "a"), ("argv", "b")]), "parameters are mutually exclusive: _raw_params|cmd|argv");
        assert!(said("file", &[("path", "/a"), ("state", "x")]).starts_with("value of state must be one of: "));
        assert_eq!(said("stat", &[("path", "/a")]), "");
    }
}
