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
}

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
      dpkg-query -W -f '' -- "$@" && apt-mark "$how" -- "$@" 9>&-
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

/// manager. apt-get update ends with 0 where a list could not be had, unless it is told that this is an error.
pub(super) const REFRESH: Function = Function {
    name: "s_refresh_lists",
    needs: &[&FAIL, &APT],
    text: r#"s_refresh_lists() (
  case $1 in
    apt) s_apt -o APT::Update::Error-Mode=any update ;;
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

fn names(names: &[String]) -> String {
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
        Call::new(&REFRESH, [self.manager.word()])
    }

    fn touches(&self) -> Vec<Touch> {
        vec![Touch::Packages, Touch::Files("/var/lib/apt".into()), Touch::Files("/var/cache".into())]
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
