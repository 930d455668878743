//! Any text behind `-e`. Run by the fuzzer and, over the corpus, by `tests/all/fuzz_corpus.rs`.

use homelabctl::diagnostics::Source;
use homelabctl::inventory::{Given, Level};

use super::reading;

/// Reads the text alone, twice, and with a pair behind it.
pub fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data).into_owned();
    // the name of a file
    if text.starts_with('@') {
        return;
    }
    let Some(once) = read(std::slice::from_ref(&text)) else { return };
    let mut twice = once.clone();
    twice.extend(once.iter().cloned());
    assert_eq!(read(&[text.clone(), text.clone()]), Some(twice));
    if !text.starts_with(['{', '[', '/', '.']) {
        let mut more = once;
        more.push(("zz".to_owned(), "\"1\"".to_owned()));
        let pairs = if text.is_empty() { "zz=1".to_owned() } else { format!("{text} zz=1") };
        assert_eq!(read(&[pairs]), Some(more));
    }
}

/// Names and values in their order; `None` if something is wrong.
fn read(extra: &[String]) -> Option<Vec<(String, String)>> {
    let (inventory, problems) = reading::inventory(Given::Text(Source::new("hosts", "h\n")), extra);
    reading::check(&inventory, &problems);
    if problems.has_errors() {
        return None;
    }
    let host = inventory.host("h").expect("it is there");
    let extra = inventory.settings(host).filter(|setting| setting.level == Level::Extra);
    Some(extra.map(|setting| (setting.variable.name.to_string(), reading::json(&setting.variable.value))).collect())
}
