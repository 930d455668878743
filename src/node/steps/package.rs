//! Packages, by apt-get(8) or dnf(8).

use serde::{Deserialize, Serialize};

use super::{Action, Call, FAIL, Invalid, check};
use crate::node::script::Function;
use crate::plan::Touch;

/// Which package manager.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Manager {
    /// apt and dpkg.
    Apt,
    /// dnf and rpm.
    Dnf,
}

impl Manager {
    fn word(self) -> &'static str {
        match self {
            Self::Apt => "apt",
            Self::Dnf => "dnf",
        }
    }
}

/// A package and which version of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// Its name.
    pub name: String,
    /// Exactly this version; the newest that the lists offer if there is none.
    pub version: Option<String>,
}

/// Installs packages, or brings them to another version. Conffiles that were changed by hand stay as they are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Install {
    /// By which.
    pub manager: Manager,
    /// What.
    pub packages: Vec<Wanted>,
    /// Whether recommended packages come along; as the machine is configured if not said.
    pub recommends: Option<bool>,
    /// Whether an older version than the installed one may be installed.
    pub allow_downgrade: bool,
}

/// Removes packages; with `purge` their configuration too.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RemovePackages {
    /// By which.
    pub manager: Manager,
    /// Which.
    pub names: Vec<String>,
    /// Whether their configuration goes too (dpkg only; rpm knows no difference).
    pub purge: bool,
}

/// Whether upgrades leave a package alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// They do.
    Hold,
    /// They do not.
    Release,
}

/// Holds packages at their version, or releases them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MarkPackages {
    /// By which.
    pub manager: Manager,
    /// Which.
    pub names: Vec<String>,
    /// How.
    pub mark: Mark,
}

/// Reads the lists of what can be installed anew.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RefreshLists {
    /// By which.
    pub manager: Manager,
    /// How often it is tried (apt).
    pub tries: u32,
    /// The longest pause between two tries, in seconds; they double from one second on.
    pub longest_pause: u32,
    /// How long whoever holds the package manager is waited for, in seconds.
    pub patience: u64,
}

/// What a line of the output of [`RefreshLists`] begins with that says how old the lists were and are: two times.
pub const LISTS_RENEWED: &str = "homelabctl: lists ";

/// How apt-get is run: no questions, changed conffiles stay, other package managers are waited for (two minutes).
const APT: Function = Function {
    name: "s_apt",
    needs: &[&FAIL],
    text: r#"s_apt() {
  command -v apt-get >/dev/null || s_fail "there is no apt-get"
  DEBIAN_FRONTEND=noninteractive APT_LISTCHANGES_FRONTEND=none NEEDRESTART_MODE=l
  export DEBIAN_FRONTEND APT_LISTCHANGES_FRONTEND NEEDRESTART_MODE
  apt-get -y -q -o DPkg::Lock::Timeout=120 -o Dpkg::Use-Pty=0 \
    -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "$@"
}
s_apt_finish() {
  # a machine that went down in the middle of an installation refuses the next one until this was done
  if [ -n "$(dpkg --audit)" ]; then
    DEBIAN_FRONTEND=noninteractive dpkg --force-confdef --force-confold --configure -a
  fi
}"#,
};

/// manager, options, `--`, packages as the manager writes them (`name=version`, `name-version`).
///
/// apt-get takes the name of a package that it does not know for a regular expression, if it has a dot in it: refused.
const INSTALL: Function = Function {
    name: "s_install",
    needs: &[&FAIL, &APT],
    text: r#"s_install() (
  manager=$1
  shift
  case $manager in
    apt)
      command -v apt-get >/dev/null || s_fail "there is no apt-get"
      s_apt_finish || exit 1
      for name; do
        case $name in
          -*) ;;
          *.*) apt-cache -q showpkg "${name%%=*}" 2>/dev/null | grep -qxF "Package: ${name%%=*}" || s_fail "no package is called ${name%%=*}" ;;
        esac
      done
      s_apt install "$@"
      ;;
    dnf)
      command -v dnf >/dev/null || s_fail "there is no dnf"
      dnf -y -q install "$@"
      ;;
  esac
)"#,
};

/// manager, `purge`|`remove`, names.
const REMOVE_PACKAGES: Function = Function {
    name: "s_remove_packages",
    needs: &[&FAIL, &APT],
    text: r#"s_remove_packages() (
  manager=$1 how=$2
  shift 2
  case $manager in
    apt) s_apt_finish && s_apt "$how" -- "$@" ;;
    dnf)
      command -v dnf >/dev/null || s_fail "there is no dnf"
      dnf -y -q remove -- "$@"
      ;;
  esac
)"#,
};

/// manager, `hold`|`unhold`, names. apt-mark ends with 0 for a package that it does not know, so it is asked first.
const MARK_PACKAGES: Function = Function {
    name: "s_mark_packages",
    needs: &[&FAIL],
    text: r#"s_mark_packages() (
  manager=$1 how=$2
  shift 2
  case $manager in
    apt)
      dpkg-query -W -f . -- "$@" >/dev/null && apt-mark "$how" -- "$@" 9>&-
      ;;
    dnf)
      case $how in
        hold) dnf -y -q versionlock add -- "$@" 9>&- ;;
        unhold) dnf -y -q versionlock delete -- "$@" 9>&- ;;
      esac
      ;;
  esac
)"#,
};

/// Waits until nobody holds apt or dpkg: seconds. The kernel's list of locks tells who does, and who has the file open.
///
/// apt-get waits for dpkg's lock alone, not for that of the lists.
pub(super) const APT_FREE: Function = Function {
    name: "s_apt_free",
    needs: &[&FAIL],
    text: r#"s_apt_holder() {
  set +f
  for lock in /var/lib/dpkg/lock-frontend /var/lib/dpkg/lock /var/lib/apt/lists/lock /var/cache/apt/archives/lock; do
    inode=$(stat -Lc %i "$lock" 2>/dev/null) || continue
    while read -r _ class _ mode holder place _; do
      case $class$mode$place in POSIXWRITE*":$inode") ;; *) continue ;; esac
      for open in /proc/"$holder"/fd/*; do
        if [ "$open" -ef "$lock" ]; then
          program=
          read -r program <"/proc/$holder/comm" 2>/dev/null || :
          set -f
          return 0
        fi
      done
    done </proc/locks
  done 2>/dev/null
  set -f
  return 1
}
s_apt_free() {
  waited=0
  while s_apt_holder; do
    [ "$waited" -lt "$1" ] ||
      s_fail "E: Could not get lock $lock. It is held by process $holder ($program), which was waited for $1 s"
    sleep 1
    waited=$((waited + 1))
  done
}"#,
};

/// manager, tries, longest pause, patience. apt-get update ends with 0 where a list could not be had, unless it is told
/// that this is an error.
pub(super) const REFRESH: Function = Function {
    name: "s_refresh_lists",
    needs: &[&FAIL, &APT, &APT_FREE],
    text: r#"s_lists_time() {
  if [ -e /var/lib/apt/periodic/update-success-stamp ]; then stat -Lc %Y /var/lib/apt/periodic/update-success-stamp
  else stat -Lc %Y /var/lib/apt/lists 2>/dev/null || echo 0
  fi
}
s_refresh_lists() (
  case $1 in
    apt)
      before=$(s_lists_time) tried=1 pause=1
      until s_apt_free "$4" && s_apt -o APT::Update::Error-Mode=any update; do
        [ "$tried" -lt "$2" ] || exit 1
        [ "$pause" -le "$3" ] || pause=$3
        sleep "$pause"
        tried=$((tried + 1)) pause=$((pause * 2))
      done
      printf 'homelabctl: lists %s %s\n' "$before" "$(s_lists_time)"
      ;;
    dnf) dnf -y -q makecache ;;
  esac
)"#,
};

fn list(names: &[&str]) -> String {
    match names {
        [] => "nothing".into(),
        [one] => (*one).into(),
        [one, two] => format!("{one} and {two}"),
        [one, rest @ ..] => format!("{one} and {} more", rest.len()),
    }
}

pub(super) fn names(names: &[String]) -> String {
    list(&names.iter().map(String::as_str).collect::<Vec<_>>())
}

fn check_names<'a>(names: impl ExactSizeIterator<Item = &'a String>) -> Result<(), Invalid> {
    if names.len() == 0 {
        return check::refuse("list of packages", "", "is empty");
    }
    names.into_iter().try_for_each(|name| check::package(name))
}

impl Action for Install {
    fn call(&self) -> Call {
        let mut words = vec![self.manager.word().to_owned()];
        match self.manager {
            Manager::Apt => {
                words.extend(self.recommends.map(|yes| if yes { "--install-recommends" } else { "--no-install-recommends" }.to_owned()));
                words.extend(self.allow_downgrade.then(|| "--allow-downgrades".to_owned()));
            }
            Manager::Dnf => {
                words.extend(self.recommends.map(|yes| format!("--setopt=install_weak_deps={}", if yes { "True" } else { "False" })));
            }
        }
        words.push("--".into());
        words.extend(self.packages.iter().map(|wanted| match (&wanted.version, self.manager) {
            (None, _) => wanted.name.clone(),
            (Some(version), Manager::Apt) => format!("{}={version}", wanted.name),
            (Some(version), Manager::Dnf) => format!("{}-{version}", wanted.name),
        }));
        Call::new(&INSTALL, words)
    }

    fn touches(&self) -> Vec<Touch> {
        Touch::package_scripts()
    }

    fn describe(&self) -> String {
        let wanted: Vec<String> = self
            .packages
            .iter()
            .map(|wanted| match &wanted.version {
                Some(version) => format!("{} {version}", wanted.name),
                None => wanted.name.clone(),
            })
            .collect();
        format!("install {}", names(&wanted))
    }

    fn check(&self) -> Result<(), Invalid> {
        if self.packages.is_empty() {
            return check::refuse("list of packages", "", "is empty");
        }
        self.packages.iter().try_for_each(|wanted| {
            check::package(&wanted.name)?;
            // apt-get takes a glob for a version, and the field uses it (kubelet=1.34.*)
            let odd = |c: char| !(c.is_ascii_alphanumeric() || "+-._:~*^".contains(c));
            match &wanted.version {
                Some(version) if version.is_empty() || version.contains(odd) => {
                    check::refuse("version", version, "is no package's version")
                }
                _ => Ok(()),
            }
        })
    }

    fn is_long(&self) -> bool {
        true
    }
}

impl Action for RemovePackages {
    fn call(&self) -> Call {
        let how = if self.purge { "purge" } else { "remove" };
        Call::new(&REMOVE_PACKAGES, [self.manager.word(), how].into_iter().chain(self.names.iter().map(String::as_str)))
    }

    fn touches(&self) -> Vec<Touch> {
        Touch::package_scripts()
    }

    fn describe(&self) -> String {
        format!("{} {}", if self.purge { "purge" } else { "remove" }, names(&self.names))
    }

    fn check(&self) -> Result<(), Invalid> {
        check_names(self.names.iter())
    }

    fn is_long(&self) -> bool {
        true
    }
}

impl Action for MarkPackages {
    fn call(&self) -> Call {
        let how = match self.mark {
            Mark::Hold => "hold",
            Mark::Release => "unhold",
        };
        Call::new(&MARK_PACKAGES, [self.manager.word(), how].into_iter().chain(self.names.iter().map(String::as_str)))
    }

    fn touches(&self) -> Vec<Touch> {
        vec![Touch::Packages]
    }

    fn describe(&self) -> String {
        let how = match self.mark {
            Mark::Hold => "hold",
            Mark::Release => "release",
        };
        format!("{how} {}", names(&self.names))
    }

    fn check(&self) -> Result<(), Invalid> {
        check_names(self.names.iter())
    }
}

impl Action for RefreshLists {
    fn call(&self) -> Call {
        let numbers = [self.tries.to_string(), self.longest_pause.to_string(), self.patience.to_string()];
        Call::new(&REFRESH, [self.manager.word().to_owned()].into_iter().chain(numbers))
    }

    fn touches(&self) -> Vec<Touch> {
        // the lists, and what distributions make of them afterwards; what is installed stays as it is
        ["/var/lib/apt", "/var/cache", "/var/lib/command-not-found", "/var/lib/update-notifier"]
            .map(|path| Touch::Files(path.into()))
            .to_vec()
    }

    fn describe(&self) -> String {
        "refresh the package lists".into()
    }

    fn check(&self) -> Result<(), Invalid> {
        Ok(())
    }

    fn is_long(&self) -> bool {
        true
    }
}
