//! Variables that nothing defines.

use std::collections::{BTreeMap, BTreeSet};

use super::super::{MAGIC, Playbook};
use super::files::Template;
use super::sources::{self, Sources};
use super::templates::is_expression;
use super::walk::Seen;
use super::{Known, where_it_is_reached};
use crate::diagnostics::{Diagnostic, Diagnostics, Level, Place, similar};
use crate::template::{Engine, Need, Used};

/// Variables that are there without anybody's doing, beside [`MAGIC`].
const OTHERS: &[&str] = &[
    "ansible_facts",
    "ansible_host",
    "ansible_index_var",
    "ansible_local",
    "ansible_loop",
    "ansible_loop_var",
    "module_setup",
    "role_uuid",
    "vars",
];

/// Both.
fn given<'a>() -> impl Iterator<Item = &'a str> {
    MAGIC.iter().chain(OTHERS).copied()
}

/// Facts and connection variables that are used most, to recognise what is misspelt.
const FACTS: &[&str] = &[
    "ansible_all_ipv4_addresses",
    "ansible_architecture",
    "ansible_become",
    "ansible_become_password",
    "ansible_become_user",
    "ansible_bios_version",
    "ansible_connection",
    "ansible_date_time",
    "ansible_default_ipv4",
    "ansible_default_ipv6",
    "ansible_devices",
    "ansible_distribution",
    "ansible_distribution_file_variety",
    "ansible_distribution_major_version",
    "ansible_distribution_release",
    "ansible_distribution_version",
    "ansible_dns",
    "ansible_domain",
    "ansible_env",
    "ansible_fqdn",
    "ansible_hostname",
    "ansible_interfaces",
    "ansible_kernel",
    "ansible_lsb",
    "ansible_machine",
    "ansible_memfree_mb",
    "ansible_memory_mb",
    "ansible_memtotal_mb",
    "ansible_mounts",
    "ansible_nodename",
    "ansible_os_family",
    "ansible_password",
    "ansible_pkg_mgr",
    "ansible_port",
    "ansible_processor",
    "ansible_processor_cores",
    "ansible_processor_count",
    "ansible_processor_vcpus",
    "ansible_product_name",
    "ansible_python_interpreter",
    "ansible_selinux",
    "ansible_service_mgr",
    "ansible_ssh_host",
    "ansible_ssh_port",
    "ansible_ssh_private_key_file",
    "ansible_ssh_user",
    "ansible_swaptotal_mb",
    "ansible_system",
    "ansible_user",
    "ansible_user_dir",
    "ansible_user_id",
    "ansible_user_uid",
    "ansible_virtualization_role",
    "ansible_virtualization_type",
];

/// What `template` gives to a template.
const IN_TEMPLATES: &[&str] = &[
    "ansible_managed",
    "template_destpath",
    "template_fullpath",
    "template_host",
    "template_mtime",
    "template_path",
    "template_run_date",
    "template_uid",
];

/// What a task gives, and what is often used as if it were a variable.
const RESULTS: &[&str] =
    &["changed", "failed", "msg", "rc", "results", "skipped", "stat", "stderr", "stderr_lines", "stdout", "stdout_lines"];

/// How a variable that nothing defines is used.
struct Missing {
    place: Place,
    certain: bool,
    count: usize,
}

struct Check<'a> {
    engine: &'a Engine,
    sources: Sources,
    missing: BTreeMap<String, Missing>,
    problems: &'a mut Diagnostics,
}

pub(super) fn check(playbook: &Playbook, tasks: &[Seen], templates: &[Template], known: &Known, problems: &mut Diagnostics) {
    let sources = sources::of(playbook, tasks, known, problems);
    let mut check = Check { engine: known.request.engine, sources, missing: BTreeMap::new(), problems };
    for play in &playbook.plays {
        for used in known.request.engine.used(&play.hosts) {
            check.used(used, false);
        }
    }
    let asked = asked_about(tasks, known.request.engine);
    for (number, seen) in tasks.iter().enumerate() {
        check.task(seen, templates.iter().filter(|template| template.task == number), &asked);
    }
    check.tell();
}

/// Variables that a task checks itself: `assert`, `fail` and their like.
fn asked_about(tasks: &[Seen], engine: &Engine) -> BTreeSet<String> {
    let mut asked = BTreeSet::new();
    for seen in tasks {
        let conditions = seen.task.levels.iter().flat_map(|level| &level.when).filter(|_| seen.module() == "fail");
        let that = seen.option(&["that"]).filter(|_| seen.module() == "assert");
        let that = that.into_iter().flat_map(|that| that.as_list().unwrap_or(std::slice::from_ref(that)));
        for used in conditions.chain(that).flat_map(|node| engine.used_in_expression(node)) {
            if used.need == Need::Tested {
                asked.insert(used.name);
            }
        }
    }
    asked
}

impl Check<'_> {
    fn task<'t>(&mut self, seen: &Seen, templates: impl Iterator<Item = &'t Template>, asked: &BTreeSet<String>) {
        let (task, engine) = (seen.task, self.engine);
        // of several conditions the later ones are looked at if the first holds
        let mut conditions: Vec<(Used, bool)> = Vec::new();
        for (at, node) in task.levels.iter().flat_map(|level| &level.when).enumerate() {
            conditions.extend(engine.used_in_expression(node).into_iter().map(|used| (used, at == 0 && task.repeat.is_none())));
        }
        let looped: Vec<Used> = task.repeat.iter().flat_map(|repeat| engine.used(&repeat.values)).collect();
        let mut body: Vec<Used> = Vec::new();
        for (key, value) in &task.action.options {
            if is_expression(task, key) {
                // `debug` shows that it is not there
                if seen.module() == "assert" {
                    let that = value.as_list().unwrap_or(std::slice::from_ref(value));
                    body.extend(that.iter().flat_map(|node| engine.used_in_expression(node)));
                }
            } else if !matches!(key.as_str(), Some("fail_msg" | "success_msg" | "msg")) || seen.module() == "debug" {
                body.extend(engine.used(value));
            }
        }
        body.extend(task.delegate_to.iter().flat_map(|node| engine.used(node)));
        let after: Vec<Used> = [&task.changed_when, &task.failed_when, &task.until]
            .into_iter()
            .flatten()
            .flat_map(|node| engine.used_in_expression(node))
            .collect();
        let mut beside: Vec<Used> = Vec::new();
        beside.extend(
            task.levels.iter().flat_map(|level| level.environment.iter().chain(level.others.values())).flat_map(|node| engine.used(node)),
        );
        beside.extend(task.loop_control.label.iter().chain(&task.notify).flat_map(|node| engine.used(node)));
        let in_templates: Vec<Used> =
            templates.flat_map(|template| engine.used(&template.text)).filter(|used| !IN_TEMPLATES.contains(&used.name.as_str())).collect();
        // what a condition asks for is not missed behind it
        let tested = conditions.iter().filter(|(used, _)| used.need == Need::Tested).map(|(used, _)| used.name.clone());
        let tested: BTreeSet<String> = tested.chain(asked.iter().cloned()).collect();
        // a loop that cannot be evaluated does not matter where the conditions do not hold
        let any_time = task.levels.iter().all(|level| level.when.is_empty());
        let all = conditions.into_iter().chain(looped.into_iter().map(|used| (used, any_time)));
        let all = all.chain(body.into_iter().chain(in_templates).chain(after).map(|used| (used, !seen.guarded)));
        for (used, comes_to_it) in all.chain(beside.into_iter().map(|used| (used, false))) {
            if tested.contains(&used.name) {
                continue;
            }
            if used.name == "item" {
                self.item(used, seen);
            } else {
                self.used(used, seen.sheltered || !comes_to_it);
            }
        }
    }

    fn is_defined(&self, name: &str) -> bool {
        // a fact, or a variable of the connection
        name.starts_with("ansible_") || self.sources.names.contains(name) || given().any(|given| given == name)
    }

    fn used(&mut self, used: Used, unsure: bool) {
        let Used { name, place, need } = used;
        if need == Need::Tested {
            return;
        }
        if self.is_defined(&name) {
            self.misspelt_fact(&name, place);
            return;
        }
        let certain = need == Need::Always && !unsure;
        let missing = self.missing.entry(name).or_insert_with(|| Missing { place: place.clone(), certain, count: 0 });
        missing.count += 1;
        if certain && !missing.certain {
            (missing.place, missing.certain) = (place, true);
        }
    }

    /// There are more facts than anybody can list, so only what is nearly a well-known one is told.
    fn misspelt_fact(&mut self, name: &str, place: Place) {
        let known = |name: &str| given().any(|given| given == name) || FACTS.contains(&name);
        if !name.starts_with("ansible_") || known(name) || self.sources.names.contains(name) {
            return;
        }
        let near =
            crate::diagnostics::within(name, 2, given().chain(FACTS.iter().copied()).filter(|known| known.len() > 12 && name.len() > 12));
        // `ansible_eth0`, `ansible_eth1`: a number more is another thing
        if let Some(near) = near.filter(|near| !name.starts_with(near) && !name.ends_with(|c: char| c.is_ascii_digit())) {
            self.problems.push(
                Diagnostic::warning(format!("there is no well-known fact `{name}`")).at(place).label(format!("did you mean `{near}`?")),
            );
        }
    }

    fn item(&mut self, used: Used, seen: &Seen) {
        let own_name = seen.task.loop_control.loop_var.as_ref();
        if used.need == Need::Tested || self.sources.names.contains("item") || (seen.task.repeat.is_some() && own_name.is_none()) {
            return;
        }
        let certain = used.need == Need::Always && !seen.sheltered && seen.task.levels.iter().all(|level| level.when.is_empty());
        let problem = where_it_is_reached(!certain, "`item` has no value here").at(used.place);
        self.problems.push(match own_name.and_then(|name| name.as_str()).filter(|_| seen.task.repeat.is_some()) {
            Some(name) => problem.label(format!("the loop calls it `{name}`")),
            None if seen.handler => problem.label("a handler does not see the loop of the task that notifies it"),
            None => problem.label("the task has no loop").hint("add `loop:`, indented like the module's name"),
        });
    }

    fn tell(self) {
        let Self { sources, missing, problems, .. } = self;
        let names: Vec<&str> = sources.names.iter().map(String::as_str).chain(given()).chain(["item"]).collect();
        let mut all: Vec<(String, Missing)> = missing.into_iter().collect();
        all.sort_by(|(_, one), (_, other)| {
            (&one.place.source.name, one.place.span.start).cmp(&(&other.place.source.name, other.place.span.start))
        });
        for (name, Missing { place, certain, count }) in all {
            let near = similar(&name, names.iter().copied());
            // it may stand in what is read in the run
            if sources.open && near.is_none() {
                continue;
            }
            let problem = where_it_is_reached(!certain || sources.open, format!("nothing defines the variable `{name}`")).at(place);
            let more = match count {
                1 => String::new(),
                2 => "it is used in one more place".to_owned(),
                count => format!("it is used in {} more places", count - 1),
            };
            let problem = match (near, more.is_empty()) {
                (Some(near), true) => problem.label(format!("did you mean `{near}`?")),
                (Some(near), false) => problem.label(format!("did you mean `{near}`? {more}")),
                (None, true) => problem,
                (None, false) => problem.label(more),
            };
            let hint = match problem.level {
                Level::Error if RESULTS.contains(&name.as_str()) => {
                    format!(
                        "what a task gave stands behind the name under which it is registered: `register: result`, then `result.{name}`"
                    )
                }
                Level::Error if name.starts_with(char::is_uppercase) => format!("if a text is meant, put it in quotes: `'{name}'`"),
                Level::Error if near.is_some() => {
                    problems.push(problem);
                    continue;
                }
                Level::Error => format!("give it a value in `vars:`, in group_vars, or with `-e {name}=...`"),
                Level::Warning => "a host that comes to it fails there, unless something unseen defines it".to_owned(),
            };
            problems.push(problem.hint(hint));
        }
    }
}
