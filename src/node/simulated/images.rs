//! Images of a simulated machine's containerd.

use super::world::{Stop, World};
use crate::node::steps::{ImportImages, PullImages};
use crate::plan::Reading;

/// What kubeadm wants of any version.
const OF_KUBEADM: [&str; 2] = ["registry.k8s.io/kube-proxy:v1", "registry.k8s.io/pause:3.10.1"];
/// What is in every archive.
const IN_ARCHIVES: [&str; 2] = [OF_KUBEADM[0], "in.the/archive:1"];

impl World {
    /// An image is there, before anything happens.
    pub fn add_image(&mut self, name: &str) {
        self.images.insert(name.into());
    }

    pub(super) fn missing_images_fact(&self, args: &[String]) -> Reading {
        if !self.has_crictl {
            return Reading::unknown("there is no ctr to ask containerd by");
        }
        let version = args.first().filter(|version| !version.is_empty());
        let wanted = OF_KUBEADM.iter().filter(|_| version.is_some()).map(|name| (*name).to_owned()).chain(args.iter().skip(1).cloned());
        Reading::present(&wanted.filter(|name| !self.images.contains(name)).collect::<Vec<_>>())
    }

    pub(super) fn import_images(&mut self, step: &ImportImages) -> Result<(), Stop> {
        if self.content(&step.path).is_none() {
            return Err(format!("ctr: open {}: no such file or directory", step.path).into());
        }
        if self.tick()? {
            IN_ARCHIVES.iter().for_each(|name| self.add_image(name));
        }
        Ok(())
    }

    pub(super) fn pull_images(&mut self, step: &PullImages) -> Result<(), Stop> {
        if let Some(name) = step.names.iter().find(|name| name.contains("nowhere") && !self.images.contains(*name)) {
            return Err(format!("not pulled: {name}").into());
        }
        if self.tick()? {
            self.images.extend(step.names.iter().cloned());
        }
        Ok(())
    }
}
