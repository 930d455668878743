//! `homelab.images`

use crate::cluster::settings::KubernetesVersion;
use crate::modules::halt::{Halt, settled};
use crate::modules::outcome::planned;
use crate::modules::{Args, Decision, Kind, Module, Opt, Spec, Task, Wrong};
use crate::node::facts::MissingImages;
use crate::node::steps::{ImportImages, PullImages, Remove, RemoveWhat, Source, WriteFile};
use crate::node::{Change, Plan};
use crate::plan::{Expect, Facts, Stop};

/// Images are there before anything asks for them.
#[derive(Debug)]
pub struct HomelabImages;

static SPEC: Spec = Spec {
    options: &[
        Opt::new("version", Kind::Str).about("A version of Kubernetes, such as `v1.34.2`: the images that this machine's kubeadm wants for it"),
        Opt::new("names", Kind::List(&Kind::Str)).about("Other images, with their registry and tag"),
        Opt::new("archive", Kind::Str)
            .about("A file with images (`ctr images export`, `docker save`), here: it is brought to the machine and imported if any of them is missing"),
    ],
    one_of: &[&["version", "names"]],
    about: "Has containerd hold images before they are wanted, from an archive or their registries",
    notes: &[
        "What is missing is asked of containerd (`ctr -n k8s.io images ls`); where nothing is, nothing is done, and no archive is brought. What is still missing after the archive was imported is pulled as the kubelet would, by containerd's own mirrors.",
        "The archive is removed from the machine after its images were imported.",
    ],
    example: "- name: what kubeadm would pull\n  homelab.images:\n    version: v1.34.2\n    archive: images.tar\n",
    ..Spec::new("homelab", "images")
};

/// Where an archive is for as long as it is imported: there is room on the disk that containerd keeps its images on.
const ARCHIVE: &str = "/var/tmp/homelabctl-images.tar";

impl Module for HomelabImages {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn wrong(&self, args: &Args) -> Vec<Wrong> {
        let version = args.str("version").filter(|text| KubernetesVersion::parse(text).is_none());
        version.map(|text| Wrong::new("version", format!("`{text}` is no version of Kubernetes such as v1.34.2"), "")).into_iter().collect()
    }

    fn plan(&self, task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Stop> {
        settled(plan(task, facts))
    }
}

fn plan(task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Halt> {
    let args = task.args;
    let version = match args.str("version") {
        Some(text) => KubernetesVersion::parse(text)
            .map(|version| version.to_string())
            .ok_or_else(|| Halt::fail(format!("`{text}` is no version of Kubernetes")))?,
        None => String::new(),
    };
    let names: Vec<String> = args.list("names").unwrap_or_default().into_iter().map(whole).collect();
    let fact = MissingImages::new(&version, names);
    let missing = facts.get(fact.clone())?.unwrap_or_default();
    if missing.is_empty() {
        return Ok(Decision::unchanged());
    }
    let mut change: Change = Plan::change([]);
    let mut how = "pulled";
    if let Some(archive) = args.str("archive") {
        let source = match task.outside.large("files", archive).map_err(Halt::fail)? {
            Some(file) => Source::Local { path: file.path, size: file.size, sha256: file.sha256 },
            None => Source::Bytes(task.outside.file("files", archive).map_err(Halt::fail)?),
        };
        let owner = || "root".to_owned();
        change.steps.push(WriteFile { path: ARCHIVE.into(), source, owner: owner(), group: owner(), mode: 0o600 }.into());
        change.steps.push(ImportImages { path: ARCHIVE.into() }.into());
        change.steps.push(Remove { path: ARCHIVE.into(), what: RemoveWhat::File }.into());
        how = "from the archive, or pulled";
    }
    for name in &missing {
        change = change.differs(format!("image {name}"), None, Some(how.into()));
    }
    change.steps.push(PullImages { names: missing }.into());
    change.expect.push(Expect::is(&fact, &Vec::new()));
    Ok(planned(change))
}

/// As containerd calls it: `busybox` is `docker.io/library/busybox:latest`.
fn whole(name: &str) -> String {
    let (host, rest) = match name.split_once('/') {
        Some((first, rest)) if first.contains(['.', ':']) || first == "localhost" => (first.to_owned(), rest.to_owned()),
        Some(_) => ("docker.io".to_owned(), name.to_owned()),
        None => ("docker.io".to_owned(), format!("library/{name}")),
    };
    let is_exact = rest.contains('@') || rest.rsplit('/').next().is_some_and(|last| last.contains(':'));
    if is_exact { format!("{host}/{rest}") } else { format!("{host}/{rest}:latest") }
}

#[cfg(test)]
pub(in crate::modules) mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::modules::bench::{Bench, Files, Seen};
    use crate::node::simulated::{Random, World};

    fn bench(images: &[&str], has_crictl: bool) -> Bench {
        let mut world = World::new(1);
        world.set_crictl(has_crictl);
        world.add_directory("/var/tmp", 0o1777);
        images.iter().for_each(|name| world.add_image(name));
        let mut bench = Bench::new(world);
        bench.outside = Files([Files::file("images.tar", b"tar", 0o644)].into());
        bench
    }

    const BOTH: [&str; 2] = ["registry.k8s.io/kube-proxy:v1", "registry.k8s.io/pause:3.10.1"];

    pub(in crate::modules) fn state(random: &mut Random) -> (Bench, Value) {
        let bench = bench(if random.once_in(2) { &BOTH } else { &BOTH[..1] }, !random.once_in(10));
        let mut args = json!({});
        if !random.once_in(4) {
            args["version"] = "v1.34.2".into();
        }
        if args.get("version").is_none() || random.once_in(3) {
            args["names"] = random.pick(&[json!(["in.the/archive:1"]), json!(["busybox"]), json!(["no.where/nowhere:1"])]).unwrap().clone();
        }
        if random.once_in(2) {
            args["archive"] = (*random.pick(&["images.tar", "images.tar", "images.tar", "missing.tar"]).unwrap()).into();
        }
        (bench, args)
    }

    #[test]
    fn an_archive_is_brought_only_where_something_is_missing() {
        let args = json!({"version": "v1.34.2", "archive": "images.tar"});
        let mut bench = bench(&[], true);
        let Seen::Changed(_, change, _) = bench.run(&HomelabImages, &args) else { panic!() };
        assert_eq!((change.steps.len(), change.diff.len()), (4, 2));
        assert!(matches!(bench.run(&HomelabImages, &args), Seen::Unchanged(_)));
        let Seen::StepFailed(why) = bench.run(&HomelabImages, &json!({"names": ["no.where/nowhere:1"]})) else { panic!() };
        assert_eq!(why.trim(), "not pulled: no.where/nowhere:1");
    }

    #[test]
    fn names_are_as_containerd_has_them() {
        for (given, is) in [
            ("busybox", "docker.io/library/busybox:latest"),
            ("flannel/flannel:v1", "docker.io/flannel/flannel:v1"),
            ("mirror.lan:5000/a/b", "mirror.lan:5000/a/b:latest"),
            ("registry.k8s.io/pause@sha256:00", "registry.k8s.io/pause@sha256:00"),
        ] {
            assert_eq!(whole(given), is);
        }
    }
}
