//! Templates against what ansible-core's own templating made of them (`tests/oracle/template`).

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use homelabctl::diagnostics::Source;
use homelabctl::template::{Engine, Scope, Surroundings};
use homelabctl::yaml::{Node, Value};
use serde_json::{Value as Json, json};

/// What is answered otherwise than by Ansible, each with its reason.
const DIFFERENT: &[(&str, &str)] = &[
    (
        "{% for x in l %}{% if x == 1 %}{% continue %}{% endif %}{{ x }}{% endfor %}",
        "Ansible has `continue` and `break` only where they are switched on",
    ),
    (
        "{{ users | groupby('active', default=false) | map(attribute=0) | list }}",
        "the default of `groupby` is lost in Ansible 2.19, which is a mistake there",
    ),
    ("{{ d | attr('b') | default('none') }}", "`attr` reads Python's attributes, of which there are none: the error says what to write"),
    (
        "{% macro add(to) %}{% set _ = to.append(1) %}{% endmacro %}{% set a = [] %}{{ add(a) }}{{ a }}",
        "Ansible gives a macro a copy of a list, and Jinja2 the list itself",
    ),
    ("{% set a = [] %}{% do a.append(1) %}{{ a }}", "Ansible has `do` only where it is switched on"),
    ("{{ s }} == 'abc'", "templates within a condition: Ansible 2.19 made an error of an old habit, whose meaning is plain"),
];

fn node(value: &Json) -> Node {
    let value = match value {
        Json::Null => Value::Null,
        Json::Bool(truth) => Value::Bool(*truth),
        Json::Number(number) => match number.as_i64() {
            Some(number) => Value::Int(number),
            None if !number.to_string().contains(['.', 'e']) => Value::BigInt(number.to_string().into()),
            // serde_json keeps 64 bits; the one longer number of the cases is this one
            None if number.as_f64() == Some(123_456_789_012_345_678_901_234_567_890.0) => {
                Value::BigInt("123456789012345678901234567890".into())
            }
            None => Value::Float(number.as_f64().unwrap()),
        },
        Json::String(text) => Value::Str(text.as_str().into()),
        Json::Array(items) => Value::List(items.iter().map(node).collect()),
        Json::Object(map) => Value::Map(map.iter().map(|(key, value)| (node(&json!(key)), node(value))).collect()),
    };
    Node::new(value, Source::new("vars", "").whole())
}

fn plain(node: &Node) -> Json {
    match &node.value {
        Value::Null => Json::Null,
        Value::Bool(truth) => json!(truth),
        Value::Int(number) => json!(number),
        Value::BigInt(digits) => serde_json::from_str(digits).unwrap(),
        Value::Float(number) => json!(number),
        Value::Str(text) => json!(&**text),
        Value::Time(text) => json!({ "time": &**text }),
        Value::Vault(_) => json!({ "vault": true }),
        Value::List(items) => items.iter().map(plain).collect(),
        Value::Map(map) if map.iter().all(|(key, _)| key.as_str().is_some()) => {
            map.iter().map(|(key, value)| (key.as_str().unwrap().to_owned(), plain(value))).collect()
        }
        Value::Map(map) => json!({ "pairs": map.iter().map(|(key, value)| json!([plain(key), plain(value)])).collect::<Vec<_>>() }),
    }
}

fn engine() -> Engine {
    Engine::new(Surroundings {
        env: BTreeMap::from([("TEMPLATE_ORACLE".to_owned(), "from the environment".to_owned())]),
        dir: PathBuf::from("/"),
        home: PathBuf::from("/root"),
        decrypt: Arc::new(|_| Err(("there are no secrets here".to_owned(), "go on".to_owned()))),
        from_yaml: None,
        programs: true,
    })
}

#[test]
fn templates_give_what_ansible_gives() {
    let record: Json = serde_json::from_str(include_str!("../records/template.json")).unwrap();
    let (engine, mut wrong, mut met, mut count) = (engine(), Vec::new(), BTreeSet::new(), 0);
    for group in record["groups"].as_array().unwrap() {
        let vars: BTreeMap<String, Node> =
            group["vars"].as_object().unwrap().iter().map(|(name, value)| (name.clone(), node(value))).collect();
        let scope: Arc<dyn Scope> = Arc::new(vars);
        for (kind, cases) in [("templates", &group["templates"]), ("expressions", &group["expressions"])] {
            for case in cases.as_array().unwrap() {
                count += 1;
                let text = case["text"].as_str().unwrap();
                let source = Source::new("case", text);
                let node = Node::new(text, source.whole());
                let result =
                    if kind == "templates" { engine.render(&node, scope.clone()) } else { engine.expression(&node, scope.clone()) };
                let ours = result.as_ref().map(plain).map_err(|problem| problem.message.clone());
                // as texts, so that the order of keys counts
                let same = match (&ours, case.get("value")) {
                    (Ok(ours), Some(theirs)) => format!("{ours}") == format!("{theirs}"),
                    (Err(_), None) => true,
                    _ => false,
                };
                if let Some((text, _)) = DIFFERENT.iter().find(|(different, _)| *different == text) {
                    met.insert(*text);
                    assert!(!same, "listed as different, and is not: {text}");
                } else if !same {
                    wrong.push(format!("{text}\n  theirs {}\n  ours   {ours:?}", case.get("value").unwrap_or(&json!("an error"))));
                }
            }
        }
    }
    assert!(count > 350, "the record was not understood");
    assert!(wrong.is_empty(), "{} of {count} are different:\n{}", wrong.len(), wrong.join("\n"));
    let gone: Vec<_> = DIFFERENT.iter().filter(|(text, _)| !met.contains(text)).collect();
    assert!(gone.is_empty(), "listed, and not in the record: {gone:?}");
}
