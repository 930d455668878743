//! Which programs are there.

use super::{Kind, json};
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// Which of some programs are not found in PATH.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingPrograms(Vec<String>);

impl MissingPrograms {
    /// Of these, by their names.
    pub fn new(names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self(names.into_iter().map(Into::into).collect())
    }
}

impl Fact for MissingPrograms {
    /// In the order of asking.
    type Value = Vec<String>;

    fn query(&self) -> Query {
        Query::new(KIND.name, &self.0, vec![Touch::Packages, Touch::FilesOutside(Vec::new())])
    }
}

pub(super) const KIND: Kind = Kind {
    name: "missing_programs",
    function: &PROBE,
    merged: false,
    words,
    parse: |_, text| json(text.split_whitespace().collect::<Vec<_>>()),
};

fn words(args: &[String]) -> Result<Vec<String>, String> {
    let is_name = |name: &String| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c));
    if args.is_empty() || !args.iter().all(is_name) { Err("names of programs are wanted".into()) } else { Ok(args.to_vec()) }
}

static PROBE: Function = Function {
    name: "probe_missing_programs",
    text: r#"
probe_missing_programs() {
  id=$1 r=
  shift
  for p do command -v -- "$p" >/dev/null 2>&1 || r="$r$p "; done
  answer "$id" 0
}
"#,
    needs: &[],
};
