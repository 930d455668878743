//! Large contents on their way: which of a change's contents are too large for a script, and the change in which they stand
//! where they were uploaded to.

use super::Change;
use super::steps::{Source, Step};

/// What is larger, in bytes, takes a channel of its own: a script is text that both sides hold in memory.
pub const LARGE: u64 = 256 << 10;

/// A content that has to be uploaded before the change.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Load<'a> {
    /// Which step writes it, from 0.
    pub step: usize,
    /// The content.
    pub source: &'a Source,
    /// What it is called; the change moves it from there to its place.
    pub near: &'a str,
    /// The directory that it is uploaded to: the nearest one that is there before the change.
    pub directory: &'a str,
}

/// A content that did not arrive. Nothing was changed on the machine.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unstaged {
    /// The machine is not reached.
    #[error("{0}")]
    Lost(String),
    /// It cannot be read here, or the machine did not take it.
    #[error("{0}")]
    Refused(String),
    /// The machine is not reached any more, and a server was asked for something that may have changed something.
    #[error("{0}")]
    Sent(String),
    /// The machine has nothing to ask a server with, and its SSH server lets nobody else ask from there.
    #[error("there is neither curl nor wget on the machine, and its SSH server does not forward TCP connections")]
    Forbidden,
}

fn is_large(source: &Source) -> bool {
    match source {
        Source::Bytes(bytes) => bytes.len() as u64 > LARGE,
        Source::Local { .. } => true,
        Source::Staged { .. } | Source::Copied { .. } => false,
    }
}

/// All that has to be uploaded before a change.
pub fn loads(change: &Change) -> Vec<Load<'_>> {
    let is_made = |directory: &str| {
        change.steps.iter().any(|step| match step {
            // with those above it that are missing, which nobody names
            Step::MakeDirectory(made) => made.path == directory || made.parents && made.path.starts_with(&format!("{directory}/")),
            _ => false,
        })
    };
    let mut loads = Vec::new();
    for (number, step) in change.steps.iter().enumerate() {
        let Step::WriteFile(write) = step else { continue };
        if !is_large(&write.source) {
            continue;
        }
        let (mut directory, near) = write.path.rsplit_once('/').unwrap_or(("", &write.path));
        while !directory.is_empty() && is_made(directory) {
            directory = directory.rsplit_once('/').map_or("", |(above, _)| above);
        }
        loads.push(Load { step: number, source: &write.source, near, directory });
    }
    loads
}

/// The change with the contents where they were uploaded to: the step's number and the path.
#[must_use]
pub fn staged(change: &Change, places: &[(usize, String, String)]) -> Change {
    let mut change = change.clone();
    for (number, path, sha256) in places {
        let Some(Step::WriteFile(write)) = change.steps.get_mut(*number) else { continue };
        let source = std::mem::replace(&mut write.source, Source::Staged { path: path.clone(), sha256: sha256.clone() });
        // who looks at it first leaves it there
        for step in change.steps.iter_mut().take(*number) {
            if let Step::Validate(validate) = step
                && validate.source == source
            {
                validate.source = Source::Copied { path: path.clone(), sha256: sha256.clone() };
            }
        }
    }
    change
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::steps::{MakeDirectory, Validate, WriteFile};

    fn write(path: &str, source: Source) -> Step {
        WriteFile { path: path.into(), source, owner: "0".into(), group: "0".into(), mode: 0o644 }.into()
    }

    #[test]
    fn what_is_large_goes_ahead_to_a_directory_that_is_there() {
        let large = Source::Local { path: "/here/f".into(), size: 1 << 30, sha256: "ab".into() };
        let bytes = Source::Bytes(vec![0; 300 << 10]);
        let directory =
            |path: &str| MakeDirectory { path: path.into(), owner: "0".into(), group: "0".into(), mode: 0o755, parents: false }.into();
        let validate = Validate {
            source: large.clone(),
            suffix: String::new(),
            owner: "0".into(),
            group: "0".into(),
            mode: 0,
            argv: vec!["x".into()],
            file: (1, String::new(), String::new()),
        };
        let change: Change = crate::plan::Plan::change([
            directory("/srv/a"),
            directory("/srv/a/b"),
            validate.into(),
            write("/srv/a/b/f", large.clone()),
            write("/srv/g", bytes),
            write("/h", large),
            write("/srv/small", Source::Bytes(vec![0; 256 << 10])),
        ]);
        let found: Vec<_> = loads(&change).iter().map(|load| (load.step, load.directory.to_owned(), load.near.to_owned())).collect();
        let wanted = [(3, "/srv", "f"), (4, "/srv", "g"), (5, "", "h")].map(|(step, dir, near)| (step, dir.to_owned(), near.to_owned()));
        assert_eq!(found, wanted);
        let done = staged(&change, &[(3, "/srv/.x".into(), "ab".into())]);
        let place = |copied: bool| {
            let (path, sha256) = ("/srv/.x".to_owned(), "ab".to_owned());
            if copied { Source::Copied { path, sha256 } } else { Source::Staged { path, sha256 } }
        };
        assert!(matches!(&done.steps[2], Step::Validate(step) if step.source == place(true)));
        assert!(matches!(&done.steps[3], Step::WriteFile(step) if step.source == place(false)));
        assert!(matches!(&done.steps[5], Step::WriteFile(step) if matches!(step.source, Source::Local { .. })));
    }
}
