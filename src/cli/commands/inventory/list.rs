//! `homelabctl inventory list`

use clap::Args;

use super::super::super::args::{LimitArgs, OutputArgs, OutputFormat, SourceArgs};
use super::super::super::columns::columns;
use super::super::super::inventory::{Loaded, select};
use crate::diagnostics::Diagnostics;
use crate::inventory::{Host, Pattern, ansible_look};
use crate::report::escape;
use crate::yaml::python_str;

/// List hosts, with their groups and addresses
///
/// With `--output json` it prints what `ansible-inventory --list` prints; values that were encrypted are shown as `***`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Which hosts: `all`, a host, a group, `web*`, `a,b`, `masters:!m3`, `group[0]`, `~regex`, `@file`
    #[arg(default_value = "all", value_name = "PATTERN")]
    pub pattern: String,
    #[command(flatten)]
    pub source: SourceArgs,
    #[command(flatten)]
    pub limit: LimitArgs,
}

impl ListArgs {
    pub(super) fn show(&self, loaded: &Loaded, output: &OutputArgs, problems: &mut Diagnostics) -> String {
        let json = output.output != OutputFormat::Human;
        // a program that asks for everything is given an empty inventory too
        let everything = json && self.pattern == "all" && self.limit.limit.is_none();
        let hosts = if everything {
            loaded.inventory.all_hosts()
        } else {
            select(loaded, &Pattern::new("PATTERN", &self.pattern), &self.limit, problems)
        };
        match output.output {
            OutputFormat::Json => loaded.inventory.list_json(&hosts, ansible_look(Some(4))) + "\n",
            OutputFormat::Jsonl => loaded.inventory.list_json(&hosts, ansible_look(None)) + "\n",
            OutputFormat::Human => {
                let rows: Vec<Vec<String>> = hosts.iter().map(|host| row(loaded, host)).collect();
                columns(&rows)
            }
        }
    }
}

fn row(loaded: &Loaded, host: &Host) -> Vec<String> {
    let inventory = &loaded.inventory;
    let groups: Vec<&str> = inventory.group_names(host).into_iter().filter(|name| *name != "ungrouped").collect();
    let address = inventory.variables(host).get("ansible_host").map(|address| loaded.rendered(host, address));
    let address = address.map_or_else(String::new, |address| python_str(&address));
    [host.name.to_string(), groups.join(" "), address].iter().map(|cell| escape::line(cell)).collect()
}
