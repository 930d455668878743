//! apt-get(8) and dpkg(1) as people call them, with all their options.

use serde::{Deserialize, Serialize};

use super::package::{APT_FREE, names};
use super::{Action, Call, FAIL, Invalid, check};
use crate::node::script::Function;
use crate::plan::Touch;

/// Which program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AptProgram {
    /// apt-get(8)
    AptGet,
    /// dpkg(1)
    Dpkg,
}

/// What becomes of a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// That version is installed; the newest that is offered if none is said.
    Installed(Option<String>),
    /// It goes, but its configuration stays.
    Removed,
    /// It goes with its configuration.
    Purged,
}

/// A call of apt-get or dpkg. No question is asked; whoever holds the package manager is waited for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Apt {
    /// Which program.
    pub program: AptProgram,
    /// What it is called with, after its name.
    pub words: Vec<String>,
    /// What becomes of which packages, as far as it was said; apt-get finds out what else that means.
    pub fates: Vec<(String, Fate)>,
    /// What is marked as wanted for its own sake once it is done.
    pub manual: Vec<String>,
    /// What scripts that ask whether a service may be started are told meanwhile: the status of policy-rc.d.
    pub policy_rc_d: Option<u8>,
    /// How long whoever holds the package manager is waited for, in seconds.
    pub patience: u64,
    /// What it does, in a few words for people.
    pub title: String,
    /// What the message begins with if it fails.
    pub failure: String,
    /// Whether it only moves archives that were kept, and no package.
    pub only_archives: bool,
}

/// Marks packages as wanted for their own sake: apt-mark(8).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MarkManual {
    /// Which.
    pub names: Vec<String>,
}

/// Finishes what was left half installed, as far as it can be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FinishInterrupted {
    /// How long whoever holds the package manager is waited for, in seconds.
    pub patience: u64,
    /// What dpkg is to do where it would ask, e.g. `force-confold`.
    pub dpkg_options: Vec<String>,
    /// What scripts that ask whether a service may be started are told meanwhile: the status of policy-rc.d.
    pub policy_rc_d: Option<u8>,
}

/// What dpkg is to do with a package when it is asked to handle all that were selected.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SelectPackage {
    /// Which.
    pub name: String,
    /// `install`, `hold`, `deinstall` or `purge`.
    pub selection: String,
}

/// Nobody answers questions, so none is asked, and what is said is said as everywhere.
const APT_QUIET: Function = Function {
    name: "s_apt_quiet",
    needs: &[],
    text: r#"s_apt_quiet() {
  DEBIAN_FRONTEND=noninteractive DEBIAN_PRIORITY=critical APT_LISTCHANGES_FRONTEND=none NEEDRESTART_MODE=l
  LANG=C LANGUAGE=C LC_MESSAGES=C LC_CTYPE=C
  export DEBIAN_FRONTEND DEBIAN_PRIORITY APT_LISTCHANGES_FRONTEND NEEDRESTART_MODE LANG LANGUAGE LC_MESSAGES LC_CTYPE
}"#,
};

/// The status of policy-rc.d: what was there is kept beside it, also over a machine that goes down meanwhile.
const POLICY: Function = Function {
    name: "s_policy_rc_d",
    needs: &[],
    text: r#"s_policy_back() {
  if [ -e "$policy.homelabctl-kept" ]; then mv -f -- "$policy.homelabctl-kept" "$policy"
  elif [ -e "$policy.homelabctl-none" ]; then rm -f -- "$policy" && rm -f -- "$policy.homelabctl-none"
  fi
}
s_policy_rc_d() {
  policy=/usr/sbin/policy-rc.d
  s_policy_back || return 1
  [ -n "$1" ] || return 0
  if [ -e "$policy" ] || [ -L "$policy" ]; then mv -- "$policy" "$policy.homelabctl-kept"
  else : >"$policy.homelabctl-none"
  fi || return 1
  printf '#!/bin/sh\nexit %s\n' "$1" >"$policy" && chmod 0770 "$policy"
}"#,
};

/// patience, status of policy-rc.d, packages to be marked (words of one text), program and its words.
const APT: Function = Function {
    name: "s_apt_call",
    needs: &[&FAIL, &APT_FREE, &APT_QUIET, &POLICY],
    text: r#"s_apt_call() (
  patience=$1 policy_status=$2 manual=$3
  shift 3
  command -v "$1" >/dev/null || s_fail "there is no $1"
  s_apt_free "$patience"
  s_apt_quiet
  s_policy_rc_d "$policy_status" || s_fail "policy-rc.d cannot be written"
  status=0
  "$@" || status=$?
  s_policy_back || s_fail "policy-rc.d cannot be put back"
  [ "$status" -eq 0 ] || exit "$status"
  # names have no blanks in them
  [ -z "$manual" ] || apt-mark manual $manual >/dev/null
)"#,
};

/// Names.
const MARK_MANUAL: Function = Function {
    name: "s_mark_manual",
    needs: &[],
    text: r#"s_mark_manual() (
  apt-mark manual "$@" >/dev/null 9>&-
)"#,
};

/// patience, status of policy-rc.d, options of dpkg. What cannot be configured because it is not unpacked whole is fetched
/// again; nothing is removed for it. It ends well in any case: what comes after it may be the removal of what is broken, and
/// says itself what is in its way.
const FINISH: Function = Function {
    name: "s_finish_interrupted",
    needs: &[&FAIL, &APT_FREE, &APT_QUIET, &POLICY],
    text: r#"s_finish_interrupted() (
  s_apt_free "$1"
  s_apt_quiet
  s_policy_rc_d "$2" || s_fail "policy-rc.d cannot be written"
  shift 2
  if ! dpkg "$@" --configure -a || [ -n "$(dpkg --audit)" ]; then
    for option; do
      set -- "$@" -o "Dpkg::Options::=$option"
      shift
    done
    apt-get -y --no-remove "$@" --fix-broken install || :
  fi
  s_policy_back || s_fail "policy-rc.d cannot be put back"
)"#,
};

/// name, selection.
const SELECT: Function = Function {
    name: "s_select_package",
    needs: &[],
    text: r#"s_select_package() (
  printf '%s %s\n' "$1" "$2" | dpkg --set-selections
)"#,
};

fn all_words(words: &[String]) -> Result<(), Invalid> {
    words.iter().try_for_each(|word| check::text("argument", word))
}

impl Action for Apt {
    fn call(&self) -> Call {
        let program = match self.program {
            AptProgram::AptGet => "apt-get",
            AptProgram::Dpkg => "dpkg",
        };
        let policy = self.policy_rc_d.map(|status| status.to_string()).unwrap_or_default();
        let fixed = [self.patience.to_string(), policy, self.manual.join(" "), program.to_owned()];
        Call::new(&APT, fixed.into_iter().chain(self.words.iter().cloned()))
    }

    fn touches(&self) -> Vec<Touch> {
        if self.only_archives { vec![Touch::Files("/var/cache/apt".into())] } else { Touch::package_scripts() }
    }

    fn describe(&self) -> String {
        self.title.clone()
    }

    fn check(&self) -> Result<(), Invalid> {
        all_words(&self.words)?;
        self.manual.iter().try_for_each(|name| check::package(name))
    }

    fn is_long(&self) -> bool {
        !self.only_archives
    }
}

impl Action for MarkManual {
    fn call(&self) -> Call {
        Call::new(&MARK_MANUAL, &self.names)
    }

    fn touches(&self) -> Vec<Touch> {
        vec![Touch::Files("/var/lib/apt/extended_states".into())]
    }

    fn describe(&self) -> String {
        format!("mark {} as wanted for its own sake", names(&self.names))
    }

    fn check(&self) -> Result<(), Invalid> {
        self.names.iter().try_for_each(|name| check::package(name))
    }
}

impl Action for FinishInterrupted {
    fn call(&self) -> Call {
        let options = self.dpkg_options.iter().map(|option| format!("--{option}"));
        let policy = self.policy_rc_d.map(|status| status.to_string()).unwrap_or_default();
        Call::new(&FINISH, [self.patience.to_string(), policy].into_iter().chain(options))
    }

    fn touches(&self) -> Vec<Touch> {
        Touch::package_scripts()
    }

    fn describe(&self) -> String {
        "finish the packages that were left half installed".into()
    }

    fn check(&self) -> Result<(), Invalid> {
        all_words(&self.dpkg_options)
    }

    fn is_long(&self) -> bool {
        true
    }
}

impl Action for SelectPackage {
    fn call(&self) -> Call {
        Call::new(&SELECT, [&self.name, &self.selection])
    }

    fn touches(&self) -> Vec<Touch> {
        vec![Touch::Packages]
    }

    fn describe(&self) -> String {
        format!("select {} for {}", self.name, self.selection)
    }

    fn check(&self) -> Result<(), Invalid> {
        check::package(&self.name)?;
        match self.selection.as_str() {
            "install" | "hold" | "deinstall" | "purge" => Ok(()),
            other => check::refuse("selection", other, "is none that dpkg knows"),
        }
    }
}
