//! Kernel modules.

use serde::{Deserialize, Serialize};

use super::{Action, Call, Invalid, check};
use crate::node::script::Function;
use crate::plan::Touch;

/// Loads a module, with what it needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LoadModule {
    /// Its name.
    pub name: String,
    /// Its parameters, `name=value`.
    pub parameters: Vec<String>,
}

/// Unloads a module, with what only it needed. One in use is a failure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UnloadModule {
    /// Its name.
    pub name: String,
}

/// `load`|`unload`, name, parameters.
const MODULE: Function = Function {
    name: "s_module",
    needs: &[],
    text: r#"s_module() (
  case $1 in
    load)
      shift
      modprobe -- "$@" 9>&-
      ;;
    unload) modprobe -r -- "$2" 9>&- ;;
  esac
)"#,
};

/// Modules bring kernel parameters, devices and network interfaces with them.
fn moved() -> Vec<Touch> {
    vec![Touch::Modules, Touch::Sysctls, Touch::Network, Touch::Files("/dev".into()), Touch::Files("/sys".into())]
}

impl Action for LoadModule {
    fn call(&self) -> Call {
        Call::new(&MODULE, ["load", &self.name].into_iter().chain(self.parameters.iter().map(String::as_str)))
    }

    fn touches(&self) -> Vec<Touch> {
        moved()
    }

    fn describe(&self) -> String {
        format!("load the kernel module {}", self.name)
    }

    fn check(&self) -> Result<(), Invalid> {
        check::word("kernel module", &self.name)?;
        self.parameters.iter().try_for_each(|parameter| check::word("parameter", parameter))
    }
}

impl Action for UnloadModule {
    fn call(&self) -> Call {
        Call::new(&MODULE, ["unload", &self.name])
    }

    fn touches(&self) -> Vec<Touch> {
        moved()
    }

    fn describe(&self) -> String {
        format!("unload the kernel module {}", self.name)
    }

    fn check(&self) -> Result<(), Invalid> {
        check::word("kernel module", &self.name)
    }
}
