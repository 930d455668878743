//! A file's content, as its SHA-256 digest.

use serde::{Deserialize, Serialize};

use super::path::{SHARE_OUT, absolute};
use super::{Kind, json};
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// The digest of the regular file at a path; links are followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest(String);

impl Digest {
    /// Of the file at that absolute path.
    pub fn new(path: impl Into<String>) -> Self {
        Self(path.into())
    }
}

impl Fact for Digest {
    type Value = Sha256;

    fn query(&self) -> Query {
        // a link may lead anywhere
        Query::new(KIND.name, [&self.0], vec![Touch::Followed(self.0.clone()), Touch::Mounts])
    }
}

/// A SHA-256 digest, 64 lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sha256(pub String);

pub(super) const KIND: Kind = Kind { name: "digest", function: &PROBE, merged: true, words: absolute, parse: |_, text| json(read(text)?) };

// GNU's sha256sum puts a backslash before a line whose name it had to escape.
// What is no regular file is not opened: a pipe would never end. It comes out as "not a regular file" from digest_one.
static PROBE: Function = Function {
    name: "probe_digest",
    text: r#"
digest_match() {
  case $2 in *"  $1") r=${2%%" "*} ;; *) return 1 ;; esac
}
digest_one() {
  if [ -e "$2" ] && ! [ -f "$2" ]; then
    r="not a regular file"; answer "$1" 1
  elif take sha256sum -- "$2"; then
    r=${r#\\}; r=${r%%" "*}; answer "$1" 0
  else
    failed "$1"
  fi
}
probe_digest() {
  ids=$1; shift
  odd_one=
  for p do if [ -e "$p" ] && ! [ -f "$p" ]; then odd_one=1; fi; done
  if [ $# = 1 ] || [ -n "$odd_one" ]; then
    for id in $ids; do digest_one "$id" "$1"; shift; done
    return
  fi
  take sha256sum -- "$@"
  share_out digest_match digest_one "$ids" "$@"
}
"#,
    needs: &[&SHARE_OUT],
};

fn read(text: &str) -> Result<Sha256, String> {
    if text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        Ok(Sha256(text.into()))
    } else {
        Err(format!("a digest as {text:?}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_has_64_digits() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(read(empty).unwrap().0, empty);
        for text in ["", "e3b0", &empty.to_uppercase(), &format!("{empty}\n")] {
            assert!(read(text).is_err());
        }
    }
}
