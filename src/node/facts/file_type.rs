//! What a file seems to hold, file(1), and its flags, lsattr(1). Where the programs are not installed, there is no answer.

use serde::{Deserialize, Serialize};

use super::path::absolute;
use super::{Kind, json};
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// What a file seems to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MimeType(String);

/// A file's flags on its filesystem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileFlags(String);

impl MimeType {
    /// Of what is at that absolute path.
    pub fn new(path: impl Into<String>) -> Self {
        Self(path.into())
    }
}

impl FileFlags {
    /// Of what is at that absolute path.
    pub fn new(path: impl Into<String>) -> Self {
        Self(path.into())
    }
}

impl Fact for MimeType {
    type Value = Mime;

    fn query(&self) -> Query {
        Query::new(MIME.name, [&self.0], vec![Touch::Followed(self.0.clone()), Touch::Mounts, Touch::Packages]).moving()
    }
}

impl Fact for FileFlags {
    type Value = Flags;

    fn query(&self) -> Query {
        // what is below a directory leaves its flags alone
        Query::new(FLAGS.name, [&self.0], vec![Touch::Entry(self.0.clone()), Touch::Mounts, Touch::Packages]).moving()
    }
}

/// What file(1) says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mime {
    /// E.g. `text/plain`.
    pub kind: String,
    /// E.g. `us-ascii`.
    pub charset: String,
}

/// What lsattr(1) says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flags {
    /// The inode's generation; some filesystems have none to tell.
    pub version: Option<String>,
    /// The letters, without dashes.
    pub flags: String,
}

pub(super) const MIME: Kind =
    Kind { name: "mime_type", function: &PROBE_MIME, merged: false, words: absolute, parse: |_, text| json(read_mime(text)?) };
pub(super) const FLAGS: Kind =
    Kind { name: "file_flags", function: &PROBE_FLAGS, merged: false, words: absolute, parse: |_, text| json(read_flags(text)?) };

static PROBE_MIME: Function = Function {
    name: "probe_mime_type",
    text: r#"
probe_mime_type() {
  if command -v file >/dev/null && take file --mime-type --mime-encoding -- "$2"; then
    # what cannot be opened, and a link that leads nowhere, has no type
    case $r in
      *': cannot open '*) r=; answer "$1" 44 ;;
      *';'*) r=${r##*:}; answer "$1" 0 ;;
      *) r=; answer "$1" 44 ;;
    esac
  else
    r=; answer "$1" 44
  fi
}
"#,
    needs: &[],
};
static PROBE_FLAGS: Function = Function {
    name: "probe_file_flags",
    text: r#"
probe_file_flags() {
  if ! command -v lsattr >/dev/null; then
    r=; answer "$1" 44
  elif take lsattr -vd -- "$2"; then
    r=${r%"$2"*}; answer "$1" 0
  elif take lsattr -d -- "$2"; then
    r="- ${r%"$2"*}"; answer "$1" 0
  else
    r=; answer "$1" 44
  fi
}
"#,
    needs: &[],
};

fn read_mime(text: &str) -> Result<Mime, String> {
    let (kind, charset) = text.split_once(';').ok_or_else(|| format!("a type as {text:?}"))?;
    let charset = charset.split_once('=').map(|(_, charset)| charset.trim()).ok_or_else(|| format!("a type as {text:?}"))?;
    Ok(Mime { kind: kind.trim().into(), charset: charset.into() })
}

fn read_flags(text: &str) -> Result<Flags, String> {
    let mut words = text.split_whitespace();
    let (Some(version), Some(flags)) = (words.next(), words.next()) else { return Err(format!("flags as {text:?}")) };
    let version = (version != "-").then(|| version.to_owned());
    Ok(Flags { version, flags: flags.replace('-', "") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_and_flags() {
        assert_eq!(read_mime(" text/plain; charset=us-ascii").unwrap(), Mime { kind: "text/plain".into(), charset: "us-ascii".into() });
        let flags = read_flags("  123456 --------------e------- ").unwrap();
        assert_eq!((flags.version.as_deref(), flags.flags.as_str()), (Some("123456"), "e"));
        assert_eq!(read_flags("- -----a--- ").unwrap(), Flags { version: None, flags: "a".into() });
        assert!(read_mime("x").is_err() && read_flags("").is_err());
    }
}
