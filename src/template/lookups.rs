//! Lookups: what templates see of the controller.

use super::fault::{Fault, Outcome, fail, fail_hint};
use super::files;
use super::repr;
use super::spec::{self, Given};
use super::value::V;

const KNOWN: &[&str] = &["env", "file", "vars", "first_found", "items", "list", "dict"];
/// Lookups of Ansible that would run something, write something or ask somebody.
const NOT_YET: &[&str] = &[
    "pipe",
    "template",
    "password",
    "url",
    "csvfile",
    "ini",
    "fileglob",
    "lines",
    "sequence",
    "nested",
    "together",
    "subelements",
    "indexed_items",
    "random_choice",
    "config",
    "inventory_hostnames",
    "unvault",
    "varnames",
];

/// The problem of a lookup that cannot be used, if so.
pub(super) fn problem(name: &str) -> Option<Fault> {
    let name = spec::short(name);
    if KNOWN.contains(&name) {
        return None;
    }
    Some(match name {
        "pipe" => Fault::new("the lookup `pipe` is not allowed in an inventory yet")
            .hint("run the command before, and give its output with `-e` or `lookup('env', …)`"),
        name if NOT_YET.contains(&name) => Fault::new(format!("the lookup `{name}` is not supported yet")),
        name => spec::unknown("lookup", name, KNOWN.iter().copied()),
    })
}

/// `lookup(name, …)`, or `query(name, …)`, which always gives a list.
pub(super) fn call(given: &Given, wants_list: bool) -> Outcome<V> {
    let Some((first, terms)) = given.rest.split_first() else { return fail(format!("`{}` needs the name of a lookup", given.name)) };
    let V::Str(name) = first else { return fail(format!("`{}` needs the name of a lookup", given.name)) };
    let option = |name: &str| given.extra.iter().find(|(key, _)| key == name).map(|(_, value)| value);
    if let Some(fault) = problem(name) {
        return Err(Box::new(fault));
    }
    if let Some(undefined) = terms.iter().find(|term| matches!(term, V::Undefined(_))) {
        return Ok(undefined.clone());
    }
    let wants_list = wants_list || option("wantlist").is_some_and(V::truth);
    let found = match run(given, spec::short(name), terms, &option) {
        Err(fault)
            if !fault.undefined && option("errors").and_then(V::as_str).is_some_and(|errors| matches!(errors, "ignore" | "warn")) =>
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

fn run<'o>(given: &Given, name: &str, terms: &[V], option: &impl Fn(&str) -> Option<&'o V>) -> Outcome<Vec<V>> {
    let text = |term: &V| repr::text(given.run, term);
    let mut found = Vec::new();
    match name {
        "env" => {
            for term in terms {
                let name = text(term)?;
                let name = name.split_whitespace().next().unwrap_or("");
                let default = || option("default").cloned().unwrap_or_else(|| V::from(""));
                found.push(given.run.around.env.get(name).map_or_else(default, |value| V::from(value.as_str())));
            }
        }
        "file" => {
            for term in terms {
                let name = text(term)?;
                let beside = given.run.around.dir.join("files").join(&name);
                let path = if beside.is_file() { beside } else { files::path(given.run, &name) };
                let content = files::read(given.run, &path)?;
                let content = if option("lstrip").is_some_and(V::truth) { content.trim_start() } else { &content };
                found.push(V::from(if option("rstrip").is_none_or(V::truth) { content.trim_end() } else { content }));
            }
        }
        "vars" => {
            for term in terms {
                let Some(name) = term.as_str() else { return fail(format!("the lookup `vars` needs names, not {}", term.kind())) };
                found.push(match (given.run.variable(name)?, option("default")) {
                    (Some(value), _) => value,
                    (None, Some(default)) => default.clone(),
                    (None, None) => {
                        let mut fault = Fault::undefined(format!("`{name}` is not defined"));
                        fault.wanted = Some((name.to_owned(), super::fault::Names::Variables));
                        V::Undefined(std::rc::Rc::new(fault))
                    }
                });
            }
        }
        "first_found" => return first_found(given, terms, option),
        "dict" => {
            for term in terms {
                for (key, value) in given.run.pairs(term)? {
                    let mut item = super::value::Dict::new();
                    item.set("key", key);
                    item.set("value", value);
                    found.push(V::dict(item));
                }
            }
        }
        "list" => return Ok(terms.to_vec()),
        _ => {
            for term in terms {
                if term.is_list() { found.extend(given.run.items(term)?) } else { found.push(term.clone()) }
            }
        }
    }
    Ok(found)
}

/// The names in a list, in lists in it, or in a text with commas.
fn names(given: &Given, value: &V, out: &mut Vec<String>) -> Outcome<()> {
    let _level = given.run.deeper()?;
    match value {
        V::Str(text) => out.extend(text.split([',', ';']).map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned)),
        value => {
            for item in given.items(value)? {
                names(given, &item, out)?;
            }
        }
    }
    Ok(())
}

fn first_found<'o>(given: &Given, terms: &[V], option: &impl Fn(&str) -> Option<&'o V>) -> Outcome<Vec<V>> {
    let mut terms = terms.to_vec();
    if terms.is_empty() {
        terms.extend(option("files").cloned());
    }
    let mut skip = option("skip").is_some_and(V::truth);
    let mut flat: Vec<V> = Vec::new();
    for term in terms {
        if term.is_list() { flat.extend(given.items(&term)?) } else { flat.push(term) }
    }
    for term in flat {
        let (mut files, mut paths) = (Vec::new(), Vec::new());
        if term.is_map() {
            for (key, value) in given.run.pairs(&term)? {
                match key.as_str() {
                    Some("files") => names(given, &value, &mut files)?,
                    Some("paths") => names(given, &value, &mut paths)?,
                    Some("skip") => skip = value.truth(),
                    _ => return fail("`first_found` takes files, paths and skip"),
                }
            }
        } else {
            files.push(repr::text(given.run, &term)?);
            if let Some(value) = option("paths") {
                names(given, value, &mut paths)?;
            }
        }
        let candidates: Vec<String> = match paths.is_empty() {
            true => files,
            false => paths.iter().flat_map(|path| files.iter().map(move |file| format!("{}/{file}", path.trim_end_matches('/')))).collect(),
        };
        for name in candidates {
            given.run.spend(50)?;
            for path in [files::path(given.run, &name), given.run.around.dir.join("files").join(&name)] {
                if path.exists() {
                    return Ok(vec![V::from(path.to_string_lossy().into_owned())]);
                }
            }
        }
    }
    if skip { Ok(Vec::new()) } else { fail_hint("none of the files was found", "`skip=True` takes that as an empty list") }
}
