//! What a kustomization.yaml lists that is made for a folder which has none, as the Flux CLI does it.
//!
//! The CLI walks the folder: a file whose documents are all Kubernetes objects is listed, whatever it is called, and a folder that has
//! a kustomization of its own as a whole.

use std::collections::BTreeSet;

use super::sync::{self, SyncError};
use crate::diagnostics::Source;
use crate::yaml::{self, Node, Value};

/// The file that is made.
pub const KUSTOMIZATION_FILE: &str = "kustomization.yaml";
/// Under these names kustomize looks for one in a folder within.
const NAMES: &[&str] = &[KUSTOMIZATION_FILE, "kustomization.yml", "Kustomization"];

/// The text of the folder's kustomization.yaml, by its files: paths from the folder on, and contents. None if it has one, which is
/// never changed.
///
/// # Errors
/// A name cannot be written.
pub fn kustomization(files: &[(&str, &[u8])]) -> Result<Option<String>, SyncError> {
    if files.iter().any(|(path, _)| *path == KUSTOMIZATION_FILE) {
        return Ok(None);
    }
    let listed = listed(files);
    let names: Vec<&str> = listed.iter().map(String::as_str).collect();
    sync::resources(&names).map(Some)
}

/// What is listed, in the order in which the folder is walked: names of one folder sorted, a folder's content in its place.
pub fn listed(files: &[(&str, &[u8])]) -> Vec<String> {
    // by parts: `a/b` stands before `a.yaml`, though `.` comes before `/`
    let mut sorted: Vec<(Vec<&str>, &[u8])> = files.iter().map(|(path, content)| (path.split('/').collect(), *content)).collect();
    sorted.sort_by(|(a, _), (b, _)| a.cmp(b));
    let wholes: BTreeSet<Vec<&str>> = sorted
        .iter()
        .filter_map(|(path, _)| path.split_last().filter(|(name, above)| !above.is_empty() && NAMES.contains(name)))
        .map(|(_, above)| above.to_vec())
        .collect();
    let mut found: Vec<String> = Vec::new();
    for (path, content) in sorted {
        // the outermost folder counts: what lies in it is its own business
        let whole = (1..path.len()).filter_map(|length| path.get(..length)).find(|above| wholes.contains(*above));
        match whole {
            Some(whole) => {
                let name = whole.join("/");
                if found.last() != Some(&name) {
                    found.push(name);
                }
            }
            None if is_resource(content) => found.push(path.join("/")),
            None => {}
        }
    }
    found
}

/// Whether kustomize reads a file as objects. One in which nothing stands has none that are wrong.
fn is_resource(content: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(content) else { return false };
    match yaml::load_all(&Source::new("", text)) {
        Ok((documents, _)) => documents.iter().all(is_object),
        Err(_) => false,
    }
}

fn is_object(node: &Node) -> bool {
    let map = match &node.value {
        Value::Null => return true,
        Value::Map(map) => map,
        _ => return false,
    };
    let is_named = |node: Option<&Node>| node.and_then(Node::as_str).is_some_and(|text| !text.is_empty());
    let kind = node.get("kind").and_then(Node::as_str).unwrap_or_default();
    if map.is_empty() {
        return true;
    }
    let name = node.get("metadata").and_then(|metadata| metadata.get("name"));
    let mut gaps = false;
    node.each(&mut |inner| gaps |= inner.as_list().is_some_and(|list| list.iter().any(Node::is_null)));
    if kind.is_empty() || gaps {
        return false;
    }
    if !kind.ends_with("List") {
        return is_named(name);
    }
    match node.get("items").map(|items| &items.value) {
        None | Some(Value::Null) => true,
        Some(Value::List(items)) => items.iter().all(is_object),
        Some(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OBJECT: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n";

    #[test]
    fn the_usual_folder() {
        let files: &[(&str, &[u8])] = &[("gotk-sync.yaml", OBJECT.as_bytes()), ("gotk-components.yaml", OBJECT.as_bytes())];
        let wanted =
            "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n- gotk-components.yaml\n- gotk-sync.yaml\n";
        assert_eq!(kustomization(files).unwrap().as_deref(), Some(wanted));
        assert_eq!(kustomization(&[files, &[("kustomization.yaml", b"x".as_slice())]].concat()).unwrap(), None);
        let error = kustomization(&[("a\nb", OBJECT.as_bytes())]).unwrap_err();
        assert!(error.to_string().contains("file name"), "{error}");
    }

    #[test]
    fn what_is_an_object() {
        let list = "kind: List\nitems:\n- kind: ConfigMap\n  metadata: {name: a}\n";
        for good in [
            OBJECT,
            "",
            "# nothing\n",
            "---\n---\n",
            "{}\n",
            list,
            "kind: FooList\n",
            "{\"kind\": \"A\", \"metadata\": {\"name\": \"a\"}}",
            &format!("{OBJECT}---\n{OBJECT}"),
        ] {
            assert!(is_resource(good.as_bytes()), "{good}");
        }
        for bad in [
            "# Title\n\nSome text.\n",
            "kind: Kustomization\nresources: [a]\n",
            "metadata:\n  name: a\n",
            "- kind: A\n",
            "a: [\n",
            &list.replace("{name: a}", "{}"),
            "kind: List\nitems: x\n",
            &format!("{OBJECT}---\nvalues: 1\n"),
            &format!("{OBJECT}spec:\n  list:\n  -\n"),
            &format!("{OBJECT}data: {{{{ x }}}}\n---\n{{{{ y }}"),
        ] {
            assert!(!is_resource(bad.as_bytes()), "{bad}");
        }
        assert!(!is_resource(b"\xff\xfe"));
    }

    #[test]
    fn the_folder_is_walked_in_order() {
        let object = OBJECT.as_bytes();
        let files: &[(&str, &[u8])] = &[
            ("z.yaml", object),
            ("a.yaml", object),
            ("a/c.yaml", object),
            ("a/b/kustomization.yml", b"resources: []\n"),
            ("a/b/inner.yaml", object),
            ("a/b/deep/Kustomization", b"resources: []\n"),
            ("a/b/deep/inner.yaml", object),
            ("README.md", b"some text\n"),
            ("kustomization.yml", b"resources: []\n"),
            (".sops.yaml", b"creation_rules: []\n"),
            (".hidden", object),
        ];
        assert_eq!(listed(files), [".hidden", "a/b", "a/c.yaml", "a.yaml", "z.yaml"]);
    }

    #[test]
    fn nothing_is_listed_twice_and_the_order_of_files_does_not_matter() {
        use proptest::prelude::*;
        let path = "(a|b|c\\.yaml|kustomization\\.yaml)(/(a|b|d\\.yaml|kustomization\\.yaml)){0,3}";
        proptest!(|(mut paths in proptest::collection::btree_set(path, 0..12))| {
            // nothing is a file and a folder
            let folders: BTreeSet<String> = paths.iter().flat_map(|path| path.match_indices('/').map(|(at, _)| path[..at].to_owned())).collect();
            paths.retain(|path| !folders.contains(path));
            let files: Vec<(&str, &[u8])> = paths.iter().map(|path| (path.as_str(), OBJECT.as_bytes())).collect();
            let found = listed(&files);
            let mut backwards = files.clone();
            backwards.reverse();
            prop_assert_eq!(&listed(&backwards), &found);
            let once: BTreeSet<&String> = found.iter().collect();
            prop_assert_eq!(once.len(), found.len());
            // each file is listed, or lies in exactly one folder that is
            for path in &paths {
                let by = found.iter().filter(|one| *one == path || path.starts_with(&format!("{one}/"))).count();
                prop_assert_eq!(by, 1, "{} {:?}", path, found);
            }
        });
    }
}
