//! Any bytes as an inventory in a file: INI, or what is taken for YAML. Run by the fuzzer and, over the corpus, by
//! `tests/all/fuzz_corpus.rs`.

use homelabctl::diagnostics::Source;
use homelabctl::inventory::{Inventory, ansible_look};
use homelabctl::yaml::load_json;

use super::reading;

/// Reads the bytes as a file of hosts.
pub fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (inventory, problems) = reading::text(&text);
    reading::check(&inventory, &problems);
    if problems.has_errors() {
        return;
    }
    let list = |inventory: &Inventory| inventory.list_json(&inventory.all_hosts(), ansible_look(None));
    let before = list(&inventory);
    assert_eq!(before, list(&reading::text(&text).0), "it is read as before");
    // a comment changes nothing, but in a block of text and in JSON, which then is YAML
    let is_json = load_json(&Source::new("hosts", text.as_ref())).is_ok();
    if text.ends_with('\n') && !is_json && !text.contains(['|', '>']) {
        let (again, problems) = reading::text(&format!("{text}# a comment\n"));
        assert!(!problems.has_errors(), "{problems}");
        assert_eq!(before, list(&again));
    }
}
