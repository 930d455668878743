//! What can go wrong with a bed. Tests only print it, so it says what was done and what the program answered.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// The result of everything a bed does.
pub type Result<T> = std::result::Result<T, Error>;

/// An error of the bed itself, never of what is tested on it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Namespaces, mounts and bridges are root's.
    #[error("the test bed needs root: it makes namespaces, mounts and bridges")]
    NotRoot,
    /// A system call or a file.
    #[error("{doing}")]
    Io { doing: String, source: io::Error },
    /// A program of the host or of a machine that failed.
    #[error("{program} failed ({status}): {output}")]
    Program { program: String, status: String, output: String },
    /// A machine whose sshd did not answer in time.
    #[error("{machine} was not ready after {after:?}; the end of {console}:\n{tail}")]
    NotReady { machine: String, after: Duration, console: PathBuf, tail: String },
    /// A trait that this kind of machine cannot have.
    #[error("{machine}: {what}")]
    Unsupported { machine: String, what: &'static str },
}

/// Names what was being done when an input or output error came up.
pub(crate) trait Doing<T> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T>;
}

impl<T, E: Into<io::Error>> Doing<T> for std::result::Result<T, E> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|e| Error::Io { doing: what(), source: e.into() })
    }
}
