//! What is made of the programs for machines that become nodes: a cluster's images, and a disk. Each is built once and kept.

use super::programs::{keyed, programs};
use crate::testbed::error::Result;
use crate::testbed::process::run;
use crate::testbed::roots::{built, changed_uml_image, recipe};
use std::path::PathBuf;

const IMAGES_RECIPE: &str = include_str!("images.sh");
const ARCHIVER: &str = include_str!("docker-archive.py");
const PAUSE: &str = include_str!("pause.c");
const NODE_RECIPE: &str = include_str!("node-root.sh");

/// What is in images.
const IN_IMAGES: [&str; 11] = [
    "kube-flannel.yml",
    "kubeadm", // names them
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kube-proxy",
    "etcd",
    "etcdctl",
    "coredns",
    "flanneld",
    "kube-vip",
];

/// A directory with the images of a cluster as archives that `ctr images import` takes, and flannel's manifest, `kube-flannel.yml`.
///
/// # Errors
/// A program cannot be built, or Debian's packages cannot be had.
pub fn images() -> Result<PathBuf> {
    let programs = programs(&[&IN_IMAGES[..], &["flannel"]].concat())?;
    let name = format!("images-{}", keyed(&[IMAGES_RECIPE, ARCHIVER, PAUSE], &programs));
    built(&name, |to| {
        let mut command = recipe(IMAGES_RECIPE, "images.sh");
        command.arg(to).args([ARCHIVER, PAUSE]).args(&programs);
        run(&mut command).map(drop)
    })
}

/// The disk of machines that become nodes (`node-root.sh`).
///
/// # Errors
/// As [`images`].
pub fn node_image() -> Result<PathBuf> {
    let images = images()?;
    changed_uml_image("node-bookworm", &[NODE_RECIPE, &images.to_string_lossy()], |from, to| {
        run(recipe(NODE_RECIPE, "node-root.sh").arg(from).arg(to).arg(&images)).map(drop)
    })
}
