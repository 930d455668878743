//! A file's content, up to a bound.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::path::{SHARE_OUT, absolute, ground};
use super::{Kind, json};
use crate::node::record::from_base64;
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// The content of the regular file at a path; links are followed. Longer than the bound is unknown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    path: String,
    at_most: u64,
    follow: bool,
}

impl Content {
    /// Of the file at that absolute path, if it has at most so many bytes.
    pub fn new(path: impl Into<String>, at_most: u64) -> Self {
        Self { path: path.into(), at_most, follow: true }
    }

    /// The same for a path that is no link: only changes of that file make it stale, and in check mode it stays known.
    pub fn itself(path: impl Into<String>, at_most: u64) -> Self {
        Self { path: path.into(), at_most, follow: false }
    }
}

impl Fact for Content {
    type Value = FileContent;

    fn query(&self) -> Query {
        // a link may lead anywhere
        let stands_on = if self.follow { vec![Touch::Followed(self.path.clone()), Touch::Mounts] } else { ground(&self.path) };
        Query::new(KIND.name, [self.path.clone(), self.at_most.to_string()], stands_on)
    }
}

/// The bytes of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileContent {
    /// They are UTF-8.
    Text(String),
    /// They are not; in base64.
    Base64(String),
}

impl FileContent {
    /// The bytes.
    pub fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Text(text) => text.clone().into_bytes(),
            // made by `from` only
            Self::Base64(text) => STANDARD.decode(text).unwrap_or_default(),
        }
    }
}

impl From<Vec<u8>> for FileContent {
    fn from(bytes: Vec<u8>) -> Self {
        String::from_utf8(bytes).map_or_else(|error| Self::Base64(STANDARD.encode(error.as_bytes())), Self::Text)
    }
}

pub(super) const KIND: Kind = Kind {
    name: "content",
    function: &PROBE,
    merged: false,
    words: |args| match args {
        [path, bound] if bound.parse::<u64>().is_ok() => Ok([absolute(std::slice::from_ref(path))?, vec![bound.clone()]].concat()),
        _ => Err("a path and a bound in bytes are wanted".into()),
    },
    parse: |_, text| json(FileContent::from(from_base64(text.as_bytes())?)),
};

// What is no regular file is not opened: a pipe would never end. The size is asked first: a shell variable holds it all.
static PROBE: Function = Function {
    name: "probe_content",
    text: r#"
probe_content() {
  if [ -e "$2" ] && ! [ -f "$2" ]; then
    r="not a regular file"; answer "$1" 1
  elif ! take stat -L -c %s -- "$2"; then
    failed "$1"
  elif [ "$r" -gt "$3" ]; then
    r="it has $r bytes, more than the $3 that are read"; answer "$1" 1
  elif take base64 -- "$2"; then
    answer "$1" 0
  else
    failed "$1"
  fi
}
"#,
    needs: &[&SHARE_OUT],
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_survive() {
        for bytes in [b"".to_vec(), b"text\n".to_vec(), vec![0, 255, 10, 13], "ü\0".into()] {
            let content = FileContent::from(bytes.clone());
            assert_eq!(content.bytes(), bytes);
            assert_eq!(serde_json::from_value::<FileContent>(serde_json::to_value(&content).unwrap()).unwrap(), content);
        }
        assert_eq!(serde_json::to_string(&FileContent::from(b"a\n".to_vec())).unwrap(), r#"{"text":"a\n"}"#);
    }
}
