//! `homelabctl inventory graph`

use clap::Args;
use serde_json::{Value, json};

use super::super::super::args::{OutputArgs, OutputFormat, SourceArgs};
use super::super::super::inventory::Loaded;
use crate::diagnostics::{Diagnostic, Diagnostics, Source};
use crate::inventory::suggestion;
use crate::report::escape;

/// Draw groups and what is in them, as `ansible-inventory --graph` does
#[derive(Debug, Args)]
pub struct GraphArgs {
    /// From which group on
    #[arg(default_value = "all", value_name = "GROUP")]
    pub group: String,
    /// With the variables of groups and hosts
    #[arg(long)]
    pub vars: bool,
    #[command(flatten)]
    pub source: SourceArgs,
}

impl GraphArgs {
    pub(super) fn show(&self, loaded: &Loaded, output: &OutputArgs, problems: &mut Diagnostics) -> String {
        let inventory = &loaded.inventory;
        let Some(group) = inventory.group(&self.group) else {
            let error = Diagnostic::error(format!("there is no group `{}`", self.group));
            let error = error.at(Source::new("GROUP", self.group.as_str()).whole());
            problems.push(match suggestion(&self.group, inventory.groups().map(|group| &*group.name)) {
                Some(label) => error.label(label),
                None if inventory.host(&self.group).is_some() => {
                    error.hint(format!("`{0}` is a host: `homelabctl inventory host {0}` shows it", self.group))
                }
                None => error.hint("`homelabctl inventory graph` shows all groups"),
            });
            return String::new();
        };
        let graph = inventory.graph(group, self.vars, loaded.playbook_dir_chosen);
        let value: Value = json!({ "graph": graph.lines().collect::<Vec<_>>() });
        match output.output {
            OutputFormat::Human => graph.lines().map(|line| escape::line(line) + "\n").collect(),
            OutputFormat::Json => format!("{value:#}\n"),
            OutputFormat::Jsonl => format!("{value}\n"),
        }
    }
}
