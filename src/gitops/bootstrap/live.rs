//! What the cluster has of the objects that it shall have: asked by a server-side apply that is kept nowhere.

use futures_util::{StreamExt as _, stream};
use serde_json::Value;

use super::super::cluster::{ApiError, Kinds, api};
use super::stages::{id, kind};

/// How many objects are asked for, or applied, at a time.
pub(super) const AT_ONCE: usize = 8;

/// What is to become of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// It is as it shall be.
    Same,
    /// It is missing.
    New,
    /// These parts of it become others: their paths.
    Parts(Vec<String>),
    /// The API would not take it; why.
    Refused(String),
}

/// An object and what is to become of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// `Kind/namespace/name`.
    pub id: String,
    /// What.
    pub change: Change,
}

/// Whether anything becomes of them.
pub fn is_drifted(changed: &[Changed]) -> bool {
    changed.iter().any(|changed| changed.change != Change::Same)
}

/// What is to become of objects. Those for which there is no namespace or no definition yet are new, and nobody is asked.
///
/// # Errors
/// The API did not answer.
pub async fn compare(client: &kube::Client, kinds: &Kinds, objects: &[Value], known: &[&Value]) -> Result<Vec<Changed>, ApiError> {
    let asked = objects.iter().map(|object| {
        let before = known.iter().find(|known| id(known) == id(object)).copied();
        one(client, kinds, object, before)
    });
    let answers: Vec<Result<Changed, ApiError>> = stream::iter(asked).buffered(AT_ONCE).collect().await;
    answers.into_iter().collect()
}

async fn one(client: &kube::Client, kinds: &Kinds, object: &Value, known: Option<&Value>) -> Result<Changed, ApiError> {
    let changed = |change: Change| Changed { id: id(object), change };
    let path = match kinds.path_of(client, object).await {
        Ok(path) => path,
        // its definition is still to come
        Err(error) if error.is_absent() => return Ok(changed(Change::New)),
        Err(error) => return Err(error),
    };
    let before = match known {
        Some(known) => known.clone(),
        None => match api::get(client, &path).await? {
            Some(before) => before,
            None => return Ok(changed(Change::New)),
        },
    };
    match api::apply_at(client, &path, object, true).await {
        Ok(after) => {
            let parts = parts(&before, &after);
            Ok(changed(if parts.is_empty() { Change::Same } else { Change::Parts(parts) }))
        }
        Err(error) if error.is_passing() => Err(error),
        Err(error) => Ok(changed(Change::Refused(error.to_string()))),
    }
}

/// The parts in which two states of an object differ, as paths; what the API keeps for itself is none.
fn parts(before: &Value, after: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let own = |object: &Value| {
        let mut object = object.clone();
        if let Some(fields) = object.as_object_mut() {
            fields.remove("status");
        }
        if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            for kept in ["managedFields", "resourceVersion", "generation", "creationTimestamp", "uid"] {
                metadata.remove(kept);
            }
        }
        object
    };
    differ(&own(before), &own(after), "", 0, &mut found);
    // a definition's schema is long; which definition is what a person wants to know
    if kind(after) == "CustomResourceDefinition" && found.len() > 1 {
        found = vec![format!("{} parts of the definition", found.len())];
    }
    found
}

fn differ(before: &Value, after: &Value, path: &str, depth: usize, found: &mut Vec<String>) {
    match (before, after) {
        (Value::Object(one), Value::Object(other)) if depth < 16 => {
            let mut keys: Vec<&String> = one.keys().chain(other.keys()).collect();
            keys.sort();
            keys.dedup();
            for key in keys {
                let part = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                differ(one.get(key).unwrap_or(&Value::Null), other.get(key).unwrap_or(&Value::Null), &part, depth + 1, found);
            }
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() && depth < 16 => {
            for (index, (one, other)) in one.iter().zip(other).enumerate() {
                differ(one, other, &format!("{path}[{index}]"), depth + 1, found);
            }
        }
        _ if before == after => {}
        _ => found.push(path.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_the_api_keeps_for_itself_is_no_difference() {
        let before = json!({ "kind": "Deployment", "metadata": { "name": "a", "generation": 1, "uid": "x" }, "spec": { "replicas": 1 } });
        let mut after = before.clone();
        after["metadata"]["generation"] = json!(2);
        after["status"] = json!({});
        assert!(parts(&before, &after).is_empty());
        after["spec"] = json!({ "replicas": 2, "template": { "containers": [{ "image": "b" }] } });
        assert_eq!(parts(&before, &after), ["spec.replicas", "spec.template"]);
    }

    #[test]
    fn a_list_differs_where_it_differs() {
        let of = |image: &str| json!({ "spec": { "containers": [{ "name": "a", "image": image }] } });
        assert_eq!(parts(&of("a"), &of("b")), ["spec.containers[0].image"]);
        assert_eq!(parts(&of("a"), &json!({ "spec": { "containers": [] } })), ["spec.containers"]);
    }
}
