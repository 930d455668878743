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

    #[test]
    fn a_holder_without_a_name_is_refused() {
        assert!(HoldLease { holder: String::new(), seconds: 1, does: LeaseDoes::Make }.check().is_err());
        assert!(HoldLease { holder: "x".into(), seconds: 1, does: LeaseDoes::Take("--all".into()) }.check().is_err());
    }
}
