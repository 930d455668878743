//! What the machine runs in, and its control groups: systemd-detect-virt(1), cgroups(7).

use serde::{Deserialize, Serialize};

use super::parse::no_words;
use super::{Kind, json};
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// What the machine runs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Virtualization;

impl Fact for Virtualization {
    type Value = VirtualizationKind;

    fn query(&self) -> Query {
        Query::new(VIRTUALIZATION.name, [""; 0], Vec::new())
    }
}

/// What a machine runs in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VirtualizationKind {
    /// In systemd's words: `none`, `kvm`, `uml`, `systemd-nspawn`, `docker`…
    pub kind: String,
    /// Whether it shares its host's kernel.
    pub container: bool,
}

/// The control groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cgroups;

impl Fact for Cgroups {
    type Value = CgroupSetup;

    fn query(&self) -> Query {
        Query::new(CGROUPS.name, [""; 0], vec![Touch::MountTable, Touch::Mounts])
    }
}

/// How control groups are set up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CgroupSetup {
    /// 2 where all controllers are in one tree; 1 where any has a tree of its own.
    pub version: u8,
    /// The controllers that can be used.
    pub controllers: Vec<String>,
}

pub(super) const VIRTUALIZATION: Kind = Kind {
    name: "virtualization",
    function: &PROBE_VIRTUALIZATION,
    merged: false,
    words: no_words,
    parse: |_, text| json(read_virtualization(text)?),
};
pub(super) const CGROUPS: Kind =
    Kind { name: "cgroups", function: &PROBE_CGROUPS, merged: false, words: no_words, parse: |_, text| json(read_cgroups(text)?) };

// systemd-detect-virt ends with 1 where it says none. Without it, the marks that it looks for first.
static PROBE_VIRTUALIZATION: Function = Function {
    name: "probe_virtualization",
    text: r#"
probe_virtualization() {
  if command -v systemd-detect-virt >/dev/null; then
    take systemd-detect-virt || [ "$r" = none ] || { r=$err; answer "$1" 1; return; }
    answer "$1" 0; return
  fi
  r= vendor=
  if [ -r /run/systemd/container ]; then read -r r </run/systemd/container
  elif [ -e /run/.containerenv ]; then r=podman
  elif [ -e /.dockerenv ]; then r=docker
  elif [ -r /sys/class/dmi/id/sys_vendor ]; then
    read -r vendor </sys/class/dmi/id/sys_vendor
    case $vendor in
    QEMU*) r=qemu ;;
    KVM*|"Amazon EC2"*) r=kvm ;;
    VMware*) r=vmware ;;
    innotek*) r=oracle ;;
    Xen*) r=xen ;;
    "Microsoft Corporation"*) r=microsoft ;;
    esac
  fi
  if [ -z "$r" ] && [ -r /proc/cpuinfo ]; then
    while read -r l; do
      case $l in
      "vendor_id"*"User Mode Linux") r=uml; break ;;
      flags*" hypervisor"*) r=vm-other; break ;;
      flags*) r=none; break ;;
      "") break ;;
      esac
    done </proc/cpuinfo
  fi
  if [ -n "$r" ]; then answer "$1" 0; else r="nothing here tells"; answer "$1" 1; fi
}
"#,
    needs: &[],
};

static PROBE_CGROUPS: Function = Function {
    name: "probe_cgroups",
    text: r#"
probe_cgroups() {
  if [ -r /sys/fs/cgroup/cgroup.controllers ]; then
    r=
    read -r r </sys/fs/cgroup/cgroup.controllers
    r="2 $r"; answer "$1" 0
  elif [ -r /proc/cgroups ]; then
    r=1
    while read -r name hierarchy count enabled; do
      case $name in \#*) continue ;; esac
      [ "$hierarchy" = 0 ] || [ "$enabled" = 0 ] || r="$r $name"
    done </proc/cgroups
    if [ "$r" = 1 ]; then r=; answer "$1" 44; else answer "$1" 0; fi
  elif [ -r /proc/self/mountinfo ]; then r=; answer "$1" 44
  else r="/proc cannot be read"; answer "$1" 1
  fi
}
"#,
    needs: &[],
};

/// What systemd-detect-virt(1) lists as containers.
const CONTAINERS: [&str; 11] =
    ["openvz", "lxc", "lxc-libvirt", "systemd-nspawn", "docker", "podman", "rkt", "wsl", "proot", "pouch", "container-other"];

fn read_virtualization(text: &str) -> Result<VirtualizationKind, String> {
    match text.trim() {
        "" => Err("nothing".into()),
        kind => Ok(VirtualizationKind { kind: kind.into(), container: CONTAINERS.contains(&kind) }),
    }
}

fn read_cgroups(text: &str) -> Result<CgroupSetup, String> {
    let mut words = text.split_whitespace();
    let version = words.next().and_then(|word| word.parse().ok()).ok_or_else(|| format!("control groups as {text:?}"))?;
    let mut controllers: Vec<String> = words.map(str::to_owned).collect();
    controllers.sort();
    Ok(CgroupSetup { version, controllers })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_is_told_from_a_machine() {
        assert_eq!(read_virtualization("systemd-nspawn").unwrap(), VirtualizationKind { kind: "systemd-nspawn".into(), container: true });
        assert!(!read_virtualization("uml").unwrap().container);
        assert!(read_virtualization("").is_err());
    }

    #[test]
    fn control_groups_have_a_version() {
        let two = read_cgroups("2 cpuset cpu io memory pids").unwrap();
        assert_eq!((two.version, two.controllers.len(), two.controllers[0].as_str()), (2, 5, "cpu"));
        assert_eq!(read_cgroups("2 ").unwrap().controllers, Vec::<String>::new());
        assert!(read_cgroups("").is_err());
    }
}
