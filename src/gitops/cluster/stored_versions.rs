//! API versions that a newer Flux no longer has: whether objects of them may still be stored, and how they are stored anew.
//!
//! Kubernetes refuses a CustomResourceDefinition without a version that its `status.storedVersions` lists, and server-side apply refuses
//! objects some of whose fields are owned in a version that is gone. Both are put right as `flux migrate` does it: every object is
//! written once as it is, with its owners moved to the version that is stored, then `storedVersions` is set.

use std::fmt;

use serde_json::{Value, json};

use super::api;
use super::diagnosis::Reference;
use super::refused::{ApiError, Why};

/// How often an object is read and written again that somebody else has written in between.
const ATTEMPTS: usize = 5;

/// What a newer CustomResourceDefinition means for the objects of the present one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    /// Nothing is to be done.
    Fine,
    /// Its objects are to be stored anew first.
    Migrate(Migration),
    /// What is stored is in a version that the newer one does not know: an older release has to come between.
    Stuck {
        /// The definition's name.
        name: String,
        /// The version in which objects are stored now.
        stored: String,
        /// The versions that the newer one has.
        wanted: Vec<String>,
    },
    /// It cannot be told.
    Unknown {
        /// The definition's name.
        name: String,
        /// Why not.
        why: String,
    },
}

impl fmt::Display for Judgement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fine => f.write_str("nothing is stored in a version that goes"),
            Self::Migrate(Migration { name, from, to, is_stored: true }) => {
                write!(f, "CRD {name} still lists {} as stored: migrated to {to} first", from.join(", "))
            }
            Self::Migrate(Migration { name, from, to, .. }) => {
                write!(f, "CRD {name} loses {}: what is owned in it is moved to {to} first", from.join(", "))
            }
            Self::Stuck { name, stored, wanted } => {
                write!(
                    f,
                    "CRD {name} stores {stored}, and the newer one has only {}: an older release has to come between",
                    wanted.join(", ")
                )
            }
            Self::Unknown { name, why } => write!(f, "CRD {name}: {why}"),
        }
    }
}

/// What is to be stored anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migration {
    /// The definition's name.
    pub name: String,
    /// The versions that go.
    pub from: Vec<String>,
    /// The version in which objects are stored now.
    pub to: String,
    /// Whether objects may be stored in a version that goes. Otherwise only the owners of their fields may name one.
    pub is_stored: bool,
}

impl Migration {
    /// Whether an object, as it is read in the version that is stored, is to be written.
    pub fn is_for(&self, object: &Value) -> bool {
        let owners = object.pointer("/metadata/managedFields").and_then(Value::as_array);
        let is_old = |owner: &Value| {
            let version = owner.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
            self.from.iter().any(|from| version.rsplit('/').next() == Some(from))
        };
        self.is_stored || owners.is_some_and(|owners| owners.iter().any(is_old))
    }
}

/// What a newer definition means for a cluster that holds the present one, or none.
pub fn judge(present: Option<&Value>, target: &Value) -> Judgement {
    let Some(present) = present else { return Judgement::Fine };
    let name = present.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default().to_owned();
    let stored: Vec<String> = present
        .pointer("/status/storedVersions")
        .and_then(Value::as_array)
        .map(|stored| stored.iter().filter_map(Value::as_str).map(str::to_owned).collect())
        .unwrap_or_default();
    let (had, wanted) = (versions(present), versions(target));
    let Some(to) = storage(present).filter(|_| !stored.is_empty()) else {
        return Judgement::Unknown { name, why: "it does not say in which versions its objects are stored".into() };
    };
    if wanted.is_empty() {
        return Judgement::Unknown { name, why: "the newer one lists no versions".into() };
    }
    let gone = |versions: &[String]| versions.iter().filter(|version| !wanted.contains(version)).cloned().collect::<Vec<_>>();
    let (stored_gone, had_gone) = (gone(&stored), gone(&had));
    if stored_gone.is_empty() && had_gone.is_empty() {
        return Judgement::Fine;
    }
    if !wanted.contains(&to) {
        return Judgement::Stuck { name, stored: to, wanted };
    }
    let is_stored = !stored_gone.is_empty();
    let mut from = stored_gone;
    from.extend(had_gone.into_iter().filter(|version| !from.contains(version)).collect::<Vec<_>>());
    Judgement::Migrate(Migration { name, from, to, is_stored })
}

fn versions(definition: &Value) -> Vec<String> {
    let versions = definition.pointer("/spec/versions").and_then(Value::as_array).into_iter().flatten();
    versions.filter_map(|version| version.get("name")?.as_str()).map(str::to_owned).collect()
}

fn storage(definition: &Value) -> Option<String> {
    let versions = definition.pointer("/spec/versions")?.as_array()?;
    let stored = versions.iter().find(|version| version.get("storage") == Some(&Value::Bool(true)))?;
    Some(stored.get("name")?.as_str()?.to_owned())
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migrated {
    /// How many objects there are.
    pub seen: usize,
    /// The objects that were written.
    pub written: Vec<Reference>,
}

/// Stores anew what is to be. Can be done again at any time, and takes up where it was cut off.
///
/// # Errors
///
/// Where the API did not answer, or said no; where the definition has changed since it was judged; where an object is written by others
/// again and again.
pub async fn migrate(client: &kube::Client, migration: &Migration) -> Result<Migrated, ApiError> {
    let path = format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{}", migration.name);
    let definition = definition(client, &path, migration).await?;
    let text = |at: &str| definition.pointer(at).and_then(Value::as_str).unwrap_or_default();
    let (group, plural) = (text("/spec/group"), text("/spec/names/plural"));
    let is_namespaced = text("/spec/scope") == "Namespaced";
    let root = format!("/apis/{group}/{}", migration.to);
    let objects = api::list(client, &format!("{root}/{plural}")).await?;
    let mut done = Migrated { seen: objects.len(), written: Vec::new() };
    for object in objects.into_iter().filter(|object| migration.is_for(object)) {
        let who = Reference::of(&object);
        let at = match is_namespaced {
            true => format!("{root}/namespaces/{}/{plural}/{}", who.namespace, who.name),
            false => format!("{root}/{plural}/{}", who.name),
        };
        if rewrite(client, &at, object, &format!("{group}/{}", migration.to)).await? {
            done.written.push(who);
        }
    }
    if migration.is_stored {
        set_stored(client, &path, definition, migration).await?;
    }
    Ok(done)
}

/// The definition, if objects of it are stored in the version that they were to be stored in.
async fn definition(client: &kube::Client, path: &str, migration: &Migration) -> Result<Value, ApiError> {
    let failed = |said: String| ApiError { method: "GET", path: path.into(), why: Why::Answer { said } };
    let definition = api::get(client, path).await?.ok_or_else(|| failed("the definition is gone".into()))?;
    match storage(&definition) {
        Some(stored) if stored == migration.to => Ok(definition),
        stored => Err(failed(format!("it stores {} by now, and not {}", stored.unwrap_or_default(), migration.to))),
    }
}

/// Writes an object as it is, its owners moved to a version. `false` where it is gone.
async fn rewrite(client: &kube::Client, path: &str, mut object: Value, version: &str) -> Result<bool, ApiError> {
    for attempt in 1.. {
        move_owners(&mut object, version);
        match api::put(client, path, &object).await {
            Ok(_) => return Ok(true),
            Err(error) if error.is_absent() => return Ok(false),
            Err(error) if error.is_conflict() && attempt < ATTEMPTS => match api::get(client, path).await? {
                Some(newer) => object = newer,
                None => return Ok(false),
            },
            Err(error) => return Err(error),
        }
    }
    Ok(false)
}

/// All that own fields of an object own them in this version. Two entries that become one own what both owned: Kubernetes would keep only
/// the last.
fn move_owners(object: &mut Value, version: &str) {
    let Some(Value::Array(owners)) = object.pointer_mut("/metadata/managedFields").map(Value::take) else { return };
    let mut moved: Vec<Value> = Vec::new();
    for mut owner in owners {
        if let Some(owner) = owner.as_object_mut() {
            owner.insert("apiVersion".into(), version.into());
        }
        let is_same = |other: &&mut Value| {
            let same = |key: &str| other.get(key) == owner.get(key);
            same("manager") && same("operation") && same("subresource")
        };
        match moved.iter_mut().find(is_same) {
            Some(other) => {
                if let (Some(into), Some(from)) = (other.get_mut("fieldsV1"), owner.get("fieldsV1")) {
                    unite(into, from);
                }
            }
            None => moved.push(owner),
        }
    }
    if let Some(owners) = object.pointer_mut("/metadata/managedFields") {
        *owners = Value::Array(moved);
    }
}

/// Sets of fields are trees of objects: the union has what either has.
fn unite(into: &mut Value, from: &Value) {
    let (Some(into), Some(from)) = (into.as_object_mut(), from.as_object()) else { return };
    for (key, fields) in from {
        unite(into.entry(key.clone()).or_insert_with(|| json!({})), fields);
    }
}

/// Says that objects are stored in one version only, unless the definition has been changed to store another since they were listed.
async fn set_stored(client: &kube::Client, path: &str, mut definition: Value, migration: &Migration) -> Result<(), ApiError> {
    for attempt in 1.. {
        let seen = definition.pointer("/metadata/resourceVersion").cloned().unwrap_or_default();
        let patch = json!({"metadata": {"resourceVersion": seen}, "status": {"storedVersions": [migration.to]}});
        match api::merge(client, &format!("{path}/status"), &patch).await {
            Err(error) if error.is_conflict() && attempt < ATTEMPTS => definition = self::definition(client, path, migration).await?,
            answer => return answer.map(drop),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use proptest::prelude::*;

    use super::*;
    use crate::gitops::cluster::api::fake;

    const NAME: &str = "helmreleases.helm.toolkit.fluxcd.io";

    fn crd(versions: &[&str], stored: &[&str]) -> Value {
        let last = versions.len().saturating_sub(1);
        let versions: Vec<_> =
            versions.iter().enumerate().map(|(at, name)| json!({"name": name, "served": true, "storage": at == last})).collect();
        json!({"metadata": {"name": NAME, "resourceVersion": "7"},
            "spec": {"group": "helm.toolkit.fluxcd.io", "scope": "Namespaced", "names": {"plural": "helmreleases"}, "versions": versions},
            "status": {"storedVersions": stored}})
    }

    fn migration(from: &[&str], is_stored: bool) -> Migration {
        Migration { name: NAME.into(), from: from.iter().map(|from| (*from).to_owned()).collect(), to: "v2".into(), is_stored }
    }

    #[test]
    fn what_a_newer_definition_means() {
        let target = crd(&["v2"], &[]);
        assert_eq!(judge(None, &target), Judgement::Fine);
        assert_eq!(judge(Some(&crd(&["v2"], &["v2"])), &target), Judgement::Fine);
        let left = judge(Some(&crd(&["v2beta2", "v2"], &["v2beta2", "v2"])), &target);
        assert_eq!(left, Judgement::Migrate(migration(&["v2beta2"], true)));
        assert_eq!(left.to_string(), format!("CRD {NAME} still lists v2beta2 as stored: migrated to v2 first"));
        assert_eq!(judge(Some(&crd(&["v2beta2", "v2"], &["v2"])), &target), Judgement::Migrate(migration(&["v2beta2"], false)));
        let both = crd(&["v2beta2", "v2"], &["v2beta2", "v2"]);
        assert_eq!(judge(Some(&both), &both), Judgement::Fine);
        let old = judge(Some(&crd(&["v2beta1", "v2beta2"], &["v2beta2"])), &target);
        assert_eq!(old, Judgement::Stuck { name: NAME.into(), stored: "v2beta2".into(), wanted: vec!["v2".into()] });
        assert!(matches!(judge(Some(&crd(&["v2"], &[])), &target), Judgement::Unknown { .. }));
        assert!(matches!(judge(Some(&crd(&["v2"], &["v2"])), &json!({})), Judgement::Unknown { .. }));
    }

    #[test]
    fn owners_move_and_keep_what_they_own() {
        let mut object = json!({"metadata": {"managedFields": [
            {"manager": "kustomize-controller", "operation": "Apply", "apiVersion": "h/v2beta2", "fieldsV1": {"f:spec": {"f:a": {}}}},
            {"manager": "helm-controller", "operation": "Update", "subresource": "status", "apiVersion": "h/v2", "fieldsV1": {"f:status": {}}},
            {"manager": "kustomize-controller", "operation": "Apply", "apiVersion": "h/v2", "fieldsV1": {"f:spec": {"f:b": {"f:c": {}}}}},
        ]}});
        assert!(migration(&["v2beta2"], false).is_for(&object));
        move_owners(&mut object, "h/v2");
        assert_eq!(
            object["metadata"]["managedFields"],
            json!([
                {"manager": "kustomize-controller", "operation": "Apply", "apiVersion": "h/v2", "fieldsV1": {"f:spec": {"f:a": {}, "f:b": {"f:c": {}}}}},
                {"manager": "helm-controller", "operation": "Update", "subresource": "status", "apiVersion": "h/v2", "fieldsV1": {"f:status": {}}},
            ])
        );
        assert!(!migration(&["v2beta2"], false).is_for(&object) && migration(&["v2beta2"], true).is_for(&object));
    }

    #[tokio::test]
    async fn every_object_is_written_once_and_a_conflict_is_read_again() {
        let puts = AtomicUsize::new(0);
        let (client, log) = fake(move |method, path, body| {
            let object = |name: &str| json!({"metadata": {"name": name, "namespace": "n", "resourceVersion": "1"}});
            let conflict = (409, json!({"reason": "Conflict", "message": "the object has been modified"}));
            match (method, path.split('?').next().unwrap()) {
                ("GET", "/apis/helm.toolkit.fluxcd.io/v2/helmreleases") => (
                    200,
                    json!({"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmReleaseList", "items": [object("a"), object("gone"), object("c")]}),
                ),
                ("GET", path) if path.ends_with(NAME) => (200, crd(&["v2beta2", "v2"], &["v2beta2", "v2"])),
                ("GET", path) => (200, object(path.rsplit('/').next().unwrap())),
                ("PUT", path) if path.ends_with("/gone") => (404, json!({"reason": "NotFound"})),
                ("PUT", _) if puts.fetch_add(1, Ordering::SeqCst) == 0 => conflict,
                ("PATCH", _) if body["status"]["storedVersions"] != json!(["v2"]) || body["metadata"]["resourceVersion"] != "7" => {
                    (422, json!({}))
                }
                _ => (200, body.clone()),
            }
        });
        let done = migrate(&client, &migration(&["v2beta2"], true)).await.unwrap();
        assert_eq!(done.seen, 3);
        let names: Vec<_> = done.written.iter().map(Reference::to_string).collect();
        assert_eq!(names, ["HelmRelease n/a", "HelmRelease n/c"]);
        let log = log.lock().unwrap();
        assert_eq!(log.iter().filter(|line| line.starts_with("PUT")).count(), 4);
        assert!(log.last().unwrap().starts_with(&format!("PATCH /apis/apiextensions.k8s.io/v1/customresourcedefinitions/{NAME}/status")));
    }

    #[tokio::test]
    async fn an_object_that_others_write_all_the_time_is_an_error() {
        let (client, log) = fake(|method, path, body| match (method, path) {
            ("GET", path) if path.ends_with(NAME) => (200, crd(&["v2"], &["v2beta2"])),
            ("GET", path) if path.contains("limit") => (200, json!({"items": [{"metadata": {"name": "a", "namespace": "n"}}]})),
            ("PUT", _) => (409, json!({"reason": "Conflict", "message": "modified"})),
            _ => (200, body.clone()),
        });
        assert!(migrate(&client, &migration(&["v2beta2"], true)).await.unwrap_err().is_conflict());
        assert_eq!(log.lock().unwrap().iter().filter(|line| line.starts_with("PUT")).count(), ATTEMPTS);
        let mut other = migration(&["v2beta2"], true);
        other.to = "v3".into();
        let error = migrate(&client, &other).await.unwrap_err();
        assert!(error.to_string().ends_with("it stores v2 by now, and not v3"), "{error}");
    }

    proptest! {
        #[test]
        fn a_migration_leaves_nothing_that_goes(had in prop::collection::vec(0..5u8, 1..4), stored in prop::collection::vec(0..5u8, 1..4), wanted in prop::collection::vec(0..5u8, 1..4)) {
            let names = |numbers: &[u8]| {
                let set: std::collections::BTreeSet<_> = numbers.iter().map(|number| format!("v{number}")).collect();
                set.into_iter().collect::<Vec<_>>()
            };
            fn strs(list: &[String]) -> Vec<&str> { list.iter().map(String::as_str).collect() }
            let (had, stored, wanted) = (names(&had), names(&stored), names(&wanted));
            let present = crd(&strs(&had), &strs(&stored));
            match judge(Some(&present), &crd(&strs(&wanted), &[])) {
                Judgement::Fine => prop_assert!(stored.iter().chain(&had).all(|version| wanted.contains(version))),
                Judgement::Migrate(migration) => {
                    prop_assert!(wanted.contains(&migration.to) && had.last() == Some(&migration.to));
                    prop_assert!(migration.from.iter().all(|from| !wanted.contains(from)));
                    prop_assert_eq!(migration.is_stored, stored.iter().any(|version| !wanted.contains(version)));
                    // afterwards only `to` is stored, and the newer definition is taken
                    let after = crd(&strs(&had), &[&migration.to]);
                    let fine_or_owners = match judge(Some(&after), &crd(&strs(&wanted), &[])) {
                        Judgement::Fine => true,
                        Judgement::Migrate(left) => !left.is_stored,
                        _ => false,
                    };
                    prop_assert!(fine_or_owners);
                }
                Judgement::Stuck { stored, .. } => prop_assert!(!wanted.contains(&stored)),
                Judgement::Unknown { .. } => prop_assert!(false),
            }
        }
    }
}
