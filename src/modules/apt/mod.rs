//! `ansible.builtin.apt`

mod change;
mod command;
mod deb;
mod install;
mod lists;
mod remove;
mod said;
pub(super) mod spec;
pub(super) mod version;
mod wanted;

use serde_json::{Map, Value};

use super::halt::{Halt, settled};
use super::outcome::planned;
use super::{Act, Decision, Module, Spec, Task};
use crate::node::apply::{Carried, Output};
use crate::node::facts::AptLists;
use crate::node::steps::{AptProgram, Fetched, LISTS_RENEWED, Step};
use crate::node::web::masked;
use crate::plan::{Facts, Plan, Stop};

/// Packages by apt.
#[derive(Debug)]
pub struct Apt;

impl Module for Apt {
    fn spec(&self) -> &'static Spec {
        &spec::SPEC
    }

    fn plan(&self, task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Stop> {
        settled(begin(task, facts))
    }

    fn rest(&self, task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Stop> {
        settled(packages(task, facts))
    }

    fn looks_afresh(&self, task: &Task<'_>) -> bool {
        task.args.str("deb").is_some_and(deb::is_address)
    }

    fn result(&self, task: &Task<'_>, facts: &Facts<'_>, carried: Option<&Carried>) -> Result<Map<String, Value>, Stop> {
        result(task, facts, carried)
    }

    fn failed_step(&self, _task: &Task<'_>, step: Option<&Step>, output: &Output) -> Map<String, Value> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
        let mut result = Map::new();
        match step {
            Some(Step::RefreshLists(refresh)) => {
                let why = if stderr.trim().is_empty() { stdout.trim() } else { stderr.trim() };
                result.insert("msg".into(), format!("Failed to update apt cache after {} retries: {why}", refresh.tries).into());
            }
            Some(Step::Apt(apt)) => {
                let is_dpkg = apt.program == AptProgram::Dpkg;
                result.insert("msg".into(), if is_dpkg { apt.failure.clone() } else { format!("{}{stderr}", apt.failure) }.into());
                if !is_dpkg {
                    result.insert("rc".into(), output.status.into());
                }
                for (name, text) in [("stdout", stdout), ("stderr", stderr)] {
                    result.insert(format!("{name}_lines"), super::ran::lines(&text).into());
                    result.insert(name.into(), text.into());
                }
            }
            _ => {}
        }
        result
    }
}

/// The lists first, if they are to be renewed.
fn begin(task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Halt> {
    sensible(task)?;
    if only_empties(task) {
        return Ok(remove::clean(task));
    }
    let are_old = lists::are_old(task, facts)?;
    if let Some(url) = task.args.str("deb").filter(|debs| deb::is_address(debs) && !task.check) {
        let fetch = deb::brought(task, facts, url)?;
        let steps: Vec<Step> = are_old.then(|| lists::renewal(task).into()).into_iter().chain(fetch.map(Step::from)).collect();
        if steps.is_empty() {
            return Ok(Decision::unchanged());
        }
        // a file that is fetched to be looked at changes nothing, as in Ansible
        return Ok(planned(Plan::change(steps).differs("what is installed from", None, Some(masked(url)))).quietly().in_part());
    }
    if are_old {
        let decision = lists::renewed(task);
        let decision = dated(decision, task, facts, true)?;
        return Ok(if does_nothing_else(task) { remove::clean_first(task, decision) } else { decision.quietly().in_part() });
    }
    dated(packages(task, facts)?, task, facts, false)
}

/// Numbers that would be passed over without a word.
fn sensible(task: &Task<'_>) -> Result<(), Halt> {
    if let Some(seconds) = task.args.int("lock_timeout").filter(|seconds| *seconds < 0) {
        return Err(Halt::fail(format!("`lock_timeout: {seconds}` would wait for ever: give a number of seconds, such as 600")));
    }
    match task.args.int("policy_rc_d").filter(|status| !(0..=255).contains(status)) {
        Some(status) => {
            Err(Halt::fail(format!("`policy_rc_d: {status}` is not the status of a program: it is from 0 to 255, and 101 forbids")))
        }
        None => Ok(()),
    }
}

/// In a dry run: how old the lists are, which is not known any more once something is foretold.
fn dated(decision: Decision, task: &Task<'_>, facts: &Facts<'_>, renewed: bool) -> Result<Decision, Halt> {
    if !task.check || !tells_of_lists(task) || matches!(decision.act, Act::Fail(_)) {
        return Ok(decision);
    }
    let time = facts.get(AptLists)?.unwrap_or(0);
    Ok(decision.with("cache_updated", renewed).with("cache_update_time", time))
}

/// All but the lists; the archives that were kept go first, if they are to.
fn packages(task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Halt> {
    Ok(remove::clean_first(task, packages_alone(task, facts)?))
}

fn packages_alone(task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Halt> {
    if does_nothing_else(task) {
        return Ok(Decision::unchanged());
    }
    let args = task.args;
    if let Some(mode) = upgrade_of(task) {
        return remove::upgrade(task, facts, mode);
    }
    if let Some(debs) = args.str("deb") {
        return deb::install(task, facts, debs);
    }
    let given = packages_of(task);
    let packages: Vec<String> = given.iter().filter(|package| **package != "*").map(|package| package.trim().to_owned()).collect();
    let state = args.str("state").unwrap_or("present");
    if state == "latest" && packages.len() < given.len() {
        if !packages.is_empty() {
            return Err(Halt::fail("unable to install additional packages when upgrading all installed packages"));
        }
        return remove::upgrade(task, facts, "yes");
    }
    if let Some(odd) = packages.iter().find(|package| package.matches('=').count() > 1) {
        return Err(Halt::fail(format!("invalid package spec: {odd}")));
    }
    if packages.is_empty() {
        for operation in ["autoclean", "autoremove"] {
            if args.is(operation) {
                return remove::clean_up(task, facts, operation);
            }
        }
    }
    if state == "absent" { remove::remove(task, facts, &packages) } else { install::install(task, facts, &packages) }
}

fn packages_of<'t>(task: &Task<'t>) -> Vec<&'t str> {
    task.args.list("package").unwrap_or_default()
}

fn upgrade_of<'t>(task: &Task<'t>) -> Option<&'t str> {
    task.args.str("upgrade").filter(|mode| *mode != "no")
}

/// Whether the lists are all it is about. As in Ansible, what cleans up is not looked at then.
fn does_nothing_else(task: &Task<'_>) -> bool {
    let args = task.args;
    (args.is("update_cache") || args.int("cache_valid_time").is_some_and(|time| time != 0))
        && packages_of(task).is_empty()
        && upgrade_of(task).is_none()
        && args.str("deb").is_none()
}

/// Whether it can be a name of a package at all.
pub(super) fn is_name(name: &str) -> bool {
    wanted::Wanted { text: String::new(), name: name.to_owned(), version: wanted::Version::Any }.is_name()
}

/// Whether throwing archives away is all it is about: the lists are not looked at then either.
fn only_empties(task: &Task<'_>) -> bool {
    task.args.is("clean") && packages_of(task).is_empty() && upgrade_of(task).is_none() && task.args.str("deb").is_none()
}

/// Whether Ansible tells of the lists: where packages are installed, and where they are all it is about.
fn tells_of_lists(task: &Task<'_>) -> bool {
    let args = task.args;
    let cleans = packages_of(task).is_empty() && (args.is("autoclean") || args.is("autoremove"));
    let installs = upgrade_of(task).is_none() && args.str("deb").is_none() && args.str("state") != Some("absent") && !cleans;
    !only_empties(task) && (does_nothing_else(task) || installs)
}

/// A few words of many.
fn words_of(words: &[&str]) -> String {
    match words {
        [] => "nothing".into(),
        [one] => (*one).into(),
        [one, two] => format!("{one} and {two}"),
        [one, rest @ ..] => format!("{one} and {} more", rest.len()),
    }
}

fn result(task: &Task<'_>, facts: &Facts<'_>, carried: Option<&Carried>) -> Result<Map<String, Value>, Stop> {
    let mut result = Map::new();
    let outputs = carried.map(|carried| carried.outputs.as_slice()).unwrap_or_default();
    let renewed = outputs.iter().find_map(lists::times);
    let is_list = |output: &Output| output.stdout.windows(LISTS_RENEWED.len()).any(|part| part == LISTS_RENEWED.as_bytes());
    // a package that was only marked says nothing, and Ansible tells nothing of it
    let is_silent = |output: &Output| output.stdout.is_empty() && output.stderr.is_empty();
    let last = outputs.last().filter(|output| !is_list(output) && (only_empties(task) || !is_silent(output)));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if task.args.str("deb").is_some() {
        // with what was installed for it, but not how it came
        let is_fetch = |output: &Output| Fetched::read(&output.stdout).source.is_some();
        let all = |part: fn(&Output) -> &[u8]| {
            outputs.iter().filter(|output| !is_list(output) && !is_fetch(output)).map(|output| text(part(output))).collect::<String>()
        };
        result.extend(said::output(task, &all(|output| &output.stdout), &all(|output| &output.stderr)));
    } else if let Some(output) = last {
        result.extend(said::output(task, &text(&output.stdout), &text(&output.stderr)));
    }
    if task.check || !tells_of_lists(task) {
        return Ok(result);
    }
    match renewed {
        Some((before, after)) => {
            result.insert("cache_updated".into(), (before != after).into());
            result.insert("cache_update_time".into(), after.into());
            if does_nothing_else(task) {
                result.insert("changed".into(), (before != after).into());
            }
        }
        None => {
            result.insert("cache_updated".into(), false.into());
            result.insert("cache_update_time".into(), facts.get(AptLists)?.unwrap_or(0).into());
        }
    }
    Ok(result)
}
