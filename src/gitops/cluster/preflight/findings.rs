//! What is found in a cluster before anything is done to it.

use std::fmt;

use jiff::SignedDuration;
use semver::Version;
use serde_json::Value;

use super::super::diagnosis::workload::blocked;
use super::super::fields::{number, text};
use super::{GIT_REPOSITORIES, Look, Part, nodes};

/// A minor version: 2.9 is `(2, 9)`.
type Minor = (u64, u64);
/// The oldest Kubernetes of each minor version of Flux, as its `check --pre` has it.
const OLDEST: &[(Minor, Minor)] = &[((2, 9), (1, 33)), ((2, 8), (1, 33)), ((2, 7), (1, 32)), ((2, 6), (1, 31))];
/// A patch version below which Flux's documentation advises against a minor version of Kubernetes.
const ADVISED: &[(u64, u64, u64)] = &[(1, 34, 1)];
/// How far the clocks may be apart: tokens and certificates are believed for some minutes around their time.
const CLOCKS: SignedDuration = SignedDuration::from_mins(5);

/// How grave a finding is; the gravest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// It stops us.
    Refuse,
    /// It will be in the way, or may be.
    Warn,
    /// It could not be looked at.
    Unknown,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How grave it is.
    pub level: Level,
    /// What was seen.
    pub seen: String,
    /// Why it matters.
    pub why: String,
    /// The command that goes on.
    pub next: Option<String>,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let clean = |text: &str| text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>();
        write!(f, "{}; {}", clean(&self.seen), clean(&self.why))
    }
}

impl Finding {
    pub(super) fn refuse(seen: impl Into<String>, why: impl Into<String>) -> Self {
        Self { level: Level::Refuse, seen: seen.into(), why: why.into(), next: None }
    }

    pub(super) fn warn(seen: impl Into<String>, why: impl Into<String>) -> Self {
        Self { level: Level::Warn, ..Self::refuse(seen, why) }
    }

    /// One that stops us, unless there is another way.
    pub(super) fn of(is_other_way: bool, seen: impl Into<String>, why: impl Into<String>) -> Self {
        if is_other_way { Self::warn(seen, why) } else { Self::refuse(seen, why) }
    }

    pub(super) fn next(mut self, command: impl Into<String>) -> Self {
        self.next = Some(command.into());
        self
    }
}

/// What the cluster is to be handed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Flux's version, without the `v`.
    pub flux: Version,
    /// Flux's namespace.
    pub namespace: String,
    /// The taints that its pods are to tolerate, whatever their value (`--toleration-keys`).
    pub toleration_keys: Vec<String>,
}

/// What is found, the gravest first.
pub fn findings(look: &Look, wanted: &Wanted) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut part = |name: &str, findings: Part<Vec<Finding>>| match findings {
        Ok(findings) => found.extend(findings),
        Err(reason) => {
            let why = "what could not be looked at may still be in the way";
            found.push(Finding { level: Level::Unknown, ..Finding::warn(format!("{name}: {reason}"), why) });
        }
    };
    fn of<T>(seen: &Part<T>, judge: impl FnOnce(&T) -> Vec<Finding>) -> Part<Vec<Finding>> {
        seen.as_ref().map(judge).map_err(Clone::clone)
    }
    part("Kubernetes' version", of(&look.version, |version| self::version(version, &wanted.flux)));
    part("the cluster's clock", of(&look.clock, |ahead| clock(*ahead)));
    part("our rights", of(&look.may_all, |may| rights(*may)));
    part("the nodes", of(&look.nodes, |seen| nodes::findings(seen, &wanted.toleration_keys)));
    part("the cluster's DNS", of(&look.dns, |dns| self::dns(dns)));
    part("Flux's namespace", of(&look.namespace, |namespace| terminating_namespace(namespace.as_ref())));
    part(
        "Flux's definitions",
        of(&look.definitions, |definitions| self::definitions(definitions, look.controllers.as_deref().unwrap_or_default())),
    );
    part("Flux's controllers", of(&look.controllers, |_| Vec::new()));
    part("Flux's operator", of(&look.instances, |instances| operator(instances)));
    found.sort_by_key(|finding| finding.level);
    found
}

fn version(seen: &str, flux: &Version) -> Vec<Finding> {
    // v1.33.1+k3s1, v1.34.0-eks-1: what comes after the numbers is a distribution's
    let numbers = seen.trim_start_matches('v').split(['+', '-']).next().unwrap_or_default();
    let Ok(kubernetes) = Version::parse(numbers) else {
        let why = "it cannot be compared with what Flux wants";
        return vec![Finding { level: Level::Unknown, ..Finding::warn(format!("Kubernetes says that it is {seen}"), why) }];
    };
    let known = OLDEST.iter().find(|(minor, _)| *minor == (flux.major, flux.minor)).or_else(|| {
        // a newer Flux wants at least what the newest that is known here wants
        OLDEST.first().filter(|(minor, _)| *minor < (flux.major, flux.minor))
    });
    let Some((_, oldest)) = known else { return Vec::new() };
    if (kubernetes.major, kubernetes.minor) < *oldest {
        let why = format!("Flux {flux} wants at least {}.{}", oldest.0, oldest.1);
        return vec![Finding::refuse(format!("Kubernetes is {kubernetes}"), why).next("homelabctl bootstrap --version OLDER")];
    }
    let advised =
        ADVISED.iter().find(|(major, minor, patch)| (kubernetes.major, kubernetes.minor) == (*major, *minor) && kubernetes.patch < *patch);
    let warn = |(major, minor, patch): &(u64, u64, u64)| {
        Finding::warn(format!("Kubernetes is {kubernetes}"), format!("Flux advises at least {major}.{minor}.{patch}"))
    };
    advised.map(warn).into_iter().collect()
}

fn clock(ahead: SignedDuration) -> Vec<Finding> {
    if ahead.abs() <= CLOCKS {
        return Vec::new();
    }
    let (minutes, side) = (ahead.abs().as_mins(), if ahead.is_negative() { "behind" } else { "ahead of" });
    let why = "tokens and certificates are taken for too old, or for not valid yet";
    vec![Finding::warn(format!("the cluster's clock is {minutes} min {side} this machine's"), why).next("timedatectl timesync-status")]
}

fn rights(may_all: bool) -> Vec<Finding> {
    if may_all {
        return Vec::new();
    }
    let why = "Flux is given the rights of cluster-admin, and nobody may give what they do not have";
    vec![Finding::refuse("you may not do everything in this cluster", why).next("kubectl auth can-i '*' '*' --all-namespaces")]
}

fn dns(deployments: &[Value]) -> Vec<Finding> {
    let why = "Flux's controllers find neither each other nor the repository without it";
    let Some(first) = deployments.first() else {
        let seen = "there is no CoreDNS in kube-system";
        return vec![Finding::warn(seen, why).next("kubectl -n kube-system get services,pods -l k8s-app=kube-dns")];
    };
    if deployments.iter().any(|deployment| number(deployment, "/status/availableReplicas") > 0) {
        return Vec::new();
    }
    let name = text(first, "/metadata/name");
    vec![
        Finding::refuse(format!("none of the pods of {name} is available"), why)
            .next(format!("kubectl -n kube-system describe deployment {name}")),
    ]
}

fn terminating_namespace(namespace: Option<&Value>) -> Vec<Finding> {
    let Some(namespace) = namespace.filter(|namespace| text(namespace, "/status/phase") == "Terminating") else { return Vec::new() };
    let name = text(namespace, "/metadata/name");
    let seen = format!("the namespace {name} is being deleted{}", blocked(namespace));
    vec![Finding::refuse(seen, "nothing can be made in it").next(format!("kubectl get namespace {name} -o yaml"))]
}

fn definitions(definitions: &[Value], controllers: &[Value]) -> Vec<Finding> {
    let mut found = Vec::new();
    let going: Vec<&str> = definitions
        .iter()
        .filter(|definition| definition.pointer("/metadata/deletionTimestamp").is_some())
        .map(|definition| text(definition, "/metadata/name"))
        .collect();
    if let Some(first) = going.first() {
        let why = "they go with all their objects, and wait for those that have finalizers";
        found.push(
            Finding::refuse(format!("definitions are being deleted: {}", going.join(", ")), why).next(format!("kubectl get {first} -A")),
        );
    }
    let git = definitions.iter().filter(|definition| text(definition, "/metadata/name") == GIT_REPOSITORIES);
    if let Some(manager) = git.chain(controllers).find_map(manager) {
        let why = "two would write the same objects over and over";
        let seen = format!("Flux is managed by {manager} here");
        let next =
            if manager.starts_with("Helm") { "helm list -A".to_owned() } else { format!("kubectl get crd {GIT_REPOSITORIES} -o yaml") };
        found.push(Finding::refuse(seen, why).next(next));
    }
    found
}

/// Who manages an object of Flux's, if that is neither Flux nor nobody.
fn manager(object: &Value) -> Option<String> {
    let label = |name: &str| object.pointer("/metadata/labels").and_then(|labels| labels.get(name)).and_then(Value::as_str);
    let release = object.pointer("/metadata/annotations").and_then(|notes| notes.get("meta.helm.sh/release-name")).and_then(Value::as_str);
    if let Some(release) = release {
        return Some(format!("Helm (release {release})"));
    }
    if let Some(chart) = label("helm.sh/chart") {
        return Some(format!("Helm (chart {chart})"));
    }
    label("app.kubernetes.io/managed-by").filter(|manager| !matches!(*manager, "" | "flux")).map(str::to_owned)
}

fn operator(instances: &[Value]) -> Vec<Finding> {
    let Some(instance) = instances.first() else { return Vec::new() };
    let (namespace, name) = (text(instance, "/metadata/namespace"), text(instance, "/metadata/name"));
    let why = "the Flux Operator installs and upgrades Flux itself, and would undo what the bootstrap does";
    let next = format!("kubectl -n {namespace} get fluxinstance {name} -o yaml");
    vec![Finding::refuse(format!("there is a FluxInstance {namespace}/{name}"), why).next(next)]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fine() -> Look {
        let node = json!({"metadata": {"name": "w1"}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}});
        let dns = json!({"metadata": {"name": "coredns"}, "status": {"availableReplicas": 2}});
        Look {
            version: Ok("v1.34.2".into()),
            clock: Ok(SignedDuration::from_secs(-2)),
            may_all: Ok(true),
            nodes: Ok(vec![node]),
            dns: Ok(vec![dns]),
            namespace: Ok(None),
            definitions: Ok(Vec::new()),
            controllers: Ok(Vec::new()),
            instances: Ok(Vec::new()),
        }
    }

    fn told(change: impl FnOnce(&mut Look)) -> Vec<String> {
        let mut look = fine();
        change(&mut look);
        let wanted = Wanted { flux: Version::new(2, 9, 4), namespace: "flux-system".into(), toleration_keys: Vec::new() };
        let told = |finding: Finding| format!("{:?}: {finding}; {}", finding.level, finding.next.clone().unwrap_or_default());
        findings(&look, &wanted).into_iter().map(told).collect()
    }

    #[test]
    fn a_cluster_that_is_fine_has_no_findings() {
        assert_eq!(told(|_| {}), Vec::<String>::new());
        let git = json!({"metadata": {"name": GIT_REPOSITORIES, "labels": {"app.kubernetes.io/managed-by": "flux"}}});
        assert_eq!(told(|look| look.definitions = Ok(vec![git])), Vec::<String>::new());
    }

    #[test]
    fn each_flux_has_its_oldest_kubernetes() {
        let level = |seen: &str, flux: (u64, u64)| version(seen, &Version::new(flux.0, flux.1, 0)).first().map(|finding| finding.level);
        for (seen, flux, expected) in [
            ("v1.33.0", (2, 9), None),
            ("v1.33.0-rc.1", (2, 9), None),
            ("v1.32.9", (2, 9), Some(Level::Refuse)),
            ("v1.32.9+k3s1", (2, 7), None),
            ("v1.31.0", (2, 7), Some(Level::Refuse)),
            ("v1.31.0", (2, 6), None),
            ("v1.32.0", (2, 10), Some(Level::Refuse)),
            ("v1.20.0", (2, 5), None),
            ("v1.34.0", (2, 9), Some(Level::Warn)),
            ("v1.34.1", (2, 9), None),
            ("v1.35.0-alpha.1", (2, 9), None),
            ("v1.33+", (2, 9), Some(Level::Unknown)),
        ] {
            assert_eq!(level(seen, flux), expected, "{seen} for Flux {flux:?}");
        }
    }

    #[test]
    fn what_stops_us() {
        let git = |labels: Value, annotations: Value| json!({"metadata": {"name": GIT_REPOSITORIES, "labels": labels, "annotations": annotations}});
        let helm = git(json!({"app.kubernetes.io/managed-by": "Helm"}), Value::Null);
        let release = git(Value::Null, json!({"meta.helm.sh/release-name": "flux2"}));
        let going = json!({"metadata": {"name": "buckets.source.toolkit.fluxcd.io", "deletionTimestamp": "2026-11-27T11:00:00Z"}});
        let namespace = json!({"metadata": {"name": "flux-system"}, "status": {"phase": "Terminating", "conditions": [
            {"type": "NamespaceFinalizersRemaining", "status": "True", "message": "Some content in the namespace has finalizers remaining: finalizers.fluxcd.io in 1 resource instances"}]}});
        let instance = json!({"metadata": {"name": "flux", "namespace": "flux-system"}});
        let chart = json!({"metadata": {"name": "source-controller", "labels": {"helm.sh/chart": "flux2-2.17.0"}}});
        let table = [
            told(|look| look.may_all = Ok(false)),
            told(|look| look.dns = Ok(vec![json!({"metadata": {"name": "coredns"}, "status": {}})])),
            told(|look| look.namespace = Ok(Some(namespace))),
            told(|look| look.definitions = Ok(vec![helm])),
            told(|look| look.definitions = Ok(vec![release])),
            told(|look| look.definitions = Ok(vec![going])),
            told(|look| look.controllers = Ok(vec![chart])),
            told(|look| look.instances = Ok(vec![instance])),
        ];
        assert!(table.iter().all(|told| told.len() == 1 && told[0].starts_with("Refuse: ")), "{table:#?}");
        insta::assert_snapshot!(table.concat().join("\n"), @r#"
        Refuse: you may not do everything in this cluster; Flux is given the rights of cluster-admin, and nobody may give what they do not have; kubectl auth can-i '*' '*' --all-namespaces
        Refuse: none of the pods of coredns is available; Flux's controllers find neither each other nor the repository without it; kubectl -n kube-system describe deployment coredns
        Refuse: the namespace flux-system is being deleted: Some content in the namespace has finalizers remaining: finalizers.fluxcd.io in 1 resource instances; nothing can be made in it; kubectl get namespace flux-system -o yaml
        Refuse: Flux is managed by Helm here; two would write the same objects over and over; helm list -A
        Refuse: Flux is managed by Helm (release flux2) here; two would write the same objects over and over; helm list -A
        Refuse: definitions are being deleted: buckets.source.toolkit.fluxcd.io; they go with all their objects, and wait for those that have finalizers; kubectl get buckets.source.toolkit.fluxcd.io -A
        Refuse: Flux is managed by Helm (chart flux2-2.17.0) here; two would write the same objects over and over; helm list -A
        Refuse: there is a FluxInstance flux-system/flux; the Flux Operator installs and upgrades Flux itself, and would undo what the bootstrap does; kubectl -n flux-system get fluxinstance flux -o yaml
        "#);
    }

    #[test]
    fn what_is_only_said() {
        let told = [
            told(|look| look.clock = Ok(SignedDuration::from_mins(-7))),
            told(|look| look.clock = Ok(SignedDuration::from_mins(61))),
            told(|look| look.dns = Ok(Vec::new())),
            told(|look| look.nodes = Err("GET /api/v1/nodes: no answer after 65 s".into())),
        ];
        insta::assert_snapshot!(told.concat().join("\n"), @r#"
        Warn: the cluster's clock is 7 min behind this machine's; tokens and certificates are taken for too old, or for not valid yet; timedatectl timesync-status
        Warn: the cluster's clock is 61 min ahead of this machine's; tokens and certificates are taken for too old, or for not valid yet; timedatectl timesync-status
        Warn: there is no CoreDNS in kube-system; Flux's controllers find neither each other nor the repository without it; kubectl -n kube-system get services,pods -l k8s-app=kube-dns
        Unknown: the nodes: GET /api/v1/nodes: no answer after 65 s; what could not be looked at may still be in the way;
        "#);
    }

    #[test]
    fn the_gravest_comes_first() {
        let told = told(|look| {
            look.nodes = Err("x".into());
            look.clock = Ok(SignedDuration::from_mins(7));
            look.may_all = Ok(false);
        });
        let levels: Vec<_> = told.iter().map(|line| line.split(':').next().unwrap()).collect();
        assert_eq!(levels, ["Refuse", "Warn", "Unknown"]);
    }
}
