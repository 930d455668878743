//! A file's flags on its filesystem: chattr(1).

use serde::{Deserialize, Serialize};

use super::{Action, Call, Invalid, check};
use crate::node::script::Function;
use crate::plan::Touch;

/// Sets, adds or takes flags. A filesystem without them is a failure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChangeFlags {
    /// Of what.
    pub path: String,
    /// `+`, `-` or `=`, and letters.
    pub flags: String,
}

/// path, flags. What chattr says is a failure, whatever its status.
const CHANGE_FLAGS: Function = Function {
    name: "s_change_flags",
    needs: &[],
    text: r#"s_change_flags() (
  said=$(chattr "$2" "$1" 2>&1) && [ -z "$said" ] && exit 0
  printf '%s\n' "chattr failed: $said" >&2
  exit 1
)"#,
};

impl Action for ChangeFlags {
    fn call(&self) -> Call {
        Call::new(&CHANGE_FLAGS, [&self.path, &self.flags])
    }

    fn touches(&self) -> Vec<Touch> {
        vec![Touch::Files(self.path.clone())]
    }

    fn describe(&self) -> String {
        format!("set the flags of {}: {}", self.path, self.flags)
    }

    fn check(&self) -> Result<(), Invalid> {
        check::path(&self.path)?;
        let letters = self.flags.strip_prefix(['+', '-', '=']).unwrap_or_default();
        if letters.is_empty() || !letters.bytes().all(|byte| byte.is_ascii_alphabetic()) {
            check::refuse("flags", &self.flags, "is not +, - or = and letters")?;
        }
        Ok(())
    }
}
