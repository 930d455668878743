//! What a package's file says of itself, on the machine or on a server: dpkg-deb(1).

use serde::{Deserialize, Serialize};

use super::{Kind, download, json};
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// The package in that file. Absent where there is no file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DebFile(String);

impl DebFile {
    /// At that absolute path.
    pub fn new(path: impl Into<String>) -> Self {
        Self(path.into())
    }
}

impl Fact for DebFile {
    type Value = DebPackage;

    fn query(&self) -> Query {
        Query::new(KIND.name, [&self.0], vec![Touch::Followed(self.0.clone()), Touch::Mounts])
    }
}

/// A package in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DebPackage {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

impl DebPackage {
    /// Of the lines with its fields.
    ///
    /// # Errors
    /// A text without name or version.
    pub fn read(text: &str) -> Result<Self, String> {
        let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).map(|value| value.trim().to_owned());
        match (field("Package:"), field("Version:")) {
            (Some(name), Some(version)) => Ok(Self { name, version }),
            _ => Err(format!("a package as {text:?}")),
        }
    }
}

/// The package in the file at an address, which the machine brings, looks at and throws away. It moves by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DebAt(String);

impl DebAt {
    /// At that address.
    pub fn new(url: impl Into<String>) -> Self {
        Self(url.into())
    }
}

impl Fact for DebAt {
    type Value = Served;

    fn query(&self) -> Query {
        // the second word would be for a server whose certificate is not looked at
        Query::new(AT.name, [self.0.as_str(), ""], vec![Touch::Network, Touch::Ports, Touch::Units]).moving()
    }
}

/// What is at an address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Served {
    /// This package.
    Is(DebPackage),
    /// A file that is no package, why.
    NoPackage(String),
    /// It could not be had, why.
    Failed(String),
}

pub(super) const KIND: Kind = Kind {
    name: "deb_file",
    function: &PROBE,
    merged: false,
    words: |args| match args {
        [path] if path.starts_with('/') => Ok(args.to_vec()),
        _ => Err("one absolute path is wanted".into()),
    },
    parse: |_, text| json(DebPackage::read(text)?),
};

static PROBE: Function = Function {
    name: "probe_deb_file",
    text: r#"
probe_deb_file() {
  if ! [ -e "$2" ]; then r=; answer "$1" 44
  elif take dpkg-deb --field "$2" Package Version; then answer "$1" 0
  else r=$err; answer "$1" 1
  fi
}
"#,
    needs: &[],
};

pub(super) const AT: Kind =
    Kind { name: "deb_at", function: &PROBE_AT, merged: false, words: download::KIND.words, parse: |_, text| json(served(text)?) };

// The address is given on standard input, as `probe_download` does it. The first word says how far it came.
static PROBE_AT: Function = Function {
    name: "probe_deb_at",
    text: r#"
probe_deb_at() {
  deb=$(mktemp) || { r="no file can be made for what is there"; answer "$1" 1; return; }
  if command -v curl >/dev/null; then
    r=$(printf %s "$3" | curl -q -K - -sL --globoff --connect-timeout 10 --speed-time 10 --max-redirs 10 -o "$deb" -w '%{http_code}' 2>/dev/null) &&
      case $r in 200 | 000) ;; *) false ;; esac || r="failed $r $?"
  elif command -v wget >/dev/null; then
    r=
    printf '%s\n' "$2" | wget -q -O "$deb" -T 10 --tries=1 "$4" -i - 2>/dev/null || r="failed - $?"
  else
    rm -f -- "$deb"
    r="there is neither curl nor wget on the machine: install the package curl before this task"
    answer "$1" 1
    return
  fi
  case $r in
  failed*) ;;
  *) if take dpkg-deb --field - Package Version <"$deb"; then r="is
$r"; else r="odd $err"; fi ;;
  esac
  rm -f -- "$deb"
  answer "$1" 0
}
"#,
    needs: &[],
};

/// `failed` with the server's status (`-` where nobody says) and the program's, `odd` with what dpkg-deb said, or `is`.
fn served(text: &str) -> Result<Served, String> {
    if let Some(fields) = text.strip_prefix("is\n") {
        return DebPackage::read(fields).map(Served::Is);
    }
    if let Some(why) = text.strip_prefix("odd ") {
        return Ok(Served::NoPackage(why.trim().to_owned()));
    }
    let (status, program) = text.strip_prefix("failed ").and_then(|end| end.trim().split_once(' ')).ok_or("no end")?;
    Ok(Served::Failed(match status {
        "000" | "200" | "-" => format!("the program that asked ended with status {program}"),
        status => format!("HTTP Error {status}"),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_has_a_name_and_a_version() {
        let read = DebPackage::read("Package: hl-tool\nVersion: 1:2.0-1\n").unwrap();
        assert_eq!((read.name.as_str(), read.version.as_str()), ("hl-tool", "1:2.0-1"));
        assert!(DebPackage::read("Package: x").is_err());
    }

    #[test]
    fn what_a_server_has_is_told_from_how_it_ended() {
        let is = DebPackage { name: "a".into(), version: "1".into() };
        assert_eq!(served("is\nPackage: a\nVersion: 1\n"), Ok(Served::Is(is)));
        assert_eq!(served("failed 404 1"), Ok(Served::Failed("HTTP Error 404".into())));
        assert_eq!(served("failed 000 7"), Ok(Served::Failed("the program that asked ended with status 7".into())));
        assert_eq!(served("odd dpkg-deb: error: no archive\n"), Ok(Served::NoPackage("dpkg-deb: error: no archive".into())));
        assert!(served("").is_err() && served("is\n").is_err());
    }
}
