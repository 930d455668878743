//! Any text as a host of an inventory, with ranges and a port. Run by the fuzzer and, over the corpus, by
//! `tests/all/fuzz_corpus.rs`.

use homelabctl::inventory::Given;

use super::reading;

/// Counted in this order.
const LETTERS: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// Reads the first line as one host of a list.
pub fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let word = text.lines().next().unwrap_or_default().replace(',', ".");
    let word = word.trim();
    let (inventory, problems) = reading::inventory(Given::Argument(format!("{word},")), &[]);
    reading::problems(&problems);
    if problems.has_errors() || word.is_empty() {
        return;
    }
    let names: Vec<&str> = inventory.hosts().map(|host| &*host.name).collect();
    assert!((1..=100_000).contains(&names.len()));
    assert!(names.iter().all(|name| !name.is_empty() && !name.contains(['[', ']', ','])), "{names:?}");
    if let Some(count) = one_range(word) {
        assert_eq!(names.len(), count, "one name for each: {names:?}");
    }
    // in a file it is the same
    if !word.contains(|c: char| c.is_whitespace() || "'\"\\#;=[".contains(c)) && word != "---" {
        let (file, problems) = reading::text(&format!("{word}\n"));
        assert!(!problems.has_errors(), "{problems}");
        assert_eq!(file.hosts().map(|host| &*host.name).collect::<Vec<_>>(), names);
    }
}

/// How many names the only range of a word stands for, by another way to count.
fn one_range(word: &str) -> Option<usize> {
    let (_, rest) = word.split_once('[')?;
    let (inside, after) = rest.split_once(']')?;
    if after.contains('[') {
        return None;
    }
    let bounds: Vec<&str> = inside.split(':').collect();
    let (begin, end, step) = match *bounds.as_slice() {
        [begin, end] => (begin, end, "1"),
        [begin, end, step] => (begin, end, step),
        _ => return None,
    };
    let step: usize = step.parse().ok()?;
    let letter = |text: &str| LETTERS.find(text).filter(|_| text.len() == 1);
    let number = |text: &str| if text.is_empty() { Some(0) } else { text.parse::<usize>().ok() };
    let (first, last) = letter(begin).zip(letter(end)).or_else(|| number(begin).zip(number(end)))?;
    let (mut at, mut count) = (first, 0);
    while at <= last {
        count += 1;
        at = at.checked_add(step)?;
    }
    Some(count)
}
