//! A kernel parameter at run time.

use serde::{Deserialize, Serialize};

use super::{Action, Call, FAIL, Invalid, check};
use crate::node::facts::with_slashes;
use crate::node::script::Function;
use crate::plan::Touch;

/// Sets a kernel parameter until the next boot; what sets it at boot is a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SetSysctl {
    /// Its name, as sysctl(8) takes it (`net.ipv4.ip_forward`, `net/ipv4/conf/eth0.100/rp_filter`).
    pub name: String,
    /// Its value.
    pub value: String,
}

/// path below /proc/sys, name, value. Not sysctl(8): procps is not everywhere.
const SET_SYSCTL: Function = Function {
    name: "s_set_sysctl",
    needs: &[&FAIL],
    text: r#"s_set_sysctl() (
  if [ ! -e "/proc/sys/$1" ]; then s_fail "there is no kernel parameter $2: is its module loaded?"; fi
  printf '%s\n' "$3" >"/proc/sys/$1"
)"#,
};

impl Action for SetSysctl {
    fn call(&self) -> Call {
        Call::new(&SET_SYSCTL, [&with_slashes(&self.name), &self.name, &self.value])
    }

    fn touches(&self) -> Vec<Touch> {
        if self.name.starts_with("net") { vec![Touch::Sysctls, Touch::Network] } else { vec![Touch::Sysctls] }
    }

    fn describe(&self) -> String {
        format!("set {} to {}", self.name, self.value)
    }

    fn check(&self) -> Result<(), Invalid> {
        check::sysctl(&self.name)?;
        if self.value.contains(['\n', '\0']) { check::refuse("value", &self.value, "is more than a line") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_separator_decides() {
        assert_eq!(with_slashes("net.ipv4.ip_forward"), "net/ipv4/ip_forward");
        assert_eq!(with_slashes("net/ipv4/conf/eth0.100/rp_filter"), "net/ipv4/conf/eth0.100/rp_filter");
        assert_eq!(with_slashes("net.ipv4.conf.eth0/100.rp_filter"), "net/ipv4/conf/eth0.100/rp_filter");
    }
}
