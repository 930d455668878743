//! Any bytes as the JSON that an inventory program prints. Run by the fuzzer and, over the corpus, by
//! `tests/all/fuzz_corpus.rs`.

use homelabctl::diagnostics::Source;
use homelabctl::yaml::{load, load_json};

use super::reading;

/// Reads the bytes, and what was read once more.
pub fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let source = Source::new("output of hosts.sh --list", text.as_ref());
    let node = match load_json(&source) {
        Err(problems) => {
            reading::problems(&problems);
            assert!(problems.has_errors());
            return;
        }
        Ok(node) => node,
    };
    node.each(&mut |node| reading::within(&node.place));
    let written = reading::json(&node);
    let again = load_json(&Source::new("again", written.as_str()));
    let again = again.unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(reading::json(&again), written);
    // a file with it is read the same way
    let (file, _) = load(&source).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(file.map(|node| reading::json(&node)), Some(written));
}
