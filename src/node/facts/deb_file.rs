//! What a package's file says of itself: dpkg-deb(1).

use serde::{Deserialize, Serialize};

use super::{Kind, json};
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

pub(super) const KIND: Kind = Kind {
    name: "deb_file",
    function: &PROBE,
    merged: false,
    words: |args| match args {
        [path] if path.starts_with('/') => Ok(args.to_vec()),
        _ => Err("one absolute path is wanted".into()),
    },
    parse: |_, text| json(read(text)?),
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

fn read(text: &str) -> Result<DebPackage, String> {
    let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).map(|value| value.trim().to_owned());
    match (field("Package:"), field("Version:")) {
        (Some(name), Some(version)) => Ok(DebPackage { name, version }),
        _ => Err(format!("a package as {text:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_has_a_name_and_a_version() {
        let read = read("Package: hl-tool\nVersion: 1:2.0-1\n").unwrap();
        assert_eq!((read.name.as_str(), read.version.as_str()), ("hl-tool", "1:2.0-1"));
        assert!(super::read("Package: x").is_err());
    }
}
