//! The kernel, the architecture and the host name: uname(1).

use serde::{Deserialize, Serialize};

use super::parse::no_words;
use super::{Kind, json};
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// The running kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kernel;

impl Fact for Kernel {
    type Value = KernelVersion;

    fn query(&self) -> Query {
        Query::new(KERNEL.name, [""; 0], Vec::new())
    }
}

/// A kernel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KernelVersion {
    /// `Linux`.
    pub name: String,
    /// `6.1.0-37-amd64`: what its modules' directory is called.
    pub release: String,
    /// When and how it was built.
    pub version: String,
}

/// The machine's architecture, as uname(1) calls it: `x86_64`, `aarch64`…
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Architecture;

impl Fact for Architecture {
    type Value = String;

    fn query(&self) -> Query {
        Query::new(ARCHITECTURE.name, [""; 0], Vec::new())
    }
}

/// The host name in use now; what it will be after a boot is in /etc/hostname.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hostname;

impl Fact for Hostname {
    type Value = String;

    fn query(&self) -> Query {
        Query::new(HOSTNAME.name, [""; 0], vec![Touch::Network, Touch::Files("/etc/hostname".into())])
    }
}

pub(super) const KERNEL: Kind =
    Kind { name: "kernel", function: &PROBE_KERNEL, merged: false, words: no_words, parse: |_, text| json(read(text)?) };
pub(super) const ARCHITECTURE: Kind =
    Kind { name: "architecture", function: &PROBE_ARCHITECTURE, merged: false, words: no_words, parse: |_, text| json(text) };
pub(super) const HOSTNAME: Kind =
    Kind { name: "hostname", function: &PROBE_HOSTNAME, merged: false, words: no_words, parse: |_, text| json(text) };

// One program for all three: they cannot change while the script runs, but for the name, which is asked for alone.
static UNAME: Function = Function {
    name: "uname_once",
    text: r#"
uname_text=
uname_once() {
  [ -z "$uname_text" ] || return 0
  take uname -srmv || return
  uname_text=$r
}
"#,
    needs: &[],
};
static PROBE_KERNEL: Function = Function {
    name: "probe_kernel",
    text: r#"
probe_kernel() {
  if uname_once; then r=${uname_text% *}; answer "$1" 0; else r=$err; answer "$1" 1; fi
}
"#,
    needs: &[&UNAME],
};
static PROBE_ARCHITECTURE: Function = Function {
    name: "probe_architecture",
    text: r#"
probe_architecture() {
  if uname_once; then r=${uname_text##* }; answer "$1" 0; else r=$err; answer "$1" 1; fi
}
"#,
    needs: &[&UNAME],
};
static PROBE_HOSTNAME: Function = Function {
    name: "probe_hostname",
    text: r#"
probe_hostname() {
  if take uname -n; then answer "$1" 0; else r=$err; answer "$1" 1; fi
}
"#,
    needs: &[],
};

/// `Linux 6.1.0-37-amd64 #1 SMP …`
fn read(text: &str) -> Result<KernelVersion, String> {
    let mut fields = text.splitn(3, ' ').map(str::to_owned);
    let mut field = || fields.next().ok_or_else(|| format!("a kernel as {text:?}"));
    Ok(KernelVersion { name: field()?, release: field()?, version: field()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_has_three_parts() {
        let kernel = read("Linux 6.1.0-37-amd64 #1 SMP PREEMPT_DYNAMIC Debian 6.1.140-1 (2025-05-22)").unwrap();
        assert_eq!(
            (kernel.release.as_str(), kernel.version.as_str()),
            ("6.1.0-37-amd64", "#1 SMP PREEMPT_DYNAMIC Debian 6.1.140-1 (2025-05-22)")
        );
        assert!(read("Linux").is_err());
    }
}
