//! What small programs say that only read.

use super::{Kind, json};
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// What one of these programs says. Absent where it is not there, or has nothing to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Saying {
    /// The host's name with its domain, as the name service has it; without one where it has none.
    FullName,
    /// `lsb_release -a`
    LsbRelease,
    /// `getconf LONG_BIT`: how many bits programs have.
    LongBit,
    /// Device and inode of `/`, and of what the first process has there.
    Roots,
    /// `ip -4 route get 8.8.8.8`: the way to the world.
    RouteV4,
    /// `ip -6 route get 2404:6800:400a:800::1012`
    RouteV6,
    /// `systemctl --version`, where systemd runs.
    Systemd,
}

impl Saying {
    fn name(self) -> &'static str {
        match self {
            Self::FullName => "full_name",
            Self::LsbRelease => "lsb_release",
            Self::LongBit => "long_bit",
            Self::Roots => "roots",
            Self::RouteV4 => "route_v4",
            Self::RouteV6 => "route_v6",
            Self::Systemd => "systemd",
        }
    }
}

impl Fact for Saying {
    type Value = String;

    fn query(&self) -> Query {
        let stands_on = match self {
            Self::FullName => vec![Touch::Network, Touch::Files("/etc".into())],
            Self::LsbRelease => vec![Touch::Packages, Touch::FilesOutside(Vec::new())],
            Self::LongBit | Self::Roots => Vec::new(),
            Self::Systemd => vec![Touch::Packages, Touch::Units],
            Self::RouteV4 | Self::RouteV6 => vec![Touch::Network],
        };
        Query::new(KIND.name, [self.name()], stands_on).moving()
    }
}

pub(super) const KIND: Kind = Kind {
    name: "saying",
    function: &PROBE,
    merged: false,
    words: |args| match args {
        [name] if ["full_name", "lsb_release", "long_bit", "roots", "route_v4", "route_v6", "systemd"].contains(&name.as_str()) => {
            Ok(args.to_vec())
        }
        _ => Err("one of the known programs is wanted".into()),
    },
    parse: |_, text| json(text),
};

// what has no name with a domain has the first that the name service knows
static PROBE: Function = Function {
    name: "probe_saying",
    text: r#"
probe_saying() {
  id=$1
  case $2 in
  full_name)
    take uname -n || { r=$err; answer "$id" 1; return; }
    name=$r
    if command -v getent >/dev/null && take getent hosts "$name"; then
      set -- ${r%%"$nl"*}
      if [ $# -gt 1 ]; then
        shift
        name=$1
        for n do
          case $n in *.*) name=$n; break ;; esac
        done
      fi
    fi
    r=$name; answer "$id" 0
    return
    ;;
  lsb_release) set -- lsb_release -a ;;
  long_bit) set -- getconf LONG_BIT ;;
  systemd)
    [ -d /run/systemd/system ] || { r=; answer "$id" 44; return; }
    set -- systemctl --version
    ;;
  roots) set -- stat -L -c %d:%i / /proc/1/root/. ;;
  route_v4) set -- ip -4 route get 8.8.8.8 ;;
  route_v6) set -- ip -6 route get 2404:6800:400a:800::1012 ;;
  esac
  if ! command -v "$1" >/dev/null; then r=; answer "$id" 44
  elif take "$@"; then answer "$id" 0
  else
    case $err in
    *unreachable*|*"Invalid argument"*|*"not supported"*) r=; answer "$id" 44 ;;
    *) r=$err; answer "$id" 1 ;;
    esac
  fi
}
"#,
    needs: &[],
};
