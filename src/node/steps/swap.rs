//! Swap that is given up.

use serde::{Deserialize, Serialize};

use super::{Action, Call, Invalid, check};
use crate::node::script::Function;
use crate::plan::Touch;

/// Takes a swap area out of use: what was swapped out comes back into memory first, which may take minutes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SwapOff {
    /// Its file or device.
    pub path: String,
}

/// path. What a service that was stopped before took away itself is gone already.
const SWAP_OFF: Function = Function {
    name: "s_swap_off",
    needs: &[],
    text: r#"s_swap_off() (
  while read -r f rest; do
    if [ "$f" = "$2" ]; then
      swapoff -- "$1"
      exit
    fi
  done </proc/swaps
)"#,
};

impl Action for SwapOff {
    fn call(&self) -> Call {
        // as /proc/swaps writes it
        let shown = self.path.replace('\\', "\\134").replace(' ', "\\040").replace('\t', "\\011").replace('\n', "\\012");
        Call::new(&SWAP_OFF, [&self.path, &shown])
    }

    fn touches(&self) -> Vec<Touch> {
        vec![Touch::Mounts, Touch::Units]
    }

    fn describe(&self) -> String {
        format!("take {} out of use as swap", self.path)
    }

    fn check(&self) -> Result<(), Invalid> {
        check::path(&self.path)
    }
}
