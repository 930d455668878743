//! Lookups: what templates see of the controller.

mod files;
mod lists;
mod names;
mod password;
mod programs;
mod sequence;
mod tables;

use super::fault::{Fault, Outcome, fail};
use super::repr;
use super::spec::{self, Given};
use super::value::V;

/// By this option a loop tells `first_found` where its task's files are.
pub(super) const FOLDER: &str = "homelabctl_folder";

/// What a lookup was given.
pub(super) struct Asked<'g> {
    given: &'g Given<'g>,
    terms: &'g [V],
}

type Lookup = fn(&Asked) -> Outcome<Vec<V>>;

/// Those that are here.
const KNOWN: &[(&str, Lookup)] = &[
    ("cartesian", lists::nested),
    ("config", names::config),
    ("csvfile", tables::csvfile),
    ("dict", lists::dict),
    ("env", names::env),
    ("file", files::file),
    ("fileglob", files::fileglob),
    ("first_found", files::first_found),
    ("flattened", lists::flattened),
    ("indexed_items", lists::indexed_items),
    ("ini", tables::ini),
    ("inventory_hostnames", names::inventory_hostnames),
    ("items", lists::items),
    ("lines", programs::lines),
    ("list", lists::list),
    ("nested", lists::nested),
    ("password", password::password),
    ("pipe", programs::pipe),
    ("random_choice", lists::random_choice),
    ("sequence", sequence::sequence),
    ("subelements", lists::subelements),
    ("template", files::template),
    ("together", lists::together),
    ("unvault", files::unvault),
    ("varnames", names::varnames),
    ("vars", names::vars),
];

/// Lookups that Ansible or a collection has and that are not here, with what does the same.
const ELSEWHERE: &[(&str, &str)] = &[
    ("url", "fetch it before: `uri` with `return_content: true` and `delegate_to: localhost`"),
    ("filetree", "`find` with `delegate_to: localhost` lists files, and `copy` copies whole directories"),
    ("dig", "`getent hosts NAME` in `lookup('pipe', …)` asks for addresses"),
    ("hashi_vault", "its command does the same: `lookup('pipe', 'vault kv get …')`"),
    ("vault_read", "its command does the same: `lookup('pipe', 'vault kv get …')`"),
    ("onepassword", "its command does the same: `lookup('pipe', 'op read …')`"),
    ("bitwarden", "its command does the same: `lookup('pipe', 'bw get …')`"),
    ("passwordstore", "its command does the same: `lookup('pipe', 'pass show …')`"),
    ("sops", "its command does the same: `lookup('pipe', 'sops -d …')`"),
    ("k8s", "its command does the same: `lookup('pipe', 'kubectl get …')`"),
];

fn find(name: &str) -> Option<Lookup> {
    let name = spec::short(name);
    let name = name.strip_prefix("community.general.").unwrap_or(name);
    KNOWN.iter().find(|(known, _)| *known == name).map(|(_, lookup)| *lookup)
}

/// The problem of a lookup that cannot be used, if so.
pub(super) fn problem(name: &str) -> Option<Fault> {
    if find(name).is_some() {
        return None;
    }
    let short = name.rsplit('.').next().unwrap_or(name);
    Some(match ELSEWHERE.iter().find(|(known, _)| *known == short) {
        Some((_, instead)) => Fault::new(format!("homelabctl has no lookup `{}`", super::fault::shown(name))).hint(*instead),
        None => spec::unknown("lookup", name, KNOWN.iter().map(|(known, _)| *known)),
    })
}

/// `lookup(name, …)`, or `query(name, …)`, which always gives a list.
pub(super) fn call(given: &Given, wants_list: bool) -> Outcome<V> {
    let Some((first, terms)) = given.rest.split_first() else { return fail(format!("`{}` needs the name of a lookup", given.name)) };
    let V::Str(name) = first else { return fail(format!("`{}` needs the name of a lookup", given.name)) };
    let Some(lookup) = find(name) else {
        return Err(Box::new(problem(name).unwrap_or_else(|| Fault::new("there is no such lookup"))));
    };
    // a loop passes over what is not there
    let passes = name.ends_with("first_found") && given.extra.iter().any(|(name, _)| name == FOLDER);
    if !passes && let Some(undefined) = terms.iter().find(|term| matches!(term, V::Undefined(_))) {
        return Ok(undefined.clone());
    }
    let asked = Asked { given, terms };
    let wants_list = wants_list || asked.option("wantlist").is_some_and(V::truth);
    let found = match lookup(&asked) {
        Err(fault)
            if !fault.undefined && asked.option("errors").and_then(V::as_str).is_some_and(|errors| matches!(errors, "ignore" | "warn")) =>
        {
            return Ok(if wants_list { V::list(Vec::new()) } else { V::None });
        }
        found => found?,
    };
    if wants_list {
        return Ok(V::list(found));
    }
    match found.as_slice() {
        [] => Ok(V::list(Vec::new())),
        [only] => Ok(only.clone()),
        several => match several.iter().map(V::as_str).collect::<Option<Vec<_>>>() {
            Some(texts) => Ok(V::from(texts.join(","))),
            None => Ok(V::list(found)),
        },
    }
}

impl Asked<'_> {
    /// An option by its name.
    fn option(&self, name: &str) -> Option<&V> {
        self.given.extra.iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    fn text(&self, value: &V) -> Outcome<String> {
        repr::text(self.given.run, value)
    }

    /// An option that is a text.
    fn text_option(&self, name: &str) -> Outcome<Option<String>> {
        self.option(name).filter(|value| !matches!(value, V::None)).map(|value| self.text(value)).transpose()
    }

    fn flag(&self, name: &str, usual: bool) -> bool {
        self.option(name).map_or(usual, |value| match value.as_str() {
            Some(text) => matches!(text.to_lowercase().as_str(), "yes" | "true" | "on" | "1" | "y" | "t"),
            None => value.truth(),
        })
    }

    /// The terms as texts.
    fn texts(&self) -> Outcome<Vec<String>> {
        self.terms.iter().map(|term| self.text(term)).collect()
    }

    /// The items of the terms, so many lists deep.
    fn flat(&self, levels: usize) -> Outcome<Vec<V>> {
        let mut found = Vec::new();
        self.terms.iter().try_for_each(|term| self.flatten(term, levels, &mut found))?;
        Ok(found)
    }

    fn flatten(&self, value: &V, levels: usize, found: &mut Vec<V>) -> Outcome<()> {
        let _level = self.given.run.deeper()?;
        if !value.is_list() || levels == 0 {
            found.push(value.clone());
            return Ok(());
        }
        self.given.run.items(value)?.iter().try_for_each(|item| self.flatten(item, levels - 1, found))
    }

    /// `word word key=value key="a value"`: what is no `key=value`, and those.
    fn words(&self, text: &str) -> Outcome<(String, Vec<(String, String)>)> {
        let words = super::words::split_all(text).map_err(|error| Box::new(Fault::new(format!("`{}`: {}", self.given.name, error.why))))?;
        let (mut plain, mut pairs) = (Vec::new(), Vec::new());
        for word in words {
            match word.text.split_once('=') {
                Some((key, value)) if !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') => {
                    pairs.push((key.to_owned(), value.to_owned()));
                }
                _ => plain.push(word.text),
            }
        }
        Ok((plain.join(" "), pairs))
    }
}

#[cfg(test)]
mod tests;
