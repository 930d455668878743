//! Whether the settings agree with each other, and with what this program does itself.

use std::net::IpAddr;

use ipnet::IpNet;

use super::read::Broken;
use super::{CniName, ProxyMode, ServedBy, Settings, arguments, chart, end_of_life, kubelet_fields};
use crate::diagnostics::{Diagnostic, Diagnostics, suggestion};
use crate::yaml::Node;

/// The minor versions that this program knows how to set up: v1beta4 of kubeadm's configuration came with 1.31.
const OLDEST_MINOR: u32 = 31;
/// kube-apiserver listens here on each control plane; what is in front of it may have another.
pub const API_PORT: u16 = 6443;

/// Adds what does not fit, and what to know, to `problems`. Nothing is said of what a broken setting has to do with.
pub(super) fn check(settings: &Settings, cluster: &Node, broken: &Broken, today: &str, problems: &mut Diagnostics) {
    let mut check = Check { settings, cluster, broken, problems };
    check.version(today);
    check.endpoint();
    check.networks();
    check.cni();
    chart::check(&mut check);
    check.proxy();
    check.groups();
    check.mirrors();
    check.preflight_errors();
    arguments::check(&mut check);
    kubelet_fields::check(&mut check);
    check.labels();
    check.taints();
}

/// What is looked at, and where findings go.
pub(super) struct Check<'a> {
    pub(super) settings: &'a Settings,
    pub(super) cluster: &'a Node,
    pub(super) broken: &'a Broken,
    pub(super) problems: &'a mut Diagnostics,
}

impl Check<'_> {
    /// Points at the setting of that path, or at what it would stand in.
    fn told(&mut self, path: &[&str], diagnostic: Diagnostic, hint: &str) {
        let (mut node, mut is_there) = (self.cluster, true);
        for name in path {
            // an item of a list is named by its number
            let item = || node.as_list()?.get(name.parse::<usize>().ok()?);
            let Some(next) = node.get(name).or_else(item) else {
                is_there = false;
                break;
            };
            node = next;
        }
        let place = if is_there { node.place.clone() } else { node.place.first_line() };
        self.problems.push(diagnostic.at(place).hint(hint));
    }

    /// Whether these are known, each of them: by their names from `cluster` on.
    pub(super) fn knows(&self, settings: &[&str]) -> bool {
        !settings.iter().any(|setting| self.broken.has(setting))
    }

    /// What must be corrected, and how.
    pub(super) fn error(&mut self, path: &[&str], message: impl Into<String>, hint: &str) {
        self.told(path, Diagnostic::error(message), hint);
    }

    /// What should be known.
    pub(super) fn warning(&mut self, path: &[&str], message: impl Into<String>, hint: &str) {
        self.told(path, Diagnostic::warning(message), hint);
    }

    /// Whether somebody wrote the setting: defaults are in `settings` too.
    pub(super) fn is_given(&self, part: &str, name: &str) -> bool {
        self.cluster.get(part).and_then(|part| part.get(name)).is_some_and(|value| !value.is_null())
    }

    fn version(&mut self, today: &str) {
        if !self.knows(&["version"]) {
            return;
        }
        let version = self.settings.version;
        if version.minor < OLDEST_MINOR {
            let message = format!("Kubernetes {version} is older than v1.{OLDEST_MINOR}, the oldest that homelabctl sets up");
            self.error(&["version"], message, "leave `version` out for the version that this program is tested with");
        }
        match end_of_life(version.minor) {
            Some(end) if end < today => {
                let message = format!("Kubernetes v1.{} gets no more fixes since {end}", version.minor);
                self.warning(&["version"], message, "plan the upgrade to a newer minor version");
            }
            _ => {}
        }
    }

    fn endpoint(&mut self) {
        if !self.knows(&["endpoint"]) {
            return;
        }
        let endpoint = &self.settings.endpoint;
        let literal = endpoint.host.parse::<IpAddr>().ok();
        match (endpoint.served_by, endpoint.address, literal) {
            (ServedBy::KubeVip, None, None) => {
                let message = format!("kube-vip needs the address behind `{}`", endpoint.host);
                self.error(&["endpoint"], message, "add `address:` with a free address of the nodes' network");
            }
            (ServedBy::KubeVip, Some(address), Some(host)) if address != host => {
                let message = format!("`endpoint.host` is {host}, and kube-vip would hold {address}");
                self.error(&["endpoint", "address"], message, "leave `address` out, or give `host` a name");
            }
            (ServedBy::External, Some(_), _) => {
                let message = "`endpoint.address` is kube-vip's, and the endpoint is external";
                self.error(&["endpoint", "address"], message, "take it away, or write `served_by: kube-vip`");
            }
            _ => {}
        }
        if endpoint.served_by == ServedBy::External && self.is_given("endpoint", "version") {
            let message = "`endpoint.version` is kube-vip's, and the endpoint is external";
            self.error(&["endpoint", "version"], message, "take it away, or write `served_by: kube-vip`");
        }
        if endpoint.served_by == ServedBy::KubeVip && endpoint.port != API_PORT {
            let message = format!("kube-vip leads to the API's own port, {API_PORT}, not to {}", endpoint.port);
            self.error(&["endpoint", "port"], message, "leave `port` out");
        }
        let held = endpoint.address.or(literal);
        let name = if endpoint.address.is_some() { "address" } else { "host" };
        for (what, network) in [("pods", self.settings.network.pods), ("services", self.settings.network.services)] {
            let is_known = self.knows(&[&format!("network.{what}")]);
            if let Some(address) = held.filter(|address| is_known && network.contains(address)) {
                let message = format!("the endpoint's address {address} lies in the network of the {what}, {network}");
                self.error(&["endpoint", name], message, "write a free address of the nodes' network");
            }
        }
        if held.is_some_and(|address| address.is_loopback() || address.is_unspecified() || address.is_multicast()) {
            self.error(
                &["endpoint", name],
                "no other machine reaches the endpoint's address",
                "write a free address of the nodes' network",
            );
        }
    }

    fn networks(&mut self) {
        let (pods, services) = (self.settings.network.pods, self.settings.network.services);
        let (knows_pods, knows_services) = (self.knows(&["network.pods"]), self.knows(&["network.services"]));
        let knows_both = knows_pods && knows_services;
        if knows_both && overlap(pods, services) {
            let message = format!("the networks of pods ({pods}) and services ({services}) overlap");
            self.error(&["network"], message, "leave both out (10.244.0.0/16 and 10.96.0.0/12), or take two that share no address");
        }
        if knows_both && pods.addr().is_ipv4() != services.addr().is_ipv4() {
            let message = format!("pods ({pods}) and services ({services}) are of different versions of IP");
            self.error(&["network"], message, "write both as version 4, or both as version 6");
        }
        // kube-controller-manager gives each node a /24 of it, or a /64
        let node: u8 = if pods.addr().is_ipv4() { 24 } else { 64 };
        if !knows_pods {
            // neither its own size nor what has room in it
        } else if pods.prefix_len() >= node {
            let message = format!("each node gets a /{node} of the network of pods, and {pods} has room for one at most");
            self.error(&["network", "pods"], message, &format!("take a larger one, such as a /{}", node - 8));
        } else if node - pods.prefix_len() > 16 {
            let message = format!("{pods} is larger than kube-controller-manager takes: /{} at most", node - 16);
            self.error(&["network", "pods"], message, &format!("take a smaller one, such as a /{}", node - 8));
        }
        let most = 254;
        let asked = self.settings.kubelet.get("maxPods").and_then(serde_json::Value::as_u64);
        let is_known = knows_pods && self.knows(&["kubelet.maxPods"]);
        if let Some(asked) = asked.filter(|asked| is_known && node == 24 && *asked > most) {
            let message = format!("each node gets a /24 of the network of pods, and {asked} pods have no room in it");
            self.error(&["kubelet", "maxPods"], message, &format!("write {most} at most"));
        }
        // kube-apiserver: no more than 20 bits of addresses
        let room = services.max_prefix_len() - services.prefix_len();
        let (largest, usual) = (services.max_prefix_len() - 20, services.max_prefix_len() - 16);
        if !knows_services {
            return;
        }
        if room > 20 {
            let message = format!("{services} is larger than kube-apiserver takes: /{largest} at most");
            self.error(&["network", "services"], message, &format!("take a smaller one, such as a /{usual}"));
        } else if room < 4 {
            let message = format!("{services} has no room for services");
            self.error(&["network", "services"], message, &format!("take a larger one, such as a /{usual}"));
        }
    }

    fn cni(&mut self) {
        if !self.knows(&["cni"]) {
            return;
        }
        let cni = &self.settings.cni;
        match (cni.name, &cni.manifest) {
            (CniName::Manifest, None) => {
                self.error(&["cni"], "`cni.manifest` is missing: the file with its objects", "add `manifest: FILE`");
            }
            (CniName::Manifest, Some(_)) | (_, None) => {}
            (_, Some(_)) => {
                let hint = "take it away, or write `name: manifest`";
                self.error(&["cni", "manifest"], "`cni.manifest` has no effect without `name: manifest`", hint);
            }
        }
        if cni.name != CniName::Cilium && !cni.values.is_empty() {
            self.error(&["cni", "values"], "`cni.values` are Cilium's, and another CNI was chosen", "take them away");
        }
        if matches!(cni.name, CniName::Manifest | CniName::None) && cni.version.is_some() {
            self.error(&["cni", "version"], "`cni.version` has no effect: the manifest has its own", "take it away");
        }
    }

    fn proxy(&mut self) {
        if !self.knows(&["kube_proxy.mode", "version"]) {
            return;
        }
        let (proxy, minor) = (&self.settings.kube_proxy, self.settings.version.minor);
        let nftables = "`mode: nftables` is what replaces it";
        match proxy.mode {
            ProxyMode::Ipvs if minor >= 40 => {
                let message = format!("IPVS mode ends with Kubernetes v1.40, and `version` is v1.{minor}");
                self.error(&["kube_proxy", "mode"], message, nftables);
            }
            ProxyMode::Ipvs if minor >= 35 => {
                self.warning(&["kube_proxy", "mode"], "IPVS mode is deprecated since v1.35, and ends with v1.40", nftables);
            }
            ProxyMode::Nftables if minor < 33 => {
                self.error(&["kube_proxy", "mode"], "nftables mode is stable from v1.33 on", "write `mode: ipvs`, or a newer `version`");
            }
            _ => {}
        }
        let given = ["strict_arp", "scheduler"].into_iter().filter(|name| self.is_given("kube_proxy", name));
        let given: Vec<&str> = given.collect();
        if proxy.mode != ProxyMode::Ipvs {
            for name in given {
                self.error(&["kube_proxy", name], format!("`kube_proxy.{name}` is IPVS's, and the mode is another"), "take it away");
            }
        } else if !proxy.strict_arp {
            let why = "without strict_arp every node answers ARP for every service's address";
            let at = ["kube_proxy", "strict_arp"];
            if !self.knows(&["endpoint.served_by"]) {
                return;
            }
            if self.settings.endpoint.served_by == ServedBy::KubeVip {
                self.error(&at, format!("{why}, and for kube-vip's"), "take it away: it is on by default");
            } else {
                self.warning(
                    &at,
                    format!("{why}, and MetalLB does not work"),
                    "take it away, unless nothing here announces addresses by ARP",
                );
            }
        }
    }

    fn groups(&mut self) {
        if !self.knows(&["groups"]) {
            return;
        }
        let groups = &self.settings.groups;
        for (name, list) in [("control_planes", &groups.control_planes), ("workers", &groups.workers)] {
            if list.is_empty() {
                self.error(&["groups", name], format!("`groups.{name}` names no group"), "leave it out for the usual names, or name one");
            }
        }
        if let Some(both) = groups.control_planes.iter().find(|name| groups.workers.contains(name)) {
            let message = format!("the group `{both}` is both of control planes and of workers");
            self.error(&["groups"], message, "a control plane with `taints: {HOST: []}` takes work too");
        }
    }

    fn mirrors(&mut self) {
        if !self.knows(&["registry_mirrors"]) {
            return;
        }
        let settings = self.settings;
        for (registry, _) in settings.registry_mirrors.iter().filter(|(_, mirrors)| mirrors.is_empty()) {
            let message = format!("`registry_mirrors.{registry}` names no mirror");
            self.error(&["registry_mirrors", registry], message, "write `[https://mirror.example.net]`, or take it away");
        }
    }

    /// Names of checks, as kubeadm has them: one that is misspelt excuses nothing, and is found when the run stops.
    fn preflight_errors(&mut self) {
        if !self.knows(&["ignore_preflight_errors"]) {
            return;
        }
        let names = &self.settings.ignore_preflight_errors;
        for (n, name) in names.iter().enumerate() {
            let at = ["ignore_preflight_errors", &n.to_string()];
            if name.eq_ignore_ascii_case("all") {
                let hint = "name those that fail, one by one";
                self.error(&at, "`all` would excuse data of another cluster, too", hint);
            } else if !is_check(name) {
                let message = format!("neither kubeadm nor preflight has a check `{name}`");
                let near = suggestion(name, KNOWN_CHECKS.iter().chain(&OWN_CHECKS).copied());
                self.warning(&at, message, near.as_deref().unwrap_or("it excuses nothing; take it away"));
            }
        }
    }

    /// Labels that only the kubelet or the controllers may give (NodeRestriction), and those that this program gives.
    fn labels(&mut self) {
        let names: Vec<(&String, &String)> =
            self.settings.labels.iter().flat_map(|(of, labels)| labels.keys().map(move |name| (of, name))).collect();
        for (of, name) in names {
            let of_role = name.starts_with("node-role.kubernetes.io/").then_some("the groups give it");
            let who = OUR_LABELS.iter().find(|(ours, _)| ours == name).map(|(_, who)| *who);
            if let Some(who) = who.or(of_role) {
                self.error(&["labels", of, name], format!("the label `{name}` is not yours to set"), &format!("take it away: {who}"));
            }
        }
    }
}

impl Check<'_> {
    /// A taint that kubeadm gave once; what had to run beside it tolerates another now.
    fn taints(&mut self) {
        let settings = self.settings;
        for (of, taints) in &settings.taints {
            for (n, taint) in taints.iter().enumerate() {
                if taint.split(['=', ':']).next() == Some("node-role.kubernetes.io/master") {
                    let message = format!("nothing of Kubernetes tolerates the taint `{taint}` since v1.25");
                    self.warning(&["taints", of, &n.to_string()], message, "write `node-role.kubernetes.io/control-plane:NoSchedule`");
                }
            }
        }
    }
}

/// Labels that somebody else gives, and who.
pub(super) const OUR_LABELS: [(&str, &str); 4] = [
    ("node.longhorn.io/create-default-disk", "homelab.longhorn_disk gives it"),
    ("kubernetes.io/hostname", "the kubelet gives it"),
    ("kubernetes.io/arch", "the kubelet gives it"),
    ("kubernetes.io/os", "the kubelet gives it"),
];

/// kubeadm's checks (cmd/kubeadm/app/preflight/checks.go of v1.34), those with a name at their end up to it.
const KNOWN_CHECKS: [&str; 20] = [
    "IsPrivilegedUser",
    "NumCPU",
    "Mem",
    "KubernetesVersion",
    "Firewalld",
    "Port-",
    "FileAvailable-",
    "FileExisting-",
    "FileContent-",
    "DirAvailable-",
    "HTTPProxy",
    "HTTPProxyCIDR",
    "CRI",
    "Swap",
    "SystemVerification",
    "Hostname",
    "KubeletVersion",
    "Service-",
    "ImagePull",
    "ExternalEtcdVersion",
];

/// What this program's preflight looks at beside them.
const OWN_CHECKS: [&str; 19] = [
    "Address",
    "Clock",
    "ClusterSettings",
    "CniConfiguration",
    "DiskSpace",
    "DuplicateAddress",
    "DuplicateHostname",
    "DuplicateInitiatorName",
    "DuplicateMac",
    "DuplicateMachineId",
    "DuplicateProductUuid",
    "DuplicateSshHostKey",
    "EndpointName",
    "KernelModules",
    "NameServers",
    "NetworkOverlap",
    "Reach",
    "SyncLatency",
    "VirtualAddress",
];

/// Whether kubeadm or preflight has a check of that name; kubeadm looks at no capitals either.
pub(in crate::cluster) fn is_check(name: &str) -> bool {
    KNOWN_CHECKS.iter().chain(&OWN_CHECKS).any(|known| match known.strip_suffix('-') {
        Some(_) => name.get(..known.len()).is_some_and(|start| start.eq_ignore_ascii_case(known)),
        None => name.eq_ignore_ascii_case(known),
    })
}

/// Whether two networks share an address.
pub fn overlap(a: IpNet, b: IpNet) -> bool {
    a.contains(&b.network()) || b.contains(&a.network())
}
