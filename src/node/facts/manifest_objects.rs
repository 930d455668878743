//! Whether a cluster has objects as a manifest has them: kubectl(1) on a control plane, which asks the API for what is there and,
//! without doing it, for what would be there if the manifest were applied.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Kind, json};
use crate::node::kubectl::{KUBE, UNREADY};
use crate::node::script::Function;
use crate::plan::{Fact, Query};

/// How the cluster's objects differ from those of a manifest; to be asked on a control plane. It moves by itself.
///
/// Unknown: the API does not answer, or takes some of them for wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestObjects {
    manifest: String,
    title: String,
}

impl ManifestObjects {
    /// From those of that manifest, YAML or JSON, which is shown nowhere: there may be Secrets in it. People see the title.
    pub fn new(title: impl Into<String>, manifest: impl Into<String>) -> Self {
        Self { manifest: manifest.into(), title: title.into() }
    }
}

impl Fact for ManifestObjects {
    type Value = ObjectsState;

    fn query(&self) -> Query {
        Query::new(KIND.name, [&self.manifest], super::kube_proxy::grounds()).moving().shown_as(&self.title)
    }
}

/// All that is otherwise; nothing in any of these: it is as the manifest has it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectsState {
    /// Objects that are not there: `Kind namespace/name`. Of all, where the API cannot say yet what would become of them.
    pub missing: Vec<String>,
    /// Those that are otherwise.
    pub other: Vec<OtherObject>,
    /// DaemonSets and Deployments that are there whose pods are not all up to date and ready: with how many are.
    pub unready: Vec<String>,
    /// Whether all objects were looked at: they cannot be while their namespace, or what defines their kind, is missing.
    pub is_partial: bool,
}

/// An object that is otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OtherObject {
    /// `Kind namespace/name`
    pub name: String,
    /// The first few of its fields that are otherwise: `spec.template.spec.containers.0.image`.
    pub fields: Vec<String>,
}

pub(super) const KIND: Kind = Kind {
    name: "manifest_objects",
    function: &PROBE,
    merged: false,
    words: |args| if args.len() == 1 { Ok(args.to_vec()) } else { Err("one manifest is wanted".into()) },
    parse: |_, text| json(read(text)?),
};

// what is not there yet makes kubectl fail; what else fails is unknown
static PROBE: Function = Function {
    name: "probe_manifest_objects",
    text: r#"
probe_manifest_objects() {
  id=$1
  kube_begin || { answer "$id" 1; return; }
  printf '%s\n' "$2" >"$kube_dir/objects"
  live= would=null partial=
  if kube_ask get --ignore-not-found -f "$kube_dir/objects" -o json; then live=$r
  else case $err in
    *"no matches for kind"*|*"(NotFound)"*) partial=1 ;;
    *) r=$err; kube_end; answer "$id" 1; return ;;
    esac
  fi
  if kube_ask apply --server-side --dry-run=server --field-manager homelabctl --force-conflicts -f "$kube_dir/objects" -o json; then would=$r
  else case $err in
    *"no matches for kind"*|*"(NotFound)"*) partial=1 would=null ;;
    *) r=$err; kube_end; answer "$id" 1; return ;;
    esac
  fi
  if ! kube_unready "$kube_dir/objects"; then r=$err; kube_end; answer "$id" 1; return; fi
  r="${#r}$nl$r$nl[${live:-null},$would,${partial:-0}]"
  kube_end
  answer "$id" 0
}
"#,
    needs: &[&KUBE, &UNREADY],
};

/// How many differing fields are told of an object.
const FIELDS: usize = 4;
/// What the API writes into every object by itself.
const ITS_OWN: [&str; 6] = ["managedFields", "resourceVersion", "generation", "creationTimestamp", "uid", "selfLink"];

fn read(text: &str) -> Result<ObjectsState, String> {
    let wrong = || "kubectl's answers do not have their shape".to_owned();
    let (length, rest) = text.split_once('\n').ok_or_else(wrong)?;
    let length: usize = length.parse().map_err(|_| wrong())?;
    let unready = rest.get(..length).ok_or_else(wrong)?;
    let answers: Vec<Value> =
        serde_json::from_str(rest.get(length..).ok_or_else(wrong)?).map_err(|why| format!("kubectl's answer is no JSON: {why}"))?;
    let [live, would, partial] = answers.as_slice() else { return Err(wrong()) };
    let (live, would) = (items(live), items(would));
    let mut state = ObjectsState { is_partial: partial == &Value::from(1), ..ObjectsState::default() };
    state.unready = unready.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect();
    for object in &would {
        let name = called(object);
        match live.iter().find(|is| called(is) == name) {
            None => state.missing.push(name),
            Some(is) => {
                let mut fields = Vec::new();
                differing(&mut Vec::new(), is, object, &mut fields);
                if !fields.is_empty() {
                    state.other.push(OtherObject { name, fields });
                }
            }
        }
    }
    Ok(state)
}

/// One object, those of a list, or none.
fn items(value: &Value) -> Vec<&Value> {
    match value.get("items").and_then(Value::as_array) {
        Some(items) => items.iter().collect(),
        None if value.is_null() => Vec::new(),
        None => vec![value],
    }
}

fn called(object: &Value) -> String {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str);
    let (kind, name) = (text("/kind").unwrap_or_default(), text("/metadata/name").unwrap_or_default());
    match text("/metadata/namespace") {
        Some(namespace) => format!("{kind} {namespace}/{name}"),
        None => format!("{kind} {name}"),
    }
}

/// The fields in which two objects differ, but for what the API keeps of them.
fn differing(path: &mut Vec<String>, is: &Value, would: &Value, found: &mut Vec<String>) {
    if found.len() == FIELDS || is == would {
        return;
    }
    let skips = |name: &str| match path.as_slice() {
        [] => name == "status",
        [one] => one == "metadata" && ITS_OWN.contains(&name),
        _ => false,
    };
    match (is, would) {
        (Value::Object(one), Value::Object(other)) => {
            let names: std::collections::BTreeSet<&String> = one.keys().chain(other.keys()).filter(|name| !skips(name)).collect();
            for name in names {
                path.push(name.clone());
                differing(path, one.get(name).unwrap_or(&Value::Null), other.get(name).unwrap_or(&Value::Null), found);
                path.pop();
            }
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            for (index, (one, other)) in one.iter().zip(other).enumerate() {
                path.push(index.to_string());
                differing(path, one, other, found);
                path.pop();
            }
        }
        _ => found.push(path.join(".")),
    }
}

/// The DaemonSets of a cluster, `namespace/name`; to be asked on a control plane. It moves by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DaemonSets;

impl Fact for DaemonSets {
    type Value = Vec<String>;

    fn query(&self) -> Query {
        Query::new(DAEMON_SETS.name, ["cluster"], super::kube_proxy::grounds()).moving()
    }
}

pub(super) const DAEMON_SETS: Kind = Kind {
    name: "daemon_sets",
    function: &PROBE_DAEMON_SETS,
    merged: false,
    words: |args| if args.len() == 1 { Ok(Vec::new()) } else { Err("one word is wanted".into()) },
    parse: |_, text| json(text.lines().filter(|line| !line.is_empty()).collect::<Vec<_>>()),
};

static PROBE_DAEMON_SETS: Function = Function {
    name: "probe_daemon_sets",
    text: r#"
probe_daemon_sets() {
  id=$1
  kube_begin || { answer "$id" 1; return; }
  if kube_ask get daemonsets -A -o 'jsonpath={range .items[*]}{.metadata.namespace}/{.metadata.name}{"\n"}{end}'
  then kube_end; answer "$id" 0
  else r=$err; kube_end; answer "$id" 1
  fi
}
"#,
    needs: &[&KUBE],
};

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(unready: &str, live: &str, would: &str, partial: u8) -> ObjectsState {
        read(&format!("{}\n{unready}\n[{live},{would},{partial}]", unready.len())).unwrap()
    }

    #[test]
    fn what_is_missing_and_what_is_otherwise() {
        let object = |kind: &str, data: &str, version: u8| {
            format!(
                r#"{{"kind":"{kind}","metadata":{{"name":"a","namespace":"n","resourceVersion":"{version}"}},"data":{data},"status":{version}}}"#
            )
        };
        let (map, other) = (object("ConfigMap", r#"{"x":["1","2"]}"#, 1), object("ConfigMap", r#"{"x":["1","3"],"y":"z"}"#, 2));
        let list = |items: &[&String]| {
            format!(r#"{{"kind":"List","items":[{}]}}"#, items.iter().map(|item| item.as_str()).collect::<Vec<_>>().join(","))
        };
        assert_eq!(answer("", &map, &object("ConfigMap", r#"{"x":["1","2"]}"#, 7), 0), ObjectsState::default());
        let state = answer("", &list(&[&map]), &list(&[&other, &object("Service", "{}", 1)]), 0);
        assert_eq!(state.missing, ["Service n/a"]);
        assert_eq!(state.other, [OtherObject { name: "ConfigMap n/a".into(), fields: vec!["data.x.1".into(), "data.y".into()] }]);
        let state = answer("DaemonSet n/a: 1 of 3 pods\n", "null", "null", 1);
        assert_eq!((state.is_partial, state.unready), (true, vec!["DaemonSet n/a: 1 of 3 pods".to_owned()]));
        assert!(read("").is_err() && read("0\n\n[1]").is_err() && read("9\nx").is_err());
    }
}
