//! When apt's lists were brought up to date last.

use crate::node::facts::{Kind, json, parse};
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// When the lists were brought up to date: seconds since 1970, as Ansible takes it from the time of a file or directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AptLists;

impl Fact for AptLists {
    type Value = i64;

    fn query(&self) -> Query {
        // a timer of the machine's own may renew them at any time
        Query::new(KIND.name, ["apt"], vec![Touch::Files("/var/lib/apt".into())]).moving()
    }
}

pub(in crate::node::facts) const KIND: Kind = Kind {
    name: "apt_lists",
    function: &PROBE,
    merged: false,
    words: |args| match args {
        [manager] if manager == "apt" => Ok(Vec::new()),
        _ => Err("only apt's lists are known".into()),
    },
    parse: |_, text| json(parse::number::<i64>(Some(text), "time")?),
};

static PROBE: Function = Function {
    name: "probe_apt_lists",
    text: r#"
probe_apt_lists() {
  f=/var/lib/apt/periodic/update-success-stamp
  [ -e "$f" ] || f=/var/lib/apt/lists
  if ! [ -e "$f" ]; then r=; answer "$1" 44
  elif take stat -Lc %Y "$f"; then answer "$1" 0
  else r=$err; answer "$1" 1
  fi
}
"#,
    needs: &[],
};
