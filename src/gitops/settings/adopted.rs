//! What an installation says that is there already: whoever made it, its settings are gone on with.
//!
//! Rendering with what is read of a gotk-components.yaml gives that file again, byte for byte.

use serde_json::Value as Json;

use super::address::Address;
use super::layer::Layer;
use crate::diagnostics::{Diagnostics, Source};
use crate::gitops::manifests::Component;
use crate::yaml::{self, Node};

/// What is known of an installation.
#[derive(Debug, Clone, Copy, Default)]
pub struct Installation<'a> {
    /// gotk-components.yaml: the name of the file, and its text.
    pub components: Option<(&'a str, &'a str)>,
    /// The GitRepository that Flux reads itself from.
    pub git_repository: Option<&'a Json>,
    /// The Kustomization that applies Flux itself.
    pub kustomization: Option<&'a Json>,
}

/// What it says.
#[derive(Debug, Clone, Default)]
pub struct Adopted {
    /// The settings. The release is not among them: it is adopted to be upgraded.
    pub layer: Layer,
    /// The release.
    pub version: Option<String>,
}

impl Adopted {
    /// Reads an installation's settings.
    ///
    /// # Errors
    /// An object in the file of components cannot be read.
    pub fn of(installation: Installation<'_>) -> Result<Self, Diagnostics> {
        let mut adopted = Self::default();
        if let Some((name, text)) = installation.components {
            adopted.components(name, text)?;
        }
        // what the cluster follows today counts more than what a file says
        if let Some(object) = installation.git_repository {
            git_repository(object, &mut adopted.layer);
        }
        if let Some(object) = installation.kustomization {
            adopted.layer.path = text(object, "/spec/path").or(Some(String::new()));
            if adopted.layer.namespace.is_none() {
                adopted.layer.namespace = text(object, "/metadata/namespace");
            }
        }
        Ok(adopted)
    }

    fn components(&mut self, name: &str, all: &str) -> Result<(), Diagnostics> {
        let layer = &mut self.layer;
        // the comments stand before the first object
        for line in all.lines().take_while(|line| line.starts_with('#') || *line == "---" || line.trim().is_empty()) {
            if let Some(version) = line.strip_prefix("# Flux Version:") {
                self.version = Some(version.trim().to_owned());
            } else if let Some(names) = line.strip_prefix("# Components:") {
                layer.components = Some(names.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect());
            }
        }
        let mut policies = false;
        let mut deployed = Vec::new();
        for (at, document) in documents(all) {
            match kind(document) {
                "NetworkPolicy" => policies = true,
                "Namespace" => layer.namespace = word(&load(name, all, at, document)?, &["metadata", "name"]),
                "Deployment" => deployed.push(load(name, all, at, document)?),
                _ => {}
            }
        }
        if deployed.is_empty() {
            return Ok(());
        }
        layer.network_policy = Some(policies);
        if layer.components.is_none() {
            layer.components = Some(deployed.iter().filter_map(|object| word(object, &["metadata", "name"])).collect());
        }
        for object in &deployed {
            deployment(object, layer);
        }
        // nothing said is nothing wanted, once there are Deployments
        layer.toleration_keys.get_or_insert_default();
        layer.image_pull_secret.get_or_insert_default();
        Ok(())
    }
}

/// Each document with the byte at which it begins.
fn documents(text: &str) -> Vec<(usize, &str)> {
    let mut at = 0;
    let mut found = Vec::new();
    for document in text.split("\n---\n") {
        found.push((at, document));
        at += document.len() + "\n---\n".len();
    }
    found
}

fn kind(document: &str) -> &str {
    document.lines().find_map(|line| line.strip_prefix("kind: ")).unwrap_or_default()
}

/// One document. The others are not read: definitions of resources are most of the file.
fn load(name: &str, all: &str, at: usize, document: &str) -> Result<Node, Diagnostics> {
    // empty lines in the place of what stands before, so that places are those of the file
    let before = all.get(..at).unwrap_or_default().matches('\n').count();
    let source = Source::new(name, format!("{}{document}\n", "\n".repeat(before)));
    let (node, _) = yaml::load(&source)?;
    Ok(node.unwrap_or_else(|| Node::new("", source.whole())))
}

fn node<'a>(object: &'a Node, path: &[&str]) -> Option<&'a Node> {
    path.iter().try_fold(object, |node, key| match key.parse::<usize>() {
        Ok(index) => node.as_list()?.get(index),
        Err(_) => node.get(key),
    })
}

fn word(object: &Node, path: &[&str]) -> Option<String> {
    node(object, path)?.as_str().map(str::to_owned)
}

/// What one of Flux's Deployments says; of several the first that says something counts.
fn deployment(object: &Node, layer: &mut Layer) {
    let pod = ["spec", "template", "spec"];
    let inside = |path: &[&str]| node(object, &[&pod[..], path].concat());
    let Some(component) = word(object, &["metadata", "name"]).as_deref().and_then(Component::named) else { return };
    if let Some(image) = inside(&["containers", "0", "image"]).and_then(Node::as_str)
        && let Some((registry, _)) = image.split_once(&format!("/{component}:"))
    {
        layer.registry.get_or_insert_with(|| registry.to_owned());
    }
    for argument in inside(&["containers", "0", "args"]).and_then(Node::as_list).unwrap_or_default().iter().filter_map(Node::as_str) {
        let (flag, value) = argument.split_once('=').unwrap_or((argument, "true"));
        match flag {
            "--watch-all-namespaces" if layer.watch_all_namespaces.is_none() => layer.watch_all_namespaces = value.parse().ok(),
            "--log-level" if layer.log_level.is_none() => layer.log_level = Some(value.to_owned()),
            "--events-addr" | "--storage-adv-addr" if layer.cluster_domain.is_none() => {
                let domain = value.split_once(".svc.").map(|(_, domain)| domain.trim_end_matches(['.', '/']));
                layer.cluster_domain = domain.map(str::to_owned);
            }
            _ => {}
        }
    }
    if layer.image_pull_secret.is_none() {
        layer.image_pull_secret = inside(&["imagePullSecrets", "0", "name"]).and_then(Node::as_str).map(str::to_owned);
    }
    if layer.toleration_keys.is_none()
        && let Some(list) = inside(&["tolerations"]).and_then(Node::as_list)
    {
        layer.toleration_keys = Some(list.iter().filter_map(|one| word(one, &["key"])).collect());
    }
}

fn text(object: &Json, path: &str) -> Option<String> {
    object.pointer(path).and_then(Json::as_str).map(str::to_owned)
}

fn git_repository(object: &Json, layer: &mut Layer) {
    let list = object.pointer("/spec/sparseCheckout").and_then(Json::as_array);
    layer.namespace = text(object, "/metadata/namespace").or(layer.namespace.take());
    layer.branch = text(object, "/spec/ref/branch");
    layer.secret_name = text(object, "/spec/secretRef/name");
    layer.interval = text(object, "/spec/interval");
    layer.provider = text(object, "/spec/provider");
    layer.recurse_submodules = Some(object.pointer("/spec/recurseSubmodules").and_then(Json::as_bool).unwrap_or(false));
    layer.sparse_checkout = Some(list.into_iter().flatten().filter_map(Json::as_str).map(str::to_owned).collect());
    layer.url = text(object, "/spec/url");
    // of an address that is not GitHub's nothing is known but that
    if let Some(address) = layer.url.as_deref().and_then(Address::parse) {
        layer.token_auth = Some(!address.is_ssh);
        layer.owner = Some(address.owner.clone());
        layer.repository = Some(address.repository.clone());
        (layer.hostname, layer.ssh_hostname) = address.hosts();
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const COMPONENTS: &str = "---
# This manifest was generated by flux. DO NOT EDIT.
# Flux Version: v2.7.5
# Components: source-controller,kustomize-controller
apiVersion: v1
kind: Namespace
metadata:
  name: gitops
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: allow-egress
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: source-controller
spec:
  template:
    spec:
      containers:
      - args:
        - --events-addr=
        - --watch-all-namespaces=false
        - --log-level=debug
        - --storage-adv-addr=source-controller.$(RUNTIME_NAMESPACE).svc.home.lan.
        image: mirror.lan:5000/flux/source-controller:v1.7.4
      imagePullSecrets:
      - name: pull
      tolerations:
      - key: dedicated
        operator: Exists
      - key: \"1\"
        operator: Exists
";

    #[test]
    fn what_the_file_of_components_says() {
        let adopted = Adopted::of(Installation { components: Some(("gotk-components.yaml", COMPONENTS)), ..Default::default() }).unwrap();
        let said = adopted.layer;
        assert_eq!((adopted.version.as_deref(), said.version), (Some("v2.7.5"), None));
        assert_eq!(said.components.unwrap(), ["source-controller", "kustomize-controller"]);
        assert_eq!((said.namespace.as_deref(), said.network_policy, said.watch_all_namespaces), (Some("gitops"), Some(true), Some(false)));
        assert_eq!((said.log_level.as_deref(), said.cluster_domain.as_deref()), (Some("debug"), Some("home.lan")));
        assert_eq!((said.registry.as_deref(), said.image_pull_secret.as_deref()), (Some("mirror.lan:5000/flux"), Some("pull")));
        assert_eq!(said.toleration_keys.unwrap(), ["dedicated", "1"]);
    }

    #[test]
    fn a_file_without_its_head_is_read_by_its_objects() {
        let text = COMPONENTS.replace("# Components", "# Controllers");
        let said = Adopted::of(Installation { components: Some(("x", &text)), ..Default::default() }).unwrap().layer;
        assert_eq!(said.components.unwrap(), ["source-controller"]);
        let nothing = Adopted::of(Installation { components: Some(("x", "# mine\n")), ..Default::default() }).unwrap().layer;
        assert_eq!((nothing.components, nothing.network_policy, nothing.toleration_keys), (None, None, None));
    }

    #[test]
    fn an_object_that_is_none_is_told_with_its_place() {
        let text = COMPONENTS.replace("      - name: pull", "      - name: [pull");
        let error = Adopted::of(Installation { components: Some(("gotk-components.yaml", &text)), ..Default::default() }).unwrap_err();
        assert!(error.to_string().contains("gotk-components.yaml:3"), "{error}");
    }

    #[test]
    fn what_the_clusters_objects_say() {
        let source = json!({
            "metadata": {"name": "flux-system", "namespace": "flux-system"},
            "spec": {"interval": "1m0s", "ref": {"branch": "main"}, "secretRef": {"name": "flux-system"}, "timeout": "60s",
                     "url": "ssh://git@github.com/Pat/HomeLab.git", "recurseSubmodules": true, "sparseCheckout": ["clusters"]},
        });
        let applied = json!({"spec": {"path": "./clusters/wbyc-k8s"}});
        let said =
            Adopted::of(Installation { components: None, git_repository: Some(&source), kustomization: Some(&applied) }).unwrap().layer;
        assert_eq!(
            (said.owner.as_deref(), said.repository.as_deref(), said.hostname.as_deref()),
            (Some("Pat"), Some("HomeLab"), Some("github.com"))
        );
        assert_eq!((said.token_auth, said.ssh_hostname, said.recurse_submodules), (Some(false), None, Some(true)));
        assert_eq!(
            (said.branch.as_deref(), said.path.as_deref(), said.interval.as_deref()),
            (Some("main"), Some("./clusters/wbyc-k8s"), Some("1m0s"))
        );
        assert_eq!((said.secret_name.as_deref(), said.sparse_checkout.unwrap().len()), (Some("flux-system"), 1));
        assert_eq!(said.url.as_deref(), Some("ssh://git@github.com/Pat/HomeLab.git"));
        let elsewhere = json!({"spec": {"url": "https://git.example.net/infra.git"}});
        let said = Adopted::of(Installation { git_repository: Some(&elsewhere), ..Default::default() }).unwrap().layer;
        assert_eq!((said.url.as_deref(), said.owner, said.token_auth), (Some("https://git.example.net/infra.git"), None, None));
    }
}
