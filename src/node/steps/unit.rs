//! The service manager, by systemctl(1).

use serde::{Deserialize, Serialize};

use super::{Action, Call, Invalid, check};
use crate::node::script::Function;
use crate::plan::Touch;

/// Does something to a unit, or to the service manager.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitStep {
    /// What.
    pub action: UnitAction,
    /// To which, with its suffix (`containerd.service`); to none for a reload of the service manager itself.
    pub unit: Option<String>,
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
        }
    }
}

/// `daemon-reload`, or action and unit.
const UNIT: Function = Function {
    name: "s_unit",
    needs: &[],
    text: r#"s_unit() (
  action=$1
  shift
  systemctl --quiet --no-ask-password "$action" -- "$@" 9>&-
)"#,
};

impl Action for UnitStep {
    fn call(&self) -> Call {
        Call::new(&UNIT, [self.action.word()].into_iter().chain(self.unit.as_deref()))
    }

    fn touches(&self) -> Vec<Touch> {
        match self.action {
            UnitAction::Enable | UnitAction::Disable | UnitAction::Mask | UnitAction::Unmask => {
                vec![Touch::Units, Touch::Files("/etc/systemd".into()), Touch::Files("/etc/rc0.d".into())]
            }
            UnitAction::DaemonReload => vec![Touch::Units],
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
            (unit, action) => format!("{} {}", action.word(), unit.as_deref().unwrap_or("nothing")),
        }
    }

    fn check(&self) -> Result<(), Invalid> {
        match (&self.unit, self.action) {
            (None, UnitAction::DaemonReload) => Ok(()),
            (None, action) => check::refuse("unit action", action.word(), "needs a unit"),
            (Some(unit), UnitAction::DaemonReload) => check::refuse("unit", unit, "is not what daemon-reload is about"),
            (Some(unit), _) => {
                check::word("unit", unit)?;
                // systemctl takes shell patterns, and would take more than meant
                let good = |c: char| c.is_ascii_alphanumeric() || ":_.\\@-".contains(c);
                if unit.chars().all(good) { Ok(()) } else { check::refuse("unit", unit, "has a character that no unit's name has") }
            }
        }
    }
}
