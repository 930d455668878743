//! Writes into the settings' file which cluster it is for, and leaves everything else as it is.

use crate::diagnostics::Source;
use crate::yaml::{self, Node, Style, Value};

/// The same text with `cluster.uid` set. None if there is no place for it: the text is no mapping, or cannot be read.
pub fn pin(text: &str, uid: &str) -> Option<String> {
    let root = root(text)?;
    let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let entry = root.as_ref().and_then(Node::as_map).and_then(|map| map.iter().find(|(key, _)| key.as_str() == Some("cluster")));
    let tries = match entry {
        Some((key, value)) if value.is_null() && value.place.span.is_empty() => {
            let inline = |at: usize| insert(text, at, &format!(" {{uid: {uid}}}"));
            vec![below(text, key, uid, end), colon(text, key).and_then(inline)]
        }
        Some((_, cluster)) => vec![within(text, cluster, uid, end)],
        None => {
            let line = format!("cluster:{end}  uid: {uid}{end}");
            let gap = if text.is_empty() || text.ends_with('\n') { "" } else { end };
            // behind the last line, or, where the document ends before, in front of its first key
            let first = root.as_ref().and_then(Node::as_map).and_then(|map| map.first()).map(|(key, _)| key.place.span.start);
            let braced = root.as_ref().and_then(|root| text.get(root.place.span.clone())).is_some_and(|text| text.starts_with('{'));
            let inside = |at| {
                let rest = if braced { ", ".to_owned() } else { format!("{end}{}", indent(text, at)) };
                insert(text, at, &format!("cluster: {{uid: {uid}}}{rest}"))
            };
            vec![Some(format!("{text}{gap}{line}")), first.and_then(inside)]
        }
    };
    tries.into_iter().flatten().find(|made| is_pinned(made, root.as_ref(), uid))
}

/// The document's mapping; none inside if there is nothing in the text.
fn root(text: &str) -> Option<Option<Node>> {
    let (root, _) = yaml::load(&Source::new("", text)).ok()?;
    match root {
        Some(root) if root.is_null() => Some(None),
        Some(root) => root.as_map().is_some().then_some(Some(root)),
        None => Some(None),
    }
}

/// Whether a text says that UID, and otherwise what another said.
fn is_pinned(made: &str, before: Option<&Node>, uid: &str) -> bool {
    let Some(Some(root)) = root(made) else { return false };
    let said = root.get("cluster").and_then(|cluster| cluster.get("uid")).and_then(Node::as_str);
    said == Some(uid) && entries(Some(&root)) == entries(before)
}

/// All values but the UID, as they are, by the keys that lead to them.
fn entries(root: Option<&Node>) -> Vec<(String, String)> {
    fn walk(path: &str, node: &Node, found: &mut Vec<(String, String)>) {
        match &node.value {
            Value::Map(map) => map.iter().for_each(|(key, value)| walk(&format!("{path}/{}", yaml::plain(&key.value)), value, found)),
            Value::List(list) => list.iter().for_each(|item| walk(&format!("{path}/-"), item, found)),
            Value::Null => {}
            other => found.push((path.to_owned(), format!("{}:{}", other.kind(), yaml::plain(other)))),
        }
    }
    let mut found = Vec::new();
    if let Some(root) = root {
        walk("", root, &mut found);
    }
    found.retain(|(path, _)| path != "/cluster/uid");
    // the key may have come to stand before others
    found.sort();
    found
}

/// Behind the colon of a key.
fn colon(text: &str, key: &Node) -> Option<usize> {
    let end = key.place.span.end;
    Some(end + text.get(end..)?.find(':')? + 1)
}

/// On a line of its own below `cluster:`, under which nothing stands.
fn below(text: &str, key: &Node, uid: &str, end: &str) -> Option<String> {
    let from = key.place.span.end;
    let line = text.get(from..)?.lines().next().unwrap_or_default().len();
    insert(text, from + line, &format!("{end}{}  uid: {uid}", indent(text, key.place.span.start)))
}

/// In what stands under `cluster:`.
fn within(text: &str, cluster: &Node, uid: &str, end: &str) -> Option<String> {
    let span = cluster.place.span.clone();
    match &cluster.value {
        Value::Null => replace(text, span.start, span.end, &format!("{{uid: {uid}}}")),
        Value::Map(map) => match (map.iter().find(|(key, _)| key.as_str() == Some("uid")), map.first()) {
            (Some((key, value)), _) if value.is_null() && value.place.span.is_empty() => {
                insert(text, colon(text, key)?, &format!(" {uid}"))
            }
            (Some((_, value)), _) if value.style != Style::Block => replace(text, value.place.span.start, value.place.span.end, uid),
            (Some(_), _) => None,
            (None, Some((first, _))) => {
                let at = first.place.span.start;
                let braced = text.get(span).is_some_and(|text| text.starts_with('{'));
                let rest = if braced { ", ".to_owned() } else { format!("{end}{}", indent(text, at)) };
                insert(text, at, &format!("uid: {uid}{rest}"))
            }
            (None, None) => replace(text, span.start, span.end, &format!("{{uid: {uid}}}")),
        },
        _ => None,
    }
}

/// What stands in a line before a place.
fn indent(text: &str, at: usize) -> String {
    let before = text.get(..at).unwrap_or_default();
    let line = before.rsplit('\n').next().unwrap_or_default();
    " ".repeat(line.chars().count())
}

fn insert(text: &str, at: usize, what: &str) -> Option<String> {
    replace(text, at, at, what)
}

fn replace(text: &str, from: usize, to: usize, what: &str) -> Option<String> {
    Some(format!("{}{what}{}", text.get(..from)?, text.get(to..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const UID: &str = "3f1c9a52-6d0e-4a8b-9d55-0c1e2f3a4b5c";

    #[test]
    fn only_the_uid_changes() {
        for (text, wanted) in [
            ("", "cluster:\n  uid: U\n"),
            ("owner: pat # me\n", "owner: pat # me\ncluster:\n  uid: U\n"),
            ("owner: pat", "owner: pat\ncluster:\n  uid: U\n"),
            ("owner: pat\r\n", "owner: pat\r\ncluster:\r\n  uid: U\r\n"),
            ("# all\n# comments\n", "# all\n# comments\ncluster:\n  uid: U\n"),
            ("cluster:\n  uid: old # mine\nowner: pat\n", "cluster:\n  uid: U # mine\nowner: pat\n"),
            ("cluster:\n  uid: 'old'\n", "cluster:\n  uid: U\n"),
            ("cluster:\n  uid:\n  context: x\n", "cluster:\n  uid: U\n  context: x\n"),
            ("cluster:\n    context: x # why\nowner: pat\n", "cluster:\n    uid: U\n    context: x # why\nowner: pat\n"),
            ("cluster: {context: x}\n", "cluster: {uid: U, context: x}\n"),
            ("cluster: {} # none\n", "cluster: {uid: U} # none\n"),
            ("cluster: null\n", "cluster: {uid: U}\n"),
            ("cluster: # which one\n  # uid: x\nowner: pat\n", "cluster: # which one\n  uid: U\n  # uid: x\nowner: pat\n"),
            ("owner: pat\r\ncluster:\r\n", "owner: pat\r\ncluster:\r\n  uid: U\r\n"),
            ("cluster:", "cluster:\n  uid: U"),
            ("{cluster: , owner: pat}\n", "{cluster: {uid: U} , owner: pat}\n"),
            ("{owner: pat}\n", "{cluster: {uid: U}, owner: pat}\n"),
            ("---\nowner: pat\n...\n", "---\ncluster: {uid: U}\nowner: pat\n...\n"),
        ] {
            let made = pin(text, UID).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(made, wanted.replace('U', UID), "{text}");
            assert_eq!(pin(&made, UID).as_deref(), Some(&*made), "a second time");
        }
        for text in ["- a\n", "owner: [\n", "cluster: x\n", "cluster:\n  uid: |\n    x\n"] {
            assert_eq!(pin(text, UID), None, "{text}");
        }
    }

    #[test]
    fn what_is_written_there_stays() {
        use proptest::prelude::*;
        let lines = proptest::collection::vec(
            prop_oneof![
                "[a-h]{1,5}: [a-z]{1,6}( # [a-z: ]{0,9})?",
                "# [a-z:{}\\[\\] -]{0,12}",
                Just(String::new()),
                "[i-p]{1,5}: \\[[a-z]{1,3}, [a-z]{1,3}\\]",
                Just("cluster:\n  context: x".to_owned()),
                Just("cluster:".to_owned()),
                Just("cluster: {context: 'a # b'}".to_owned()),
                Just("cluster:\n  # one\n  uid: old  # two".to_owned()),
            ],
            0..8,
        );
        proptest!(|(lines in lines, last in any::<bool>())| {
            let text = lines.join("\n") + if last { "\n" } else { "" };
            // a key that stands twice is no file of settings
            let Some(before) = root(&text) else { return Ok(()) };
            let Some(made) = pin(&text, UID) else { return Err(TestCaseError::fail(text)) };
            prop_assert!(is_pinned(&made, before.as_ref(), UID));
            let gone = |text: &str| text.replace(UID, "").replace("uid:", "").replace("old", "").replace("cluster:", "");
            let letters = |text: &str| gone(text).chars().filter(|c| !" {},\n".contains(*c)).collect::<String>();
            prop_assert_eq!(letters(&made), letters(&text), "{}", made);
        });
    }
}
