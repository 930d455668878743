//! A file's content, as a digest of the kind that a task asks for.

use serde::{Deserialize, Serialize};

use super::path::{SHARE_OUT, absolute};
use super::{Kind, json};
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// The digest of the regular file at a path; links are followed. [`super::Digest`] is for what plans rest on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checksum {
    path: String,
    algorithm: &'static str,
}

/// What coreutils have a program for.
const ALGORITHMS: [(&str, usize); 6] = [("md5", 32), ("sha1", 40), ("sha224", 56), ("sha256", 64), ("sha384", 96), ("sha512", 128)];

impl Checksum {
    /// Of the file at that absolute path; SHA-1 if there is no algorithm of that name.
    pub fn new(path: impl Into<String>, algorithm: &str) -> Self {
        let algorithm = ALGORITHMS.iter().find(|(name, _)| *name == algorithm).map_or("sha1", |(name, _)| name);
        Self { path: path.into(), algorithm }
    }
}

impl Fact for Checksum {
    type Value = HexDigest;

    fn query(&self) -> Query {
        // a link may lead anywhere
        Query::new(KIND.name, [self.path.as_str(), self.algorithm], vec![Touch::Followed(self.path.clone()), Touch::Mounts])
    }
}

/// Lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HexDigest(pub String);

pub(super) const KIND: Kind = Kind {
    name: "checksum",
    function: &PROBE,
    merged: false,
    words: |args| match args {
        [path, algorithm] if ALGORITHMS.iter().any(|(name, _)| name == algorithm) => {
            Ok([absolute(std::slice::from_ref(path))?, vec![format!("{algorithm}sum")]].concat())
        }
        _ => Err("a path and an algorithm are wanted".into()),
    },
    parse: |args, text| json(read(args, text)?),
};

// GNU's programs put a backslash before a line whose name they had to escape. A pipe would never end, so it is not opened.
static PROBE: Function = Function {
    name: "probe_checksum",
    text: r#"
probe_checksum() {
  if [ -e "$2" ] && ! [ -f "$2" ]; then
    r="not a regular file"; answer "$1" 1
  elif take "$3" -- "$2"; then
    r=${r#\\}; r=${r%%" "*}; answer "$1" 0
  else
    failed "$1"
  fi
}
"#,
    needs: &[&SHARE_OUT],
};

fn read(args: &[String], text: &str) -> Result<HexDigest, String> {
    let length = args.get(1).and_then(|wanted| ALGORITHMS.iter().find(|(name, _)| name == wanted)).map(|(_, length)| *length);
    if length == Some(text.len()) && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        Ok(HexDigest(text.into()))
    } else {
        Err(format!("a digest as {text:?}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_has_as_many_digits_as_its_kind() {
        let args = |algorithm: &str| ["/x".to_owned(), algorithm.to_owned()];
        let md5 = "d41d8cd98f00b204e9800998ecf8427e";
        assert_eq!(read(&args("md5"), md5).unwrap().0, md5);
        assert!(read(&args("sha1"), md5).is_err() && read(&args("md5"), "").is_err());
        assert!((KIND.words)(&args("crc")).is_err());
    }
}
