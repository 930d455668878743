//! `homelabctl completions`

use clap::{Args, Command};
use clap_complete::Shell;

use super::super::screen;
use crate::diagnostics::ExitCode;

/// Print the completions for a shell
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// bash, zsh, fish, elvish or powershell
    #[arg(value_name = "SHELL", hide_possible_values = true)]
    pub shell: Shell,
}

pub fn run(args: &CompletionsArgs, mut program: Command) -> ExitCode {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut program, "homelabctl", &mut text);
    screen::print(&text)
}
