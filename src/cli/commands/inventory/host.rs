//! `homelabctl inventory host`

use std::collections::HashMap;

use clap::Args;

use super::super::super::args::{OutputArgs, OutputFormat, SourceArgs};
use super::super::super::columns::columns;
use super::super::super::inventory::Loaded;
use super::find;
use crate::diagnostics::{Diagnostics, Place};
use crate::inventory::{ansible_look, where_it_stands};
use crate::report::escape;
use crate::yaml::one_line;

/// Show what counts for a host: each variable, its value, and where it comes from
///
/// With `--output json` it prints what `ansible-inventory --host` prints; values that were encrypted are shown as `***`.
#[derive(Debug, Args)]
pub struct HostArgs {
    /// The host's name
    #[arg(value_name = "HOST")]
    pub name: String,
    #[command(flatten)]
    pub source: SourceArgs,
}

impl HostArgs {
    pub(super) fn show(&self, loaded: &Loaded, output: &OutputArgs, problems: &mut Diagnostics) -> String {
        let Some(host) = find(loaded, &self.name, problems) else { return String::new() };
        let inventory = &loaded.inventory;
        // texts that are no templates are marked in a list only, as by Ansible
        let look = |indent| crate::yaml::Look { mark_literal: false, ..ansible_look(indent) };
        match output.output {
            OutputFormat::Json => return inventory.host_json(host, look(Some(4))) + "\n",
            OutputFormat::Jsonl => return inventory.host_json(host, look(None)) + "\n",
            OutputFormat::Human => {}
        }
        let groups = inventory.group_names(host).join(", ");
        let head = match groups.as_str() {
            // nothing names it
            "" => format!("{}  this machine itself\n\n", host.name),
            groups => format!("{}  in {groups}; named in {}\n\n", host.name, where_it_stands(&host.place)),
        };
        let variables = inventory.variables(host);
        // of two for the same name the later counts
        let places: HashMap<&str, &Place> =
            inventory.settings(host).map(|setting| (&*setting.variable.name, &setting.variable.place)).collect();
        let rows: Vec<Vec<String>> = variables
            .iter()
            .map(|(name, value)| {
                let place = places.get(name).map_or_else(String::new, |place| where_it_stands(place));
                let shown = loaded.shown(host, name, value);
                ["".to_owned(), name.to_string(), escape::line(&shown), place].to_vec()
            })
            .collect();
        if rows.is_empty() {
            return head + "  no variables\n";
        }
        head + &columns(&rows)
    }
}

impl Loaded {
    /// The same for a program: JSON, as far as JSON has words for it.
    pub(super) fn shown_json(&self, host: &crate::inventory::Host, name: &str, value: &crate::yaml::Node) -> serde_json::Value {
        let text = if crate::inventory::is_secret(name) { crate::yaml::MASKED.to_owned() } else { one_line(&self.rendered(host, value)) };
        serde_json::from_str(&text).unwrap_or(serde_json::Value::String(text))
    }

    /// A value for a person: rendered if it is a template, and without what must not be seen.
    pub(super) fn shown(&self, host: &crate::inventory::Host, name: &str, value: &crate::yaml::Node) -> String {
        let rendered = self.rendered(host, value);
        if crate::inventory::is_secret(name) || rendered.secret || matches!(rendered.value, crate::yaml::Value::Vault(_)) {
            return crate::yaml::MASKED.to_owned();
        }
        let text = one_line(&rendered);
        if value.is_template() && text != one_line(value) { format!("{text}  from {}", one_line(value)) } else { text }
    }
}
