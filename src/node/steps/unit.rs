//! The service manager, by systemctl(1).

use serde::{Deserialize, Serialize};

use super::{Action, Call, Invalid, check};
use crate::node::facts::UnitScope;
use crate::node::script::Function;
use crate::plan::Touch;

/// Does something to a unit, or to the service manager.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitStep {
    /// What.
    pub action: UnitAction,
    /// To which, with its suffix (`containerd.service`); to none for a reload of the service manager itself.
    pub unit: Option<String>,
    /// Whose units are meant.
    #[serde(default)]
    pub scope: UnitScope,
    /// Links that are in the way are replaced.
    #[serde(default)]
    pub force: bool,
    /// It is not waited for.
    #[serde(default)]
    pub no_block: bool,
}

impl UnitStep {
    /// Does it to a unit of the machine.
    pub fn new(action: UnitAction, unit: impl Into<String>) -> Self {
        Self { action, unit: Some(unit.into()), scope: UnitScope::System, force: false, no_block: false }
    }

    /// Does it to the machine's service manager.
    pub fn manager(action: UnitAction) -> Self {
        Self { action, unit: None, scope: UnitScope::System, force: false, no_block: false }
    }
}

/// What can be done to a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnitAction {
    /// It runs.
    Start,
    /// It does not run.
    Stop,
    /// It runs anew.
    Restart,
    /// It reads its configuration again.
    Reload,
    /// It starts at boot.
    Enable,
    /// It does not start at boot.
    Disable,
    /// It cannot be started.
    Mask,
    /// It can be started again.
    Unmask,
    /// The service manager reads all unit files again.
    DaemonReload,
    /// The service manager starts anew, and keeps what it runs.
    DaemonReexec,
}

impl UnitAction {
    fn word(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Restart => "restart",
            Self::Reload => "reload",
            Self::Enable => "enable",
            Self::Disable => "disable",
            Self::Mask => "mask",
            Self::Unmask => "unmask",
            Self::DaemonReload => "daemon-reload",
            Self::DaemonReexec => "daemon-reexec",
        }
    }

    /// Whether it is about the service manager and no unit.
    fn is_the_managers(self) -> bool {
        matches!(self, Self::DaemonReload | Self::DaemonReexec)
    }
}

/// Options; `daemon-reload` and the like, or action and unit. The user's own service manager is found by the runtime directory.
const UNIT: Function = Function {
    name: "s_unit",
    needs: &[],
    text: r#"s_unit() (
  options=$1 action=$2
  shift 2
  case $options in
    *--user*)
      XDG_RUNTIME_DIR=${XDG_RUNTIME_DIR:-/run/user/$(id -u)}
      export XDG_RUNTIME_DIR
      ;;
  esac
  systemctl --quiet --no-ask-password $options "$action" -- "$@" 9>&-
)"#,
};

impl Action for UnitStep {
    fn call(&self) -> Call {
        let scope = match self.scope {
            UnitScope::System => None,
            UnitScope::User => Some("--user"),
            UnitScope::Global => Some("--global"),
        };
        let options: Vec<&str> =
            scope.into_iter().chain(self.no_block.then_some("--no-block")).chain(self.force.then_some("--force")).collect();
        Call::new(&UNIT, [options.join(" ")].into_iter().chain([self.action.word().to_owned()]).chain(self.unit.clone()))
    }

    fn touches(&self) -> Vec<Touch> {
        match self.action {
            _ if self.scope != UnitScope::System => vec![Touch::Units, Touch::FilesOutside(Vec::new())],
            UnitAction::Enable | UnitAction::Disable | UnitAction::Mask | UnitAction::Unmask => {
                vec![Touch::Units, Touch::Files("/etc/systemd".into()), Touch::Files("/etc/rc0.d".into())]
            }
            UnitAction::DaemonReload | UnitAction::DaemonReexec => vec![Touch::Units],
            // a service may do what it likes, but for people's homes and for who they are
            _ => vec![
                Touch::Units,
                Touch::Ports,
                Touch::Network,
                Touch::Mounts,
                Touch::Modules,
                Touch::Sysctls,
                Touch::FilesOutside(vec!["/home".into(), "/root".into()]),
            ],
        }
    }

    fn describe(&self) -> String {
        match (&self.unit, self.action) {
            (_, UnitAction::DaemonReload) => "reload the service manager".into(),
            (_, UnitAction::DaemonReexec) => "start the service manager anew".into(),
            (unit, action) => format!("{} {}", action.word(), unit.as_deref().unwrap_or("nothing")),
        }
    }

    fn check(&self) -> Result<(), Invalid> {
        match (&self.unit, self.action) {
            (None, action) if action.is_the_managers() => Ok(()),
            (None, action) => check::refuse("unit action", action.word(), "needs a unit"),
            (Some(unit), action) if action.is_the_managers() => check::refuse("unit", unit, "is not what daemon-reload is about"),
            (Some(unit), _) => {
                check::word("unit", unit)?;
                // systemctl takes shell patterns, and would take more than meant
                let good = |c: char| c.is_ascii_alphanumeric() || ":_.\\@-".contains(c);
                if unit.chars().all(good) { Ok(()) } else { check::refuse("unit", unit, "has a character that no unit's name has") }
            }
        }
    }
}
