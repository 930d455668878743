//! Whether a time daemon keeps the clock: what the daemon says, or timedatectl(1).

use serde::{Deserialize, Serialize};

use super::{Kind, json};
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// Whether the clock follows others'. It moves by itself. Unknown where nothing there can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockSync;

impl Fact for ClockSync {
    type Value = SyncState;

    fn query(&self) -> Query {
        Query::new(KIND.name, ["now"], vec![Touch::Clock, Touch::Units]).moving()
    }
}

/// Whether the clock is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncState {
    /// Whether it is.
    pub synchronised: bool,
    /// Who said so.
    pub by: String,
}

pub(super) const KIND: Kind = Kind {
    name: "clock_sync",
    function: &PROBE,
    merged: false,
    words: |args| if args.len() == 1 { Ok(Vec::new()) } else { Err("one word is wanted".into()) },
    parse: |_, text| json(read(text)?),
};

/// Sets `$r` to `yes` or `no` and who said so; fails where nobody can tell. systemd-timesyncd leaves a file behind when it has
/// set the clock, chronyd answers root by a socket; asking timedatectl starts a daemon, so it comes last.
pub(crate) static CLOCK_SYNC: Function = Function {
    name: "clock_sync",
    text: r#"clock_sync() {
  if command -v chronyc >/dev/null 2>&1 && r=$(exec chronyc -n tracking 2>/dev/null); then
    case $r in
      *"Leap status"*"Not synchronised"*) r="no chronyc" ;;
      *"Leap status"*) r="yes chronyc" ;;
      *) r="no chronyc" ;;
    esac
  elif [ -e /run/systemd/timesync/synchronized ]; then r="yes systemd-timesyncd"
  elif r=$(exec timedatectl show -p NTPSynchronized --value 2>/dev/null); then r="$r timedatectl"
  else return 1; fi
}"#,
    needs: &[],
};

static PROBE: Function = Function {
    name: "probe_clock_sync",
    text: r#"
probe_clock_sync() {
  if clock_sync; then answer "$1" 0; else r="neither chronyc nor timedatectl can be asked"; answer "$1" 1; fi
}
"#,
    needs: &[&CLOCK_SYNC],
};

fn read(text: &str) -> Result<SyncState, String> {
    match text.split_once(' ') {
        Some((said @ ("yes" | "no"), by)) => Ok(SyncState { synchronised: said == "yes", by: by.into() }),
        _ => Err(format!("a clock as {text:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yes_is_told_from_no() {
        assert!(read("yes chronyc").unwrap().synchronised && !read("no timedatectl").unwrap().synchronised);
        assert!(read("").is_err() && read("perhaps x").is_err());
    }
}
