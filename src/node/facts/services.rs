//! All services: systemctl(1) `list-units` and `list-unit-files`, service(8) `--status-all`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::unit::ground;
use super::{Kind, json};
use crate::node::script::Function;
use crate::plan::{Fact, Query};

/// All services of systemd and of init scripts, as Ansible's `service_facts` tells of them. They move by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Services;

impl Fact for Services {
    type Value = BTreeMap<String, ServiceEntry>;

    fn query(&self) -> Query {
        Query::new(KIND.name, ["all"], ground()).moving()
    }
}

/// A service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceEntry {
    /// Its name, of systemd's with the suffix.
    pub name: String,
    /// `running` or `stopped`; of what systemd has not loaded `active`, `inactive` or `unknown`.
    pub state: String,
    /// Of systemd's: `enabled`, `static`, `not-found`, `failed`…
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// `systemd` or `sysv`.
    pub source: String,
}

/// Its one argument keeps it out of what is asked of every machine: it takes long.
pub(super) const KIND: Kind = Kind {
    name: "services",
    function: &PROBE,
    merged: false,
    words: |args| if args.len() == 1 { Ok(Vec::new()) } else { Err("one word is wanted".into()) },
    parse: |_, text| json(read(text)),
};

// Of unit files that no unit was made of the state is asked, of all in one call; a template cannot be asked.
static PROBE: Function = Function {
    name: "probe_services",
    text: r#"
probe_services() {
  sysv= units= files= asked=
  if command -v service >/dev/null && ! command -v chkconfig >/dev/null && ! command -v rc-status >/dev/null; then
    sysv=$(exec service --status-all 2>/dev/null)
  fi
  if [ -d /run/systemd/system ] && command -v systemctl >/dev/null; then
    units=$(exec systemctl list-units --no-pager --type service --all --plain 2>/dev/null) &&
      files=$(exec systemctl list-unit-files --no-pager --type service --all 2>/dev/null) ||
      { r="systemctl does not list its units"; answer "$1" 1; return; }
    names=$nl IFS=$nl
    for l in $units; do names=$names${l%%" "*}$nl; done
    IFS=$ifs
    set -- "$1"
    while read -r name rest; do
      case $name in
      *@.service) ;;
      *.service) case $names in *"$nl$name$nl"*) ;; *) set -- "$@" "$name"; asked="$asked$name$nl" ;; esac ;;
      esac
    done <<END
$files
END
  fi
  id=$1; shift
  states=
  [ $# = 0 ] || states=$(exec systemctl show --no-pager -p ActiveState -- "$@" 2>/dev/null) || states=
  r="$sysv$nl--units$nl$units$nl--files$nl$files$nl--asked$nl$asked--states$nl$states"
  answer "$id" 0
}
"#,
    needs: &[],
};

/// Among the words of a line of `list-units` these say more than whether it is active.
const BAD: [&str; 3] = ["not-found", "masked", "failed"];

fn read(text: &str) -> BTreeMap<String, ServiceEntry> {
    let mut services = BTreeMap::new();
    let (mut section, mut asked, mut states) = ("", Vec::new(), Vec::new());
    let mut files = Vec::new();
    for line in text.lines() {
        match (section, line) {
            (_, "--units" | "--files" | "--asked" | "--states") => section = line,
            ("", line) => add_script(&mut services, line),
            ("--units", line) if line.contains(".service") => add_unit(&mut services, line),
            ("--files", line) if line.contains(".service") => files.push(line),
            ("--asked", name) => asked.push(name),
            ("--states", line) => states.extend(line.strip_prefix("ActiveState=")),
            _ => {}
        }
    }
    let state_of = |name: &str| {
        let at = asked.iter().position(|asked| *asked == name).filter(|_| asked.len() == states.len());
        at.and_then(|at| states.get(at)).map_or_else(|| "unknown".to_owned(), |state| (*state).to_owned())
    };
    for line in files {
        let mut words = line.split_whitespace();
        let (Some(name), Some(status)) = (words.next(), words.next()) else { continue };
        match services.get_mut(name) {
            None => {
                let entry =
                    ServiceEntry { name: name.into(), state: state_of(name), source: "systemd".into(), status: Some(status.into()) };
                services.insert(name.to_owned(), entry);
            }
            Some(entry) if entry.status.as_deref().is_some_and(|status| BAD.contains(&status)) => {}
            Some(entry) => entry.status = Some(status.into()),
        }
    }
    services
}

/// ` [ + ]  ssh`
fn add_script(services: &mut BTreeMap<String, ServiceEntry>, line: &str) {
    let (state, name) = match line.trim_start().split_once(" ]") {
        Some(("[ +", name)) => ("running", name),
        Some(("[ -", name)) => ("stopped", name),
        _ => return,
    };
    if !name.starts_with(char::is_whitespace) {
        return;
    }
    let name = name.trim_start();
    services.insert(name.into(), ServiceEntry { name: name.into(), state: state.into(), source: "sysv".into(), status: None });
}

/// `ssh.service loaded active running OpenBSD Secure Shell server`
fn add_unit(services: &mut BTreeMap<String, ServiceEntry>, line: &str) {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let [name, _, active, sub, ..] = fields.as_slice() else { return };
    let all_but_last = fields.get(..fields.len() - 1).unwrap_or_default();
    let status = BAD.into_iter().find(|bad| all_but_last.contains(bad)).unwrap_or(active);
    let state = if *sub == "running" { "running" } else { "stopped" };
    let entry = ServiceEntry { name: (*name).into(), state: state.into(), source: "systemd".into(), status: Some(status.into()) };
    services.insert((*name).to_owned(), entry);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_files_and_scripts_come_together() {
        let text = " [ + ]  ssh\n [ - ]  cron\n [ ? ]  odd\n--units\n  UNIT LOAD ACTIVE SUB DESCRIPTION\n\
                    ssh.service loaded active running OpenBSD Secure Shell server\n\
                    gone.service not-found inactive dead gone.service\n\
                    hit.service loaded failed failed Hit\n\nLOAD = Reflects\n--files\nUNIT FILE STATE PRESET\n\
                    ssh.service enabled enabled\ngetty@.service enabled enabled\nhit.service disabled enabled\n\
                    x.service static -\n--asked\nx.service\n--states\nActiveState=inactive";
        let services = read(text);
        let shown = |name: &str| {
            let entry = &services[name];
            format!("{} {} {}", entry.state, entry.status.as_deref().unwrap_or("-"), entry.source)
        };
        assert_eq!(shown("ssh.service"), "running enabled systemd");
        assert_eq!(shown("gone.service"), "stopped not-found systemd");
        assert_eq!(shown("hit.service"), "stopped failed systemd");
        assert_eq!((shown("getty@.service"), shown("x.service")), ("unknown enabled systemd".into(), "inactive static systemd".into()));
        assert_eq!((shown("ssh"), shown("cron"), services.len()), ("running - sysv".into(), "stopped - sysv".into(), 7));
        assert!(read("").is_empty());
    }
}
