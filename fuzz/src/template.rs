//! Any text as a template. Run by the fuzzer and, over the corpus, by `tests/all/fuzz_corpus.rs`.

use std::collections::BTreeMap;
use std::sync::Arc;

use homelabctl::diagnostics::{Diagnostics, Source};
use homelabctl::template::{Engine, Scope, Surroundings};
use homelabctl::yaml::{Node, Style, load};

use super::reading;

const VARS: &str = "a: 1\nb: text\nc: [3, 1, 2]\nd: {x: 1, y: [u, v], z: {k: ~}}\ne: '{{ b }}-{{ a }}'\nf: '{{ f }}'\ng: 1.5\nh: true\nn: ~\nt: 2024-01-02\nv: !vault $ANSIBLE_VAULT;1.1;AES256 x\n";

/// Checks and renders the text, as a template and as an expression.
pub fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let source = Source::new("site.yml", text.as_ref());
    let node = Node::new(text.as_ref(), source.whole()).style(Style::Plain);
    let engine = Engine::new(Surroundings {
        env: BTreeMap::from([("A".to_owned(), "b".to_owned())]),
        dir: "/nonexistent".into(),
        home: "/nonexistent".into(),
        decrypt: Arc::new(|_| Ok("hidden".to_owned())),
        programs: false,
        from_yaml: Some(|text| {
            let (node, _) = load(&Source::new("from_yaml", text)).map_err(|problems| problems.to_string())?;
            Ok(node.into_iter().map(|node| node.value).collect())
        }),
    });
    let vars = load(&Source::new("vars.yml", VARS)).expect("it is written above").0.expect("there is something");
    let named = |(name, value): &(Node, Node)| Some((name.as_str()?.to_owned(), value.clone()));
    let vars: BTreeMap<String, Node> = vars.as_map().into_iter().flatten().filter_map(named).collect();
    let scope: Arc<dyn Scope> = Arc::new(vars);
    let mut found = Diagnostics::new();
    engine.check(&node, &mut found);
    engine.check_expression(&node, &mut found);
    reading::problems(&found);
    for render in [Engine::render, Engine::expression] {
        match (render(&engine, &node, Arc::clone(&scope)), render(&engine, &node, Arc::clone(&scope))) {
            (Ok(one), Ok(two)) => {
                assert_eq!(reading::json(&one), reading::json(&two), "it is the same every time");
                assert!(reading::json(&one).len() < 100 << 20);
                // what was rendered is no template
                assert!(!node.is_template() || !one.is_template());
            }
            (Err(one), Err(two)) => {
                assert_eq!(one, two);
                reading::problems(&Diagnostics::from(*one));
            }
            (one, two) => panic!("{:?} once, {:?} then", one.map(|_| ()), two.map(|_| ())),
        }
    }
}
