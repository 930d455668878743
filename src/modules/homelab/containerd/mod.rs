//! `homelab.containerd`

mod config;
mod mirrors;
#[cfg(test)]
mod recorded;
#[cfg(test)]
pub(in crate::modules) mod tests;

use std::collections::{BTreeMap, BTreeSet};

use self::config::Wanted;
use super::write;
use crate::modules::edited_file::EditedFile;
use crate::modules::halt::{self, Halt, settled};
use crate::modules::outcome::planned;
use crate::modules::whole_file::WholeFile;
use crate::modules::{Args, Decision, Kind, Module, Opt, Spec, Task, Wrong};
use crate::node::facts::{
    CONTAINERD_FILE as FILE, Containerd, ContainerdSettings, Cri, CriSettings, CriState, Directory, Enablement, FileKind, Stat, Texts,
    Unit, UnitEnabled, UnitScope, UnitState, names_cri,
};
use crate::node::steps::{UnitAction, UnitStep};
use crate::node::{Change, Plan};
use crate::plan::{Expect, Facts, Stop};

/// containerd runs Kubernetes' containers.
#[derive(Debug)]
pub struct HomelabContainerd;

static SPEC: Spec = Spec {
    options: &[
        Opt::new("sandbox_image", Kind::Str)
            .default("registry.k8s.io/pause:3.10.1")
            .about("The image of the container that holds a pod's namespaces: the one that `kubeadm config images list` names"),
        Opt::new("cni_bin_dir", Kind::Path).about(
            "Where programs of CNI are looked for; what is set stays if none is given. Kubernetes' packages and networks put theirs into /opt/cni/bin, Debian's containerd looks in /usr/lib/cni",
        ),
        Opt::new("mirrors", Kind::Dict)
            .about("Registries, and for each the addresses that are asked before it, such as `docker.io: [https://mirror.lan:5000]`"),
    ],
    about: "Makes containerd the runtime of a Kubernetes node",
    notes: &[
        "In /etc/containerd/config.toml its plugins for Kubernetes are turned on, cgroups are left to systemd, the image of the sandbox and the folder of registries are set. Everything else stays byte for byte. A file is edited in the version that it has (2, 3 or 4); a new one is of the version that the program is at home with.",
        "What counts is what containerd itself makes of its files (`containerd config dump`), and after a start what it answers as Kubernetes' runtime (`crictl info`): install crictl before (package cri-tools). Where a file of `imports` says otherwise that is refused.",
        "It is started anew if it runs with an older configuration; containers go on meanwhile. On a node that has joined a cluster, who makes the cgroups is not changed: its kubelet and its containers would be at odds.",
        "Registries that are set up in config.toml itself (`registry.mirrors`) exclude the folder, and are refused. Each mirror gets /etc/containerd/certs.d/REGISTRY/hosts.toml; a file there that this module has not written is never changed, and one that it has written is taken away with the last mirror of its registry.",
        "The result has `version`, that of containerd.",
    ],
    example: "- name: what runs the containers\n  homelab.containerd:\n    cni_bin_dir: /opt/cni/bin\n    mirrors:\n      docker.io: [https://mirror.lan:5000]\n",
    ..Spec::new("homelab", "containerd")
};

const UNIT: &str = "containerd.service";
/// What a node has that belongs to a cluster.
const JOINED: &str = "/etc/kubernetes/kubelet.conf";

impl Module for HomelabContainerd {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn reads_cluster(&self) -> bool {
        true
    }

    fn wrong(&self, args: &Args) -> Vec<Wrong> {
        let bad = args.get("mirrors").and_then(|given| mirrors::read(given).err());
        bad.map(|why| Wrong::new("mirrors", why, "")).into_iter().collect()
    }

    fn plan(&self, task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Stop> {
        settled(plan(task, facts))
    }
}

fn plan(task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Halt> {
    let mirrors = match task.args.get("mirrors") {
        Some(mirrors) => mirrors::read(mirrors).map_err(Halt::fail)?,
        None => BTreeMap::new(),
    };
    let asked = facts.get((
        (Containerd, Cri, Unit::new(UNIT), UnitEnabled::new(UNIT, UnitScope::System)),
        (Stat::new(JOINED), Directory::new(mirrors::FOLDER)),
    ));
    let (file, ((is, cri, unit, enabled), (joined, folder))) = halt::both(EditedFile::look_at(task, facts, FILE, "Destination"), asked)?;
    let is = is.ok_or_else(|| Halt::fail("there is no containerd: install it before (package containerd)"))?;
    let cri = cri.ok_or_else(|| Halt::fail("there is no crictl to ask containerd by: install it before (package cri-tools)"))?;
    let unit = unit.ok_or_else(|| Halt::fail(format!("there is no {UNIT}: install containerd by its package")))?;
    let (sandbox_image, cni_folder) = (task.args.str("sandbox_image").unwrap_or_default(), task.args.str("cni_bin_dir"));
    let runtimes: BTreeSet<&str> = is.cri.runtimes.keys().map(String::as_str).chain(["runc"]).collect();
    let wanted = Wanted { sandbox_image, registry_folder: mirrors::FOLDER, cni_folder, runtimes };
    allowed(&is.cri, &cri, joined.is_some(), &facts.scope().host)?;

    let text = String::from_utf8_lossy(file.content.as_deref().unwrap_or_default()).into_owned();
    let mut change: Change = Plan::change([]);
    if !is_met(&is.cri, &wanted) {
        not_imported(facts, &is.cri, &wanted)?;
        let new = config::edited(&text, &is.version, &wanted).map_err(|not| Halt::refuse(not.why, not.hint))?;
        if new == text {
            return Err(Halt::refuse(
                format!("{FILE} says what it should, and containerd takes {}", differs(&is.cri, &wanted)),
                "`containerd config dump` shows what it takes",
            ));
        }
        let will = ContainerdSettings { cri: promised(&is.cri, &new, &wanted), version: is.version.clone() };
        write(task, facts, file, &mut change, |_| new.into_bytes())?;
        change.expect.push(Expect::is(&Containerd, &will));
    }
    registries(
        task,
        facts,
        &mirrors,
        folder.unwrap_or_default().into_iter().filter(|entry| entry.kind == FileKind::Directory).map(|entry| entry.name),
        &mut change,
    )?;
    runs(&unit, enabled.as_ref(), &cri, &mut change)?;
    Ok(planned(change).with("version", is.version))
}

/// A file that is imported may take the place of all that is set here.
fn not_imported(facts: &Facts<'_>, is: &CriSettings, wanted: &Wanted<'_>) -> Result<(), Halt> {
    if is.imports.is_empty() {
        return Ok(());
    }
    let texts = facts.get(Texts::new(is.imports.iter().map(String::as_str)))?.unwrap_or_default();
    let other = is.imports.iter().zip(&texts).find(|(_, text)| text.is().is_none_or(names_cri));
    let Some((path, _)) = other else { return Ok(()) };
    Err(Halt::refuse(
        format!("containerd takes {}, and {path}, which it imports, has settings for Kubernetes of its own", differs(is, wanted)),
        format!("bring them over to {FILE}, and take them out of {path}"),
    ))
}

/// Whether it may be changed at all.
fn allowed(is: &CriSettings, cri: &CriState, joined: bool, host: &str) -> Result<(), Halt> {
    if is.has_old_registries {
        return Err(Halt::refuse(
            format!("{FILE} sets registries up itself (`registry.mirrors` or `configs`), which excludes the folder {}", mirrors::FOLDER),
            format!("bring them over to {}/REGISTRY/hosts.toml, or name them in `mirrors`, and take them out of {FILE}", mirrors::FOLDER),
        ));
    }
    let by_systemd = if cri.answers { cri.systemd_cgroups == Some(true) } else { is.runtimes.get("runc") == Some(&Some(true)) };
    if joined && !by_systemd {
        return Err(Halt::refuse(
            "containerd makes its cgroups itself, and the node has joined a cluster: with systemd its kubelet and the containers that run would be at odds",
            format!(
                "on a node without its pods it can be changed by hand: `kubectl drain {host} --ignore-daemonsets`, set SystemdCgroup in {FILE} and \
                 cgroupDriver in /var/lib/kubelet/config.yaml, and reboot"
            ),
        ));
    }
    Ok(())
}

fn is_met(is: &CriSettings, wanted: &Wanted<'_>) -> bool {
    is.disabled.is_empty()
        && wanted.runtimes.iter().all(|name| is.runtimes.get(*name) == Some(&Some(true)))
        && is.sandbox_image.as_deref() == Some(wanted.sandbox_image)
        && is.registry_folder.as_deref() == Some(wanted.registry_folder)
        && wanted.cni_folder.is_none_or(|folder| is.cni_folders.iter().any(|is| is == folder))
}

/// The first thing that is otherwise, in words.
fn differs(is: &CriSettings, wanted: &Wanted<'_>) -> String {
    let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "none".into());
    if let Some(name) = is.disabled.first() {
        return format!("the plugin {name} for turned off");
    }
    if let Some(name) = wanted.runtimes.iter().find(|name| is.runtimes.get(**name) != Some(&Some(true))) {
        return format!("`SystemdCgroup` of {name} for false");
    }
    if is.sandbox_image.as_deref() != Some(wanted.sandbox_image) {
        return format!("{} for the sandbox's image", or_none(&is.sandbox_image));
    }
    if is.registry_folder.as_deref() != Some(wanted.registry_folder) {
        return format!("{} for the folder of registries", or_none(&is.registry_folder));
    }
    format!("{} for the folders of CNI", is.cni_folders.join(", "))
}

/// What the program says then.
fn promised(is: &CriSettings, text: &str, wanted: &Wanted<'_>) -> CriSettings {
    let folders = CriSettings::read(text).map(|file| file.cni_folders).unwrap_or_default();
    CriSettings {
        disabled: Vec::new(),
        runtimes: is.runtimes.keys().cloned().chain(["runc".into()]).map(|name| (name, Some(true))).collect(),
        sandbox_image: Some(wanted.sandbox_image.into()),
        registry_folder: Some(wanted.registry_folder.into()),
        cni_folders: if folders.is_empty() { is.cni_folders.clone() } else { folders },
        ..is.clone()
    }
}

/// A file for each registry with mirrors, and none of ours for others.
fn registries(
    task: &Task<'_>,
    facts: &Facts<'_>,
    mirrors: &BTreeMap<String, Vec<String>>,
    there: impl Iterator<Item = String>,
    change: &mut Change,
) -> Result<(), Halt> {
    let there: BTreeSet<String> = there.collect();
    let mut looks = Ok(Vec::new());
    for name in mirrors.keys().chain(there.iter().filter(|name| !mirrors.contains_key(*name))) {
        let look = WholeFile::look(facts, &mirrors::path(name)).map(|file| (name, file));
        looks = halt::both(looks, look).map(|(mut all, one)| {
            all.push(one);
            all
        });
    }
    for (name, file) in looks? {
        let is_ours = file.text().starts_with(mirrors::MARK);
        match mirrors.get(name) {
            Some(addresses) => {
                let text = mirrors::text(name, addresses);
                if file.stat.is_some() && !is_ours && file.text() != text {
                    let path = &file.path;
                    return Err(Halt::refuse(
                        format!("{path} was not written by homelabctl, and `mirrors` names {name}"),
                        format!("take {name} out of `mirrors`, or move {path} away"),
                    ));
                }
                let file = EditedFile::look_at(task, facts, &file.path, "Destination")?;
                write(task, facts, file, change, |_| text.into_bytes())?;
            }
            None if is_ours => file.remove(change),
            None => {}
        }
    }
    Ok(())
}

/// It runs, with what is written, and starts at boot.
fn runs(unit: &UnitState, enabled: Option<&Enablement>, cri: &CriState, change: &mut Change) -> Result<(), Halt> {
    if unit.load_state == "masked" {
        return Err(Halt::refuse(format!("{UNIT} is masked"), format!("`systemctl unmask {UNIT}` lets it start")));
    }
    let differs = |change: &mut Change, before: &str, after: &str| {
        change.diff.push(crate::plan::Difference { what: format!("unit {UNIT}"), before: Some(before.into()), after: Some(after.into()) });
    };
    if !enabled.is_some_and(|enabled| enabled.is_enabled() && enabled.word != "enabled-runtime") {
        differs(change, enabled.map_or("disabled", |enabled| &enabled.word), "enabled");
        change.steps.push(UnitStep::new(UnitAction::Enable, UNIT).into());
        change.expect.push(Expect::field(&UnitEnabled::new(UNIT, UnitScope::System), "word", "enabled").moves("links").loosely());
    }
    let is_active = matches!(unit.active_state.as_str(), "active" | "activating" | "reloading");
    // the files of registries are read whenever an image is fetched
    let reads_anew = change.expect.iter().any(|expect| expect.query.kind == "containerd");
    let is_right = cri.answers && !cri.is_outdated && cri.systemd_cgroups == Some(true);
    if is_active && !reads_anew && is_right {
        return Ok(());
    }
    let (action, after) = if is_active { (UnitAction::Restart, "started anew") } else { (UnitAction::Start, "started") };
    let why = match &cri.why_not {
        Some(why) if is_active => format!("does not answer: {why}"),
        _ if is_active => "runs with an older configuration".into(),
        _ => unit.active_state.clone(),
    };
    differs(change, &why, after);
    change.steps.push(UnitStep::new(action, UNIT).into());
    let moves = ["sub_state", "unit_file_state", "need_daemon_reload", "drop_in_paths", "load_error"];
    change.expect.push(moves.into_iter().fold(Expect::field(&Unit::new(UNIT), "active_state", "active"), Expect::moves));
    change.expect.push(Expect::is(&Cri, &CriState { answers: true, why_not: None, is_outdated: false, systemd_cgroups: Some(true) }));
    Ok(())
}
