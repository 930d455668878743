//! Package sources that were changed are tried, and taken back if they are no good.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::package::REFRESH;
use super::{Action, Call, Invalid, check};
use crate::node::script::Function;
use crate::plan::Touch;

/// Reads apt's lists anew after files of sources were changed. Where that fails each time, the files become again what they
/// were, and the step fails.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrySources {
    /// How often it is tried.
    pub tries: u32,
    /// The longest time between two tries, in seconds; the first is one second, and each doubles.
    pub longest_pause: u32,
    /// The files, and what they held; `None` where they were not there.
    pub before: Vec<(String, Option<Vec<u8>>)>,
}

/// tries, longest pause, then for each file its path and `-`, or its content as base64 behind a `+`.
const TRY: Function = Function {
    name: "s_try_sources",
    needs: &[&REFRESH],
    text: r#"s_try_sources() (
  tries=$1 longest=$2 n=0 pause=1
  shift 2
  while [ "$n" -lt "$tries" ]; do
    if said=$(s_refresh_lists apt 1 0 60 2>&1); then
      printf '%s\n' "$said"
      exit 0
    fi
    n=$((n + 1))
    [ "$n" -lt "$tries" ] || break
    if [ "$pause" -gt "$longest" ]; then pause=$longest; fi
    sleep "$pause"
    pause=$((pause * 2))
  done
  while [ $# -gt 1 ]; do
    case $2 in
      -) rm -f -- "$1" ;;
      *)
        new=$(mktemp "${1%/*}/.sources.homelabctl-XXXXXX") || exit 1
        if [ -e "$1" ]; then cp -p -- "$1" "$new"; else chmod -- 0644 "$new"; fi
        printf %s "${2#+}" | base64 -d >"$new" && mv -fT -- "$new" "$1"
        ;;
    esac
    shift 2
  done
  errors=$(printf '%s\n' "${said-}" | grep '^[EW]: ') && said=$errors
  printf '%s\n' "Failed to update apt cache after $tries retries: ${said-unknown reason}" >&2
  exit 1
)"#,
};

impl Action for TrySources {
    fn call(&self) -> Call {
        let content =
            |bytes: &Option<Vec<u8>>| bytes.as_ref().map_or_else(|| "-".to_owned(), |bytes| format!("+{}", STANDARD.encode(bytes)));
        let files = self.before.iter().flat_map(|(path, bytes)| [path.clone(), content(bytes)]);
        Call::new(&TRY, [self.tries.to_string(), self.longest_pause.to_string()].into_iter().chain(files))
    }

    fn touches(&self) -> Vec<Touch> {
        let lists = [Touch::Files("/var/lib/apt".into()), Touch::Files("/var/cache".into())];
        lists.into_iter().chain(self.before.iter().map(|(path, _)| Touch::Files(path.clone()))).collect()
    }

    fn describe(&self) -> String {
        "refresh the package lists".into()
    }

    fn check(&self) -> Result<(), Invalid> {
        self.before.iter().try_for_each(|(path, _)| check::path(path))
    }

    fn is_long(&self) -> bool {
        true
    }
}
