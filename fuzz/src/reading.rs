//! What the targets that read inventories share.

use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

use homelabctl::diagnostics::{Diagnostics, Place, Source};
use homelabctl::inventory::{Given, Inventory, Request, ansible_look, read};
use homelabctl::yaml::{Keys, Look, Node, Writer, load_json};

/// For documents that are read again.
pub const WHOLE: Look = Look { indent: None, secrets: true, mark_literal: true, encrypted: true };

/// The inventory that is in a source, with some `--extra-vars`.
pub fn inventory(given: Given, extra: &[String]) -> (Inventory, Diagnostics) {
    read(&Request {
        given: &[given],
        playbook_dir: None,
        extra,
        keys: &Keys::default(),
        passwords_failed: false,
        script_limit: Duration::from_secs(1),
        merges: false,
        home: Path::new("/nonexistent"),
    })
}

/// The inventory in a text.
pub fn text(text: &str) -> (Inventory, Diagnostics) {
    inventory(Given::Text(Source::new("hosts", text)), &[])
}

/// A place lies within its text, on whole characters.
pub fn within(place: &Place) {
    let text = &place.source.text;
    let span = &place.span;
    assert!(text.get(span.clone()).is_some(), "{span:?} of {} bytes: {text:?}", text.len());
}

/// Every problem stands within its text, and can be shown. One that is about a byte may cut a character: it is drawn whole.
pub fn problems(problems: &Diagnostics) {
    let inside =
        |place: &Place| assert!(place.span.start <= place.span.end && place.span.end <= place.source.text.len(), "{:?}", place.span);
    for problem in &problems.0 {
        problem.place.iter().for_each(inside);
        problem.also.iter().for_each(|(place, _)| inside(place));
    }
    // each is drawn with its line, so one is enough
    assert!(problems.0.first().is_none_or(|problem| !problem.render(false).is_empty()));
}

/// A value as JSON.
pub fn json(node: &Node) -> String {
    let mut writer = Writer::new(WHOLE);
    writer.node(node);
    writer.finish()
}

/// Whether what is said about a document of ours is what may be said: two keys can be written alike, and values be deeper
/// than what is read from elsewhere.
pub fn may_be_said(problems: &Diagnostics) -> bool {
    problems.0.iter().all(|problem| problem.message.contains("stands twice") || problem.message.contains("stand in each other"))
}

/// What must hold for every inventory, and for one that is good.
pub fn check(inventory: &Inventory, said: &Diagnostics) {
    problems(said);
    let mut names = HashSet::new();
    for host in inventory.hosts() {
        assert!(names.insert(&*host.name) && !host.name.trim().is_empty() && !host.name.contains(['[', ']', '=', '*']), "{:?}", host.name);
        within(&host.place);
        for setting in inventory.settings(host) {
            within(&setting.variable.place);
            setting.variable.value.each(&mut |node| within(&node.place));
        }
    }
    if said.has_errors() {
        return;
    }
    let all = inventory.all_hosts();
    assert_eq!(all.iter().map(|host| &*host.name).collect::<HashSet<_>>(), names, "every host is in `all`");
    assert_eq!(all.len(), names.len(), "and stands there once");
    for &host in all.iter().take(50) {
        let variables = inventory.variables(host);
        for setting in inventory.settings(host) {
            assert!(variables.contains_key(&*setting.variable.name));
        }
        // the last one counts
        for (name, value) in variables {
            let last = inventory.settings(host).filter(|setting| &*setting.variable.name == name).last();
            assert_eq!(last.map(|setting| json(&setting.variable.value)), Some(json(&value)));
        }
        assert!(!inventory.group_names(host).is_empty(), "{} is in no group", host.name);
    }
    let list = inventory.list_json(&all, ansible_look(Some(4)));
    match load_json(&Source::new("list", list.as_str())) {
        Err(said) => assert!(may_be_said(&said), "{said}"),
        Ok(list) => {
            let shown = list.get("_meta").and_then(|meta| meta.get("hostvars")).and_then(Node::as_map).expect("it is always there");
            assert!(shown.iter().all(|(name, _)| name.as_str().is_some_and(|name| names.contains(name))));
        }
    }
    for vars in [false, true] {
        let graph = inventory.group("all").map(|all| inventory.graph(all, vars, false)).expect("it is always there");
        assert!(graph.starts_with("@all:"));
        assert!(graph.len() < 300 << 20, "{} bytes", graph.len());
    }
}
