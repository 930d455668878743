//! Permission bits, owner and group.

use serde::{Deserialize, Serialize};

use super::{Action, Call, FAIL, Invalid, check, octal};
use crate::node::script::Function;
use crate::plan::Touch;

/// Sets permission bits. A link has none, and what it points to is another path: refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChangeMode {
    /// Of what.
    pub path: String,
    /// The permission bits, set-id and sticky bits included.
    pub mode: u32,
}

/// Sets owner and group; of a link itself, not of what it points to. chown(2) clears a file's set-id bits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChangeOwner {
    /// Of what.
    pub path: String,
    /// The owner, a name or number; as it is if there is none.
    pub owner: Option<String>,
    /// The group, a name or number; as it is if there is none.
    pub group: Option<String>,
}

/// path, mode.
const CHANGE_MODE: Function = Function {
    name: "s_change_mode",
    needs: &[&FAIL],
    text: r#"s_change_mode() (
  if [ -L "$1" ]; then s_fail "$1 is a link: it has no mode of its own"; fi
  chmod -- "$2" "$1"
)"#,
};

/// path, owner:group.
const CHANGE_OWNER: Function = Function {
    name: "s_change_owner",
    needs: &[],
    text: r#"s_change_owner() {
  chown -h -- "$2" "$1"
}"#,
};

impl Action for ChangeMode {
    fn call(&self) -> Call {
        Call::new(&CHANGE_MODE, [&self.path, &octal(self.mode)])
    }

    fn touches(&self) -> Vec<Touch> {
        vec![Touch::Entry(self.path.clone()), Touch::Passage(self.path.clone())]
    }

    fn describe(&self) -> String {
        format!("set the mode of {} to {}", self.path, octal(self.mode).trim_start_matches("00"))
    }

    fn check(&self) -> Result<(), Invalid> {
        check::path(&self.path)
    }
}

impl ChangeOwner {
    fn spec(&self) -> String {
        match (&self.owner, &self.group) {
            (owner, Some(group)) => format!("{}:{group}", owner.as_deref().unwrap_or_default()),
            // without a colon: `owner:` would mean the owner's login group
            (owner, None) => owner.clone().unwrap_or_default(),
        }
    }
}

impl Action for ChangeOwner {
    fn call(&self) -> Call {
        Call::new(&CHANGE_OWNER, [&self.path, &self.spec()])
    }

    fn touches(&self) -> Vec<Touch> {
        vec![Touch::Entry(self.path.clone()), Touch::Passage(self.path.clone())]
    }

    fn describe(&self) -> String {
        format!("give {} to {}", self.path, self.spec())
    }

    fn check(&self) -> Result<(), Invalid> {
        check::path(&self.path)?;
        if self.owner.is_none() && self.group.is_none() {
            return check::refuse("path", &self.path, "is to get neither an owner nor a group");
        }
        self.owner.iter().try_for_each(|owner| check::account("owner", owner))?;
        self.group.iter().try_for_each(|group| check::account("group", group))
    }
}
