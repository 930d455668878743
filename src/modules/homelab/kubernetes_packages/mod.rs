//! `homelab.kubernetes_packages`

#[cfg(test)]
pub(in crate::modules) mod tests;

use std::cmp::Ordering;

use crate::cluster::settings::KubernetesVersion;
use crate::cluster::skew;
use crate::modules::apt::version::compare;
use crate::modules::halt::{Halt, settled};
use crate::modules::outcome::planned;
use crate::modules::{Args, Decision, Kind, Module, Opt, Spec, Task, Wrong};
use crate::node::facts::{AptPolicy, Content, Interrupted, Offer, Package, PackageState, PackageStatus, Stat};
use crate::node::steps::{Apt, AptProgram, Fate, FinishInterrupted, Manager, Mark, MarkPackages};
use crate::node::{Change, Plan};
use crate::plan::{Difference, Expect, Facts, Stop};

/// kubelet, kubeadm and kubectl at one version.
#[derive(Debug)]
pub struct HomelabKubernetesPackages;

static SPEC: Spec = Spec {
    options: &[
        Opt::new("version", Kind::Str)
            .required()
            .about("The version, such as `v1.34.2`; of its packages the newest revision that the lists have"),
        Opt::new("api_servers", Kind::List(&Kind::Str))
            .about("Versions of the cluster's API servers, as far as they are known; the machine's own is looked at in any case"),
        Opt::new("hold", Kind::List(&Kind::Str))
            .default("kubernetes-cni,cri-tools,containerd,containerd.io")
            .about("What else is held at its version, where it is installed"),
        Opt::new("lock_timeout", Kind::Int).default("300").about("How many seconds another package manager is waited for"),
    ],
    about: "Installs kubelet, kubeadm and kubectl at exactly one version, and holds them there",
    notes: &[
        "On a machine that has joined a cluster (it has `/etc/kubernetes/kubelet.conf`) no version ever moves: another one is refused, since an upgrade is more than another package. Nowhere an older version takes the place of a newer one.",
        "A version that the package lists do not have is refused with those that they have. So is one that may not stand beside the cluster's API servers: a kubelet is not newer than they are and at most three minor versions older, kubeadm at most one minor version away.",
        "What an earlier installation left half done is finished first.",
        "The result has `version`, of kubelet's package, and `api_server`, the version of this machine's own API server or nothing.",
    ],
    example: "- name: Kubernetes' packages\n  homelab.kubernetes_packages:\n    version: v1.34.2\n",
    ..Spec::new("homelab", "kubernetes_packages")
};

const NAMES: [&str; 3] = ["kubelet", "kubeadm", "kubectl"];
const JOINED: &str = "/etc/kubernetes/kubelet.conf";
const API_SERVER: &str = "/etc/kubernetes/manifests/kube-apiserver.yaml";
/// Such a manifest has some four KiB.
const LARGEST_MANIFEST: u64 = 1 << 18;

impl Module for HomelabKubernetesPackages {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn reads_cluster(&self) -> bool {
        true
    }

    fn wrong(&self, args: &Args) -> Vec<Wrong> {
        let is_bad = |text: &str| KubernetesVersion::parse(text).is_none();
        let version = args.str("version").filter(|text| is_bad(text));
        let other = args.list("api_servers").unwrap_or_default().into_iter().find(|text| is_bad(text));
        let why = |text: &str| format!("`{text}` is no version of Kubernetes such as v1.34.2");
        let of = |option: &'static str, text: Option<&str>| text.map(|text| Wrong::new(option, why(text), ""));
        of("version", version).into_iter().chain(of("api_servers", other)).collect()
    }

    fn plan(&self, task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Stop> {
        settled(plan(task, facts))
    }

    /// What came along with the packages is held, too.
    fn rest(&self, task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Stop> {
        settled(plan(task, facts)).map(|decision| Decision { part: false, ..decision })
    }
}

fn plan(task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Halt> {
    let read = |text: &str| {
        KubernetesVersion::parse(text).ok_or_else(|| Halt::fail(format!("`{text}` is no version of Kubernetes such as v1.34.2")))
    };
    let wanted = read(task.args.str("version").unwrap_or_default())?;
    let mut api_servers = Vec::new();
    for one in task.args.list("api_servers").unwrap_or_default() {
        api_servers.push(read(one)?);
    }
    let others = task.args.list("hold").unwrap_or_default();
    if let Some(odd) = others.iter().find(|name| !crate::modules::apt::is_name(name)) {
        return Err(Halt::fail(format!("'{odd}' is not a name of a package")));
    }
    let packages = |names: &[&str]| names.iter().map(|name| Package::new(*name)).collect::<Vec<_>>();
    let asked = (packages(&NAMES), packages(&others), Stat::new(JOINED), Content::itself(API_SERVER, LARGEST_MANIFEST));
    let (is, others_are, joined, manifest) = facts.get(asked)?;
    let own = manifest.and_then(|text| skew::of_manifest(&String::from_utf8_lossy(&text.bytes())));
    api_servers.extend(own);
    let is: Vec<One> = NAMES.iter().zip(is).map(|(name, is)| One::new(name, is)).collect();
    allowed(wanted, &is, joined.is_some(), &api_servers)?;

    let mut change: Change = Plan::change([]);
    let chosen = install(task, facts, wanted, &is, &mut change)?;
    let waits = chosen.iter().any(Option::is_some);
    let is_whole = |is: &&Option<PackageState>| is.as_ref().is_some_and(|is| is.status == PackageStatus::Installed);
    let there = others.iter().zip(&others_are).filter(|(_, is)| is_whole(is)).map(|(name, is)| (*name, is.as_ref()));
    let held = |is: Option<&PackageState>| is.and_then(|is| is.held).unwrap_or(false);
    let open = is.iter().map(|one| (one.name, one.is.as_ref())).chain(there).filter(|(_, is)| !held(*is));
    hold(open.map(|(name, _)| name).collect(), waits, &mut change);
    for (one, version) in is.iter().zip(&chosen) {
        if let Some(version) = version {
            let expect = Expect::field(&Package::new(one.name), "version", version.clone()).and("status", "installed");
            change.expect.push(expect.and("held", true));
        }
    }
    let version = match is.first().zip(chosen.first()) {
        Some((_, Some(version))) => Some(version.clone()),
        Some((one, None)) => one.version().map(str::to_owned),
        None => None,
    };
    let decision = planned(change).with("version", version).with("api_server", own.map(|version| version.to_string()));
    Ok(if waits && !task.check { decision.in_part() } else { decision })
}

/// One of the packages, as it is.
struct One {
    name: &'static str,
    is: Option<PackageState>,
}

impl One {
    fn new(name: &'static str, is: Option<PackageState>) -> Self {
        // of one that is gone the configuration may be left
        Self { name, is: is.filter(|is| is.status != PackageStatus::ConfigFiles && is.version.is_some()) }
    }

    fn version(&self) -> Option<&str> {
        self.is.as_ref().and_then(|is| is.version.as_deref())
    }

    fn is_whole(&self) -> bool {
        self.is.as_ref().is_some_and(|is| is.status == PackageStatus::Installed)
    }
}

/// `1.34.2`, as packages have it.
fn upstream(wanted: KubernetesVersion) -> String {
    wanted.to_string().trim_start_matches('v').to_owned()
}

/// Whether a package's version is a revision of that one.
fn fits(version: &str, wanted: KubernetesVersion) -> bool {
    version.rsplit_once('-').map_or(version, |(upstream, _)| upstream) == upstream(wanted)
}

/// Whether these versions may be there at all.
fn allowed(wanted: KubernetesVersion, is: &[One], joined: bool, api_servers: &[KubernetesVersion]) -> Result<(), Halt> {
    let there = || is.iter().filter_map(|one| Some((one.name, one.version()?)));
    let other = there().find(|(_, version)| !fits(version, wanted));
    if let Some((name, version)) = other.filter(|_| joined) {
        let before = version.rsplit_once('-').map_or(version, |(upstream, _)| upstream);
        return Err(Halt::refuse(
            format!("the machine is a node of a cluster and has {name} {version}, not {wanted}: an upgrade is more than another package"),
            format!("`version: v{before}` of the cluster's settings leaves it as it is; upgrades are a later command of homelabctl's"),
        ));
    }
    let newer = there().find(|(_, version)| !fits(version, wanted) && compare(version, &upstream(wanted)) == Ordering::Greater);
    if let Some((name, version)) = newer {
        return Err(Halt::refuse(
            format!("{name} {version} is installed, which is newer than {wanted}, and no version is ever taken back"),
            format!("set `version` of the cluster's settings to it, or remove it on the machine: `apt-get remove {}`", NAMES.join(" ")),
        ));
    }
    if let Some(why) = skew::refused(wanted, api_servers) {
        return Err(Halt::refuse(
            why,
            "set `version` of the cluster's settings to the cluster's; upgrades are a later command of homelabctl's",
        ));
    }
    let has_kubelet = there().any(|(name, _)| name == "kubelet");
    if joined && !has_kubelet && api_servers.is_empty() {
        return Err(Halt::refuse(
            format!("the machine is a node of a cluster ({JOINED}) without a kubelet, and the version of its cluster is not known"),
            "run it with the control planes (no --limit), whose API servers tell; or `apt-get install kubelet=VERSION` by hand",
        ));
    }
    Ok(())
}

/// Installs what is not there whole; which version of each.
fn install(
    task: &Task<'_>,
    facts: &Facts<'_>,
    wanted: KubernetesVersion,
    is: &[One],
    change: &mut Change,
) -> Result<Vec<Option<String>>, Halt> {
    let is_right = |one: &One| one.is_whole() && one.version().is_some_and(|version| fits(version, wanted));
    let missing: Vec<&One> = is.iter().filter(|one| !is_right(one)).collect();
    if missing.is_empty() {
        return Ok(vec![None; is.len()]);
    }
    let policies: Vec<AptPolicy> = missing.iter().map(|one| AptPolicy::new(one.name)).collect();
    let (offers, half) = facts.get((policies, Interrupted))?;
    let mut chosen = Vec::new();
    for (one, offer) in missing.iter().zip(offers) {
        chosen.push((one.name, choice(one, offer, wanted)?));
    }
    // no time at which it could be told that it was given up
    let patience = task.args.int("lock_timeout").and_then(|seconds| u64::try_from(seconds).ok()).unwrap_or(300);
    if let Some(half) = half {
        let dpkg_options = vec!["force-confdef".into(), "force-confold".into()];
        change.steps.push(FinishInterrupted { patience, dpkg_options, policy_rc_d: None }.into());
        let what = "packages that an earlier installation left half done".to_owned();
        change.diff.push(Difference { what, before: Some(half.join(", ")), after: Some("finished first".into()) });
    }
    for (one, (name, version)) in missing.iter().zip(&chosen) {
        let before = one.version().map(|version| if one.is_whole() { version.to_owned() } else { format!("{version} (half installed)") });
        change.diff.push(Difference { what: format!("package {name}"), before, after: Some(version.clone()) });
    }
    let timeout = format!("DPkg::Lock::Timeout={patience}");
    let usual = ["-y", "-q", "-o", &timeout, "-o", "Dpkg::Options::=--force-confdef", "-o", "Dpkg::Options::=--force-confold", "install"];
    let named = chosen.iter().map(|(name, version)| format!("{name}={version}"));
    let mut words: Vec<String> = usual.iter().map(|word| (*word).to_owned()).chain(named).collect();
    // they were held by an earlier run, and the machine is no node yet
    if missing.iter().any(|one| one.is.as_ref().is_some_and(|is| is.held == Some(true))) {
        words.push("--allow-change-held-packages".into());
    }
    let step = Apt {
        program: AptProgram::AptGet,
        words,
        fates: chosen.iter().map(|(name, version)| ((*name).to_owned(), Fate::Installed(Some(version.clone())))).collect(),
        manual: chosen.iter().map(|(name, _)| (*name).to_owned()).collect(),
        policy_rc_d: None,
        patience,
        title: format!("install {} {}", chosen.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", "), wanted),
        failure: "apt-get failed: ".into(),
        only_archives: false,
    };
    change.steps.push(step.into());
    Ok(is.iter().map(|one| chosen.iter().find(|(name, _)| *name == one.name).map(|(_, version)| version.clone())).collect())
}

/// The version that is installed of one.
fn choice(one: &One, offer: Option<Offer>, wanted: KubernetesVersion) -> Result<String, Halt> {
    // half of it is there, and no other revision takes its place
    if let Some(version) = one.version().filter(|version| fits(version, wanted)) {
        return Ok(version.to_owned());
    }
    let versions = offer.map(|offer| offer.versions).unwrap_or_default();
    if let Some(version) = versions.iter().find(|version| fits(version, wanted)) {
        return Ok(version.clone());
    }
    let name = one.name;
    if versions.is_empty() {
        return Err(Halt::refuse(
            format!("the package lists have no {name} at all"),
            "`homelabctl provision containerd` sets up Kubernetes' packages (`packages` of the cluster's settings) and reads their lists",
        ));
    }
    let newest: Vec<&str> = versions.iter().take(8).map(String::as_str).collect();
    let more = if versions.len() > newest.len() { format!(" and {} more", versions.len() - newest.len()) } else { String::new() };
    Err(Halt::refuse(
        format!("the package lists have no {name} {}, but {}{more}", upstream(wanted), newest.join(", ")),
        "set `version` of the cluster's settings to one of these, or take the packages from elsewhere (`packages`); `apt-get update` reads the lists anew",
    ))
}

/// Holds what is not held; `with_installed`: some of it is installed right before.
fn hold(names: Vec<&str>, with_installed: bool, change: &mut Change) {
    if names.is_empty() {
        return;
    }
    let step = MarkPackages { manager: Manager::Apt, names: names.iter().map(|name| (*name).to_owned()).collect(), mark: Mark::Hold };
    change.steps.push(step.into());
    for name in names {
        let is_new = with_installed && change.diff.iter().any(|one| one.what == format!("package {name}"));
        if !is_new {
            let text = |text: &str| Some(text.to_owned());
            change.diff.push(Difference { what: format!("package {name}"), before: text("released"), after: text("held") });
            change.expect.push(Expect::field(&Package::new(name), "held", true));
        }
    }
}
