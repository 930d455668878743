//! Lookups of names: variables, the environment, hosts.

use std::rc::Rc;

use super::super::fault::{Fault, Names, Outcome, fail, fail_hint};
use super::super::regex::Pattern;
use super::super::value::V;
use super::Asked;

pub(super) fn env(asked: &Asked) -> Outcome<Vec<V>> {
    let run = asked.given.run;
    let one = |name: String| {
        let name = name.split_whitespace().next().unwrap_or("");
        let default = || asked.option("default").cloned().unwrap_or_else(|| V::from(""));
        run.around.env.get(name).map_or_else(default, |value| V::from(value.as_str()))
    };
    Ok(asked.texts()?.into_iter().map(one).collect())
}

pub(super) fn vars(asked: &Asked) -> Outcome<Vec<V>> {
    let mut found = Vec::new();
    for term in asked.terms {
        let Some(name) = term.as_str() else { return fail(format!("the lookup `vars` needs names, not {}", term.kind())) };
        found.push(match (asked.given.run.variable(name)?, asked.option("default")) {
            (Some(value), _) => value,
            (None, Some(default)) => default.clone(),
            (None, None) => {
                let mut fault = Fault::undefined(format!("`{name}` is not defined"));
                fault.wanted = Some((name.to_owned(), Names::Variables));
                V::Undefined(Rc::new(fault))
            }
        });
    }
    Ok(found)
}

/// The names of variables that patterns match.
pub(super) fn varnames(asked: &Asked) -> Outcome<Vec<V>> {
    let run = asked.given.run;
    let mut found = Vec::new();
    for term in asked.texts()? {
        let pattern = Pattern::new(run, &term, false, false)?;
        for name in run.names() {
            run.spend(10)?;
            if pattern.first(run, &name)?.is_some() {
                found.push(V::from(name));
            }
        }
    }
    Ok(found)
}

/// The hosts of a pattern; none if it cannot be understood.
pub(super) fn inventory_hostnames(asked: &Asked) -> Outcome<Vec<V>> {
    let terms: Vec<String> = asked.flat(1)?.iter().map(|term| asked.text(term)).collect::<Outcome<_>>()?;
    let hosts = asked.given.run.scope().matching(&terms.join(","));
    Ok(hosts.into_iter().map(V::from).collect())
}

/// Settings of Ansible that a play may ask for.
pub(super) fn config(asked: &Asked) -> Outcome<Vec<V>> {
    let run = asked.given.run;
    let mut found = Vec::new();
    for term in asked.texts()? {
        let variable = |name: &str, usual: V| run.variable(name).map(|value| value.unwrap_or(usual));
        found.push(match term.as_str() {
            "DEFAULT_FORKS" => variable("ansible_forks", V::Int(5))?,
            "DEFAULT_HASH_BEHAVIOUR" => V::from("replace"),
            "DEFAULT_REMOTE_USER" => variable("ansible_user", V::None)?,
            "DEFAULT_BECOME_USER" => V::from("root"),
            "DEFAULT_BECOME_METHOD" => V::from("sudo"),
            "DEFAULT_TIMEOUT" => V::Int(10),
            _ => match asked.option("on_missing").and_then(V::as_str) {
                Some("skip" | "warn") => continue,
                _ => {
                    let message = format!("the setting `{}` of Ansible is not known here", super::super::fault::shown(&term));
                    return fail_hint(message, "`on_missing='skip'` goes on without it");
                }
            },
        });
    }
    Ok(found)
}
