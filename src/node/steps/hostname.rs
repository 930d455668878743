//! The machine's name, by hostnamectl(1).

use serde::{Deserialize, Serialize};

use super::{Action, Call, Invalid, check};
use crate::node::script::Function;
use crate::plan::Touch;

/// Gives the machine a name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SetHostname {
    /// The name.
    pub name: String,
    /// Whether it is written to /etc/hostname, which gives it now as well; else it lasts until the next boot.
    pub lasting: bool,
}

/// name, `--static`|`--transient`. A pretty name, which would be shown in its place, goes when a lasting name comes.
const SET: Function = Function {
    name: "s_set_hostname",
    needs: &[],
    text: r#"s_set_hostname() (
  case $2 in
    --static) hostnamectl --pretty --static set-hostname "$1" 9>&- ;;
    --transient) hostnamectl --transient set-hostname "$1" 9>&- ;;
  esac
)"#,
};

impl Action for SetHostname {
    fn call(&self) -> Call {
        Call::new(&SET, [self.name.as_str(), if self.lasting { "--static" } else { "--transient" }])
    }

    fn touches(&self) -> Vec<Touch> {
        let files = ["/etc/hostname", "/etc/machine-info"].map(|path| Touch::Files(path.into()));
        [Touch::Network].into_iter().chain(files).collect()
    }

    fn describe(&self) -> String {
        format!("name the machine {}", self.name)
    }

    fn check(&self) -> Result<(), Invalid> {
        let odd = |c: char| !(c.is_ascii_alphanumeric() || "-._".contains(c));
        match self.name.as_str() {
            "" => check::refuse("host name", "", "is empty"),
            name if name.len() > 64 => check::refuse("host name", name, "has more than 64 characters"),
            name if name.contains(odd) || name.starts_with(['-', '.']) || name.ends_with(['-', '.']) => {
                check::refuse("host name", name, "is none: letters, digits, `-` and `.` between them")
            }
            _ => Ok(()),
        }
    }
}
