//! What a loop goes through.

use super::super::task;
use super::Known;
use super::arguments::spec;
use super::python::Python;
use super::walk::Seen;
use crate::diagnostics::{Diagnostic, Diagnostics, Level, suggestion};
use crate::modules::boolean;

/// The lookups of ansible-core 2.19, and those that its `ansible_builtin_runtime.yml` finds in collections.
const LOOKUPS: &str = "config csvfile dict env file fileglob first_found indexed_items ini inventory_hostnames items lines list \
     nested password pipe random_choice sequence subelements template together unvault url varnames vars \
     avi aws_account_attribute aws_secret aws_service_ip_ranges aws_ssm cartesian chef_databag conjur_variable consul_kv cpm_metering \
     cpm_status credstash cyberarkpassword dig dnstxt etcd filetree flattened gcp_storage_file grafana_dashboard hashi_vault hiera k8s \
     keyring laps_password lastpass lmdb_kv manifold mongodb nios nios_next_ip nios_next_network onepassword onepassword_raw openshift \
     passwordstore rabbitmq redis shelvefile skydive";

/// Looks at a task's loop.
pub(super) fn check(seen: &Seen, known: &Known, python: &Python, problems: &mut Diagnostics) {
    kind(seen, python, problems);
    text(seen, known, problems);
    exclusive(seen, problems);
}

/// Keys of one user that are exclusive, one after the other: only the last stays. (The file is one where neither the user nor the
/// path is a template.)
fn exclusive(seen: &Seen, problems: &mut Diagnostics) {
    if seen.task.repeat.is_none() || spec(seen).is_none_or(|spec| spec.name != "authorized_key") {
        return;
    }
    let option = |name: &str| seen.task.action.options.iter().find(|(key, _)| key.as_str() == Some(name)).map(|(_, value)| value);
    let is_one_file = ["user", "path"].into_iter().filter_map(option).all(|value| !value.is_template());
    if let Some(exclusive) = option("exclusive").filter(|value| is_one_file && boolean(value) == Some(true)) {
        let problem = Diagnostic::warning("each turn of the loop removes the keys of the others").at(exclusive.place.clone());
        problems.push(problem.hint("give all keys in one text, without a loop: `key: \"{{ keys | join('\\n') }}\"`"));
    }
}

/// `with_…` by what is no lookup is no keyword at all.
fn kind(seen: &Seen, python: &Python, problems: &mut Diagnostics) {
    let Some(repeat) = seen.task.repeat.as_ref().filter(|repeat| repeat.kind != "loop" && !repeat.kind.contains('.')) else { return };
    let kind = &repeat.kind;
    if LOOKUPS.split_whitespace().any(|known| known == kind) || python.has_lookup(seen.play, seen.task.role.as_deref(), kind) {
        return;
    }
    // one that is nearly another is a mistake where it is read
    if suggestion(kind, task::LOOKUPS).is_some() {
        return;
    }
    let level = if seen.included { Level::Warning } else { Level::Error };
    let message = format!("`with_{kind}` is no keyword of a task: there is no lookup `{kind}`");
    let problem = Diagnostic { level, ..Diagnostic::error(message) }.at(repeat.place.clone());
    problems.push(problem.hint("`loop:` goes through any list"));
}

/// Says that a text is no variable: before Ansible 2.2 one name alone was. What else a loop cannot go through is said where it
/// is read.
fn text(seen: &Seen, known: &Known, problems: &mut Diagnostics) {
    let Some(repeat) = seen.task.repeat.as_ref().filter(|repeat| repeat.kind != "loop") else { return };
    let values = &repeat.values;
    let Some(text) = values.as_str().filter(|_| !values.is_template()) else { return };
    let mut of_levels = seen.task.levels.iter().flat_map(|level| &level.vars);
    if known.variables.contains(text) || of_levels.any(|(name, _)| name.as_str() == Some(text)) {
        let problem = Diagnostic::warning(format!("`{text}` is a text here, not the variable of that name"));
        problems.push(problem.at(values.place.clone()).hint(format!("write `\"{{{{ {text} }}}}\"`")));
    }
}
