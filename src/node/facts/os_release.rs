//! Which operating system this is: os-release(5).

use serde::{Deserialize, Serialize};

use super::parse::no_words;
use super::small_file::SLURP;
use super::{Kind, json};
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// The operating system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OsRelease;

impl Fact for OsRelease {
    type Value = OperatingSystem;

    fn query(&self) -> Query {
        let files = ["/etc/os-release", "/usr/lib/os-release"].map(|path| Touch::Files(path.into()));
        Query::new(KIND.name, [""; 0], files.into())
    }
}

/// An operating system, as it names itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatingSystem {
    /// `debian`, `ubuntu`, `fedora`…
    pub id: String,
    /// What it is like, the closest first.
    pub id_like: Vec<String>,
    /// `12`; rolling ones have none.
    pub version_id: Option<String>,
    /// `bookworm`.
    pub codename: Option<String>,
    /// `Debian GNU/Linux`.
    pub name: String,
    /// `Debian GNU/Linux 12 (bookworm)`.
    pub pretty_name: String,
}

pub(super) const KIND: Kind =
    Kind { name: "os_release", function: &PROBE, merged: false, words: no_words, parse: |_, text| json(read(text)) };

static PROBE: Function = Function {
    name: "probe_os_release",
    text: r#"
probe_os_release() {
  if [ -e /etc/os-release ]; then answer_file "$1" /etc/os-release; else answer_file "$1" /usr/lib/os-release; fi
}
"#,
    needs: &[&SLURP],
};

fn read(text: &str) -> OperatingSystem {
    let field = |name: &str| text.lines().filter_map(|line| line.trim().strip_prefix(name)?.strip_prefix('=')).next_back().map(unquote);
    OperatingSystem {
        // the defaults of os-release(5)
        id: field("ID").unwrap_or_else(|| "linux".into()),
        id_like: field("ID_LIKE").unwrap_or_default().split_whitespace().map(str::to_owned).collect(),
        version_id: field("VERSION_ID"),
        codename: field("VERSION_CODENAME").filter(|name| !name.is_empty()),
        name: field("NAME").unwrap_or_else(|| "Linux".into()),
        pretty_name: field("PRETTY_NAME").unwrap_or_else(|| "Linux".into()),
    }
}

/// A value as a shell would read it.
fn unquote(value: &str) -> String {
    if let Some(inner) = value.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
        return inner.into();
    }
    let inner = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value);
    let mut text = String::new();
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        text.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debian_is_read() {
        let os = read(
            "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nNAME=\"Debian GNU/Linux\"\nVERSION_ID=\"12\"\nVERSION_CODENAME=bookworm\nID=debian\n",
        );
        assert_eq!((os.id.as_str(), os.version_id.as_deref(), os.codename.as_deref()), ("debian", Some("12"), Some("bookworm")));
        assert_eq!(os.pretty_name, "Debian GNU/Linux 12 (bookworm)");
    }

    #[test]
    fn quotes_and_defaults_are_as_in_the_manual() {
        let os = read("ID='x'\nID_LIKE=\"rhel fedora\"\nNAME=\"a \\\"b\\\" \\$c\"");
        assert_eq!((os.id.as_str(), os.id_like.len(), os.name.as_str()), ("x", 2, "a \"b\" $c"));
        assert_eq!((read("").id.as_str(), read("").version_id), ("linux", None));
    }
}
