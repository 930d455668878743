//! What is set and does not count: named, so that nobody looks for its effect.

use std::ffi::OsStr;

use super::super::environment::Environment;
use super::file::{Entry, File};
use super::keys::{self, Fate, Missed};
use super::settings::{truth, unquoted};
use crate::diagnostics::{Diagnostic, Diagnostics, Source};
use crate::inventory::suggestion;

/// Goes through the file.
pub(super) fn file(file: &File, problems: &mut Diagnostics) {
    let mut without_effect = Vec::new();
    for (name, place) in &file.sections {
        if !is_section(name) {
            let warning = Diagnostic::warning(format!("Ansible has no section `[{name}]`; nothing in it has an effect")).at(place.clone());
            problems.push(match similar_section(name) {
                Some(label) => warning.label(label),
                None => warning.hint("if a collection's plugin reads it: plugins in Python are not loaded"),
            });
        }
    }
    for entry in file.entries.iter().filter(|entry| is_section(&entry.section)) {
        match keys::fate(&entry.section, &entry.key) {
            Some(Fate::Honoured) => {}
            Some(Fate::NoEffect(why)) => without_effect.push((entry, why)),
            Some(Fate::Missed(missed)) => {
                if !is_default(&entry.value, &missed) {
                    problems.push(warning(&entry.key, &missed).at(entry.key_place.clone()));
                }
            }
            // the servers of Galaxy have sections of their own
            None if entry.section.starts_with("galaxy_server.") => without_effect.push((entry, "nothing is fetched from Galaxy")),
            None => problems.push(unknown(entry)),
        }
    }
    problems.0.extend(all_at_once(&without_effect));
}

/// Looks for variables of the environment that change what Ansible does and have no effect here.
pub(super) fn variables(environment: &Environment, problems: &mut Diagnostics) {
    let mut named = Vec::new();
    for (_, missed) in keys::missed().filter(|(_, missed)| !missed.variable.is_empty()) {
        let Some(value) = environment.variables.get(OsStr::new(missed.variable)) else { continue };
        let value = value.to_string_lossy();
        // a variable may belong to two keys
        if value.is_empty() || is_default(&value, &missed) || named.contains(&missed.variable) {
            continue;
        }
        named.push(missed.variable);
        // its value may be a password
        problems.push(warning(missed.variable, &missed).at(Source::hidden(missed.variable, value.as_ref()).whole()));
    }
}

fn warning(name: &str, missed: &Missed) -> Diagnostic {
    Diagnostic::warning(format!("`{name}` has no effect")).label(missed.why)
}

fn all_at_once(entries: &[(&Entry, &str)]) -> Option<Diagnostic> {
    let (first, why) = entries.first()?;
    let names: Vec<String> = entries.iter().map(|(entry, _)| format!("`{}`", entry.key)).collect();
    let have = if names.len() == 1 { "has" } else { "have" };
    let mut warning = Diagnostic::warning(format!("{} {have} no effect here", names.join(", "))).at(first.key_place.clone());
    let mut said = Vec::new();
    // a reason is told where it applies first
    let mut reason = |why: &str| {
        let new = !why.is_empty() && !said.contains(&why.to_owned());
        said.push(why.to_owned());
        new.then(|| why.to_owned())
    };
    warning.label = reason(why);
    for (entry, why) in entries.iter().skip(1) {
        if let Some(why) = reason(why) {
            warning = warning.also(entry.key_place.clone(), why);
        }
    }
    Some(warning)
}

fn unknown(entry: &Entry) -> Diagnostic {
    let Entry { section, key, key_place, .. } = entry;
    let warning = Diagnostic::warning(format!("Ansible has no setting `{key}` in `[{section}]`; it has no effect")).at(key_place.clone());
    if let Some(new) = keys::renamed(section, key) {
        return warning.label(format!("it is called `{new}` today"));
    }
    if let Some(other) = keys::section_of(key) {
        return warning.label(format!("it belongs into `[{other}]`"));
    }
    match suggestion(key, keys::of(section)) {
        Some(label) => warning.label(label),
        None => warning.hint("take the line out"),
    }
}

fn is_section(name: &str) -> bool {
    name == "DEFAULT" || name.starts_with("galaxy_server.") || keys::sections().any(|section| section == name)
}

fn similar_section(name: &str) -> Option<String> {
    let lower = name.trim().to_lowercase();
    let longer = keys::sections().find(|section| !lower.is_empty() && section.split('_').next() == Some(lower.as_str()));
    longer.map(|section| format!("did you mean `{section}`?")).or_else(|| suggestion(&lower, keys::sections()))
}

/// Whether the value is Ansible's own, so that nothing is missed.
fn is_default(value: &str, missed: &Missed) -> bool {
    let plain = |text: &str| -> Vec<String> { text.split(',').map(|part| unquoted(part.trim()).to_owned()).collect() };
    missed.default.is_some_and(|default| match truth(default).filter(|_| default != "0") {
        Some(default) => truth(value) == Some(default),
        None => plain(unquoted(value)) == plain(default),
    })
}
