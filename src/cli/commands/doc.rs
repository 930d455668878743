//! `homelabctl doc`

use clap::Args;

use super::super::screen;
use crate::diagnostics::{ExitCode, suggestion};
use crate::modules::{Found, contents, find, module_names, page};

/// Show what a module is for and which options it takes
///
/// The pages are made from the tables by which playbooks are checked.
#[derive(Debug, Args)]
pub struct DocArgs {
    /// Its name, short (`file`) or with its collection (`homelab.swap`); without one all are listed
    #[arg(value_name = "MODULE")]
    pub module: Option<String>,
}

pub fn run(args: &DocArgs) -> ExitCode {
    let Some(name) = &args.module else { return screen::print(list().as_bytes()) };
    // those of ours are known by their short names here, where nothing else is meant by them
    let own = format!("homelab.{name}");
    if let Some(text) = page(name).or_else(|| page(&own)) {
        return screen::print(text.as_bytes());
    }
    let (what, hint) = match find(name) {
        Found::NotHere => ("Ansible or one of its collections has the module, and this program has not", None),
        _ => ("no module has the name", suggestion(name, module_names())),
    };
    let hint = hint.unwrap_or_else(|| "`homelabctl doc` lists all that are here".to_owned());
    screen::complain(&format!("error: {what}: `{name}`\nhint: {hint}"));
    ExitCode::Usage
}

fn list() -> String {
    let all = contents();
    let width = all.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    all.iter().map(|(name, about)| format!("{name:width$}  {about}\n")).collect()
}
