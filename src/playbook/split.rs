//! `k=v` words and free-form texts, cut as Ansible cuts them (parsing/splitter.py): not in quotes, not in templates.

/// Options of the modules that take a command as free-form text: only these are cut out of it.
const OF_COMMANDS: [&str; 8] = ["creates", "removes", "chdir", "executable", "warn", "stdin", "stdin_add_newline", "strip_empty_ends"];

/// What was found in a text.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Pairs {
    /// The options in their order, each with the word as it was written.
    pub(super) options: Vec<(String, String, String)>,
    /// What is no option.
    pub(super) rest: Option<String>,
}

/// A quote or a template that does not end.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unbalanced;

/// The options and the rest of a text. Of a command only few words are options.
pub(super) fn pairs(text: &str, is_command: bool) -> Result<Pairs, Unbalanced> {
    let mut found = Pairs::default();
    let mut rest = Vec::new();
    for word in words(text)? {
        let decoded = unescaped(&word);
        // the first `=` that no backslash stands before, and that is not the first letter
        let starts = decoded.match_indices('=').map(|(at, _)| at);
        let equals = starts.filter(|at| *at > 0).find(|at| decoded.as_bytes().get(at - 1) != Some(&b'\\'));
        match equals.and_then(|at| Some((decoded.get(..at)?, decoded.get(at + 1..)?))) {
            Some((name, value)) if !is_command || OF_COMMANDS.contains(&name) => {
                let (name, value) = (name.trim().to_owned(), unquoted(value.trim()).to_owned());
                found.options.retain(|(other, ..)| *other != name);
                found.options.push((name, value, word));
            }
            None if decoded.contains('=') => rest.push(decoded.replace("\\=", "=")),
            _ => rest.push(word),
        }
    }
    found.rest = (!rest.is_empty()).then(|| joined(&rest));
    Ok(found)
}

/// Words put together again, with the blanks and line ends that they carry.
pub(super) fn joined(words: &[String]) -> String {
    words.iter().fold(String::new(), |mut text, word| {
        if !text.is_empty() && !text.ends_with('\n') {
            text.push(' ');
        }
        text + word
    })
}

/// The words of a text; blanks beyond the first and line ends stay at the end of the word before them.
pub(super) fn words(text: &str) -> Result<Vec<String>, Unbalanced> {
    let mut words: Vec<String> = Vec::new();
    if text.is_empty() {
        return Ok(words);
    }
    fn add(words: &mut Vec<String>, text: &str) {
        match words.last_mut() {
            Some(last) => last.push_str(text),
            None => words.push(text.to_owned()),
        }
    }
    let mut quote: Option<char> = None;
    // how many `{{`, `{%` and `{#` are open
    let mut open = [0usize; 3];
    let mut lines = text.split('\n').peekable();
    while let Some(line) = lines.next() {
        let mut goes_on = false;
        for (index, token) in line.split(' ').enumerate() {
            if token.is_empty() && index != 0 {
                add(&mut words, " ");
                continue;
            }
            let was_quoted = quote.is_some();
            if token == "\\" && !was_quoted {
                goes_on = true;
                continue;
            }
            quote = quote_after(token, quote);
            let inside = open.iter().any(|depth| *depth > 0);
            let mut added = true;
            if quote.is_some() && !was_quoted && !inside {
                words.push(token.to_owned());
            } else if inside || quote.is_some() || was_quoted {
                let blank = if index == 0 { "" } else { " " };
                add(&mut words, &format!("{blank}{token}"));
            } else {
                added = false;
            }
            for (depth, (begin, end)) in open.iter_mut().zip([("{{", "}}"), ("{%", "%}"), ("{#", "#}")]) {
                let before = *depth;
                *depth = (before + token.matches(begin).count()).saturating_sub(token.matches(end).count());
                if *depth != before && !added {
                    words.push(token.to_owned());
                    added = true;
                }
            }
            if !added && !token.is_empty() {
                words.push(token.to_owned());
            }
        }
        if lines.peek().is_some() && !goes_on {
            add(&mut words, "\n");
        }
    }
    if quote.is_some() || open.iter().any(|depth| *depth > 0) { Err(Unbalanced) } else { Ok(words) }
}

/// The quote that is open behind a word.
fn quote_after(word: &str, mut quote: Option<char>) -> Option<char> {
    let mut before = None;
    for c in word.chars() {
        if matches!(c, '"' | '\'') && before != Some('\\') {
            quote = match quote {
                None => Some(c),
                Some(open) if open == c => None,
                open => open,
            };
        }
        before = Some(c);
    }
    quote
}

/// A text without the quotes around it.
fn unquoted(text: &str) -> &str {
    let mut chars = text.chars();
    match (chars.next(), chars.next_back()) {
        (Some(first @ ('"' | '\'')), Some(last)) if first == last && !chars.as_str().ends_with('\\') => chars.as_str(),
        _ => text,
    }
}

/// A text with the escapes that Python's string literals have. `\N{…}` stays as it is.
fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        plain.push_str(rest.get(..at).unwrap_or_default());
        rest = rest.get(at..).unwrap_or_default();
        let code = |digits: usize| {
            let hex = rest.get(2..2 + digits).filter(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()))?;
            Some((char::from_u32(u32::from_str_radix(hex, 16).ok()?)?, 2 + digits))
        };
        let found = match rest.as_bytes().get(1) {
            Some(b'U') => code(8),
            Some(b'u') => code(4),
            Some(b'x') => code(2),
            Some(c @ (b'\\' | b'\'' | b'"')) => Some((char::from(*c), 2)),
            Some(b'a') => Some(('\u{7}', 2)),
            Some(b'b') => Some(('\u{8}', 2)),
            Some(b'f') => Some(('\u{c}', 2)),
            Some(b'n') => Some(('\n', 2)),
            Some(b'r') => Some(('\r', 2)),
            Some(b't') => Some(('\t', 2)),
            Some(b'v') => Some(('\u{b}', 2)),
            _ => None,
        };
        let (c, length) = found.unwrap_or(('\\', 1));
        plain.push(c);
        rest = rest.get(length..).unwrap_or_default();
    }
    plain + rest
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    type Case = (String, bool, Option<BTreeMap<String, String>>);

    #[test]
    fn as_ansible_cuts() {
        let text = include_str!("../../tests/records/splitter.json");
        let record: serde_json::Value = serde_json::from_str(text).unwrap();
        let cases: Vec<Case> = serde_json::from_value(record["cases"].clone()).unwrap();
        assert!(cases.len() > 1000);
        for (text, is_command, expected) in cases {
            let found = pairs(&text, is_command).ok().map(|Pairs { options, rest }| {
                let options = options.into_iter().map(|(name, value, _)| (name, value));
                options.chain(rest.map(|rest| ("_raw_params".to_owned(), rest))).collect::<BTreeMap<_, _>>()
            });
            assert_eq!(found, expected, "{text:?} {is_command}");
        }
    }

    proptest::proptest! {
        #[test]
        fn words_of_any_text_are_the_text(text in "[a-z{}%#'\"= ]{0,40}") {
            if let Ok(words) = words(&text) {
                assert_eq!(joined(&words).replace(' ', ""), text.replace(' ', ""));
            }
        }
    }
}
