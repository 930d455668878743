//! Where in the API an object is: a table for the kinds that Flux itself is made of, a question for all others.

use std::collections::BTreeMap;

use serde_json::Value;
use tokio::sync::Mutex;

use super::api;
use super::refused::{ApiError, Why};

/// Group, kind, its name in paths, and whether it lives in a namespace. The version is the object's own.
const KNOWN: &[(&str, &str, &str, bool)] = &[
    ("", "ConfigMap", "configmaps", true),
    ("", "Event", "events", true),
    ("", "Namespace", "namespaces", false),
    ("", "Node", "nodes", false),
    ("", "Pod", "pods", true),
    ("", "ResourceQuota", "resourcequotas", true),
    ("", "Secret", "secrets", true),
    ("", "Service", "services", true),
    ("", "ServiceAccount", "serviceaccounts", true),
    ("apiextensions.k8s.io", "CustomResourceDefinition", "customresourcedefinitions", false),
    ("apps", "DaemonSet", "daemonsets", true),
    ("apps", "Deployment", "deployments", true),
    ("apps", "ReplicaSet", "replicasets", true),
    ("apps", "StatefulSet", "statefulsets", true),
    ("authorization.k8s.io", "SelfSubjectAccessReview", "selfsubjectaccessreviews", false),
    ("batch", "Job", "jobs", true),
    ("helm.toolkit.fluxcd.io", "HelmRelease", "helmreleases", true),
    ("image.toolkit.fluxcd.io", "ImagePolicy", "imagepolicies", true),
    ("image.toolkit.fluxcd.io", "ImageRepository", "imagerepositories", true),
    ("image.toolkit.fluxcd.io", "ImageUpdateAutomation", "imageupdateautomations", true),
    ("kustomize.toolkit.fluxcd.io", "Kustomization", "kustomizations", true),
    ("networking.k8s.io", "NetworkPolicy", "networkpolicies", true),
    ("notification.toolkit.fluxcd.io", "Alert", "alerts", true),
    ("notification.toolkit.fluxcd.io", "Provider", "providers", true),
    ("notification.toolkit.fluxcd.io", "Receiver", "receivers", true),
    ("rbac.authorization.k8s.io", "ClusterRole", "clusterroles", false),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding", "clusterrolebindings", false),
    ("rbac.authorization.k8s.io", "Role", "roles", true),
    ("rbac.authorization.k8s.io", "RoleBinding", "rolebindings", true),
    ("source.extensions.fluxcd.io", "ArtifactGenerator", "artifactgenerators", true),
    ("source.toolkit.fluxcd.io", "Bucket", "buckets", true),
    ("source.toolkit.fluxcd.io", "ExternalArtifact", "externalartifacts", true),
    ("source.toolkit.fluxcd.io", "GitRepository", "gitrepositories", true),
    ("source.toolkit.fluxcd.io", "HelmChart", "helmcharts", true),
    ("source.toolkit.fluxcd.io", "HelmRepository", "helmrepositories", true),
    ("source.toolkit.fluxcd.io", "OCIRepository", "ocirepositories", true),
];

/// The object's path, if its kind stands in the table and it says what it is.
///
/// An object of a kind with namespaces that names none is in `default`, as for kubectl.
pub fn path_of(object: &Value) -> Option<String> {
    let named = Named::of(object)?;
    let (_, _, plural, is_namespaced) = KNOWN.iter().find(|(group, kind, ..)| *group == named.group() && *kind == named.kind)?;
    Some(named.path(plural, *is_namespaced))
}

/// What an object says of itself.
struct Named<'a> {
    version: &'a str,
    kind: &'a str,
    namespace: &'a str,
    name: &'a str,
}

impl<'a> Named<'a> {
    fn of(object: &'a Value) -> Option<Self> {
        let text = |at: &str| object.pointer(at).and_then(Value::as_str).filter(|text| !text.is_empty());
        let name = text("/metadata/name")?;
        // what would lead to another place of the API
        let is_plain = |text: &str| !text.contains(['/', '?', '#', '%', ' ']) && text != "." && text != "..";
        let named =
            Self { version: text("/apiVersion")?, kind: text("/kind")?, namespace: text("/metadata/namespace").unwrap_or("default"), name };
        let version_is_plain = named.version.split('/').count() <= 2 && named.version.split('/').all(is_plain);
        (is_plain(name) && is_plain(named.namespace) && version_is_plain).then_some(named)
    }

    fn group(&self) -> &'a str {
        self.version.split_once('/').map_or("", |(group, _)| group)
    }

    fn root(&self) -> String {
        let api = if self.version.contains('/') { "apis" } else { "api" };
        format!("/{api}/{}", self.version)
    }

    fn path(&self, plural: &str, is_namespaced: bool) -> String {
        let (root, name) = (self.root(), self.name);
        match is_namespaced {
            true => format!("{root}/namespaces/{}/{plural}/{name}", self.namespace),
            false => format!("{root}/{plural}/{name}"),
        }
    }
}

/// By kind: its name in paths, and whether it lives in a namespace.
type Served = BTreeMap<String, (String, bool)>;

/// The kinds of one cluster beyond the table, each group and version asked for once.
#[derive(Debug, Default)]
pub struct Kinds {
    /// By `apiVersion`.
    asked: Mutex<BTreeMap<String, Served>>,
}

impl Kinds {
    /// Nothing is asked yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The object's path. A version in which the kind was not found is asked for again next time: its definition may be there by then.
    ///
    /// # Errors
    ///
    /// Where the object does not say what it is, where the cluster has no such kind, or did not answer.
    pub async fn path_of(&self, client: &kube::Client, object: &Value) -> Result<String, ApiError> {
        if let Some(path) = path_of(object) {
            return Ok(path);
        }
        let Some(named) = Named::of(object) else {
            let why = Why::Answer { said: "an object without apiVersion, kind and name, or with a name that none can have".into() };
            return Err(ApiError { method: "GET", path: "/".into(), why });
        };
        let mut asked = self.asked.lock().await;
        let known = asked.get(named.version).and_then(|kinds| kinds.get(named.kind)).cloned();
        let (plural, is_namespaced) = match known {
            Some(known) => known,
            None => {
                let list = api::get(client, &named.root()).await?;
                let kinds = list.as_ref().map(resources).unwrap_or_default();
                let found = kinds.get(named.kind).cloned();
                asked.insert(named.version.into(), kinds);
                found.ok_or_else(|| ApiError {
                    method: "GET",
                    path: named.root(),
                    why: Why::NoKind { kind: named.kind.into(), version: named.version.into() },
                })?
            }
        };
        Ok(named.path(&plural, is_namespaced))
    }
}

/// What an APIResourceList holds, without the parts of objects (`deployments/scale`).
fn resources(list: &Value) -> Served {
    let resource = |resource: &Value| {
        let name = resource.get("name")?.as_str()?;
        let kind = resource.get("kind")?.as_str()?.to_owned();
        let is_namespaced = resource.get("namespaced")?.as_bool()?;
        (!name.contains('/')).then(|| (kind, (name.to_owned(), is_namespaced)))
    };
    list.get("resources").and_then(Value::as_array).into_iter().flatten().filter_map(resource).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::gitops::cluster::api::fake;

    #[test]
    fn the_table_leads_to_objects() {
        let path = |version, kind, namespace| {
            path_of(&json!({"apiVersion": version, "kind": kind, "metadata": {"name": "x", "namespace": namespace}})).unwrap_or_default()
        };
        assert_eq!(path("v1", "Namespace", Value::Null), "/api/v1/namespaces/x");
        assert_eq!(path("v1", "Secret", json!("flux-system")), "/api/v1/namespaces/flux-system/secrets/x");
        assert_eq!(path("v1", "Secret", Value::Null), "/api/v1/namespaces/default/secrets/x");
        let kustomization = "/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/flux-system/kustomizations/x";
        assert_eq!(path("kustomize.toolkit.fluxcd.io/v1", "Kustomization", json!("flux-system")), kustomization);
        // kustomize's own file is not Flux's kind
        assert_eq!(path("kustomize.config.k8s.io/v1beta1", "Kustomization", Value::Null), "");
    }

    #[test]
    fn a_name_leads_nowhere_else() {
        for name in ["../secrets/token", "a?dryRun=All", "..", "", "a%2fb"] {
            let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}});
            assert_eq!(path_of(&object), None, "{name}");
            let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "namespace": name}});
            assert!(path_of(&object).is_none() || name.is_empty(), "{name}");
        }
    }

    #[tokio::test]
    async fn other_kinds_are_asked_for_once() {
        let (client, log) = fake(|_, path, _| match path {
            "/apis/cert-manager.io/v1" => (
                200,
                json!({"resources": [
                    {"name": "issuers", "kind": "Issuer", "namespaced": true},
                    {"name": "issuers/status", "kind": "Issuer", "namespaced": true},
                    {"name": "clusterissuers", "kind": "ClusterIssuer", "namespaced": false},
                ]}),
            ),
            _ => (404, json!({"message": "the server could not find the requested resource", "reason": "NotFound"})),
        });
        let kinds = Kinds::new();
        let object = |version: &str, kind: &str| json!({"apiVersion": version, "kind": kind, "metadata": {"name": "x", "namespace": "n"}});
        let issuer = kinds.path_of(&client, &object("cert-manager.io/v1", "Issuer")).await;
        assert_eq!(issuer.unwrap(), "/apis/cert-manager.io/v1/namespaces/n/issuers/x");
        let cluster_issuer = kinds.path_of(&client, &object("cert-manager.io/v1", "ClusterIssuer")).await;
        assert_eq!(cluster_issuer.unwrap(), "/apis/cert-manager.io/v1/clusterissuers/x");
        kinds.path_of(&client, &object("apps/v1", "Deployment")).await.unwrap();
        assert_eq!(log.lock().unwrap().len(), 1);
        let absent = kinds.path_of(&client, &object("longhorn.io/v1", "Volume")).await.unwrap_err();
        assert!(absent.is_absent());
        assert!(absent.to_string().ends_with("no matches for kind `Volume` in version `longhorn.io/v1`"));
        assert!(kinds.path_of(&client, &json!({"kind": "Volume"})).await.is_err());
    }
}
