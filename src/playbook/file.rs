//! The documents of a playbook: each file is read once.

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use super::loader::Loader;
use crate::diagnostics::{Diagnostic, Place, Source, read_bytes, reason, similar};
use crate::yaml::{Node, Value, is_encrypted, load};

/// The longest file that is read.
const LIMIT: u64 = 64 << 20;

/// What a file holds.
#[derive(Debug, Clone)]
pub(super) enum Document {
    /// It cannot be read, and that has been said.
    Bad,
    /// Nothing stands in it.
    Empty,
    /// This.
    Node(Arc<Node>),
}

impl Loader<'_> {
    /// What a file holds. `from`: where it is named.
    pub(super) fn document(&mut self, path: &Path, from: Option<&Place>) -> Document {
        if let Some(known) = self.documents.get(path) {
            return known.clone();
        }
        let document = self.read(path, from).unwrap_or(Document::Bad);
        self.documents.insert(path.to_owned(), document.clone());
        document
    }

    fn read(&mut self, path: &Path, from: Option<&Place>) -> Option<Document> {
        let name = self.shown(path);
        let mut fail = |problem: Diagnostic| {
            self.problems.push(Diagnostic { place: problem.place.or_else(|| from.cloned()), ..problem });
        };
        let bytes = match read_bytes(path, LIMIT) {
            Ok(bytes) if bytes.len() as u64 > LIMIT => {
                fail(Diagnostic::error(format!("cannot read `{name}`: it is longer than {} MiB", LIMIT >> 20)));
                return None;
            }
            Ok(bytes) => bytes,
            Err(error) => {
                let problem = Diagnostic::error(format!("cannot read `{name}`: {}", reason(&error)));
                fail(match beside(path).filter(|_| error.kind() == std::io::ErrorKind::NotFound) {
                    Some(near) => problem.hint(format!("did you mean `{near}`?")),
                    None => problem,
                });
                return None;
            }
        };
        let text = match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                let at = error.utf8_error().valid_up_to();
                let source = Source::new(name.as_str(), String::from_utf8_lossy(error.as_bytes()).into_owned());
                let problem = Diagnostic::error(format!("`{name}` is no UTF-8 text")).at(source.at(at..at + 1));
                fail(problem.hint("save it as UTF-8, or name the right file"));
                return None;
            }
        };
        let mut source = Source::new(name.as_str(), text.strip_prefix('\u{feff}').unwrap_or(&text));
        if is_encrypted(&source.text) {
            match self.request.keys.open_text(&source.text) {
                Ok(text) => source = Source::hidden(name.as_str(), text),
                Err(error) => {
                    fail(Diagnostic::error(format!("`{name}` is encrypted: {error}")).at(source.line(1)).hint(error.advice()));
                    return None;
                }
            }
        }
        match load(&source) {
            Err(problems) => {
                self.problems.extend(problems);
                None
            }
            Ok((node, warnings)) => {
                self.problems.extend(warnings);
                let mut node = node.filter(|node| !matches!(node.value, Value::Null));
                if let Some(node) = node.as_mut().filter(|_| source.hidden) {
                    node.each_mut(&mut |node| node.secret = true);
                }
                Some(node.map_or(Document::Empty, |node| Document::Node(Arc::new(node))))
            }
        }
    }

    /// A path as a person would write it.
    pub(super) fn shown(&self, path: &Path) -> String {
        path.strip_prefix(self.request.dir).unwrap_or(path).display().to_string()
    }

    /// An absolute path without `.` and `..`; `~` is the home directory.
    pub(super) fn absolute(&self, base: &Path, name: &str) -> PathBuf {
        let path = match name.strip_prefix('~') {
            Some("") => self.request.home.to_owned(),
            Some(rest) if rest.starts_with('/') => self.request.home.join(rest.trim_start_matches('/')),
            _ => base.join(name),
        };
        normal(&self.request.dir.join(path))
    }
}

/// A file beside that path with nearly the same name.
pub(super) fn beside(path: &Path) -> Option<String> {
    let wanted = path.file_name()?.to_str()?;
    let names: Vec<String> =
        std::fs::read_dir(path.parent()?).ok()?.take(1000).filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    similar(wanted, names.iter().map(String::as_str)).map(str::to_owned)
}

/// A path without `.` and `..`, whatever links there are: Python's `normpath`.
pub(super) fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if normal.file_name().is_some() => {
                normal.pop();
            }
            Component::ParentDir if normal.has_root() => {}
            part => normal.push(part),
        }
    }
    normal
}

/// The directory that a file stands in.
pub(super) fn parent(path: &Path) -> PathBuf {
    path.parent().map(Path::to_owned).unwrap_or_default()
}
