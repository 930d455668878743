//! What our reading of YAML gives, against what Ansible's loader was recorded to make of it.

use std::collections::BTreeMap;
use std::path::Path;

use homelabctl::diagnostics::Source;
use homelabctl::yaml::{Node, Value, load, python_float};
use serde_json::{Value as Json, json};

/// Documents that we read otherwise, and why.
const DIFFERENT: &[(&str, &str)] = &[
    ("merge tag", "`!!merge` on another key than `<<` is refused: nobody writes it"),
    ("merge unsafe", "what a merge takes out of an `!unsafe` mapping stays no template; PyYAML forgets it"),
    ("unsafe alias", "an alias in an `!unsafe` list is no template either; PyYAML has built it before"),
    ("tag set", "a set is kept as a list, which is what it becomes in JSON"),
    ("tag set block", "as `tag set`"),
    ("tag omap", "`!!omap` is refused, with the advice to write a mapping; Ansible warns that it will be"),
    ("tag pairs", "as `tag omap`"),
    ("tag binary", "`!!binary` is refused: no value holds bytes, and Ansible cannot print it either"),
];

fn read<T: serde::de::DeserializeOwned>(name: &str) -> T {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/records/yaml").join(name);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[derive(serde::Deserialize)]
struct Case {
    name: String,
    yaml: String,
}

#[derive(serde::Deserialize)]
struct Expected {
    answers: BTreeMap<String, Json>,
}

/// As the recorder writes values.
fn typed(node: &Node) -> Json {
    match &node.value {
        Value::Null => json!({"t": "null"}),
        Value::Bool(truth) => json!({"t": "bool", "v": truth}),
        Value::Int(number) => json!({"t": "int", "v": number.to_string()}),
        Value::BigInt(digits) => json!({"t": "int", "v": &**digits}),
        Value::Float(number) => json!({"t": "float", "v": python_float(*number)}),
        Value::Str(text) if node.literal => json!({"t": "unsafe", "v": &**text}),
        Value::Str(text) => json!({"t": "str", "v": &**text}),
        Value::Time(text) => json!({"t": "date", "v": &**text}),
        Value::Vault(text) => json!({"t": "vault", "v": &**text}),
        Value::List(list) => json!({"t": "list", "v": list.iter().map(typed).collect::<Vec<_>>()}),
        Value::Map(map) => {
            let key = |key: &Node| typed(&Node { literal: false, ..key.clone() });
            json!({"t": "map", "v": map.iter().map(|(name, value)| json!([key(name), typed(value)])).collect::<Vec<_>>()})
        }
    }
}

#[test]
fn every_document_as_ansible_reads_it() {
    let (cases, expected): (Vec<Case>, Expected) = (read("cases.json"), read("expected.json"));
    assert!(cases.len() > 700);
    let mut wrong = Vec::new();
    let mut unused: Vec<&str> = DIFFERENT.iter().map(|(name, _)| *name).collect();
    for case in &cases {
        let ours = match load(&Source::new("x.yml", case.yaml.as_str())) {
            Ok((Some(node), _)) => typed(&node),
            Ok((None, _)) => json!({"t": "null"}),
            Err(_) => json!({"t": "error"}),
        };
        let theirs = &expected.answers[&case.name];
        let listed = DIFFERENT.iter().any(|(name, _)| *name == case.name);
        if listed {
            unused.retain(|name| *name != case.name);
        }
        if (ours == *theirs) == listed {
            wrong.push(format!(
                "{}{}\n  {:?}\n  ours   {ours}\n  theirs {theirs}",
                case.name,
                if listed { " (listed)" } else { "" },
                case.yaml
            ));
        }
    }
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    assert!(unused.is_empty(), "listed and not there: {unused:?}");
}
