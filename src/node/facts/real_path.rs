//! Where a path leads once every link in it is followed: readlink(1).

use super::path::{SHARE_OUT, absolute};
use super::{Kind, json};
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// The path without links; its last part may be missing. Absent where the way there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RealPath(String);

impl RealPath {
    /// Of that absolute path.
    pub fn new(path: impl Into<String>) -> Self {
        Self(path.into())
    }
}

impl Fact for RealPath {
    type Value = String;

    fn query(&self) -> Query {
        // a link may lead anywhere
        Query::new(KIND.name, [&self.0], vec![Touch::Followed(self.0.clone()), Touch::Mounts])
    }
}

pub(super) const KIND: Kind =
    Kind { name: "real_path", function: &PROBE, merged: false, words: absolute, parse: |_, text| json(read(text)?) };

static PROBE: Function = Function {
    name: "probe_real_path",
    text: r#"
probe_real_path() {
  if take readlink -fv -- "$2"; then answer "$1" 0; else failed "$1"; fi
}
"#,
    needs: &[&SHARE_OUT],
};

fn read(text: &str) -> Result<&str, String> {
    if text.starts_with('/') { Ok(text) } else { Err(format!("a path as {text:?}")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_real_path_is_absolute() {
        assert_eq!(read("/a b"), Ok("/a b"));
        assert!(read("").is_err());
    }
}
