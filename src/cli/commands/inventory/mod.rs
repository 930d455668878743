//! `homelabctl inventory`: what an inventory says, without contacting anybody.

mod explain;
mod graph;
mod host;
mod list;

use std::time::Instant;

use clap::{Args, Subcommand};

use super::super::args::{OutputArgs, SourceArgs, Unresolved};
use super::super::environment::Environment;
use super::super::interrupt::Interrupt;
use super::super::inventory::{Loaded, load_inventory};
use super::super::{ansible_cfg, screen, show};
use crate::diagnostics::{Diagnostic, Diagnostics, ExitCode, Source};
use crate::inventory::{Host, suggestion};
use crate::report::Secrets;

/// See what an inventory says: its hosts, its groups, and where each variable comes from
#[derive(Debug, Args)]
pub struct InventoryArgs {
    #[command(subcommand)]
    pub command: InventoryCommand,
}

/// One for each file here.
#[derive(Debug, Subcommand)]
pub enum InventoryCommand {
    List(list::ListArgs),
    Graph(graph::GraphArgs),
    Host(host::HostArgs),
    Explain(explain::ExplainArgs),
}

pub fn run(args: &InventoryArgs, output: &OutputArgs, environment: &Environment) -> ExitCode {
    match &args.command {
        InventoryCommand::List(args) => read(&args.source, output, environment, |loaded, problems| args.show(loaded, output, problems)),
        InventoryCommand::Graph(args) => read(&args.source, output, environment, |loaded, problems| args.show(loaded, output, problems)),
        InventoryCommand::Host(args) => read(&args.source, output, environment, |loaded, problems| args.show(loaded, output, problems)),
        InventoryCommand::Explain(args) => read(&args.source, output, environment, |loaded, problems| args.show(loaded, output, problems)),
    }
}

/// Reads the inventory, and shows what `show` makes of it unless something is wrong.
fn read(
    source: &SourceArgs,
    output: &OutputArgs,
    environment: &Environment,
    show: impl FnOnce(&Loaded, &mut Diagnostics) -> String,
) -> ExitCode {
    let began = Instant::now();
    let (secrets, mut problems) = (Secrets::default(), Diagnostics::new());
    let interrupt = match Interrupt::listen() {
        Ok(interrupt) => interrupt,
        Err(code) => return code,
    };
    let settings = ansible_cfg::read(environment, &mut problems);
    let loaded = match load_inventory(source, &settings, environment, &interrupt.terminal, &secrets, &mut problems) {
        Ok(loaded) => loaded,
        Err(Unresolved::Interrupted) => return ExitCode::Interrupted,
        Err(Unresolved::Wrong(wrong)) => return show::refuse(output, environment, &wrong, &secrets, began),
    };
    let text = if problems.has_errors() { String::new() } else { show(&loaded, &mut problems) };
    if problems.has_errors() {
        return show::refuse(output, environment, &problems, &secrets, began);
    }
    show::warn(output, environment, &problems, &secrets);
    screen::print(text.as_bytes())
}

/// The host of that name. What is wrong is added to `problems`.
fn find<'a>(loaded: &'a Loaded, name: &str, problems: &mut Diagnostics) -> Option<&'a Host> {
    let inventory = &loaded.inventory;
    let found = inventory.host(name);
    if found.is_none() {
        let hosts = inventory.all_hosts();
        let error = Diagnostic::error(format!("there is no host `{name}`")).at(Source::new("HOST", name).whole());
        problems.push(match suggestion(name, hosts.iter().map(|host| &*host.name)) {
            Some(label) => error.label(label),
            None if inventory.group(name).is_some() => {
                error.hint(format!("`{name}` is a group: `homelabctl inventory graph {name}` shows it"))
            }
            None => error.hint("`homelabctl inventory list` shows all hosts"),
        });
    }
    found
}
