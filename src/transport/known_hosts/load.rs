//! Files of known hosts in memory.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::line::{self, Line};
use super::verdict::KeyPlace;
use crate::diagnostics::{Diagnostic, Diagnostics, Source};

/// The lines of some files of known hosts, for any number of hosts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KnownHosts {
    pub(super) entries: Vec<Entry>,
}

/// A line and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub place: KeyPlace,
    pub line: Line,
}

impl KnownHosts {
    /// Reads the files, first to last. A file that is not there has no hosts. What cannot be read is left out, as
    /// ssh does it, with a warning that says where.
    pub fn load(paths: &[PathBuf]) -> (Self, Diagnostics) {
        let mut known = Self::default();
        let mut warnings = Diagnostics::new();
        for path in paths {
            match std::fs::read(path) {
                Ok(bytes) => known.add(path, &String::from_utf8_lossy(&bytes), &mut warnings),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => warnings.push(Diagnostic::warning(format!("{} cannot be read: {error}", path.display()))),
            }
        }
        (known, warnings)
    }

    /// Reads one text, which is known by the name `path`.
    pub fn parse(path: &Path, text: &str) -> (Self, Diagnostics) {
        let mut known = Self::default();
        let mut warnings = Diagnostics::new();
        known.add(path, text, &mut warnings);
        (known, warnings)
    }

    fn add(&mut self, path: &Path, text: &str, warnings: &mut Diagnostics) {
        let file: Arc<Path> = Arc::from(path);
        let mut source = None;
        let mut start = 0;
        for (index, raw) in text.split_inclusive('\n').enumerate() {
            match line::parse(raw) {
                Ok(None) => {}
                Ok(Some(line)) => self.entries.push(Entry { place: KeyPlace { file: file.clone(), line: index + 1 }, line }),
                Err(why) => {
                    // The text is copied only for a file that has something wrong with it.
                    let source = source.get_or_insert_with(|| Source::new(path.display().to_string(), text));
                    let end = start + raw.trim_end_matches(['\r', '\n']).len();
                    let warning = Diagnostic::warning(format!("a line of known hosts is left out: {why}")).at(source.at(start..end));
                    warnings.push(warning.hint("ssh leaves it out too; correct it or take it out"));
                }
            }
            start += raw.len();
        }
    }
}
