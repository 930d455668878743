//! The program: reads arguments, calls, prints, and gives the exit code.

mod ansible_cfg;
mod args;
mod asked;
mod cluster;
mod columns;
mod commands;
mod conceal;
mod environment;
mod fleet;
mod interrupt;
mod inventory;
mod listed;
mod machines;
mod named_playbooks;
mod panics;
mod person;
mod playbooks;
mod prompt;
mod retry;
mod run;
mod screen;
mod session;
mod show;
mod targets;
mod terminal;
mod unmatched;
mod vault;

use std::ffi::{OsStr, OsString};

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory as _, Parser as _};

use crate::diagnostics::ExitCode;
use args::{Cli, Command};
use environment::Environment;

/// The whole program.
pub fn main() -> ExitCode {
    panics::install();
    let environment = Environment::capture();
    let cli = match Cli::try_parse_from(&environment.arguments) {
        Ok(cli) => cli,
        Err(error) => return usage(&error, &environment),
    };
    match &cli.command {
        Command::Ping(args) => commands::ping::run(args, &cli.output, &environment),
        Command::Facts(args) => commands::facts::run(args, &cli.output, &environment),
        Command::Exec(args) => commands::exec::run(args, &cli.output, &environment),
        Command::Check(args) => commands::check::run(args, &cli.output, &environment),
        Command::Preflight(args) => commands::preflight::run(args, &cli.output, &environment),
        Command::Provision(args) => commands::provision::run(args, &cli.output, &environment),
        Command::Playbooks(args) => commands::playbooks::run(args, &environment),
        Command::Doc(args) => commands::doc::run(args),
        Command::Schema(args) => commands::schema::run(args),
        Command::Cluster(args) => commands::cluster::run(args, &cli.output, &environment),
        Command::Bootstrap(args) => commands::bootstrap::run(args, &cli.output, &environment),
        Command::Disk(args) => commands::disk::run(args, &cli.output, &environment),
        Command::Inventory(args) => commands::inventory::run(args, &cli.output, &environment),
        Command::Completions(args) => commands::completions::run(args, Cli::command()),
        Command::Man(args) => commands::man::run(args, Cli::command()),
    }
}

/// Help and the version were asked for, or the command line is wrong.
fn usage(error: &clap::Error, environment: &Environment) -> ExitCode {
    let wrong = error.use_stderr();
    // the flag cannot be taken from a command line that was not understood
    let no_colour = environment.no_colour || environment.arguments.iter().any(|word| word == OsStr::new("--no-color"));
    let terminal = if wrong { environment.stderr_terminal } else { environment.stdout_terminal };
    let text = if terminal && !no_colour { error.render().ansi().to_string() } else { error.render().to_string() };
    if wrong {
        screen::complain(text.trim_end());
        if let Some(tip) = tip(error, environment) {
            screen::complain(&format!("\n  tip: {tip}"));
        }
        ExitCode::Usage
    } else {
        screen::print(text.as_bytes())
    }
}

/// What clap cannot know: in `ansible all -a uptime` there is no `--`, and before `ansible-playbook`'s flags no command.
fn tip(error: &clap::Error, environment: &Environment) -> Option<String> {
    let unknown = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(word)) if error.kind() == ErrorKind::UnknownArgument => word,
        _ => return None,
    };
    let words: Vec<&str> = environment.arguments.iter().skip(1).filter_map(|word| word.to_str()).collect();
    let ansible_inventory = ["--list", "--graph", "--host"].into_iter().find(|flag| *unknown == **flag);
    if let (Some(&"inventory"), Some(flag)) = (words.first(), ansible_inventory) {
        return Some(format!("what ansible-inventory does with `{flag}` is `homelabctl inventory {}`", flag.trim_start_matches('-')));
    }
    if let Some(command) = stands_too_early(unknown, &environment.arguments) {
        return Some(format!("flags about hosts stand after the command: `homelabctl {command} {unknown} ...`"));
    }
    let exec = environment.arguments.get(1).is_some_and(|word| word == OsStr::new("exec"));
    (exec && !unknown.starts_with("--")).then(|| "the command that is to run on the hosts stands after `--`".to_owned())
}

/// Whether a flag that stands before the command belongs after it; then the command that was meant, with the one in it.
fn stands_too_early(flag: &str, arguments: &[OsString]) -> Option<String> {
    let program = Cli::command();
    let at = arguments.iter().position(|word| word.to_str().is_some_and(|word| word.starts_with(flag)))?;
    let command = |word: &OsString| program.find_subcommand(word);
    let before: Vec<&clap::Command> = arguments.iter().take(at).skip(1).filter_map(command).collect();
    // between `inventory` and what it is to do is too early as well
    if before.first().is_some_and(|command| !command.has_subcommands()) {
        return None;
    }
    let has = |command: &clap::Command| {
        let long =
            |arg: &clap::Arg| arg.get_long_and_visible_aliases().is_some_and(|names| names.iter().any(|name| flag == format!("--{name}")));
        command.get_arguments().any(|arg| long(arg) || arg.get_short().is_some_and(|short| flag == format!("-{short}")))
    };
    let nested = |command: &clap::Command| -> Option<String> {
        let after = arguments.iter().skip(at).filter_map(|word| command.find_subcommand(word)).find(|inner| has(inner));
        let inner = after.or_else(|| command.get_subcommands().find(|inner| has(inner)))?;
        Some(format!("{} {}", command.get_name(), inner.get_name()))
    };
    let words = before.into_iter().chain(arguments.iter().skip(at).filter_map(command));
    let meant = words.into_iter().find_map(|command| if has(command) { Some(command.get_name().to_owned()) } else { nested(command) });
    meant.or_else(|| program.get_subcommands().find(|command| has(command)).map(|command| command.get_name().to_owned()))
}
