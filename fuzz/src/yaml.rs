//! Any bytes as a YAML document. Run by the fuzzer and, over the corpus, by `tests/all/fuzz_corpus.rs`.

use homelabctl::diagnostics::Source;
use homelabctl::yaml::{Node, Style, load, load_json, resolve};

use super::reading;

/// Reads the bytes, and what was read once more.
pub fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let source = Source::new("x.yml", text.as_ref());
    // one text or another
    let _ = resolve(&text);
    let node = match load(&source) {
        Err(problems) => {
            reading::problems(&problems);
            assert!(problems.has_errors());
            return;
        }
        Ok((node, warnings)) => {
            reading::problems(&warnings);
            assert!(!warnings.has_errors());
            node
        }
    };
    let Some(node) = node else {
        // blanks, comments and marks alone
        let empty = |line: &str| {
            let line = line.trim_start_matches(['\u{feff}', ' ', '\t']);
            line.trim().is_empty() || line.starts_with(['#', '%', '.'])
        };
        assert!(text.split(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']).all(empty), "{text:?}");
        return;
    };
    let is_json = load_json(&source).is_ok();
    node.each(&mut |node| {
        reading::within(&node.place);
        let written = &text[node.place.span.clone()];
        // an alias, an anchor or a tag stands there instead
        if node.style != Style::Plain
            || is_json
            || written.starts_with(['*', '&', '!'])
            || written.contains(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}'])
        {
            return;
        }
        match resolve(written) {
            Ok(value) => assert!(
                value == node.value || matches!((&value, &node.value), (a, b) if nan(a) && nan(b)),
                "{written:?} was read as {}",
                node.value.kind()
            ),
            Err(_) => assert!(matches!(written, "=" | "<<"), "{written:?}"),
        }
    });
    // with these keys JSON says something else
    if text.contains("__ansible_") || text.contains("\\x") || text.contains("\\u") || text.contains("\\U") {
        return;
    }
    let written = reading::json(&node);
    match load_json(&Source::new("again", written.as_str())) {
        Err(problems) => assert!(reading::may_be_said(&problems), "{problems}"),
        Ok(again) => {
            assert_eq!(reading::json(&again), written);
            same(&node, &again);
            // as a file it is read as JSON too
            let file = load(&Source::new("x.json", written.as_str())).expect("it was read just now").0.expect("there is something");
            assert!(reading::json(&file) == written);
        }
    }
}

fn nan(value: &homelabctl::yaml::Value) -> bool {
    matches!(value, homelabctl::yaml::Value::Float(number) if number.is_nan())
}

/// Values that are the same once they have been JSON, where keys are texts and sorted, and times are texts.
fn same(a: &Node, b: &Node) {
    use homelabctl::yaml::Value::{Float, List, Map, Str, Time, Vault};
    match (&a.value, &b.value) {
        (List(a), List(b)) => {
            assert_eq!(a.len(), b.len());
            a.iter().zip(b).for_each(|(a, b)| same(a, b));
        }
        (Map(a), Map(b)) => {
            assert_eq!(a.len(), b.len());
            for (key, value) in a {
                if let Some(key) = key.as_str() {
                    let (_, other) = b.iter().find(|(other, _)| other.as_str() == Some(key)).expect("its key is there");
                    same(value, other);
                }
            }
        }
        (Float(a), Float(b)) => assert!(a == b || a.is_nan() && b.is_nan()),
        (Time(a), Str(b)) | (Vault(a), Vault(b)) => assert_eq!(a, b),
        (Str(one), Str(other)) => assert!(one == other && a.literal == b.literal),
        (one, other) => assert!(one == other, "{} and {}", one.kind(), other.kind()),
    }
}
