//! The lease that a run holds in the cluster while it changes it: kubectl(1) on a control plane, by that machine's clock.
//!
//! Each write names what it was decided by: a lease that another run has taken since is left alone, and the step fails.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::cluster::AGAIN;
use super::{Action, Call, FAIL, Invalid, check};
use crate::node::kubectl::BY_KUBECTL;
use crate::node::script::Function;
use crate::plan::Touch;

/// Takes the lease, holds on to it, or gives it back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldLease {
    /// The run, in words that no other run has.
    pub holder: String,
    /// How long it holds from now on, in seconds.
    pub seconds: u32,
    /// What is done with it.
    pub does: LeaseDoes,
}

/// The lease that a step changes the cluster under: taken before, waited for where another run has it, and given back after, however
/// the step ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnderLease {
    /// The run, in words that no other run has.
    pub holder: String,
    /// How long it holds from when it is taken, in seconds: as long as the step is expected to take at most, since it is not renewed.
    pub seconds: u32,
    /// How long it is waited for another run, in seconds: not for long, since the machine's own lock is held meanwhile, and nobody may
    /// be left who wants it.
    pub patience: u32,
}

/// What is done with a lease.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeaseDoes {
    /// There is none: it is made.
    Make,
    /// Nobody holds it, or who did renews it no more: it is taken, if it is still that version.
    Take(String),
    /// It is this run's, and is renewed.
    Renew,
    /// It is this run's, and is given back.
    GiveBack,
}

/// Where the time goes in what is sent.
const NOW: &str = "@NOW@";

/// `create` or `patch`, what is sent.
const HOLD: Function = Function {
    name: "s_hold_lease",
    needs: &[&FAIL, &AGAIN, &BY_KUBECTL],
    text: r#"s_send_lease() {
  if [ "$1" = create ]; then
    printf %s "$2" | by_kubectl /etc/kubernetes/admin.conf create -f -
  else
    printf %s "$2" | by_kubectl /etc/kubernetes/admin.conf -n kube-system patch lease homelabctl --type json --patch-file /dev/stdin
  fi
}
s_hold_lease() (
  command -v kubectl >/dev/null || s_fail "there is no kubectl"
  now=$(date -u +%Y-%m-%dT%H:%M:%S.000000Z) || exit 1
  sent=$(printf %s "$2" | sed "s/@NOW@/$now/g") || exit 1
  s_again s_send_lease "$1" "$sent"
)"#,
};

/// Where the version of what was read goes in what is sent.
const VERSION: &str = "@VERSION@";

// who has taken it meanwhile is asked again; any other complaint does not go away by that
/// What is sent to make it, to take it, to give it back; the holder; how long it is waited for; then what is done under it.
pub(super) const UNDER_LEASE: Function = Function {
    name: "s_under_lease",
    needs: &[&HOLD],
    text: r#"s_read_lease() {
  by_kubectl /etc/kubernetes/admin.conf -n kube-system get lease homelabctl --ignore-not-found \
    -o 'jsonpath={.metadata.resourceVersion}{"\n"}{.spec.renewTime}{"\n"}{.spec.leaseDurationSeconds}{"\n"}{.spec.acquireTime}{"\n"}{.spec.holderIdentity}'
}
s_lease_is_free() {
  version= held= since=
  # who has it may be told the next time
  once s_again s_read_lease || { held="somebody unknown ($err)"; return 1; }
  [ -n "$r" ] || return 0
  version=${r%%"$nl"*} r=${r#*"$nl"}
  renewed=${r%%"$nl"*} r=${r#*"$nl"}
  lasts=${r%%"$nl"*} r=${r#*"$nl"}
  since=${r%%"$nl"*} held=${r#*"$nl"}
  [ -n "$held" ] && [ "$held" != "$1" ] || return 0
  case $lasts in ''|*[!0-9]*) s_fail "the cluster's lease, which $held has, lasts '$lasts'; $s_delete_lease" ;; esac
  began=${renewed%%.*} began=${began%Z}
  began=$(date -u -d "${began%%T*} ${began#*T}" +%s) || s_fail "the cluster's lease, which $held has, was renewed at '$renewed'; $s_delete_lease"
  [ "$(date +%s)" -gt "$((began + lasts))" ]
}
s_take_lease() {
  s_delete_lease="if no run of homelabctl is under way any more:  kubectl -n kube-system delete lease homelabctl"
  asked_since=$(date +%s) tries=0
  while :; do
    if s_lease_is_free "$3"; then
      now=$(date -u +%Y-%m-%dT%H:%M:%S.000000Z) || exit 1
      if [ -n "$version" ]; then what=patch sent=$2; else what=create sent=$1; fi
      sent=$(printf %s "$sent" | sed -e "s/@NOW@/$now/g" -e "s/@VERSION@/$version/g") || exit 1
      once s_again s_send_lease "$what" "$sent" && return 0
      tries=$((tries + 1))
      [ "$tries" -lt 3 ] || s_fail "the cluster's lease, which keeps two runs from changing it at once, could not be had: $err"
    elif [ "$(($(date +%s) - asked_since))" -ge "$4" ]; then
      s_fail "$held changes the cluster${since:+, since $since}, and has not given its lease back in $4 s; $s_delete_lease"
    fi
    sleep 3
  done
}
s_under_lease() (
  s_take_lease "$1" "$2" "$4" "$5"
  back=$3
  shift 5
  status=0
  ( "$@" ) || status=$?
  # where it cannot be given back it ends by itself
  once s_again s_send_lease patch "$back" || :
  exit "$status"
)"#,
};

impl UnderLease {
    fn does(&self, does: LeaseDoes) -> String {
        HoldLease { holder: self.holder.clone(), seconds: self.seconds, does }.sent().1.to_string()
    }

    /// What comes before what is done under it.
    pub(super) fn words(&self) -> [String; 5] {
        let take = self.does(LeaseDoes::Take(VERSION.to_owned()));
        [self.does(LeaseDoes::Make), take, self.does(LeaseDoes::GiveBack), self.holder.clone(), self.patience.to_string()]
    }

    pub(super) fn check(&self) -> Result<(), Invalid> {
        if self.holder.contains(VERSION) || self.patience == 0 {
            return check::refuse("holder of a lease", &self.holder, "is none");
        }
        HoldLease { holder: self.holder.clone(), seconds: self.seconds, does: LeaseDoes::Renew }.check()
    }
}

impl HoldLease {
    /// The verb, and what is sent.
    fn sent(&self) -> (&'static str, Value) {
        let set = |name: &str, value: Value| json!({"op": "add", "path": format!("/spec/{name}"), "value": value});
        let ours = json!({"op": "test", "path": "/spec/holderIdentity", "value": self.holder});
        match &self.does {
            LeaseDoes::Make => (
                "create",
                json!({
                    "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "homelabctl", "namespace": "kube-system"},
                    "spec": {"holderIdentity": self.holder, "leaseDurationSeconds": self.seconds, "acquireTime": NOW, "renewTime": NOW},
                }),
            ),
            LeaseDoes::Take(version) => (
                "patch",
                json!([
                    {"op": "test", "path": "/metadata/resourceVersion", "value": version},
                    set("holderIdentity", json!(self.holder)), set("leaseDurationSeconds", json!(self.seconds)),
                    set("acquireTime", json!(NOW)), set("renewTime", json!(NOW)),
                ]),
            ),
            LeaseDoes::Renew => ("patch", json!([ours, set("renewTime", json!(NOW))])),
            LeaseDoes::GiveBack => ("patch", json!([ours, set("holderIdentity", json!(""))])),
        }
    }
}

impl Action for HoldLease {
    fn call(&self) -> Call {
        let (verb, sent) = self.sent();
        Call::new(&HOLD, [verb.to_owned(), sent.to_string()])
    }

    fn touches(&self) -> Vec<Touch> {
        vec![Touch::Files("/etc/kubernetes".into())]
    }

    fn describe(&self) -> String {
        let what = match self.does {
            LeaseDoes::Make | LeaseDoes::Take(_) => "take",
            LeaseDoes::Renew => "renew",
            LeaseDoes::GiveBack => "give back",
        };
        format!("{what} the cluster's lease")
    }

    fn check(&self) -> Result<(), Invalid> {
        if self.holder.is_empty() || self.holder.contains(NOW) || self.seconds == 0 {
            return check::refuse("holder of a lease", &self.holder, "is none");
        }
        match &self.does {
            LeaseDoes::Take(version) => check::word("version of an object", version),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::script::Script;
    use crate::node::testing::{SHELLS, run};

    fn called(does: LeaseDoes) -> Vec<String> {
        let step = HoldLease { holder: "pat on t480 (run 5eed)".into(), seconds: 180, does };
        assert!(step.check().is_ok());
        let call = step.call();
        let mut said = Vec::new();
        for shell in SHELLS {
            let mut script = Script::new();
            script.call(call.function, &call.words).unwrap();
            let fake = "kubectl() { shift 6; printf '%s\\n' \"$*\"; cat; echo; }\ntimeout() { shift; \"$@\"; }\ndate() { echo 2026-11-26T12:00:00.000000Z; }\n";
            said.push(String::from_utf8_lossy(&run(shell, "k1", &format!("{fake}{}", script.finish())).stdout).into_owned());
        }
        assert!(said.iter().all(|one| *one == said[0]), "{said:?}");
        said[0].lines().map(str::to_owned).collect()
    }

    #[test]
    fn each_write_says_what_it_was_decided_by() {
        let now = "2026-11-26T12:00:00.000000Z";
        let made = called(LeaseDoes::Make);
        let lease: Value = serde_json::from_str(&made[1]).unwrap();
        assert_eq!(
            (made[0].as_str(), &lease["spec"]["renewTime"], &lease["spec"]["acquireTime"]),
            ("create -f -", &json!(now), &json!(now))
        );
        let patched = |does: LeaseDoes| {
            let said = called(does);
            assert_eq!(said[0], "-n kube-system patch lease homelabctl --type json --patch-file /dev/stdin");
            serde_json::from_str::<Value>(&said[1]).unwrap()
        };
        let taken = patched(LeaseDoes::Take("42".into()));
        assert_eq!(taken[0], json!({"op": "test", "path": "/metadata/resourceVersion", "value": "42"}));
        assert!(taken.as_array().unwrap().contains(&json!({"op": "add", "path": "/spec/acquireTime", "value": now})));
        for does in [LeaseDoes::Renew, LeaseDoes::GiveBack] {
            assert_eq!(patched(does)[0], json!({"op": "test", "path": "/spec/holderIdentity", "value": "pat on t480 (run 5eed)"}));
        }
    }

    /// What was said and done, the status, and what was complained, where the lease is as that says and the write answers so.
    fn under(is: &str, write: &str, ends: u8) -> (Vec<String>, i32, String) {
        let lease = UnderLease { holder: "pat (run 5eed)".into(), seconds: 480, patience: 1 };
        assert!(lease.check().is_ok());
        let mut said = Vec::new();
        for shell in SHELLS {
            let mut script = Script::new();
            let words = lease.words().into_iter().chain(["does".to_owned(), "it".to_owned()]);
            script.call(&UNDER_LEASE, words).unwrap();
            let log = tempfile::NamedTempFile::new().unwrap();
            let fake = format!(
                "log={}\nkubectl() {{ shift 6; case $* in *' get lease '*) printf '{is}' ;; *) cat >>\"$log\"; echo >>\"$log\"; {write} ;; esac; }}\n\
                 timeout() {{ shift; \"$@\"; }}\nsleep() {{ :; }}\ndoes() {{ echo \"did $1\" >>\"$log\"; exit {ends}; }}\n",
                log.path().display()
            );
            let output = run(shell, "k1", &format!("{fake}{}", script.finish()));
            let lines: Vec<String> = std::fs::read_to_string(log.path()).unwrap().lines().map(str::to_owned).collect();
            said.push((lines, output.status.code().unwrap(), String::from_utf8_lossy(&output.stderr).into_owned()));
        }
        let statuses: Vec<_> = said.iter().map(|(lines, status, _)| (lines.len(), *status)).collect();
        assert!(statuses.iter().all(|one| *one == statuses[0]), "{said:?}");
        said.remove(0)
    }

    #[test]
    fn what_is_done_under_it_is_done_between_taking_it_and_giving_it_back() {
        let of = |line: &String| serde_json::from_str::<Value>(line).unwrap();
        let free = "7\\n2020-01-01T00:00:00.000000Z\\n180\\n2020-01-01T00:00:00.000000Z\\n";
        for (is, takes) in [("", "coordination.k8s.io/v1"), (free, "7"), (format!("{free}sam").as_str(), "7")] {
            for ends in [0, 3] {
                let (lines, status, _) = under(is, ":", ends);
                let [taken, did, back] = lines.as_slice() else { panic!("{lines:?}") };
                assert!(of(taken).to_string().contains(takes) && !taken.contains('@'), "{taken}");
                assert_eq!((did.as_str(), status != 0), ("did it", ends != 0));
                assert_eq!(of(back)[1]["value"], "");
            }
        }
    }

    #[test]
    fn nothing_is_done_without_it() {
        let held = "7\\n2090-01-01T00:00:00.000000Z\\n180\\n2026-11-26T12:00:00.000000Z\\nsam on x";
        let (lines, status, said) = under(held, ":", 0);
        assert!(lines.is_empty() && status != 0 && said.contains("sam on x changes the cluster, since 2026-11-26T12"), "{lines:?} {said}");
        // its own is renewed
        assert_eq!(under(&held.replace("sam on x", "pat (run 5eed)"), ":", 0).0.len(), 3);
        let (lines, status, said) = under("", "echo Forbidden >&2; return 1", 0);
        assert!(!lines.contains(&"did it".to_owned()) && status != 0 && said.contains("could not be had: Forbidden"), "{lines:?} {said}");
        // who has it could not be read
        let (lines, status, said) = under("'; echo Forbidden >&2; return 1; : '", ":", 0);
        assert!(
            lines.is_empty() && status != 0 && said.contains("somebody unknown (Forbidden) changes the cluster, and"),
            "{lines:?} {said}"
        );
        assert!(under("7\\nyesterday?\\n180\\n\\nsam", ":", 0).2.contains("was renewed at 'yesterday?'"));
    }

    #[test]
    fn a_holder_without_a_name_is_refused() {
        assert!(UnderLease { holder: String::new(), seconds: 1, patience: 1 }.check().is_err());
        assert!(HoldLease { holder: String::new(), seconds: 1, does: LeaseDoes::Make }.check().is_err());
        assert!(HoldLease { holder: "x".into(), seconds: 1, does: LeaseDoes::Take("--all".into()) }.check().is_err());
    }
}
