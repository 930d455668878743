//! The list of deliberate wrong edits (`make mutants` tries them): each can be applied.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

#[test]
fn each_wrong_edit_is_about_one_place() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let edits: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(root.join("tests/mutants/edits.json")).unwrap()).unwrap();
    let mut rounds = BTreeSet::new();
    for edit in &edits {
        let text = |name: &str| edit[name].as_str().unwrap_or_else(|| panic!("{edit} has no `{name}`"));
        let source = std::fs::read_to_string(root.join(text("file"))).unwrap_or_else(|error| panic!("{}: {error}", text("file")));
        assert_eq!(source.matches(text("old")).count(), 1, "{}: {}", text("file"), text("old"));
        assert_ne!(text("old"), text("new"));
        // in one round each test has one reason to fail, and each file one edit
        assert!(rounds.insert((edit["round"].to_string(), text("test"))), "{} twice in a round", text("test"));
        assert!(rounds.insert((edit["round"].to_string(), text("file"))), "{} twice in a round", text("file"));
    }
    assert!(edits.len() >= 20, "only {}", edits.len());
}
