//! What the settings mean for a cluster that lives: what stops a run before it changes anything, and what it only tells of.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::told::{Told, speaks};
use super::{Difference, Outcome, Stored, differences, outcome};
use crate::cluster::kubeadm_config::{ETCD_DATA, endpoint};
use crate::cluster::membership::Seen;
use crate::cluster::settings::Settings;
use crate::plan::Refusal;

/// The settings against a cluster, by what its machines told.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Verdict {
    /// Whose word it is what the cluster has; none: there is no cluster that answers, so nothing is compared with it.
    pub by: Option<String>,
    /// What the cluster, or some of its machines, has otherwise.
    pub differences: Vec<Difference>,
    /// Where etcd has its data, and who says so, if that is another place than the one that this program knows.
    pub etcd_data: Vec<(String, String)>,
}

/// The verdict on these settings, by what each machine told, by its host. What could not be read is no difference, or an unknown one.
pub fn verdict(settings: &Settings, told: &BTreeMap<String, Told>) -> Verdict {
    let mut verdict = Verdict::default();
    for (host, told) in told {
        if let Seen::Present(place) = &told.etcd_data
            && place != ETCD_DATA
        {
            verdict.etcd_data.push((format!("{host}'s etcd.yaml"), place.clone()));
        }
    }
    if let Some((host, _, contents)) = speaks(&endpoint(settings), told) {
        let stored = Stored::of(contents, told);
        verdict.by = Some(host.to_owned());
        verdict.differences = differences(settings, &stored);
        verdict.etcd_data.extend(stored.etcd_data().map(|place| ("the cluster's configuration".to_owned(), place.to_owned())));
    }
    verdict.differences.extend(of_kubelets(settings, told));
    verdict
}

/// Arguments of kubelets that the settings have and machines have otherwise. What else stands there is kubeadm's, as far as anybody knows.
fn of_kubelets(settings: &Settings, told: &BTreeMap<String, Told>) -> Vec<Difference> {
    const SETTING: &str = "extra_arguments.kubelet";
    let asked = &settings.extra_arguments.kubelet;
    let mut all: Vec<Difference> = Vec::new();
    for (host, told) in told {
        let (wanted, found, becomes) = match &told.kubelet {
            Seen::Absent => continue,
            Seen::Unknown(_) if asked.is_empty() => continue,
            Seen::Unknown(why) => (json!(asked), Value::Null, Outcome::Unknown(why.to_string())),
            Seen::Present(has) => {
                let other: BTreeMap<_, _> = asked.iter().filter(|(name, value)| has.get(*name) != Some(value)).collect();
                let is: BTreeMap<_, _> = other.keys().filter_map(|name| has.get_key_value(name.as_str())).collect();
                if other.is_empty() {
                    continue;
                }
                (json!(other), json!(is), outcome(SETTING))
            }
        };
        match all.iter_mut().find(|one| (&one.wanted, &one.found, &one.outcome) == (&wanted, &found, &becomes)) {
            Some(same) => same.hosts.push(host.clone()),
            None => all.push(Difference { setting: SETTING.to_owned(), wanted, found, outcome: becomes, hosts: vec![host.clone()] }),
        }
    }
    all
}

impl Verdict {
    /// Why nothing may be changed on any host.
    pub fn refusal(&self) -> Option<Refusal> {
        let (mut why, mut hint) = (Vec::new(), Vec::new());
        let mut reasons = BTreeSet::new();
        for one in &self.differences {
            let Outcome::Refused(reason) = &one.outcome else { continue };
            let by = self.by.as_deref().unwrap_or_default();
            if one.found.is_null() {
                // each setting of what is not there has the same reason
                if reasons.insert(reason) {
                    why.push(format!("{reason} (so {by} says)"));
                    hint.push("to see all that was seen:  homelabctl cluster status".to_owned());
                }
                continue;
            }
            let (found, wanted) = (shown(&one.found), shown(&one.wanted));
            why.push(format!("`{}` is {found} in the cluster, by {by}, and the settings say {wanted}: {reason}", one.setting));
            hint.push(format!("write what the cluster has into `cluster` of the inventory:  {}", written(&one.setting, &found)));
        }
        for (who, place) in &self.etcd_data {
            why.push(format!(
                "etcd has its data in {place}, by {who}, and only {ETCD_DATA} is known here: a control plane would be taken for one without data"
            ));
        }
        if !self.etcd_data.is_empty() {
            hint.push(format!(
                "move the data to {ETCD_DATA}, on one control plane after the other, and with it `--data-dir` and the volume of etcd.yaml, and \
                 `dataDir` in:  kubectl -n kube-system edit configmap kubeadm-config"
            ));
        }
        if why.is_empty() {
            return None;
        }
        hint.push("then again:  homelabctl provision".to_owned());
        Some(Refusal { why: format!("{}; nothing was changed", why.join("; ")), hint: Some(hint.join("\n")) })
    }

    /// What is told and changes nothing: each difference that stays, and what could not be compared.
    pub fn warnings(&self) -> Vec<String> {
        let drift = self.differences.iter().filter(|one| matches!(one.outcome, Outcome::Drift(_)));
        let mut warnings: Vec<String> = drift.map(|one| format!("the cluster has a setting otherwise, and keeps it: {one}")).collect();
        let mut unknown: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for one in &self.differences {
            if let Outcome::Unknown(why) = &one.outcome {
                unknown.entry(why).or_default().push(&one.setting);
            }
        }
        warnings
            .extend(unknown.into_iter().map(|(why, settings)| format!("not compared with the cluster: {} ({why})", settings.join(", "))));
        warnings
    }
}

/// A value as a person writes it.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::Null => "absent".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// `endpoint: {host: kube.example.net}`
fn written(setting: &str, value: &str) -> String {
    match setting.split_once('.') {
        Some((part, name)) => format!("{part}: {{{name}: {value}}}"),
        None => format!("{setting}: {value}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::kubeadm_config::{self, as_json};
    use crate::cluster::settings::testing::settings;
    use crate::node::facts::{ClusterAnswer, ClusterContents, ClusterNode, ClusterObjectsState};

    fn contents(of: &Settings) -> ClusterContents {
        let stored = [
            ("kubeadm-config/ClusterConfiguration", as_json(&kubeadm_config::cluster(of))),
            ("kubelet-config/kubelet", as_json(&kubeadm_config::kubelet(of))),
            ("kube-proxy/config.conf", as_json(&kubeadm_config::kube_proxy(of))),
        ];
        ClusterContents {
            version: "v1.34.2".into(),
            endpoint_is_silent: None,
            asked_at: 0,
            admin_has_no_rights: false,
            nodes: Ok(Vec::new()),
            requests: Ok(Vec::new()),
            found: ["kubeadm-config", "kubelet-config", "kube-proxy"].map(|name| format!("ConfigMap/{name}")).into(),
            not_asked: None,
            not_asked_public: None,
            stored: stored.map(|(key, document)| (key.to_owned(), document.to_string())).into(),
            lease: None,
            tokens: Ok(Vec::new()),
        }
    }

    fn says(server: &str, contents: ClusterContents) -> Told {
        let answer = ClusterAnswer::Answers(Box::new(contents));
        let objects = Seen::Present(ClusterObjectsState { authority: String::new(), server: format!("https://{server}"), answer });
        Told { objects, kube_vip: Seen::Absent, etcd_data: Seen::Present(ETCD_DATA.into()), kubelet: Seen::Present(BTreeMap::new()) }
    }

    const HERE: &str = "kube.example.net:6443";
    const BASE: &str = "endpoint: {host: kube.example.net, served_by: external}\n";

    fn of(wanted: &str, told: Vec<Told>) -> Verdict {
        verdict(&settings(&format!("{BASE}{wanted}")), &["m1", "m2", "m3"].map(str::to_owned).into_iter().zip(told).collect())
    }

    fn made(with: &str) -> ClusterContents {
        contents(&settings(&format!("{BASE}{with}")))
    }

    #[test]
    fn nothing_is_told_of_a_cluster_that_is_as_it_was_made_or_does_not_answer() {
        let same = of("", vec![says(HERE, made(""))]);
        assert_eq!((same.refusal(), same.warnings(), same.by.as_deref()), (None, Vec::new(), Some("m1")));
        let silent = Told { objects: Seen::Unknown("no route".into()), ..says(HERE, made("")) };
        assert_eq!(of("version: v1.33.1", vec![silent]), Verdict::default());
        let cut = ClusterContents { not_asked: Some("time-out".into()), ..made("") };
        assert_eq!(of("version: v1.33.1", vec![says(HERE, cut)]), Verdict::default());
    }

    #[test]
    fn what_is_fixed_stops_all_with_what_was_seen_and_what_to_write() {
        let all = of("version: v1.34.2\nnetwork: {pods: 10.20.0.0/16}", vec![says(HERE, made("version: v1.33.4"))]);
        let refusal = all.refusal().unwrap();
        insta::assert_snapshot!(format!("{}\n\n{}", refusal.why, refusal.hint.unwrap()));
        // another endpoint is not heard of at the new one
        let new = settings("endpoint: {host: new.example.net, served_by: external}");
        let other = verdict(&new, &BTreeMap::from([("m1".to_owned(), says(HERE, made("")))]));
        assert!(other.refusal().unwrap().why.contains("`endpoint.host` is kube.example.net in the cluster, by m1"), "{other:?}");
        // who leads to the endpoint speaks for the cluster, and not another one's machine
        let foreign = says("10.8.8.8:6443", made("name: other"));
        assert_eq!(of("", vec![foreign, says(HERE, made(""))]).refusal(), None);
    }

    #[test]
    fn drift_is_a_warning_and_so_is_what_could_not_be_compared() {
        let mut told = says(HERE, made("certificate_names: [a.lan]\nkubelet: {maxPods: 100}"));
        told.kubelet = Seen::Present(BTreeMap::from([("v".to_owned(), "2".to_owned()), ("node-ip".to_owned(), "10.0.0.1".to_owned())]));
        let drift = of("certificate_names: [a.lan, b.lan]\nextra_arguments: {kubelet: {v: 4}}", vec![told.clone(), told]);
        assert_eq!(drift.refusal(), None);
        insta::assert_snapshot!(drift.warnings().join("\n"));
        let broken =
            ClusterContents { stored: BTreeMap::from([("kubeadm-config/ClusterConfiguration".into(), "a: [".into())]), ..made("") };
        let unknown = of("", vec![says(HERE, broken)]);
        assert_eq!(unknown.refusal(), None);
        assert!(unknown.warnings().len() >= 2 && unknown.warnings()[0].starts_with("not compared with the cluster: "), "{unknown:?}");
    }

    #[test]
    fn without_kube_proxy_it_is_another_cluster_once_others_have_joined() {
        let without = |nodes: &[&str]| {
            let mut contents = made("");
            contents.found.remove("ConfigMap/kube-proxy");
            contents.stored.remove("kube-proxy/config.conf");
            let node = |name: &&str| ClusterNode {
                name: (*name).into(),
                uid: String::new(),
                machine_id: String::new(),
                kubelet_version: String::new(),
                labels: BTreeMap::new(),
                annotations: BTreeMap::new(),
                taints: BTreeSet::new(),
                ready: None,
            };
            of("", vec![says(HERE, ClusterContents { nodes: Ok(nodes.iter().map(node).collect()), ..contents })])
        };
        assert_eq!(without(&["m1"]).refusal(), None);
        assert!(without(&["m1", "w1"]).refusal().unwrap().why.starts_with("the cluster has no kube-proxy"));
    }

    #[test]
    fn another_place_of_etcds_data_is_refused() {
        let told = Told { etcd_data: Seen::Present("/data/etcd".into()), ..says(HERE, made("")) };
        let refusal = of("", vec![told]).refusal().unwrap();
        assert!(refusal.why.contains("etcd has its data in /data/etcd, by m1's etcd.yaml"), "{refusal:?}");
        let mut contents = made("");
        let document = contents.stored.get_mut("kubeadm-config/ClusterConfiguration").unwrap();
        let mut value: Value = serde_json::from_str(document).unwrap();
        value["etcd"] = json!({"local": {"dataDir": "/mnt/e"}});
        *document = value.to_string();
        let refusal = of("", vec![says(HERE, contents)]).refusal().unwrap();
        assert!(refusal.why.contains("in /mnt/e, by the cluster's configuration"), "{refusal:?}");
    }
}
