//! The environment that the login gave the shell.

use std::collections::BTreeMap;

use super::parse::no_words;
use super::{Kind, json};
use crate::node::record::{from_base64, to_text};
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// All variables of the login's environment. It holds the connection's ports, so it moves by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Environment;

impl Fact for Environment {
    type Value = BTreeMap<String, String>;

    fn query(&self) -> Query {
        Query::new(KIND.name, [""; 0], vec![Touch::Files("/etc".into()), Touch::Accounts]).moving()
    }
}

pub(super) const KIND: Kind = Kind {
    name: "environment",
    function: &PROBE,
    merged: false,
    words: no_words,
    parse: |_, text| json(read(&from_base64(text.as_bytes())?)),
};

// as the shell was given it, before the script changed any; `$$` is that shell in its children too
static PROBE: Function = Function {
    name: "probe_environment",
    text: r#"
probe_environment() {
  if take base64 /proc/$$/environ; then answer "$1" 0; else r=$err; answer "$1" 1; fi
}
"#,
    needs: &[],
};

fn read(bytes: &[u8]) -> BTreeMap<String, String> {
    let variable = |entry: &[u8]| {
        let equals = entry.iter().position(|byte| *byte == b'=')?;
        let (name, value) = entry.split_at_checked(equals)?;
        Some((to_text(name), to_text(value.get(1..)?)))
    };
    bytes.split(|byte| *byte == 0).filter_map(variable).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_may_hold_anything_but_a_nul() {
        let variables = read(b"A=1\0B=x=y\nz\0C=\xff\0odd\0\0D=");
        let wanted = [("A", "1"), ("B", "x=y\nz"), ("C", "\\xff"), ("D", "")];
        assert_eq!(variables, wanted.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
    }
}
