//! What containerd says of itself as it runs, in the words of Kubernetes' interface to it: crictl(1).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Kind, json};
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// How containerd answers as a runtime of Kubernetes. Absent: there is no crictl to ask it by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cri;

impl Fact for Cri {
    type Value = CriState;

    fn query(&self) -> Query {
        Query::new(KIND.name, ["containerd"], vec![Touch::Files("/etc/containerd".into()), Touch::Packages, Touch::Units])
    }
}

/// A runtime's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CriState {
    /// Whether it answers.
    pub answers: bool,
    /// Why it does not: its own words.
    pub why_not: Option<String>,
    /// Whether its configuration is newer than what runs.
    pub is_outdated: bool,
    /// Whether runc's default runtime leaves cgroups to systemd; none where it does not say.
    pub systemd_cgroups: Option<bool>,
}

pub(super) const KIND: Kind = Kind {
    name: "cri",
    function: &PROBE,
    merged: false,
    words: |args| if args.len() == 1 { Ok(Vec::new()) } else { Err("one word is wanted".into()) },
    parse: |_, text| json(read(text)?),
};

// The socket is made anew whenever it starts. Who does not answer is told from who cannot be asked: only the first is known.
static PROBE: Function = Function {
    name: "probe_cri",
    text: r#"
probe_cri() {
  id=$1 socket=/run/containerd/containerd.sock state=fresh
  command -v crictl >/dev/null || { r=; answer "$id" 44; return; }
  if ! [ -S "$socket" ]; then r="down there is no $socket"; answer "$id" 0; return; fi
  set --
  for f in /etc/containerd/config.toml /etc/containerd/conf.d; do [ ! -e "$f" ] || set -- "$@" "$f"; done
  if [ $# -gt 0 ]; then
    take find "$@" -newer "$socket" || { r=$err; answer "$id" 1; return; }
    [ -z "$r" ] || state=outdated
  fi
  if take crictl --config /dev/null --runtime-endpoint "unix://$socket" --timeout 10s info; then
    r="$state $r"
    answer "$id" 0
    return
  fi
  case $err in
  *"unknown service runtime.v1"*|*"connection refused"*) r="down $err"; answer "$id" 0 ;;
  *) r=$err; answer "$id" 1 ;;
  esac
}
"#,
    needs: &[],
};

fn read(text: &str) -> Result<CriState, String> {
    let (state, said) = text.split_once(' ').ok_or_else(|| format!("a state as {text:?}"))?;
    let is_outdated = match state {
        "down" => {
            return Ok(CriState { answers: false, why_not: Some(said.trim_end().to_owned()), is_outdated: false, systemd_cgroups: None });
        }
        "outdated" => true,
        "fresh" => false,
        other => return Err(format!("a state as {other:?}")),
    };
    let info: Value = serde_json::from_str(said).map_err(|error| format!("crictl's answer is not JSON: {error}"))?;
    let conditions = info.pointer("/status/conditions").and_then(Value::as_array).ok_or("crictl's answer has no conditions")?;
    let ready = conditions.iter().find(|condition| condition.get("type").is_some_and(|kind| kind == "RuntimeReady"));
    let ready = ready.ok_or("crictl's answer does not say whether the runtime is ready")?;
    let answers = ready.get("status").is_some_and(|status| status == true);
    let why_not = ready.get("message").and_then(Value::as_str).filter(|_| !answers).map(str::to_owned);
    let runtimes = info.pointer("/config/containerd");
    let default = runtimes.and_then(|all| all.get("defaultRuntimeName")).and_then(Value::as_str).unwrap_or("runc");
    let runtime = runtimes.and_then(|all| all.get("runtimes")).and_then(|all| all.get(default).or_else(|| all.get("runc")));
    let systemd_cgroups = runtime.and_then(|one| one.pointer("/options/SystemdCgroup")).and_then(Value::as_bool);
    // what says nothing of it does as it was made: by itself
    let systemd_cgroups = systemd_cgroups.or(runtime.is_some().then_some(false));
    Ok(CriState { answers, why_not, is_outdated, systemd_cgroups })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_answers_is_told_from_who_does_not() {
        let info = r#"fresh {"config":{"containerd":{"defaultRuntimeName":"runc","runtimes":{"runc":{"options":{"SystemdCgroup":true}}}}},
            "status":{"conditions":[{"type":"NetworkReady","status":false},{"type":"RuntimeReady","status":true,"message":""}]}}"#;
        let state = read(info).unwrap();
        assert_eq!(state, CriState { answers: true, why_not: None, is_outdated: false, systemd_cgroups: Some(true) });
        let silent = info.replace("\"SystemdCgroup\":true", "").replace("fresh", "outdated");
        let state = read(&silent).unwrap();
        assert_eq!((state.is_outdated, state.systemd_cgroups), (true, Some(false)));
        let down = read("down there is no /run/containerd/containerd.sock").unwrap();
        assert_eq!((down.answers, down.why_not.as_deref()), (false, Some("there is no /run/containerd/containerd.sock")));
        assert!(read("fresh {}").is_err() && read("").is_err() && read("fresh x").is_err());
    }
}
