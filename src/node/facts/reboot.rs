//! Whether the machine asks to be rebooted.

use serde::{Deserialize, Serialize};

use super::parse::no_words;
use super::small_file::SLURP;
use super::{Kind, json};
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// Whether the machine asks to be rebooted: Debian's /run/reboot-required, needs-restarting(1) where rpm rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RebootRequired;

impl Fact for RebootRequired {
    type Value = RebootState;

    fn query(&self) -> Query {
        Query::new(KIND.name, [""; 0], vec![Touch::Packages, Touch::Files("/run".into())])
    }
}

/// Whether a reboot is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RebootState {
    /// Whether it is.
    pub required: bool,
    /// For which packages, where that is known.
    pub packages: Vec<String>,
}

pub(super) const KIND: Kind =
    Kind { name: "reboot_required", function: &PROBE, merged: false, words: no_words, parse: |_, text| json(read(text)?) };

// needs-restarting -r ends with 1 where a reboot is needed
static PROBE: Function = Function {
    name: "probe_reboot_required",
    text: r#"
probe_reboot_required() {
  if [ -e /run/reboot-required ]; then
    slurp /run/reboot-required.pkgs
    r=yes$nl$r; answer "$1" 0
  elif ! [ -s /var/lib/dpkg/status ] && command -v needs-restarting >/dev/null; then
    if take needs-restarting -r; then r=no; answer "$1" 0
    elif [ "$st" = 1 ]; then r=yes; answer "$1" 0
    else r=$err; answer "$1" 1
    fi
  else
    r=no; answer "$1" 0
  fi
}
"#,
    needs: &[&SLURP],
};

fn read(text: &str) -> Result<RebootState, String> {
    let mut lines = text.lines();
    let required = match lines.next() {
        Some("yes") => true,
        Some("no") => false,
        other => return Err(format!("an answer as {other:?}")),
    };
    let mut packages: Vec<String> = lines.map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect();
    packages.sort();
    packages.dedup();
    Ok(RebootState { required, packages })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_named_once() {
        let state = read("yes\nlinux-image-amd64\nlibc6\nlibc6\n").unwrap();
        assert_eq!((state.required, state.packages), (true, vec!["libc6".to_owned(), "linux-image-amd64".into()]));
        assert!(!read("no").unwrap().required && read("").is_err());
    }
}
