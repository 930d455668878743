//! What is done for an [`Act`]: steps on a machine.

use std::collections::BTreeMap;

use super::wanted::{Called, Crew, taints};
use crate::cluster::kube_vip;
use crate::cluster::kubeadm_config::{self, ConfigFile, ETCD_DATA, Joining, Machine, OURS, Secret};
use crate::cluster::membership::{self, Act, Action, Credentials, Evidence, Host, InitPart, Role, Wanted};
use crate::cluster::settings::Settings;
use crate::modules::Doing;
use crate::node::Plan;
use crate::node::steps::{
    ApproveRequest, DeleteNode, EtcdAsked, GrantAdmin, INIT_MARK, Kubeadm, MATERIAL, MarkNode, MintJoin, PutMaterial, Remove, RemoveMember,
    RemoveWhat, ResetNode, RevokeJoins, Source, StaticPodFolder, Step, UnitAction, UnitStep, WriteFile,
};

/// What a kubelet asks for its certificate with.
const BOOTSTRAP: &str = "/etc/kubernetes/bootstrap-kubelet.conf";
/// What an `init` that was cut off has left, and `init` would stop at; the kubelet may have begun on it.
const LEFT: [&str; 8] = [
    "FileAvailable--etc-kubernetes-manifests-kube-apiserver.yaml",
    "FileAvailable--etc-kubernetes-manifests-kube-controller-manager.yaml",
    "FileAvailable--etc-kubernetes-manifests-kube-scheduler.yaml",
    "FileAvailable--etc-kubernetes-manifests-etcd.yaml",
    "FileAvailable--etc-kubernetes-kubelet.conf",
    "Port-10250",
    "Port-10257",
    "Port-10259",
];

/// What joins are done with, fresh.
#[derive(Debug, Clone)]
pub(super) struct Minted {
    /// The token's public half.
    pub(super) id: String,
    /// `abcdef.0123456789abcdef`
    pub(super) token: Secret,
    /// What the certificates that wait in the cluster are decrypted with.
    pub(super) key: Option<Secret>,
}

impl Minted {
    /// Whether these joins can be done with it still, as the cluster is.
    pub(super) fn serves(&self, joins: &[Action], evidence: &Evidence) -> bool {
        let Some(objects) = evidence.objects() else { return false };
        let is_known = objects.tokens.present().is_some_and(|tokens| tokens.contains(&self.id));
        is_known && (!needs_key(joins) || self.key.is_some() && objects.certificates.is_present())
    }
}

/// Whether certificates have to wait in the cluster for these.
fn needs_key(joins: &[Action]) -> bool {
    joins.iter().any(|join| matches!(join.act, Act::Join(Role::ControlPlane)))
}

/// All that carrying out needs to know.
pub(super) struct Carrying<'a> {
    pub(super) settings: &'a Settings,
    pub(super) crew: &'a Crew,
    pub(super) called: &'a BTreeMap<String, Called>,
    pub(super) wanted: &'a Wanted,
    pub(super) evidence: &'a Evidence,
}

impl<'a> Carrying<'a> {
    /// A control plane of our authority whose API server is ready, and that is not `but` if there is another one.
    pub(super) fn speaker(&self, but: Option<&str>) -> Option<&'a str> {
        let ours = &self.evidence.objects()?.ca;
        let is_ready = |host: &&Host| {
            let machine = self.evidence.machine(host);
            machine.is_some_and(|machine| machine.readyz.is_present() && machine.ca.present() == Some(ours))
        };
        let ready = || self.wanted.control_planes().filter(is_ready);
        let other = ready().find(|host| Some(host.name.as_str()) != but);
        other.or_else(|| ready().next()).map(|host| host.name.as_str())
    }

    /// Mints what these joins need, on a control plane. The key of the certificates is made here, so that it is never an argument.
    pub(super) fn mint(&self, joins: &[Action]) -> Option<(Doing, Option<Secret>)> {
        let speaker = self.speaker(None)?;
        let host = self.wanted.hosts.iter().find(|host| host.name == speaker)?;
        let key = needs_key(joins).then(|| Secret::new(random_key()));
        let mut steps: Vec<Step> = Vec::new();
        let mut material = None;
        if let Some(key) = &key {
            let config = kubeadm_config::init(self.settings, &self.machine(host)?, &Secret::new(random_token()), key);
            let (path, step) = put("upload-certs.yaml", &config);
            steps.push(step);
            material = Some(path);
        }
        steps.push(MintJoin { description: OURS.to_owned(), material }.into());
        let what = format!("mint what is joined with, on {speaker}");
        Some((self.doing(speaker, speaker, steps, what, false), key))
    }

    /// What is done for an action; none where something is missing that it needs, which the next look tells.
    pub(super) fn doing_of(&self, action: &Action, attempt: u8, minted: Option<&Minted>) -> Option<Doing> {
        let host = self.wanted.hosts.iter().find(|host| host.name == action.host)?;
        let name = host.name.as_str();
        let other = self.speaker(Some(name));
        let (on, steps): (&str, Vec<Step>) = match &action.act {
            Act::Init { resumes } => (name, self.init(host, *resumes, attempt)?),
            Act::FinishInit(parts) => (name, self.finish_init(host, parts, attempt)?),
            Act::WriteKubeVip(rights) => (name, self.kube_vip(host, *rights)?),
            Act::Join(role) => (name, self.join(host, *role, minted?, attempt)?),
            Act::FinishJoin => (name, self.finish_join(host, minted?, attempt)?),
            Act::ApproveCsr(request) => (other?, vec![ApproveRequest { name: request.clone() }.into()]),
            Act::Reset { with_data } => {
                let etcd_data = with_data.then(|| ETCD_DATA.to_owned());
                let authority = self.evidence.objects()?.ca.clone();
                (name, vec![ResetNode { etcd_data, authority, asked: EtcdAsked::default(), attempt }.into()])
            }
            Act::RemoveMember { id, .. } => {
                (other?, vec![RemoveMember { id: *id, data_dir: ETCD_DATA.to_owned(), asked: EtcdAsked::default() }.into()])
            }
            Act::DeleteNode { uid } => (other?, vec![DeleteNode { name: host.node.clone(), uid: uid.clone() }.into()]),
            Act::StartKubelet => (name, vec![kubelet(UnitAction::Enable), kubelet(UnitAction::Start)]),
            Act::RestartKubelet => (name, vec![kubelet(UnitAction::Restart)]),
            Act::Mark(marks) => {
                let mark = MarkNode {
                    name: host.node.clone(),
                    labels: marks.labels.clone(),
                    annotations: marks.annotations.clone(),
                    taints: marks.taints.clone(),
                    no_taints: marks.no_taints.clone(),
                };
                (self.speaker(None)?, vec![mark.into()])
            }
            Act::RemoveMaterial => (name, self.remove_material(host)),
            Act::Revoke(tokens) => (name, vec![RevokeJoins { tokens: tokens.clone() }.into()]),
        };
        Some(self.doing(on, name, steps, action.to_string(), action.act.is_irreversible()))
    }

    fn doing(&self, on: &str, about: &str, steps: Vec<Step>, what: String, irreversible: bool) -> Doing {
        Doing { host: on.to_owned(), change: Plan::change(steps), about: about.to_owned(), what, irreversible }
    }

    fn machine(&self, host: &Host) -> Option<Machine> {
        let called = self.called.get(&host.name)?;
        let of_inventory = self.crew.hosts.iter().find(|one| one.name == host.name)?;
        Some(Machine { name: called.name.clone(), address: called.address.parse().ok()?, taints: taints(self.settings, of_inventory) })
    }

    fn init(&self, host: &Host, resumes: bool, attempt: u8) -> Option<Vec<Step>> {
        let config = kubeadm_config::init(self.settings, &self.machine(host)?, &Secret::new(random_token()), &Secret::new(random_key()));
        let (path, put) = put("init.yaml", &config);
        let mut words = vec!["init".to_owned(), "--config".to_owned(), path.clone(), "--skip-token-print".to_owned()];
        if resumes {
            words.push(format!("--ignore-preflight-errors={}", LEFT.join(",")));
        }
        let kubeadm = Kubeadm { words, material: Some(path), attempt, what: format!("kubeadm init on {}", host.name) };
        Some([vec![put, kubeadm.into()], self.kube_vip_after(host)].concat())
    }

    fn finish_init(&self, host: &Host, parts: &[InitPart], attempt: u8) -> Option<Vec<Step>> {
        let config = kubeadm_config::init(self.settings, &self.machine(host)?, &Secret::new(random_token()), &Secret::new(random_key()));
        let mut steps = Vec::new();
        if parts.contains(&InitPart::AdminBinding) {
            steps.push(GrantAdmin.into());
        }
        let mut phases: Vec<(&[&str], &str)> = parts.iter().filter_map(|part| Some((phase(*part)?, part.word()))).collect();
        if phases.is_empty() {
            return Some(steps);
        }
        // only `init` writes a kubelet.conf with a certificate in it, which would end with that
        if self.evidence.machine(host).is_some_and(|machine| machine.super_admin_conf.is_present()) {
            phases.push((&["kubelet-finalize", "all"], "the kubelet's certificate is renewed from now on"));
        }
        // what comes after is not left out, should this be cut off
        if parts.iter().any(|part| part.is_addon()) {
            steps.push(root_file(INIT_MARK, Vec::new()));
        }
        let (path, put) = put("finish-init.yaml", &config);
        steps.push(put);
        for (phase, what) in phases {
            let words = ["init", "phase"].iter().chain(phase).map(|word| (*word).to_owned()).chain(["--config".to_owned(), path.clone()]);
            steps.push(Kubeadm { words: words.collect(), material: None, attempt, what: format!("kubeadm init phase: {what}") }.into());
        }
        steps.push(Remove { path, what: RemoveWhat::File }.into());
        steps.push(Remove { path: INIT_MARK.to_owned(), what: RemoveWhat::File }.into());
        Some(steps)
    }

    fn kube_vip(&self, host: &Host, rights: Credentials) -> Option<Vec<Step>> {
        let interface = self.called.get(&host.name)?.interface.as_deref();
        let manifest = kube_vip::manifest(self.settings, rights, interface)?.into_bytes();
        Some(vec![StaticPodFolder.into(), root_file(kube_vip::PATH, manifest)])
    }

    /// Once a control plane is made it serves the address with its own rights: at once, since another look at all machines takes longer.
    fn kube_vip_after(&self, host: &Host) -> Vec<Step> {
        let is_wanted = self.wanted.kube_vip && host.role == Role::ControlPlane;
        is_wanted.then(|| self.kube_vip(host, Credentials::Admin)).flatten().unwrap_or_default()
    }

    fn join(&self, host: &Host, role: Role, minted: &Minted, attempt: u8) -> Option<Vec<Step>> {
        let key = if role == Role::ControlPlane { Some(minted.key.clone()?) } else { None };
        let config = kubeadm_config::join(self.settings, &self.machine(host)?, &self.joining(minted, key)?);
        let (path, put) = put("join.yaml", &config);
        let words = ["join", "--config", path.as_str()].map(str::to_owned).to_vec();
        let kubeadm = Kubeadm { words, material: Some(path), attempt, what: format!("kubeadm join on {}", host.name) };
        Some([vec![put, kubeadm.into()], self.kube_vip_after(host)].concat())
    }

    fn finish_join(&self, host: &Host, minted: &Minted, attempt: u8) -> Option<Vec<Step>> {
        let config = kubeadm_config::join(self.settings, &self.machine(host)?, &self.joining(minted, None)?);
        let (path, put) = put("finish-join.yaml", &config);
        // the second waits for the kubelet's certificate, and takes the token away that the first wrote for it
        let phase = |phase: &str, material: Option<String>| {
            let words = ["join", "phase", phase, "--config", path.as_str()].map(str::to_owned).to_vec();
            Kubeadm { words, material, attempt, what: format!("kubeadm join phase {phase} on {}", host.name) }.into()
        };
        Some(vec![put, phase("kubelet-start", None), phase("kubelet-wait-bootstrap", Some(path.clone()))])
    }

    /// A kubelet that has its certificate needs its token no more.
    fn remove_material(&self, host: &Host) -> Vec<Step> {
        let mut steps = vec![Remove { path: MATERIAL.to_owned(), what: RemoveWhat::Tree }.into()];
        if self.evidence.machine(host).is_some_and(membership::Machine::has_certificate) {
            steps.push(Remove { path: BOOTSTRAP.to_owned(), what: RemoveWhat::File }.into());
        }
        let has_mark = self.evidence.machine(host).is_some_and(|machine| machine.init.is_present());
        if has_mark && self.evidence.objects().is_some_and(membership::Objects::is_made) {
            steps.push(Remove { path: INIT_MARK.to_owned(), what: RemoveWhat::File }.into());
        }
        steps
    }

    fn joining(&self, minted: &Minted, certificate_key: Option<Secret>) -> Option<Joining> {
        let ca_hash = self.evidence.objects()?.ca.clone();
        Some(Joining { token: minted.token.clone(), ca_hash, certificate_key })
    }
}

/// The phase that makes a part; the rights of admin.conf have none.
fn phase(part: InitPart) -> Option<&'static [&'static str]> {
    Some(match part {
        InitPart::AdminBinding => return None,
        // `all` would write over the other one
        InitPart::StoredConfig => &["upload-config", "kubeadm"],
        InitPart::KubeletConfig => &["upload-config", "kubelet"],
        InitPart::ClusterInfo => &["bootstrap-token", "--skip-token-print"],
        InitPart::CoreDns => &["addon", "coredns"],
        InitPart::KubeProxy => &["addon", "kube-proxy"],
    })
}

/// A file for root alone.
fn root_file(path: &str, content: Vec<u8>) -> Step {
    let (owner, group) = ("root".to_owned(), "root".to_owned());
    WriteFile { path: path.to_owned(), source: Source::Bytes(content), owner, group, mode: 0o600 }.into()
}

fn kubelet(action: UnitAction) -> Step {
    UnitStep::new(action, "kubelet.service").into()
}

/// A configuration in memory: where it is, and the step that puts it there.
fn put(name: &str, config: &ConfigFile) -> (String, Step) {
    (format!("{MATERIAL}/{name}"), PutMaterial { name: name.to_owned(), content: config.text().to_owned() }.into())
}

/// 32 bytes in hexadecimal.
fn random_key() -> String {
    let bytes: [u8; 32] = rand::random();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// As kubeadm's tokens are: six characters, a dot, sixteen characters, of letters and digits.
fn random_token() -> String {
    let letters: Vec<char> = ('a'..='z').chain('0'..='9').collect();
    let one = || {
        // 252 is seven times 36, so that none comes more often
        let number = std::iter::repeat_with(rand::random::<u8>).find(|number| *number < 252).unwrap_or(0);
        letters.get(usize::from(number) % letters.len()).copied().unwrap_or('a')
    };
    let part = |length: usize| (0..length).map(|_| one()).collect::<String>();
    format!("{}.{}", part(6), part(16))
}
