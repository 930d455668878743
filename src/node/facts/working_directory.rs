//! Where the login's shell stands.

use super::parse::no_words;
use super::{Kind, json};
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// The directory that relative paths begin in: the login's home, also for who works as another user by sudo; that user's own
/// home if it may not read the other (`_set_cwd` of Ansible's module_utils/basic.py).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkingDirectory;

impl Fact for WorkingDirectory {
    type Value = String;

    fn query(&self) -> Query {
        Query::new(KIND.name, [""; 0], vec![Touch::Accounts])
    }
}

pub(super) const KIND: Kind =
    Kind { name: "working_directory", function: &PROBE, merged: false, words: no_words, parse: |_, text| json(read(text)?) };

static PROBE: Function = Function {
    name: "probe_working_directory",
    text: r#"
probe_working_directory() {
  if [ -r . ] && take pwd -P; then answer "$1" 0
  elif [ -n "${HOME-}" ] && [ -r "$HOME" ]; then r=$HOME; answer "$1" 0
  else r=${err:-"the directory of the login cannot be read"}; answer "$1" 1
  fi
}
"#,
    needs: &[],
};

fn read(text: &str) -> Result<String, String> {
    if text.starts_with('/') { Ok(text.to_owned()) } else { Err(format!("a directory as {text:?}")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_absolute() {
        assert_eq!(read("/home/a b").unwrap(), "/home/a b");
        assert!(read("").is_err() && read("home").is_err());
    }
}
