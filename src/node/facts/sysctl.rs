//! A kernel parameter: its value now, and every file that sets it at boot, sysctl.d(5).

use serde::{Deserialize, Serialize};

use super::sysctl_order::{DIRECTORIES, Setting, configured, in_order, matches, read_setting, with_slashes};
use super::{Kind, json, parse};
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// The kernel parameter of that name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sysctl(String);

impl Sysctl {
    /// As `net.ipv4.ip_forward` or `net/ipv4/conf/eth0.100/forwarding`.
    pub fn new(key: impl Into<String>) -> Self {
        Self(key.into())
    }
}

impl Fact for Sysctl {
    type Value = SysctlState;

    fn query(&self) -> Query {
        // some keys come and go with modules and interfaces
        let files = DIRECTORIES.iter().chain(["/etc/sysctl.conf"].iter()).map(|path| Touch::Files((*path).into()));
        Query::new(KIND.name, [&self.0], [vec![Touch::Sysctls, Touch::Modules, Touch::Network], files.collect()].concat())
    }
}

/// A kernel parameter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SysctlState {
    /// Its value now; none where the kernel does not have it now (a module or an interface is missing).
    pub value: Option<String>,
    /// The value that it gets at boot; none where no file sets it.
    pub configured: Option<String>,
    /// The settings that are read at boot, in the order in which systemd-sysctl applies them.
    pub settings: Vec<Setting>,
    /// Settings in /etc/sysctl.conf where this distribution does not read it at boot.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_read: Vec<Setting>,
}

pub(super) const KIND: Kind =
    Kind { name: "sysctl", function: &PROBE, merged: true, words: key, parse: |args, text| json(read(&key(args)?.concat(), text)?) };

fn key(args: &[String]) -> Result<Vec<String>, String> {
    let [key] = args else { return Err("one key is wanted".into()) };
    let path = with_slashes(key);
    let whole = path.split('/').all(|part| !matches!(part, "" | "." | ".."));
    if whole && path.chars().all(|c| c.is_ascii_alphanumeric() || "-_./:@".contains(c)) {
        Ok(vec![path])
    } else {
        Err(format!("{key:?} is not a name of a kernel parameter"))
    }
}

// /proc/sys must not be read byte by byte, as a shell's `read` does: the kernel answers the first byte only. head(1) puts
// a line before each of several files. awk leaves only lines that name a key or may match it; Rust knows patterns better.
static PROBE: Function = Function {
    name: "probe_sysctl",
    text: r#"
sysctl_settings() {
  seen=/ linked=
  keys=$*
  set --
  set +f
  for d in /etc/sysctl.d /run/sysctl.d /usr/local/lib/sysctl.d /usr/lib/sysctl.d /lib/sysctl.d; do
    for f in "$d"/*.conf; do
      [ -e "$f" ] || [ -L "$f" ] || continue
      case $seen in *"/${f##*/}/"*) continue ;; esac
      seen=$seen${f##*/}/
      ! [ -f "$f" ] || set -- "$@" "$f"
      ! [ "$f" -ef /etc/sysctl.conf ] || linked=1
    done
  done
  set -f
  [ -n "$linked" ] || ! [ -f /etc/sysctl.conf ] || set -- "$@" /etc/sysctl.conf
  r= err=
  [ $# -gt 0 ] || return 0
  take awk -v keys="$keys" '
    BEGIN { n = split(keys, key, " ") }
    /^[ \t]*([#;]|$)/ { next }
    {
      k = $0
      sub(/=.*/, "", k); gsub(/[ \t]/, "", k); sub(/^-/, "", k)
      dot = index(k, "."); slash = index(k, "/")
      if (dot && (!slash || dot < slash)) { gsub("/", "\001", k); gsub(/\./, "/", k); gsub("\001", ".", k) }
      for (i = 1; i <= n; i++) if (k == key[i] || k ~ /[*?[]/) print key[i] "\t" FILENAME "\t" FNR "\t" $0
    }' "$@"
}
sysctl_values() {
  for key do set -- "$@" "/proc/sys/$key"; shift; done
  take head -n 100 /dev/null "$@"
}
sysctl_one() {
  value= section=
  IFS=$nl
  for l in $values; do
    case $l in
    "==> /proc/sys/$1 <==") section=1 ;;
    "==> /proc/sys/"*" <==") [ -z "$section" ] || break ;;
    *) [ -z "$section" ] || value="${value}v$l$nl" ;;
    esac
  done
  lines=
  for l in $settings; do
    case $l in "$1$tab"*) lines="${lines}f${l#*"$tab"}$nl" ;; esac
  done
  wrong=
  for l in $complaint; do
    case $l in
    *"/proc/sys/$1: No such file or directory"|*"/proc/sys/$1'"*": No such file or directory") ;;
    *"/proc/sys/$1":*|*"/proc/sys/$1'"*) wrong=$l ;;
    esac
  done
  IFS=$ifs
  [ -z "$section" ] || [ -n "$value" ] || value=v$nl
}
probe_sysctl() {
  ids=$1; shift
  if ! [ -r /proc/sys/kernel/osrelease ]; then err="/proc/sys cannot be read"
  elif sysctl_settings "$@"; then
    settings=$r
    sysctl_values "$@"; values=$r complaint=$err err=
  fi
  for id in $ids; do
    if [ -n "$err" ]; then r=$err; answer "$id" 1; shift; continue; fi
    sysctl_one "$1"
    r=$value$lines; r=${r%"$nl"}
    if [ -n "$wrong" ]; then r=$wrong; answer "$id" 1
    elif [ -n "$r" ]; then answer "$id" 0
    elif [ -e "/proc/sys/$1" ]; then r="it cannot be read"; answer "$id" 1
    else answer "$id" 44
    fi
    shift
  done
}
"#,
    needs: &[],
};

/// `v` and a line of the value; `f` and file, line number and text of a line that may set it.
fn read(key: &str, text: &str) -> Result<SysctlState, String> {
    let mut value: Option<String> = None;
    let (mut settings, mut not_read) = (Vec::new(), Vec::new());
    for line in text.split('\n') {
        if let Some(part) = line.strip_prefix('v') {
            value = Some(value.map_or_else(|| part.to_owned(), |before| format!("{before}\n{part}")));
        } else if let Some(line) = line.strip_prefix('f') {
            let mut fields = line.splitn(3, '\t');
            let file = fields.next().unwrap_or_default();
            let number = parse::number(fields.next(), "line number")?;
            let Some(setting) = read_setting(file, number, fields.next().unwrap_or_default()) else { continue };
            if matches(&with_slashes(&setting.key), key) {
                if file == "/etc/sysctl.conf" { &mut not_read } else { &mut settings }.push(setting);
            }
        } else {
            return Err(format!("a line as {line:?}"));
        }
    }
    in_order(&mut settings);
    Ok(SysctlState { value, configured: configured(&settings), settings, not_read })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_apply_by_their_own_names_and_the_last_wins() {
        let state = read(
            "fs/inotify/max_user_watches",
            "v524288\nf/etc/sysctl.d/90-x.conf\t3\tfs.inotify.max_user_watches = 524288\nf/usr/lib/sysctl.d/50-a.conf\t1\t-fs/inotify/max_user_watches=1\n\
             f/run/sysctl.d/70-b.conf\t9\tfs.inotify.max_user_watches=2\nf/etc/sysctl.conf\t2\tfs.inotify.max_user_watches=7",
        )
        .unwrap();
        assert_eq!(
            state.settings.iter().map(|s| s.file.as_str()).collect::<Vec<_>>(),
            ["/usr/lib/sysctl.d/50-a.conf", "/run/sysctl.d/70-b.conf", "/etc/sysctl.d/90-x.conf"]
        );
        assert_eq!((state.value.as_deref(), state.configured.as_deref()), (Some("524288"), Some("524288")));
        assert_eq!((state.not_read.len(), state.not_read[0].value.as_deref()), (1, Some("7")));
    }

    #[test]
    fn patterns_are_weaker_than_the_key_itself_and_can_be_escaped() {
        // /usr/lib/sysctl.d/50-default.conf of Debian 12
        let lines = "v2\nf/usr/lib/sysctl.d/50-default.conf\t25\tnet.ipv4.conf.*.rp_filter = 2\nf/usr/lib/sysctl.d/50-default.conf\t26\t-net.ipv4.conf.all.rp_filter\nf/x/60.conf\t1\tnet.ipv6.*.x = 1";
        let all = read("net/ipv4/conf/all/rp_filter", lines).unwrap();
        assert_eq!((all.settings.len(), all.configured), (2, None));
        let eth0 = read("net/ipv4/conf/eth0/rp_filter", lines).unwrap();
        assert_eq!((eth0.settings.len(), eth0.configured.as_deref()), (1, Some("2")));
        let own = read("net/ipv4/conf/eth0/rp_filter", &format!("{lines}\nf/a/10.conf\t1\tnet.ipv4.conf.eth0.rp_filter = 0")).unwrap();
        assert_eq!(own.configured.as_deref(), Some("0"));
    }

    #[test]
    fn a_value_may_be_empty_have_tabs_or_lines_or_not_be_there() {
        assert_eq!(read("kernel/core_pattern", "v").unwrap().value.as_deref(), Some(""));
        assert_eq!(read("net/ipv4/tcp_rmem", "v4096\t131072\t6291456").unwrap().value.as_deref(), Some("4096\t131072\t6291456"));
        assert_eq!(read("a/b", "vx\nvy").unwrap().value.as_deref(), Some("x\ny"));
        assert_eq!(read("a/b", "f/etc/sysctl.d/a.conf\t1\ta.b=1").unwrap().value, None);
        assert!(read("a/b", "").is_err() && read("a/b", "f/x\ty\tz").is_err());
    }

    #[test]
    fn the_first_separator_separates() {
        assert_eq!(with_slashes("net.ipv4.conf.eth0/100.forwarding"), "net/ipv4/conf/eth0.100/forwarding");
        assert_eq!(with_slashes("net/ipv4/conf/eth0.100/forwarding"), "net/ipv4/conf/eth0.100/forwarding");
        for bad in ["", "a..b", "a/../b", "/a", "a b", "a.*"] {
            assert!(key(&[bad.into()]).is_err(), "{bad:?}");
        }
    }
}
