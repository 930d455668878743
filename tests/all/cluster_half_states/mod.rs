//! Clusters that the real kubeadm leaves half made when it is killed, from snapshots of machines; each is seen, recorded, and then healed
//! or refused by a run of ours, as docs/cluster-states.md says.
//!
//! `HOMELABCTL_SNAPSHOTS=DIR` keeps the snapshots, so that the next run has its machines in a minute; `HOMELABCTL_RECORD=1` records
//! anew what is seen (`tests/records/cluster/half-states`).
//!
//! Where the moment that is wanted would be over before anybody sees it, the kubelet is stopped with kubeadm (`SIGSTOP`), and does not go
//! on before our run wants it to.

mod project;
mod seen;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use homelabctl::cluster::membership::{Etcd, Evidence, Next, Wanted};

use crate::cluster_e2e::TOKENS;
use project::{Inventory, KUBECTL, Project};
use seen::{is_whole, judged};

/// The kubelet does nothing more until somebody lets it go on or stops it; without a fork.
const HOLD_KUBELET: &str = "read -r kubelet </sys/fs/cgroup/system.slice/kubelet.service/cgroup.procs && kill -STOP $kubelet";

fn state<'a>(next: &'a Next, host: &str) -> &'a str {
    next.states.iter().find(|(name, _)| name == host).map_or("", |(_, state)| state.word())
}

/// etcd is about to be started; the kubelet, which does it, was begun with the file before.
const ETCD: [&str; 2] = ["/etc/kubernetes/bootstrap-kubelet.conf", "/etc/kubernetes/manifests/etcd.yaml"];

/// What is decided of it now.
fn is(next: &Next, host: &str, word: &str, action: &str) {
    assert_eq!(state(next, host), word, "{next:#?}");
    assert!(next.actions.iter().any(|one| one.to_string().starts_with(action)), "{action}: {next:#?}");
}

impl Project {
    /// One run of ours, and nothing is left to do; no token is left either.
    fn is_healed(&self, inventory: Inventory) {
        let ran = self.heal(inventory);
        assert_eq!(ran.code, Some(0), "{}\n{}", ran.all(), self.state());
        is_whole(&self.look(inventory));
        let count = if inventory == Inventory::One { 1 } else { 2 };
        for at in 0..count {
            assert_eq!(self.says(at, TOKENS).trim(), "");
        }
    }

    /// Looks until what is seen is as wanted.
    fn look_until(&self, inventory: Inventory, is_so: impl Fn(&Wanted, &Evidence) -> bool) -> (Wanted, Evidence) {
        for _ in 0..40 {
            let seen = self.look(inventory);
            if is_so(&seen.0, &seen.1) {
                return seen;
            }
            std::thread::sleep(std::time::Duration::from_secs(2));
        }
        panic!("it never is so: {:#?}\n{}", self.look(inventory).1, self.state())
    }

    /// The first machine is a cluster, the second is prepared.
    fn finished(&mut self) {
        if !self.has("finished") {
            self.start_first();
            self.is_healed(Inventory::One);
            self.keep_finished();
        }
        self.start_finished();
    }

    fn keep_finished(&mut self) {
        // nobody asks it here
        self.says(0, &format!("{KUBECTL} -n kube-system scale deployment coredns --replicas 0"));
        self.keep("finished", 0);
    }

    /// The second machine joins by hand, as a control plane, until that file is there.
    fn joins_as_control_plane(&self, files: [&str; 2], then: &str) {
        self.join(true);
        self.killed(1, "join", files, then);
    }
}

fn certificates(project: &mut Project) {
    let made = "kubeadm init was killed at its first certificate for the API server; as if between its two writes, only the key is there";
    project.start_first();
    project.init(0);
    project.killed(
        0,
        "init --skip-token-print",
        ["/etc/kubernetes/pki", "/etc/kubernetes/pki/apiserver.key"],
        "rm -f /etc/kubernetes/pki/apiserver.crt",
    );
    let next = judged("certificates", made, &project.look(Inventory::One));
    is(&next, "m1", "partial init", "finish making the cluster");
    project.is_healed(Inventory::One);
}

fn manifests(project: &mut Project) {
    let made = "kubeadm init was killed when the API server's manifest was there";
    project.start_first();
    project.init(0);
    project.killed(0, "init --skip-token-print", ["/etc/kubernetes/pki/sa.key", "/etc/kubernetes/manifests/kube-apiserver.yaml"], "");
    let next = judged("manifests", made, &project.look(Inventory::One));
    is(&next, "m1", "partial init", "finish making the cluster");
    project.is_healed(Inventory::One);
}

fn no_admin_binding(project: &mut Project) {
    let made = "kubeadm init was killed when etcd had data; then the API server became ready by itself";
    project.start_first();
    project.init(0);
    project.killed(0, "init --skip-token-print", ["/var/lib/etcd/member"; 2], "");
    project.is_ready(0);
    let next = judged("no-admin-binding", made, &project.look(Inventory::One));
    assert!(next.actions.iter().any(|one| one.to_string().starts_with("finish making the cluster from m1: the rights of admin.conf")));
    project.is_healed(Inventory::One);
    if !project.has("finished") {
        project.keep_finished();
    }
}

fn request_pending(project: &mut Project) {
    let made = "kubeadm join of a worker was killed while nobody approved its kubelet's request: the controller manager was taken away";
    const AWAY: &str = "/root/kube-controller-manager.yaml";
    project.finished();
    project.join(false);
    project.says(0, &format!("mv /etc/kubernetes/manifests/kube-controller-manager.yaml {AWAY}"));
    project.until(0, "the controller manager goes on", "[ -z \"$(crictl ps -q --name kube-controller-manager)\" ]");
    project.killed(1, "join", ["/etc/kubernetes/bootstrap-kubelet.conf", "/etc/kubernetes/kubelet.conf"], "");
    let requests = format!("{KUBECTL} get csr -o jsonpath='{{.items[*].spec.username}}' | grep -q system:bootstrap");
    project.until(0, "the kubelet asks for nothing", &requests);
    let next = judged("request-pending", made, &project.look(Inventory::Worker));
    is(&next, "m2", "request pending", "approve m2's certificate request");
    project.says(0, &format!("mv {AWAY} /etc/kubernetes/manifests/kube-controller-manager.yaml"));
    project.is_healed(Inventory::Worker);
    replaced(project);
}

/// The worker that was healed is another machine now.
fn replaced(project: &mut Project) {
    let made = "a worker lost its power, and a machine of the same name and address took its place";
    project.start_second(true);
    let next = judged("replaced-while-ready", made, &project.look(Inventory::Worker));
    assert_eq!(state(&next, "m2"), "ghost Node", "{next:#?}");
    let seen = project.look_until(Inventory::Worker, |_, evidence| {
        let nodes = evidence.objects().and_then(|objects| objects.nodes.present());
        nodes.is_some_and(|nodes| {
            nodes.iter().any(|node| node.name == "m2" && node.ready == homelabctl::cluster::membership::Ready::Unheard)
        })
    });
    let next = judged("replaced", made, &seen);
    is(&next, "m2", "ghost Node", "delete the Node of the machine that m2 was");
    project.is_healed(Inventory::Worker);
}

fn kubelet_conf(project: &mut Project) {
    let made = "kubeadm join of a worker was killed when its kubelet had its certificate, and the kubelet was held before it made its Node";
    project.finished();
    project.join(false);
    // its kubelet.conf is written before it has one
    let certificate = "/var/lib/kubelet/pki/kubelet-client-current.pem";
    project.killed(1, "join", ["/etc/kubernetes/bootstrap-kubelet.conf", certificate], HOLD_KUBELET);
    let next = judged("kubelet-conf", made, &project.look(Inventory::Worker));
    is(&next, "m2", "unregistered", "start m2's kubelet anew");
    project.is_healed(Inventory::Worker);
}

fn learner_added(project: &mut Project) {
    let made = "kubeadm join of a control plane was killed when etcd's manifest was there, and the kubelet was held before it started etcd";
    project.finished();
    project.joins_as_control_plane(ETCD, HOLD_KUBELET);
    let next = judged("learner-added", made, &project.look(Inventory::TwoMasters));
    is(&next, "m2", "ghost member (learner)", "remove m2's etcd member");
    project.is_healed(Inventory::TwoMasters);
}

fn learner_started(project: &mut Project) {
    let made = "kubeadm join of a control plane was killed when etcd's manifest was there; then etcd started";
    project.finished();
    project.joins_as_control_plane(ETCD, "");
    let seen = project.look_until(Inventory::TwoMasters, |_, evidence| {
        let Etcd::Answers(members) = &evidence.etcd else { return false };
        members.members.iter().any(|member| member.learner && !member.name.is_empty() && member.healthy.is_present())
    });
    let next = judged("learner-started", made, &seen);
    is(&next, "m2", "ghost member (learner)", "remove m2's etcd member");
    project.is_healed(Inventory::TwoMasters);
}

fn promoted(project: &mut Project) {
    let made = "kubeadm join of a control plane was killed when its member had its vote, and the kubelet was held before it asked for a certificate";
    project.finished();
    project.join(true);
    // what kubeadm says right after the vote
    let voted = "grep -q 'Waiting for the new etcd member to join' log";
    project.killed_when(1, "join", voted, ":", HOLD_KUBELET);
    let seen = project.look_until(Inventory::TwoMasters, |_, evidence| matches!(&evidence.etcd, Etcd::Answers(_)));
    let next = judged("promoted", made, &seen);
    is(&next, "m2", "promoted without a Node", "finish the join of m2");
    project.is_healed(Inventory::TwoMasters);
    node_deleted(project);
}

/// The control plane that was healed loses its Node.
fn node_deleted(project: &mut Project) {
    let made = "the Node of a control plane that is well was deleted from the API";
    project.says(0, &format!("{KUBECTL} delete node m2"));
    let next = judged("node-deleted", made, &project.look(Inventory::TwoMasters));
    is(&next, "m2", "unregistered", "start m2's kubelet anew");
    project.is_healed(Inventory::TwoMasters);
}

fn another_clusters(project: &mut Project) {
    let made = "kubeadm init made a cluster of its own on the second machine";
    project.finished();
    project.init(1);
    project.killed_when(1, "init --skip-token-print", &format!("{KUBECTL} get --raw /readyz"), ":", "");
    const FILES: &str = "cd /etc/kubernetes && find . -type f | sort | xargs sha256sum; ls /var/lib/etcd/member";
    let before = project.says(1, FILES);
    let next = judged("another-clusters", made, &project.look(Inventory::TwoMasters));
    assert_eq!(state(&next, "m2"), "foreign", "{next:#?}");
    for inventory in [Inventory::TwoMasters, Inventory::Worker] {
        let ran = project.heal(inventory);
        assert_eq!(ran.code, Some(2), "{}", ran.all());
        assert!(ran.all().contains("belongs to the cluster at"), "{}", ran.all());
    }
    assert_eq!(project.says(1, FILES), before, "nothing of it was changed");
    is_whole(&project.look(Inventory::One));
}

#[test]
#[ignore = "half an hour of User-mode Linux: `make half-states`"]
fn half_made_clusters_are_healed_or_refused() {
    type Case = fn(&mut Project);
    let cases: [(&str, Case); 9] = [
        ("no-admin-binding", no_admin_binding),
        ("promoted", promoted),
        ("learner-started", learner_started),
        ("learner-added", learner_added),
        ("request-pending", request_pending),
        ("kubelet-conf", kubelet_conf),
        ("certificates", certificates),
        ("manifests", manifests),
        ("another-clusters", another_clusters),
    ];
    let only = std::env::var("HOMELABCTL_CASES").ok();
    let mut project = Project::new();
    let mut failed = BTreeMap::new();
    for (name, case) in cases.into_iter().filter(|(name, _)| only.as_ref().is_none_or(|only| only.split(',').any(|one| one == *name))) {
        let began = std::time::Instant::now();
        let came = catch_unwind(AssertUnwindSafe(|| case(&mut project)));
        eprintln!("{name}: {} after {:?}", if came.is_ok() { "as it should be" } else { "FAILED" }, began.elapsed());
        if let Err(why) = came {
            let text = why.downcast_ref::<String>().cloned().or_else(|| why.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            failed.insert(name, text.unwrap_or_default());
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
}
