//! `ansible.builtin.slurp`

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::outcome::{Ended, decided};
use super::remote_file::{RemoteFile, remote_file};
use super::{Decision, Kind, Module, Opt, Spec, Task, paths};
use crate::node::facts::{FileKind, Stat};
use crate::plan::{Facts, Stop};

/// A file's content, as base64. Up to 32 MiB: what is longer is not known.
#[derive(Debug)]
pub struct Slurp;

static SPEC: Spec = Spec {
    options: &[Opt::new("src", Kind::Path).about("The file").aliases(&["path"]).required()],
    about: "Registers what a file of the machine holds, as base64",
    ..Spec::new("ansible.builtin", "slurp")
};

impl Module for Slurp {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn plan(&self, task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Stop> {
        decided(plan(task, facts))
    }
}

fn plan(task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Ended> {
    let source = paths::path(task.args.str("src").unwrap_or_default(), task, facts)?;
    match remote_file(facts, &source)? {
        // of what is below a file Ansible says that it cannot be read
        RemoteFile::Missing if is_file(facts, paths::above(&source))? => Err(format!("Unable to slurp file: {source}").into()),
        RemoteFile::Missing => Err(format!("File not found: {source}").into()),
        RemoteFile::Unreadable => Err(format!("File is not readable: {source}").into()),
        RemoteFile::Directory => Err(format!("Source is a directory and must be a file: {source}").into()),
        RemoteFile::Odd => Err(format!("{source} is not a regular file: it may never end").into()),
        RemoteFile::File(content) => {
            Ok(Decision::unchanged().with("content", STANDARD.encode(content)).with("source", source).with("encoding", "base64"))
        }
    }
}

fn is_file(facts: &Facts<'_>, path: &str) -> Result<bool, Stop> {
    Ok(facts.get(Stat::followed(path))?.is_some_and(|stat| stat.kind == FileKind::File))
}
