//! Objects of Kubernetes in a manifest.

use serde_json::{Number, Value, json};

use super::{self as yaml, Node, load_all};
use crate::diagnostics::{Diagnostics, Level, Source};

/// The objects of a manifest, those of lists among them one by one; empty documents are none.
///
/// # Errors
/// What is no YAML or no object, with its line; never with what stands there, since it may be a Secret's.
pub fn read(name: &str, manifest: &str) -> Result<Vec<Value>, String> {
    let (documents, _) = load_all(&Source::new(name, manifest)).map_err(|problems| format!("{name} is no YAML: {}", told(&problems)))?;
    let mut objects = Vec::new();
    for document in &documents {
        let value = json(document);
        if value.is_null() {
            continue;
        }
        let items =
            value.get("items").and_then(Value::as_array).filter(|_| text(&value, "/kind").is_some_and(|kind| kind.ends_with("List")));
        match items {
            Some(items) => objects.extend(items.iter().cloned()),
            None => objects.push(value),
        }
    }
    for (index, object) in objects.iter().enumerate() {
        let lacks: Vec<&str> =
            MAKE_ONE.into_iter().filter(|(part, _)| text(object, part).is_none_or(str::is_empty)).map(|(_, name)| name).collect();
        if !lacks.is_empty() {
            let (number, lacks) = (index + 1, lacks.join(" and no "));
            return Err(format!(
                "{name} holds what is no object of Kubernetes (kind, apiVersion and metadata.name make one): its number {number} has no {lacks}"
            ));
        }
    }
    Ok(objects)
}

/// What every object has.
const MAKE_ONE: [(&str, &str); 3] = [("/kind", "kind"), ("/apiVersion", "apiVersion"), ("/metadata/name", "metadata.name")];

/// Where what is wrong, without the lines themselves.
fn told(problems: &Diagnostics) -> String {
    let errors = problems.0.iter().filter(|problem| problem.level == Level::Error);
    let told = errors.map(|problem| match &problem.place {
        Some(place) => format!("{place}: {}", problem.message),
        None => problem.message.clone(),
    });
    told.collect::<Vec<_>>().join("; ")
}

/// `namespace/name` of the objects of that kind.
pub fn named<'a>(objects: &'a [Value], kind: &'a str) -> impl Iterator<Item = String> + 'a {
    objects.iter().filter(move |object| text(object, "/kind") == Some(kind)).map(|object| {
        let part = |pointer: &str| text(object, pointer);
        format!("{}/{}", part("/metadata/namespace").unwrap_or("default"), part("/metadata/name").unwrap_or_default())
    })
}

fn text<'a>(object: &'a Value, pointer: &str) -> Option<&'a str> {
    object.pointer(pointer).and_then(Value::as_str)
}

/// The objects as one manifest.
pub fn list(objects: &[Value]) -> String {
    json!({"apiVersion": "v1", "kind": "List", "items": objects}).to_string()
}

/// A document's value.
pub fn json(node: &Node) -> Value {
    match &node.value {
        yaml::Value::Null => Value::Null,
        yaml::Value::Bool(truth) => (*truth).into(),
        yaml::Value::Int(number) => (*number).into(),
        yaml::Value::Float(number) => Number::from_f64(*number).map_or(Value::Null, Value::Number),
        yaml::Value::BigInt(text) | yaml::Value::Str(text) | yaml::Value::Time(text) | yaml::Value::Vault(text) => (&**text).into(),
        yaml::Value::List(list) => list.iter().map(json).collect(),
        yaml::Value::Map(map) => map
            .iter()
            .map(|(key, value)| (key.as_str().map_or_else(|| yaml::plain(&key.value), str::to_owned), json(value)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifests_objects_one_by_one() {
        let text = "# nothing\n---\nkind: Namespace\napiVersion: v1\nmetadata: {name: a}\n---\nkind: List\napiVersion: v1\nitems:\n- \
                    {kind: DaemonSet, apiVersion: apps/v1, metadata: {name: b, namespace: a}}\n";
        let objects = read("x.yml", text).unwrap();
        assert_eq!(objects.len(), 2);
        assert_eq!(named(&objects, "DaemonSet").collect::<Vec<_>>(), ["a/b"]);
        assert_eq!(read("again", &list(&objects)).unwrap(), objects);
        assert!(read("x.yml", "a: 1\n").unwrap_err().contains("no object of Kubernetes"));
        assert!(read("x.yml", "a: [").unwrap_err().contains("no YAML"));
    }

    #[test]
    fn what_is_wrong_is_told_without_what_stands_there() {
        let wrong = [
            "apiVersion: v1\ndata: {a: c2VjcmV0}\nkind: Secret\nmetadata: {}\n",
            "data: {a: c2VjcmV0}\n",
            "[c2VjcmV0]\n",
            "c2VjcmV0\n",
            "kind: Secret\ndata:\n  a: c2VjcmV0: x\n",
            "kind: Secret\ndata:\n\ta: c2VjcmV0\n",
            "kind: Secret\ndata: {a: \"c2VjcmV0\n",
            "kind: Secret\ndata: *c2VjcmV0\n",
        ];
        let told = wrong.map(|text| read("x.yml", text).unwrap_err());
        assert!(told.iter().all(|told| told.starts_with("x.yml ") && !told.contains("c2VjcmV0")), "{told:#?}");
        assert!(told[0].ends_with("its number 1 has no metadata.name"), "{}", told[0]);
        assert!(told[4].contains("x.yml:3:"), "{}", told[4]);
    }
}
