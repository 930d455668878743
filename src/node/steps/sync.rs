//! A clock that is waited for.

use serde::{Deserialize, Serialize};

use super::{Action, Call, Invalid, check};
use crate::node::facts::CLOCK_SYNC;
use crate::node::script::Function;
use crate::plan::Touch;

/// Waits until a time daemon keeps the clock; that it does not yet in the end is no failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitForSync {
    /// For so many seconds at most.
    pub seconds: u32,
}

/// seconds.
const WAIT_FOR_SYNC: Function = Function {
    name: "s_wait_for_sync",
    needs: &[&CLOCK_SYNC],
    text: r#"s_wait_for_sync() (
  left=$1
  while :; do
    ! clock_sync || case $r in yes*) exit 0 ;; esac
    [ "$left" -gt 0 ] || exit 0
    sleep 1
    left=$((left - 1))
  done
)"#,
};

impl Action for WaitForSync {
    fn call(&self) -> Call {
        Call::new(&WAIT_FOR_SYNC, [self.seconds.to_string()])
    }

    fn touches(&self) -> Vec<Touch> {
        vec![Touch::Clock]
    }

    fn describe(&self) -> String {
        format!("wait for the clock to be kept, {} seconds at most", self.seconds)
    }

    fn check(&self) -> Result<(), Invalid> {
        if self.seconds <= 3600 { Ok(()) } else { check::refuse("seconds", &self.seconds.to_string(), "is more than an hour") }
    }
}
