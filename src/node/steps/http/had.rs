//! An answer that was had before the step: the controller asked for it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::super::{Invalid, Source, check};

/// Who asks the server.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Asker {
    /// A program of the machine's, when the step's turn comes.
    #[default]
    Program,
    /// The controller, ahead of the step, over a connection that leaves from the machine.
    Controller,
    /// It did.
    Had(Box<Had>),
}

/// What came of it.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Had {
    /// An answer.
    Answer {
        /// The server's status.
        status: u16,
        /// Where it came from in the end.
        url: String,
        /// The header lines.
        head: Vec<u8>,
        /// Whether it is packed by gzip and is to be unpacked.
        is_packed: bool,
        /// What was sent: bytes, or where it was uploaded to.
        body: Source,
    },
    /// None, and why.
    Silence(String),
}

impl std::fmt::Debug for Had {
    // all else may be a secret
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Had")
    }
}

impl Asker {
    /// The last four words of `s_http_begin`.
    pub(super) fn words(&self) -> [String; 4] {
        let Self::Had(had) = self else { return [const { String::new() }; 4] };
        match had.as_ref() {
            Had::Silence(why) => ["failed".into(), String::new(), "bytes".into(), STANDARD.encode(why)],
            Had::Answer { status, url, head, is_packed, body } => {
                let (how, body) = match body {
                    Source::Staged { path, .. } => ("file", path.clone()),
                    Source::Bytes(bytes) => ("bytes", STANDARD.encode(bytes)),
                    // nothing else is made of an answer
                    Source::Local { .. } | Source::Copied { .. } => ("bytes", String::new()),
                };
                // of nothing there is nothing to unpack: HEAD, 204, 304
                let how = if *is_packed && !body.is_empty() { format!("{how} gzip") } else { how.to_owned() };
                [format!("{status} {url}"), STANDARD.encode(head), how, body]
            }
        }
    }

    /// Where it was uploaded to.
    pub(super) fn check(&self) -> Result<(), Invalid> {
        match self {
            Self::Had(had) => match had.as_ref() {
                Had::Answer { body: Source::Staged { path, .. }, .. } => check::path(path),
                _ => Ok(()),
            },
            _ => Ok(()),
        }
    }
}
