//! Files of which the loader knows nothing.

use crate::playbook::keywords;
use crate::playbook::testing::Project;

/// A value as playbooks have them, and as they do not, as JSON.
fn value() -> impl proptest::strategy::Strategy<Value = serde_json::Value> {
    use proptest::prelude::*;
    use serde_json::Value;
    let texts = [
        "a.yml",
        "site.yml",
        "r",
        "all",
        "{{ x }}",
        "{{ x",
        "x == 1",
        "k=v a='b",
        "copy src=a",
        "",
        "main",
        "always",
        "ns.coll.x",
        "a/../a.yml",
        "~",
        "/",
        "1",
        "30%",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i8>().prop_map(Value::from),
        (0..texts.len()).prop_map(move |at| Value::from(texts[at])),
    ];
    let modules = [
        "import_tasks",
        "include_tasks",
        "import_role",
        "include_role",
        "import_playbook",
        "ansible.builtin.copy",
        "shell",
        "meta",
        "set_fact",
        "include",
        "with_items",
        "role",
        "file",
        "name",
        "tasks_from",
        "apply",
        "module",
        "whn",
    ];
    let key = (0..keywords::KEYWORDS.len() + modules.len()).prop_map(move |at| {
        keywords::KEYWORDS.get(at).map_or_else(|| modules[at - keywords::KEYWORDS.len()], |keyword| keyword.name).to_owned()
    });
    leaf.prop_recursive(6, 60, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((key.clone(), inner), 0..5).prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

/// A list of such values: what a file of plays or tasks nearly is.
fn document() -> impl proptest::strategy::Strategy<Value = String> {
    use proptest::prelude::*;
    let nearly = proptest::collection::vec(value(), 0..4).prop_map(|list| serde_json::Value::from(list).to_string());
    let play = proptest::collection::vec(value(), 0..4)
        .prop_map(|list| serde_json::json!([{"hosts": "all", "tasks": list, "roles": ["r"]}]).to_string());
    prop_oneof![4 => nearly, 2 => play, 1 => value().prop_map(|value| value.to_string()), 1 => "[-a-z0-9:{}\\[\\]'\"| \n&*!#%]{0,60}"]
}

proptest::proptest! {
    #[test]
    fn no_document_makes_the_loader_panic(site in document(), tasks in document(), role in document(), meta in value()) {
        let project = Project::new(&[
            ("site.yml", &site),
            ("a.yml", &tasks),
            ("roles/r/tasks/main.yml", &role),
            ("roles/r/meta/main.yml", &meta.to_string()),
            ("roles/r/vars/main.yml", &tasks),
        ]);
        let (playbook, problems) = project.load();
        proptest::prop_assert!(problems.0.iter().all(|problem| !problem.message.is_empty()));
        proptest::prop_assert!(problems.has_errors() || !playbook.plays.is_empty(), "nothing was read and nothing was said");
    }
}
