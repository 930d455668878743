//! `homelabctl playbooks`: those that come with the program.

use std::path::Path;

use clap::{Args, Subcommand};

use super::super::environment::Environment;
use super::super::named_playbooks::{FOLDER, own};
use super::super::screen;
use crate::diagnostics::{ExitCode, reason, suggestion};
use crate::playbook::{SHIPPED, Shipped};

/// See the playbooks that come with this program, and make them your own
///
/// `homelabctl provision tuning` runs the one of that name: your own in `playbooks/`, if there is one, or else the built-in one.
#[derive(Debug, Args)]
pub struct PlaybooksArgs {
    #[command(subcommand)]
    pub command: PlaybooksCommand,
}

#[derive(Debug, Subcommand)]
pub enum PlaybooksCommand {
    /// Show which there are, what they are for, and which of them you have your own of
    List,
    /// Print one
    Show {
        /// Its short name, e.g. `tuning`
        name: String,
    },
    /// Copy one, and those that it imports, into `playbooks/`, to be changed
    Eject {
        /// Its short name, e.g. `tuning`
        name: String,
        /// Write over files that say something else
        #[arg(long)]
        force: bool,
    },
}

pub fn run(args: &PlaybooksArgs, environment: &Environment) -> ExitCode {
    let dir = &environment.working_dir;
    match &args.command {
        PlaybooksCommand::List => screen::print(list(dir).as_bytes()),
        PlaybooksCommand::Show { name } => match find(name) {
            Ok(shipped) => screen::print(shipped.text.as_bytes()),
            Err(code) => code,
        },
        PlaybooksCommand::Eject { name, force } => match find(name) {
            Ok(shipped) => eject(shipped, dir, *force),
            Err(code) => code,
        },
    }
}

fn find(name: &str) -> Result<&'static Shipped, ExitCode> {
    Shipped::find(name).ok_or_else(|| {
        let names = SHIPPED.iter().map(|shipped| shipped.name);
        let near = suggestion(name, names).unwrap_or_else(|| "`homelabctl playbooks list` shows them all".to_owned());
        screen::complain(&format!("error: no playbook `{name}` comes with this program\nhint: {near}"));
        ExitCode::Usage
    })
}

fn list(dir: &Path) -> String {
    let width = SHIPPED.iter().map(|shipped| shipped.name.len()).max().unwrap_or(0);
    let line = |shipped: &Shipped| {
        let about = shipped.about().split_once(": ").map_or(shipped.about(), |(_, about)| about).trim_end_matches('.');
        let mine = own(shipped.name, dir).map(|path| {
            let same = if shipped.is_at(&dir.join(&path)) { ", and says the same" } else { "" };
            format!("{:width$}  {} runs in its place{same}\n", "", path.display())
        });
        format!("{:width$}  {about}\n{}", shipped.name, mine.unwrap_or_default())
    };
    SHIPPED.iter().map(line).collect()
}

/// What stands where one is to be put.
#[derive(Clone, Copy, PartialEq, Eq)]
enum There {
    Nothing,
    TheSame,
    Another,
}

/// One's own copy of what is imported stays: it is what a copy of the importing one is made for.
fn eject(shipped: &Shipped, dir: &Path, force: bool) -> ExitCode {
    let looked_at = |shipped: &'static Shipped| {
        // one of the project's own may have another ending
        let path = own(shipped.name, dir).unwrap_or_else(|| Path::new(FOLDER).join(shipped.file_name()));
        let there = match dir.join(&path).symlink_metadata() {
            Err(_) => There::Nothing,
            Ok(_) if shipped.is_at(&dir.join(&path)) => There::TheSame,
            Ok(_) => There::Another,
        };
        (path, shipped, there)
    };
    let files: Vec<_> = shipped.with_imports().into_iter().map(looked_at).collect();
    if let Some((path, _, There::Another)) = files.first().filter(|_| !force) {
        let (path, name) = (path.display(), shipped.name);
        screen::complain(&format!(
            "error: `{path}` is there already, and says something else; nothing was written\nhint: look at what differs with `homelabctl playbooks show {name} | diff - {path}`; `--force` writes over it"
        ));
        return ExitCode::Usage;
    }
    let mut said = String::new();
    for (path, shipped, there) in &files {
        let shown = path.display();
        match there {
            There::TheSame => said += &format!("{shown} is as it comes already\n"),
            There::Another if !force => said += &format!("{shown} is your own, and stays\n"),
            There::Nothing | There::Another => {
                let full = dir.join(path);
                let text = importing(shipped.text, &files);
                let made = full.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(&full, text));
                if let Err(error) = made {
                    screen::complain(&format!("error: cannot write `{shown}`: {}", reason(&error)));
                    return ExitCode::Failed;
                }
                said += &format!("{shown} written: `homelabctl provision {}` runs it from now on\n", shipped.name);
            }
        }
    }
    screen::print(said.as_bytes())
}

/// The text with the names that the imported files have in this project.
fn importing(text: &str, files: &[(std::path::PathBuf, &'static Shipped, There)]) -> String {
    files.iter().skip(1).fold(text.to_owned(), |text, (path, shipped, _)| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        text.replace(&format!("import_playbook: {}", shipped.file_name()), &format!("import_playbook: {name}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ones_own_of_another_ending_is_imported_and_never_hidden() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(FOLDER).join(name);
        std::fs::create_dir(dir.path().join(FOLDER)).unwrap();
        std::fs::write(path("tuning.yml"), "mine").unwrap();
        assert_eq!(eject(Shipped::find("tuning").unwrap(), dir.path(), false), ExitCode::Usage);
        assert_eq!(eject(Shipped::find("site").unwrap(), dir.path(), false), ExitCode::Done);
        let site = std::fs::read_to_string(path("site.yaml")).unwrap();
        assert!(site.contains("import_playbook: tuning.yml\n") && site.contains("import_playbook: base.yaml\n"), "{site}");
        assert!(!path("tuning.yaml").exists());
    }

    #[test]
    fn what_a_person_changed_is_never_written_over_without_a_word() {
        let dir = tempfile::tempdir().unwrap();
        let read = |name: &str| std::fs::read_to_string(dir.path().join(FOLDER).join(name)).unwrap();
        let tuning = Shipped::find("tuning").unwrap();
        assert_eq!(eject(tuning, dir.path(), false), ExitCode::Done);
        assert_eq!(read("tuning.yaml"), tuning.text);
        std::fs::write(dir.path().join(FOLDER).join("tuning.yaml"), "mine").unwrap();
        assert_eq!(eject(tuning, dir.path(), false), ExitCode::Usage);
        // the site imports it: mine stays
        assert_eq!(eject(Shipped::find("site").unwrap(), dir.path(), false), ExitCode::Done);
        assert_eq!((read("tuning.yaml").as_str(), read("base.yaml").as_str()), ("mine", Shipped::find("base").unwrap().text));
        assert!(list(dir.path()).contains("playbooks/tuning.yaml runs in its place\n"));
        assert_eq!(eject(tuning, dir.path(), true), ExitCode::Done);
        assert_eq!(read("tuning.yaml"), tuning.text);
        assert!(list(dir.path()).contains("playbooks/tuning.yaml runs in its place, and says the same"));
    }
}
