//! What `diff: true` and `--diff` put into what is registered: the states before and after, as Ansible's modules return them.

use serde_json::{Map, Value as Json};

use crate::plan::Difference;

/// The value of `diff` for what a module changed, or would change.
pub(super) fn registered(module: &str, path: Option<&str>, changes: &[Difference]) -> Json {
    match module {
        "file" => of_a_path(path, changes),
        "assemble" => of_contents(changes).into_iter().next().unwrap_or_else(|| Json::Object(Map::new())),
        _ => of_contents(changes).into(),
    }
}

/// `file`: one mapping for each of both states, with what differs.
fn of_a_path(path: Option<&str>, changes: &[Difference]) -> Json {
    let start = || path.map(|path| ("path".to_owned(), Json::from(path))).into_iter().collect::<Map<String, Json>>();
    let (mut before, mut after) = (start(), start());
    for Difference { what, before: was, after: will } in changes {
        let (key, was, will) = match what.split_once(" of ") {
            Some((key, _)) => (key, was.clone(), will.clone()),
            None => {
                let target = |state: &Option<String>| state.as_ref().and_then(|state| state.strip_prefix("link to ").map(str::to_owned));
                match (target(was), target(will)) {
                    (None, None) => {
                        let absent = || Some("absent".to_owned());
                        ("state", was.clone().or_else(absent), will.clone().filter(|will| !will.is_empty()).or_else(absent))
                    }
                    (was, will) => ("src", was, will),
                }
            }
        };
        was.into_iter().for_each(|was| drop(before.insert(key.to_owned(), was.into())));
        will.into_iter().for_each(|will| drop(after.insert(key.to_owned(), will.into())));
    }
    Json::Object(Map::from_iter([("before".to_owned(), before.into()), ("after".to_owned(), after.into())]))
}

/// Of files whose content changes: a mapping for each, and one for attributes.
fn of_contents(changes: &[Difference]) -> Vec<Json> {
    let (attributes, contents): (Vec<_>, Vec<_>) = changes.iter().cloned().partition(|change| change.what.contains(" of "));
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let mut all: Vec<Json> = contents
        .iter()
        .map(|Difference { what, before, after }| {
            serde_json::json!({ "before": text(before), "after": text(after), "before_header": what, "after_header": what })
        })
        .collect();
    if !attributes.is_empty() {
        let path = attributes.first().and_then(|change| change.what.split_once(" of ")).map(|(_, path)| path.to_owned());
        all.push(of_a_path(path.as_deref(), &attributes));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(what: &str, before: Option<&str>, after: Option<&str>) -> Difference {
        Difference { what: what.into(), before: before.map(str::to_owned), after: after.map(str::to_owned) }
    }

    #[test]
    fn a_path_has_its_states() {
        let link = [change("/a", Some("link to b"), Some("link to c")), change("mode of /a", Some("0644"), Some("0600"))];
        assert_eq!(
            registered("file", Some("/a"), &link),
            serde_json::json!({"before": {"path": "/a", "src": "b", "mode": "0644"}, "after": {"path": "/a", "src": "c", "mode": "0600"}})
        );
        let gone = registered("file", Some("/a"), &[change("/a", Some("directory"), None)]);
        assert_eq!((&gone["before"]["state"], &gone["after"]["state"]), (&"directory".into(), &"absent".into()));
        assert_eq!(registered("file", Some("/a"), &[])["after"], serde_json::json!({"path": "/a"}));
    }

    #[test]
    fn contents_stand_side_by_side() {
        let diff = registered("copy", None, &[change("/a", None, Some("x\n")), change("mode of /a", Some("0644"), Some("0600"))]);
        assert_eq!((&diff[0]["before"], &diff[0]["after"], &diff[0]["after_header"]), (&"".into(), &"x\n".into(), &"/a".into()));
        assert_eq!(diff[1]["after"]["mode"], "0600");
        assert_eq!(registered("copy", None, &[]), serde_json::json!([]));
    }
}
