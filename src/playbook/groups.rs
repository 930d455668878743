//! Action groups: names that `module_defaults` may give to several modules at once.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::file::Document;
use super::loader::Loader;
use crate::diagnostics::{Diagnostic, suggestion};
use crate::yaml::Node;

/// The groups of ansible-core's own (`config/ansible_builtin_runtime.yml`), and those of collections that they stand for.
const OWN: [(&str, &[&str]); 12] = [
    ("testgroup", &["testns.testcoll.testgroup", "testns.testcoll.anothergroup", "testns.boguscoll.testgroup"]),
    ("testlegacy", &[]),
    ("aws", &["amazon.aws.aws", "community.aws.aws"]),
    ("acme", &["community.crypto.acme"]),
    ("azure", &["azure.azcollection.azure"]),
    ("cpm", &["wti.remote.cpm"]),
    ("docker", &["community.general.docker", "community.docker.docker"]),
    ("gcp", &["google.cloud.gcp"]),
    ("k8s", &["community.kubernetes.k8s", "community.general.k8s", "community.kubevirt.k8s", "community.okd.k8s", "kubernetes.core.k8s"]),
    ("os", &["openstack.cloud.os"]),
    ("ovirt", &["ovirt.ovirt.ovirt", "community.general.ovirt"]),
    ("vmware", &["community.vmware.vmware"]),
];
/// The one module of ours in them.
const OWN_MODULE: (&str, &str) = ("testgroup", "ansible.builtin.ping");

/// A group's whole name: those without a collection are ansible-core's.
pub(super) fn whole(group: &str) -> String {
    if group.split('.').count() < 3 { format!("ansible.builtin.{group}") } else { group.to_owned() }
}

/// A group's collection and its name in it.
fn parts(whole: &str) -> Option<(String, &str)> {
    let mut parts = whole.splitn(3, '.');
    let collection = format!("{}.{}", parts.next()?, parts.next()?);
    Some((collection, parts.next()?))
}

impl Loader<'_> {
    /// The groups that `module_defaults` names, by their whole names, each with the whole names of its modules.
    pub(super) fn groups(&mut self, defaults: &[Node]) -> BTreeMap<String, BTreeSet<String>> {
        let mut groups = BTreeMap::new();
        for key in defaults.iter().filter_map(Node::as_map).flatten().map(|(key, _)| key) {
            let Some(group) = key.as_str().and_then(|key| key.strip_prefix("group/")).map(whole) else { continue };
            let mut modules = BTreeSet::new();
            if !self.group(&group, &mut modules, &mut BTreeSet::new()) {
                let error = Diagnostic::error(format!("there is no action group `{group}`")).at(key.place.clone());
                let own = OWN.iter().map(|(name, _)| *name);
                let label =
                    parts(&group).filter(|(collection, _)| collection == "ansible.builtin").and_then(|(_, name)| suggestion(name, own));
                self.problems.push(match label {
                    Some(label) => error.label(label),
                    None => error.hint("name a module, or a group of `action_groups` in a collection's `meta/runtime.yml`"),
                });
            }
            groups.insert(group, modules);
        }
        groups
    }

    /// Adds a group's modules. False if it is certain that there is no such group: of a collection that is not here nothing is.
    fn group(&mut self, group: &str, modules: &mut BTreeSet<String>, seen: &mut BTreeSet<String>) -> bool {
        let Some((collection, name)) = parts(group).filter(|_| seen.insert(group.to_owned())) else { return true };
        if collection == "ansible.builtin" {
            let Some((_, extends)) = OWN.iter().find(|(own, _)| *own == name) else { return false };
            if name == OWN_MODULE.0 {
                modules.insert(OWN_MODULE.1.to_owned());
            }
            for other in *extends {
                self.group(other, modules, seen);
            }
            return true;
        }
        let Some(path) = self.runtime(&collection) else { return true };
        let Document::Node(node) = self.document(&path, None) else { return false };
        let groups = node.get("action_groups");
        let Some(entries) = groups.and_then(|groups| groups.get(group).or_else(|| groups.get(name))?.as_list()) else { return false };
        let within = |name: &str| if name.split('.').count() < 3 { format!("{collection}.{name}") } else { name.to_owned() };
        for entry in entries {
            if let Some(module) = entry.as_str() {
                modules.insert(within(module).replacen("ansible.legacy.", "ansible.builtin.", 1));
            }
            let extended = entry.get("metadata").and_then(|metadata| metadata.get("extend_group"));
            let names = extended.map(|extended| extended.as_list().unwrap_or(std::slice::from_ref(extended))).unwrap_or_default();
            for other in names.iter().filter_map(Node::as_str) {
                self.group(&within(other), modules, seen);
            }
        }
        true
    }

    /// What a collection says of itself, where it is installed.
    fn runtime(&self, collection: &str) -> Option<PathBuf> {
        let beside = self.playbook_dir.join("collections");
        let roots = std::iter::once(&beside).chain(self.request.collections);
        let path = collection.replace('.', "/");
        roots.map(|root| root.join("ansible_collections").join(&path).join("meta/runtime.yml")).find(|path| path.is_file())
    }
}
