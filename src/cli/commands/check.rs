//! `homelabctl check`

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;

use super::super::args::{OutputArgs, OutputFormat, SourceArgs, Unresolved};
use super::super::environment::Environment;
use super::super::interrupt::Interrupt;
use super::super::named_playbooks::chosen;
use super::super::playbooks::{Checked, load_and_check};
use super::super::{ansible_cfg, screen, show};
use crate::diagnostics::{Diagnostics, ExitCode};
use crate::playbook::{Item, Playbook};
use crate::report::Secrets;

/// Look for mistakes in playbooks, without contacting anybody
///
/// Everything that can be known before a run is checked: modules and their options, templates, roles, handlers, files,
/// variables. What fails only on a host that comes to it is a warning.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The playbooks: files, or short names such as `tuning` [default: `site.yml`, `playbooks/site.yml`, or the built-in `site`]
    #[arg(value_name = "PLAYBOOK")]
    pub playbooks: Vec<PathBuf>,
    #[command(flatten)]
    pub source: SourceArgs,
}

pub fn run(args: &CheckArgs, output: &OutputArgs, environment: &Environment) -> ExitCode {
    let began = Instant::now();
    let (secrets, mut problems) = (Secrets::default(), Diagnostics::new());
    let interrupt = match Interrupt::listen() {
        Ok(interrupt) => interrupt,
        Err(code) => return code,
    };
    let settings = ansible_cfg::read(environment, &mut problems);
    let paths = chosen(&args.playbooks, environment, &mut problems);
    if paths.is_empty() {
        return show::refuse(output, environment, &problems, &secrets, began);
    }
    let checked = match load_and_check(&paths, &args.source, &settings, environment, &interrupt.terminal, &secrets, &mut problems) {
        Ok(checked) => checked,
        Err(Unresolved::Interrupted) => return ExitCode::Interrupted,
        Err(Unresolved::Wrong(wrong)) => return show::refuse(output, environment, &wrong, &secrets, began),
    };
    if problems.has_errors() {
        return show::refuse(output, environment, &problems, &secrets, began);
    }
    if output.output != OutputFormat::Human {
        return show::nothing_ran(output, environment, &problems, &secrets, began);
    }
    show::warn(output, environment, &problems, &secrets);
    screen::print(found(&checked, problems.0.len()).as_bytes())
}

/// One line for each playbook.
fn found(checked: &Checked, warnings: usize) -> String {
    let count = |number: usize, what: &str| if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") };
    let line = |(path, playbook): &(PathBuf, Playbook)| {
        let plays = count(playbook.plays.len(), "play");
        format!("{}: {plays}, {}, no mistakes\n", path.display(), count(tasks(playbook), "task"))
    };
    let lines: String = checked.playbooks.iter().map(line).collect();
    if warnings > 0 { lines + &format!("{} above\n", count(warnings, "warning")) } else { lines }
}

fn tasks(playbook: &Playbook) -> usize {
    let plays = playbook.plays.iter().flat_map(|play| [&play.pre_tasks, &play.role_tasks, &play.tasks, &play.post_tasks]);
    let included = playbook.included.iter().map(|included| &included.items);
    plays.chain(included).flatten().map(in_item).sum()
}

fn in_item(item: &Item) -> usize {
    match item {
        Item::Task(_) => 1,
        Item::Block(block) => [&block.block, &block.rescue, &block.always].into_iter().flatten().map(in_item).sum(),
    }
}
