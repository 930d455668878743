//! What a dry run foretells of a device that is not there yet. No machine knows it.

use serde::{Deserialize, Serialize};

use super::path::absolute;
use super::{Kind, json};
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// What a device is going to be. Absent on every machine: only a change that makes a partition or a filesystem promises it, for the
/// tasks after it in a dry run. It is asked for where what is there cannot tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForetoldDevice(String);

impl ForetoldDevice {
    /// Of the device at that absolute path.
    pub fn new(path: impl Into<String>) -> Self {
        Self(path.into())
    }
}

impl Fact for ForetoldDevice {
    type Value = WillHold;

    fn query(&self) -> Query {
        // nothing that a machine could be asked again for
        Query::new(KIND.name, [&self.0], vec![Touch::BlockDevice(self.0.clone())]).moving()
    }
}

/// What it will hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WillHold {
    /// Nothing, and nobody uses it.
    Nothing,
    /// What blkid(8) calls so.
    Kind(String),
}

pub(super) const KIND: Kind = Kind {
    name: "foretold_device",
    function: &PROBE,
    merged: false,
    words: absolute,
    parse: |_, text| json(Err::<WillHold, _>(format!("a machine that foretells: {text:?}"))?),
};

static PROBE: Function = Function {
    name: "probe_foretold_device",
    text: r#"
probe_foretold_device() {
  r=
  answer "$1" 44
}
"#,
    needs: &[],
};
