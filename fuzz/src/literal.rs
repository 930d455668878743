//! Any text as the value of a variable in an INI inventory: a Python literal, or a text. Run by the fuzzer and, over the
//! corpus, by `tests/all/fuzz_corpus.rs`.

use homelabctl::yaml::{Node, Value, python_str};

use super::reading;

/// Reads the first line as a value.
pub fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let Some((written, node)) = read(&text) else { return };
    reading::within(&node.place);
    if let Value::Str(value) = &node.value {
        // a text is itself, unless it was in quotes
        assert!(**value == *written || written.contains(['\'', '"', '.', 'j', 'J']), "{written:?} became {value:?}");
    }
    // in a list, so that a text is in quotes too
    if depth(&node) > 50 || holds(&node, &|node| matches!(&node.value, Value::Float(number) if !number.is_finite())) {
        return;
    }
    let list = Node::new(Value::List(vec![node.clone()]), node.place.clone());
    let printed = python_str(&list);
    let Some((_, again)) = read(&printed) else { return };
    if !printed.contains(ends) {
        assert_eq!(reading::json(&unmarked(again)), reading::json(&unmarked(list)), "{printed}");
    }
}

/// The first line, and its value.
fn read(text: &str) -> Option<(String, Node)> {
    let line = text.split(ends).next()?.trim();
    if line.is_empty() {
        return None;
    }
    let (inventory, problems) = reading::text(&format!("h\n[all:vars]\nx={line}\n"));
    assert!(!problems.has_errors(), "{problems}");
    let host = inventory.host("h").expect("it is there");
    let node = inventory.variables(host).remove("x").expect("it is set").into_owned();
    Some((line.to_owned(), node))
}

/// Where a line ends for Python.
fn ends(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn depth(node: &Node) -> usize {
    match &node.value {
        Value::List(list) => 1 + list.iter().map(depth).max().unwrap_or(0),
        Value::Map(map) => 1 + map.iter().map(|(_, value)| depth(value)).max().unwrap_or(0),
        _ => 0,
    }
}

fn holds(node: &Node, what: &dyn Fn(&Node) -> bool) -> bool {
    let mut found = false;
    node.each(&mut |node| found |= what(node));
    found
}

/// What was bytes is a text like others once it has been printed.
fn unmarked(mut node: Node) -> Node {
    node.each_mut(&mut |node| node.literal = false);
    node
}
