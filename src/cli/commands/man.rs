//! `homelabctl man`

use std::path::PathBuf;

use clap::{Args, Command};
use clap_mangen::Man;

use super::super::screen;
use crate::diagnostics::ExitCode;

/// Print the manual page, or write all pages into a directory
#[derive(Debug, Args)]
pub struct ManArgs {
    /// Where to write a page for each command; without it the main page is printed
    #[arg(value_name = "DIR")]
    pub directory: Option<PathBuf>,
}

pub fn run(args: &ManArgs, program: Command) -> ExitCode {
    let done = match &args.directory {
        None => {
            let mut text = Vec::new();
            Man::new(program).render(&mut text).map(|()| screen::print(&text))
        }
        Some(directory) => {
            std::fs::create_dir_all(directory).and_then(|()| clap_mangen::generate_to(program, directory)).map(|()| ExitCode::Done)
        }
    };
    done.unwrap_or_else(|error| {
        screen::complain(&format!("error: writing the manual: {error}"));
        ExitCode::Failed
    })
}
