//! `homelab.kubeadm`

mod carry;
mod course;
mod lease;
mod observe;
#[cfg(test)]
mod tests;
mod told;
mod wanted;

use std::collections::BTreeMap;

pub use observe::calls;
pub use wanted::Called;

pub(super) use lease::HOLDS as LEASE_HOLDS;

use course::Kubeadm;
use wanted::Crew;

use crate::cluster::membership::Wanted;
use crate::cluster::settings::Settings;
use crate::diagnostics::Diagnostics;
use crate::modules::{Apart, Args, Course, Kind, Opt, PlayHost, PlayModule, PlayTask, Spec, Wrong, node};
use crate::plan::Refusal;

/// The machines of a play are a cluster.
#[derive(Debug)]
pub struct HomelabKubeadm;

static SPEC: Spec = Spec {
    options: &[
        Opt::new("cluster", Kind::Dict).required().about("The settings of the cluster (docs/cluster-settings.md), the same for all hosts"),
        Opt::new("labels", Kind::Dict).about("Labels of this host's Node, beside those of the settings"),
        Opt::new("annotations", Kind::Dict).about("Annotations of this host's Node"),
    ],
    about: "Makes the machines of a play a cluster, and keeps them one: kubeadm init and join, one control plane at a time",
    notes: &[
        "It is called once for all hosts of the play. Of each it looks at files, kubelet and ports, of the cluster at its Nodes and etcd's members, and decides what is next; that is done, and all is looked at anew, until nothing is left to do. docs/cluster-states.md says which states there are, and what is done in each.",
        "A cluster is made only where it is certain that there is none: every control plane of the inventory was reached, whatever `--limit` says, none has etcd's data, and nobody stands behind the endpoint.",
        "Two hosts that call themselves the same are both refused: which of them is the Node nobody can tell. CoreDNS or kube-proxy that is missing is made where it is certain that `kubeadm init` was cut off before it, and never where others have joined since.",
        "What cannot be taken back (a new cluster, a member of etcd or a Node that is removed) is asked for once; without a terminal it wants `--yes`.",
        "What the cluster was made with is compared with the settings (docs/cluster-settings.md): a change of what is fixed is refused before anything is changed on any host, what stays as it is although the settings say otherwise is warned about once, and what could not be read changes nothing.",
        "While it changes the cluster it holds the Lease `homelabctl` in kube-system: another run waits for it, and is refused if it does not end. One that is not renewed for five minutes is over. Where nothing is to be done none is taken.",
        "etcd's data is in /var/lib/etcd; a cluster that has it elsewhere is refused.",
        "Workers join side by side, and none holds up another. A Node that the inventory does not name is left alone.",
        "Tokens are minted right before they are used, live half an hour and are revoked at the end; a configuration with a token or a key is in memory only (/run), for root alone, and goes away with the kubeadm that reads it.",
    ],
    example: "- name: A cluster\n  homelab.kubeadm:\n    cluster: \"{{ cluster }}\"\n",
    ..Spec::new("homelab", "kubeadm")
};

impl PlayModule for HomelabKubeadm {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn reads_cluster(&self) -> bool {
        true
    }

    fn wrong(&self, args: &Args) -> Vec<Wrong> {
        let mut wrong = Vec::new();
        for option in ["labels", "annotations"] {
            let is_flat = |value: &serde_json::Value| !value.is_array() && !value.is_object();
            if args.dict(option).is_some_and(|dict| !dict.values().all(is_flat)) {
                wrong.push(Wrong::new(option, format!("`{option}` has a text for each key"), "put values in quotes"));
            }
        }
        wrong
    }

    fn begin(&self, task: &PlayTask<'_>) -> Result<Box<dyn Course>, Refusal> {
        let settings = settings(task)?;
        let own = |args: &Args, option: &str| -> BTreeMap<String, String> {
            let text = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            args.dict(option).into_iter().flatten().map(|(key, value)| (key.clone(), text(value))).collect()
        };
        let own = task.own.iter().map(|(host, args)| (host.clone(), (own(args, "labels"), own(args, "annotations")))).collect();
        let crew = Crew { hosts: task.hosts.to_vec(), own };
        if !crew.hosts.iter().any(|host| host.apart.is_none() && crew.role(&settings, host).is_some()) {
            let why = format!("no host of this play is in a group of nodes ({})", groups(&settings));
            return Err(Refusal { why, hint: Some("`groups` of the settings says which groups these are".to_owned()) });
        }
        Ok(Box::new(Kubeadm::new(settings, crew, task.check, task.run.to_owned())))
    }
}

/// The cluster that these settings and hosts want, but for what a play says of its Nodes.
pub fn wanted(settings: &Settings, hosts: &[PlayHost], called: &BTreeMap<String, Called>) -> Wanted {
    Crew { hosts: hosts.to_vec(), own: BTreeMap::new() }.wanted(settings, called)
}

fn groups(settings: &Settings) -> String {
    settings.groups.control_planes.iter().chain(&settings.groups.workers).cloned().collect::<Vec<_>>().join(", ")
}

/// The settings, which were looked at before the first connection; they may have been templates then.
fn settings(task: &PlayTask<'_>) -> Result<Settings, Refusal> {
    let given = task.args.get("cluster").cloned().unwrap_or_default();
    let mut problems = Diagnostics::new();
    // versions past their end of life have been told by then
    match Settings::read(&node(&given, task.place), "1970-01-01", &mut problems) {
        Some(settings) => Ok(settings),
        None => {
            let why: Vec<String> = problems.0.into_iter().map(|problem| problem.message).collect();
            Err(Refusal { why: why.join("; "), hint: Some("docs/cluster-settings.md has all settings".to_owned()) })
        }
    }
}

/// Why a host that takes no part is not reached, as far as a course is concerned.
fn apart(why: &Apart) -> &str {
    match why {
        Apart::LeftOut => "it takes no part in this run",
        Apart::Unreached(why) => why,
    }
}
