//! When a file was read and changed last.

use serde::{Deserialize, Serialize};

use super::{Action, Call, Invalid, check};
use crate::node::script::Function;
use crate::plan::Touch;

/// Sets the times of what is at a path; a link is followed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SetTimes {
    /// Of what.
    pub path: String,
    /// Last access; as it is if there is none.
    pub accessed: Option<Time>,
    /// Last change; as it is if there is none.
    pub modified: Option<Time>,
}

/// A moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Time {
    /// When the step runs.
    Now,
    /// Seconds since 1970.
    At(i64),
}

/// path, access, modification: each `now`, `@seconds` or nothing.
const SET_TIMES: Function = Function {
    name: "s_set_times",
    needs: &[],
    text: r#"s_set_times() (
  # of both at once the owner is not asked for
  if [ "$2$3" = nownow ]; then
    touch -c -- "$1"
    exit
  fi
  case $2 in '') ;; now) touch -c -a -- "$1" ;; *) touch -c -a -d "$2" -- "$1" ;; esac || exit 1
  case $3 in '') ;; now) touch -c -m -- "$1" ;; *) touch -c -m -d "$3" -- "$1" ;; esac
)"#,
};

impl Action for SetTimes {
    fn call(&self) -> Call {
        let word = |time: Option<Time>| match time {
            None => String::new(),
            Some(Time::Now) => "now".into(),
            Some(Time::At(seconds)) => format!("@{seconds}"),
        };
        Call::new(&SET_TIMES, [self.path.clone(), word(self.accessed), word(self.modified)])
    }

    fn touches(&self) -> Vec<Touch> {
        vec![Touch::Files(self.path.clone())]
    }

    fn describe(&self) -> String {
        format!("set the times of {}", self.path)
    }

    fn check(&self) -> Result<(), Invalid> {
        check::path(&self.path)
    }
}
