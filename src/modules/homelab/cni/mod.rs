//! `homelab.cni`

#[cfg(test)]
pub(in crate::modules) mod tests;
mod wanted;

use self::wanted::{Chosen, chosen};
use crate::cluster::cni::{other_in_cluster, other_on_node};
use crate::modules::halt::{Halt, settled};
use crate::modules::outcome::planned;
use crate::modules::{Args, Decision, Kind, Module, Opt, RequiredIf, Spec, Task, Wrong};
use crate::node::facts::{DaemonSets, Directory, ManifestObjects, ObjectsState};
use crate::node::steps::{ApplyObjects, WaitForObjects};
use crate::node::{Change, Plan};
use crate::plan::{Expect, Facts, Stop};

/// Pods reach each other across nodes.
#[derive(Debug)]
pub struct HomelabCni;

static SPEC: Spec = Spec {
    options: &[
        Opt::new("network", Kind::Str)
            .required()
            .choices(&["cilium", "flannel", "manifest", "none"])
            .about("Which network: flannel by its manifest, Cilium by what `helm template` makes of its chart, a manifest of yours, or none of this program's"),
        Opt::new("pods", Kind::Str).default("10.244.0.0/16").about("Network of the pods, as kubeadm was given it"),
        Opt::new("version", Kind::Str).about("Version of flannel; a tested one if none is given"),
        Opt::new("backend", Kind::Str)
            .default("vxlan")
            .choices(&["vxlan", "host-gw", "wireguard"])
            .about("How flannel's packets go from node to node; `host-gw` where all nodes are in one network without a router between"),
        Opt::new("interface", Kind::Str).about("Interface that flannel's packets leave by, of the same name on all nodes; that of the default route if none is given"),
        Opt::new("image", Kind::Str).about("Image of flannel's daemon, from another registry than its own"),
        Opt::new("plugin_image", Kind::Str).about("Image with flannel's CNI plugin, from another registry than its own"),
        Opt::new("manifest", Kind::Str).about("A file with objects to apply, for `network: manifest`"),
        Opt::new("objects", Kind::Str).about("What `helm template` has made of Cilium's chart, for `network: cilium`"),
        Opt::new("timeout", Kind::Int).default("600").about("How many seconds it is waited for its pods and for the nodes"),
    ],
    required_if: &[
        RequiredIf { option: "network", value: "manifest", then: &["manifest"], any: false },
        RequiredIf { option: "network", value: "cilium", then: &["objects"], any: false },
    ],
    about: "Puts up the network of the pods, on a live cluster",
    notes: &[
        "It runs on one control plane, and asks the cluster with its kubectl: what is there, and what would be there if the objects were applied. Where that is the same nothing is done. What differs is applied server-side as the manager `homelabctl`; what others have set beside it in the same objects stays. Then it is waited for its pods and for the nodes. Objects that a former version had and this one has not are left.",
        "While the objects are applied it holds the Lease `homelabctl` in kube-system, as `homelab.kubeadm` does: it waits a minute for another run that has it, and then fails.",
        "Another network that is there already, by its DaemonSet or its configuration in /etc/cni/net.d, is refused: pods keep the addresses that one gave them.",
        "Cilium's objects are refused unless they leave kube-proxy its work (`kubeProxyReplacement: false`), name the cluster's network of pods and divide it as Cilium can, and have no hooks, which only helm runs. They are marked as helm's release `cilium` in `kube-system`, so that helm, or Flux with it, takes them over later.",
        "Of a manifest people and logs see the names of objects and fields, never what stands in them: there may be Secrets.",
        "Whether pods do reach each other is another matter: `homelab.network_check` has them try.",
    ],
    example: "- name: the network of the pods\n  homelab.cni:\n    network: flannel\n    pods: 10.244.0.0/16\n  run_once: true\n",
    ..Spec::new("homelab", "cni")
};

/// Where containerd looks for the network's configuration.
const FOLDER: &str = "/etc/cni/net.d";

impl Module for HomelabCni {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn reads_cluster(&self) -> bool {
        true
    }

    fn wrong(&self, args: &Args) -> Vec<Wrong> {
        let pods = args.str("pods").filter(|text| text.parse::<ipnet::IpNet>().is_err());
        let pods = pods.map(|text| Wrong::new("pods", format!("`{text}` is no network such as 10.244.0.0/16"), ""));
        pods.into_iter().chain(super::wrong_timeout(args, 7200)).collect()
    }

    fn plan(&self, task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Stop> {
        settled(plan(task, facts))
    }
}

fn plan(task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Halt> {
    let name = task.args.str("network").unwrap_or_default();
    if name == "none" {
        return Ok(Decision::unchanged());
    }
    let Chosen { title, manifest, daemon_sets, image } = chosen(task, name)?;
    let state = ManifestObjects::new(&title, &manifest);
    let (is, all, folder) = facts.get((state.clone(), DaemonSets, Directory::new(FOLDER)))?;
    let (is, all) = (is.unwrap_or_default(), all.unwrap_or_default());
    let is_up = |full: &str| daemon_sets.iter().any(|own| own == full);
    let others = all.iter().map(String::as_str).filter(|full| !is_up(full));
    if let Some((other, set)) = other_in_cluster(name, others) {
        return Err(Halt::refuse(
            format!("the cluster has another network already: {other} (DaemonSet {set}); pods keep the addresses that it gave them"),
            format!(
                "`cni.name` of the cluster's settings says which; to change it, remove {other} from the cluster and from {FOLDER} of every node, and have all pods made anew"
            ),
        ));
    }
    let files: Vec<String> = folder.unwrap_or_default().into_iter().map(|entry| entry.name).collect();
    // a manifest of somebody's: what is there once its DaemonSet runs is its own
    let is_theirs = name == "manifest" && all.iter().any(|full| is_up(full));
    if let Some(file) = other_on_node(name, files.iter().map(String::as_str)).filter(|_| !is_theirs) {
        return Err(Halt::refuse(
            format!("{FOLDER}/{file} is the configuration of another network, which containerd may take instead"),
            format!("if nothing needs it any more, move it away on every node that has it: `mv {FOLDER}/{file} /root/`"),
        ));
    }
    let mut change: Change = Plan::change([]);
    let timeout = task.args.int("timeout").and_then(|seconds| u32::try_from(seconds).ok()).unwrap_or(600);
    shown(&is, &title, &mut change);
    if !is.missing.is_empty() || !is.other.is_empty() || is.is_partial {
        change.steps.push(ApplyObjects { manifest: manifest.clone(), title: title.clone(), lease: super::under_lease(task, 0) }.into());
    }
    if !change.steps.is_empty() || !is.unready.is_empty() {
        change.steps.push(WaitForObjects { manifest, title, timeout }.into());
        change.expect.push(Expect::is(&state, &ObjectsState::default()));
    }
    Ok(planned(change).with("network", name).with("image", image))
}

/// What a person sees of it.
fn shown(is: &ObjectsState, title: &str, change: &mut Change) {
    let text = |text: &str| Some(text.to_owned());
    let mut differs = |what: String, before: Option<String>, after: Option<String>| {
        change.diff.push(crate::plan::Difference { what, before, after });
    };
    for missing in &is.missing {
        differs(missing.clone(), None, text("made"));
    }
    for other in &is.other {
        differs(other.name.clone(), Some(format!("otherwise in {}", other.fields.join(", "))), Some(format!("as {title} has it")));
    }
    if is.is_partial && is.missing.is_empty() {
        differs(title.to_owned(), None, text("its objects made"));
    }
    for unready in &is.unready {
        let (name, how) = unready.split_once(": ").unwrap_or((unready, "not ready"));
        differs(format!("pods of {name}"), text(how), text("ready"));
    }
}
