//! Values of Cilium's chart that cannot be a person's: those that this program gives, and those by which no run would be the last one.

use serde_json::{Map, Value, json};

use super::agree::Check;

/// Values that this program gives, and why.
pub(super) const OURS: [(&str, &str); 4] = [
    ("kubeProxyReplacement", "kube-proxy stays, and two that do its work break every service"),
    ("ipam", "pods get their addresses of `network.pods`"),
    ("k8sServiceHost", "it is the endpoint"),
    ("k8sServicePort", "it is the endpoint's"),
];

/// What has certificates: what turns it on, and where its `tls` is.
const WITH_CERTIFICATES: [(&[&str], &[&str]); 2] =
    [(&["hubble", "enabled"], &["hubble", "tls"]), (&["clustermesh", "useAPIServer"], &["clustermesh", "apiserver", "tls"])];

/// Ways in which the chart makes certificates: `helm` signs others at each call, `cronJob` has a hook that only helm itself runs.
const MADE_ANEW: [&str; 2] = ["helm", "cronJob"];

/// Finds them.
pub(super) fn check(check: &mut Check<'_>) {
    let values = check.settings.cni.values.clone();
    // what kube-proxy in IPVS mode and the networks of the settings depend on
    for (name, why) in OURS {
        if values.contains_key(name) {
            check.error(&["cni", "values", name], format!("`cni.values.{name}` is not yours to set: {why}"), "take it away");
        }
    }
    for (switch, tls) in WITH_CERTIFICATES {
        let is = |path: &[&str], wanted: bool| at(&values, path) == Some(&Value::Bool(wanted));
        let below = |names: &[&'static str]| [tls, names].concat();
        let method = at(&values, &below(&["auto", "method"])).and_then(Value::as_str).unwrap_or("helm");
        if is(switch, true) && !is(&below(&["enabled"]), false) && !is(&below(&["auto", "enabled"]), false) && MADE_ANEW.contains(&method) {
            let what = format!("`cni.values.{}`: the chart would make other certificates at each run", switch.join("."));
            let tls = tls.join(".");
            let hint = format!(
                "turn it on once Flux or helm has taken Cilium over, or bring certificates: `{tls}.auto.enabled: false`, or `{tls}.auto.method: certmanager`"
            );
            check.error(&[&["cni", "values"], switch].concat(), what, &hint);
        }
    }
}

fn at<'a>(values: &'a Map<String, Value>, path: &[&str]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    rest.iter().try_fold(values.get(*first)?, |value, name| value.get(name))
}

/// The same as JSON Schema, of `cni.values`.
pub(super) fn schema() -> Value {
    let ours: Map<String, Value> = OURS.iter().map(|(name, _)| ((*name).to_owned(), json!(false))).collect();
    let not_false = json!({ "not": { "enum": [false] } });
    let auto = json!({ "properties": { "enabled": not_false, "method": { "enum": MADE_ANEW } } });
    let tls_anew = json!({ "properties": { "enabled": not_false, "auto": auto } });
    let anew = WITH_CERTIFICATES.map(|(switch, tls)| {
        let is_on = nested(switch, true, json!({ "enum": [true] }));
        json!({ "not": { "allOf": [is_on, nested(tls, false, tls_anew.clone())] } })
    });
    json!({ "properties": ours, "allOf": anew })
}

/// `rule` for what is at that path, which has to be there or need not.
fn nested(path: &[&str], required: bool, rule: Value) -> Value {
    path.iter().rev().fold(rule, |rule, name| {
        if required { json!({ "required": [name], "properties": { *name: rule } }) } else { json!({ "properties": { *name: rule } }) }
    })
}
