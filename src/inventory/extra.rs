//! `--extra-vars`: `NAME=VALUE …`, YAML or JSON in braces, or `@FILE` with one of the two.

use std::ops::Range;
use std::path::Path;

use super::data::Variable;
use super::file::{self, Closed};
use super::known::is_secret;
use super::resolve::at_home;
use super::vars_files::variables;
use crate::diagnostics::{Diagnostic, Diagnostics, Source};
use crate::yaml::{Keys, Node, Value};

const NAME: &str = "--extra-vars";
const FOR_THE_SHELL: &str = "the whole stands in single quotes for the shell: `-e '{\"name\": \"value\"}'`";

/// The variables of all of them; of two with the same name the later counts.
pub(super) fn read(given: &[String], home: &Path, keys: &Keys, closed: &mut Closed, problems: &mut Diagnostics) -> Vec<Variable> {
    let mut all = Vec::new();
    for text in given.iter().filter(|text| !text.is_empty()) {
        let source = match text.strip_prefix('@') {
            None => Source::new(NAME, text.as_str()),
            Some("") => {
                let error = Diagnostic::error("nothing stands behind the `@`").at(Source::new(NAME, text.as_str()).whole());
                problems.push(error.hint("write `-e @FILE`"));
                continue;
            }
            Some(path) => {
                let source = file::text(&at_home(path, home), path);
                let named = |problem: Diagnostic| Diagnostic {
                    place: problem.place.or_else(|| Some(Source::new(NAME, text.as_str()).whole())),
                    ..problem
                };
                match source
                    .map_err(|problem| problems.push(named(*problem)))
                    .ok()
                    .and_then(|source| file::opened(source, keys, closed, problems))
                {
                    Some(source) => source,
                    None => continue,
                }
            }
        };
        if text.starts_with(['@', '{', '[']) {
            let known = problems.0.len();
            all.extend(variables(&source, "extra variables", problems));
            // the shell takes quotes and spaces out of what does not stand in single quotes
            if !text.starts_with('@') && !text.ends_with(['}', ']']) {
                problems.0.iter_mut().skip(known).for_each(|problem| problem.hint = Some(FOR_THE_SHELL.to_owned()));
            }
        } else if !text.contains('=') && Path::new(text).is_file() {
            let error = Diagnostic::error("this names a file of variables").at(source.whole());
            problems.push(error.hint(format!("write `-e @{text}`")));
        } else {
            pairs(&source, &mut all, problems);
        }
    }
    all
}

fn pairs(source: &Source, all: &mut Vec<Variable>, problems: &mut Diagnostics) {
    let spans = match split(&source.text) {
        Ok(spans) => spans,
        Err((at, why)) => {
            let hint = "the shell takes one pair of quotes away; write `-e \"name='a b'\"`";
            problems.push(Diagnostic::error(why).at(source.at(at..at + 1)).hint(hint));
            return;
        }
    };
    let mut last: Option<&str> = None;
    for span in spans {
        let text = source.text.get(span.clone()).unwrap_or_default();
        // the first `=` that no backslash stands before
        let equals = text.match_indices('=').map(|(at, _)| at).find(|at| *at > 0 && !text.get(..*at).unwrap_or_default().ends_with('\\'));
        let Some(equals) = equals else {
            let error = Diagnostic::error(format!("`{text}` sets no variable")).at(source.at(span));
            let error = error.label("write `name=value`");
            problems.push(match last.take().filter(|before| !before.contains(['\'', '"'])).and_then(|before| before.split_once('=')) {
                Some((name, value)) if !is_secret(name) => {
                    error.hint(format!("a value with spaces stands in quotes: `-e \"{name}='{value} {text}'\"`"))
                }
                _ => error.hint("a value with spaces stands in quotes: `-e \"name='a b'\"`"),
            });
            continue;
        };
        last = Some(text);
        let (name, value) = (text.get(..equals).unwrap_or_default().trim(), text.get(equals + 1..).unwrap_or_default());
        let value = unquoted(unescaped(value).trim()).to_owned();
        let place = source.at(span.start + equals + 1..span.end);
        let name_place = source.at(span.start..span.start + equals);
        all.push(Variable { name: name.into(), place: name_place, value: Node::new(Value::from(value), place) });
    }
}

/// The words of a text: cut at spaces and line ends, but not in quotes or templates.
fn split(text: &str) -> Result<Vec<Range<usize>>, (usize, &'static str)> {
    let (mut spans, mut start) = (Vec::new(), None);
    let mut quote: Option<(char, usize)> = None;
    let mut open: Vec<usize> = Vec::new();
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        let pair = text.get(at..at + 2).unwrap_or_default();
        match pair {
            "{{" | "{%" | "{#" => open.push(at),
            "}}" | "%}" | "#}" => {
                open.pop();
            }
            _ => {}
        }
        if matches!(c, '\'' | '"') && before != '\\' {
            quote = match quote {
                Some((mark, _)) if mark == c => None,
                None => Some((c, at)),
                other => other,
            };
        }
        before = c;
        let inside = quote.is_some() || !open.is_empty();
        if c.is_ascii_whitespace() && !inside {
            spans.extend(start.take().map(|start| start..at));
        } else if start.is_none() && !c.is_ascii_whitespace() {
            start = Some(at);
        }
    }
    if let Some((_, at)) = quote {
        return Err((at, "this quote is not closed"));
    }
    if let Some(at) = open.first() {
        return Err((*at, "this template is not closed"));
    }
    spans.extend(start.map(|start| start..text.len()));
    Ok(spans)
}

/// The escapes that Ansible reads in such a text.
fn unescaped(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        out.push_str(before);
        let simple = after.chars().next().and_then(|c| match c {
            'n' => Some('\n'),
            't' => Some('\t'),
            'r' => Some('\r'),
            'a' => Some('\u{7}'),
            'b' => Some('\u{8}'),
            'f' => Some('\u{c}'),
            'v' => Some('\u{b}'),
            '\\' | '\'' | '"' => Some(c),
            _ => None,
        });
        let digits = match after.chars().next() {
            Some('x') => 2,
            Some('u') => 4,
            Some('U') => 8,
            _ => 0,
        };
        let hexadecimal = after.get(1..=digits).filter(|hex| digits > 0 && hex.bytes().all(|b| b.is_ascii_hexdigit()));
        let code = hexadecimal.and_then(|hex| char::from_u32(u32::from_str_radix(hex, 16).ok()?));
        let (c, length) = match (simple, code) {
            (Some(c), _) => (c, 1),
            (None, Some(c)) => (c, 1 + digits),
            (None, None) => ('\\', 0),
        };
        out.push(c);
        rest = after.get(length..).unwrap_or_default();
    }
    out + rest
}

/// Without the quotes around the whole.
fn unquoted(text: &str) -> &str {
    let inside = ['\'', '"'].iter().find_map(|quote| text.strip_prefix(*quote)?.strip_suffix(*quote));
    inside.filter(|inside| !inside.ends_with('\\')).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::one_line;

    fn of(given: &[&str]) -> (String, Diagnostics) {
        let mut problems = Diagnostics::new();
        let given: Vec<String> = given.iter().map(|&text| text.to_owned()).collect();
        let variables = read(&given, Path::new("/home/pat"), &Keys::default(), &mut Closed::default(), &mut problems);
        let shown: Vec<String> = variables.iter().map(|variable| format!("{}={}", variable.name, one_line(&variable.value))).collect();
        (shown.join(" "), problems)
    }

    #[test]
    fn pairs_and_documents() {
        let (shown, problems) = of(&[
            "a=1 b='x y' c=\"it's\" d={{ x y }} e=a=b f=",
            r"g=x\ty h='a\x41\u00e4'",
            "{a: 2, 'b': [1, yes]}",
            r#"{"c": {"d": null}}"#,
            "",
        ]);
        assert_eq!(problems, Diagnostics::new());
        assert_eq!(shown, r#"a="1" b="x y" c="it's" d="{{ x y }}" e="a=b" f="" g="x\ty" h="aAä" a=2 b=[1, true] c={"d": null}"#);
    }

    #[test]
    fn files() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("vars.yml");
        std::fs::write(&path, "a: {b: 1}\n").unwrap();
        assert_eq!(of(&[&format!("@{}", path.display())]).0, "a={\"b\": 1}");
        let problems = of(&[&path.display().to_string()]).1;
        assert!(problems.0[0].hint.as_ref().unwrap().starts_with("write `-e @"), "{problems}");
    }

    #[test]
    fn what_cannot_be_read() {
        insta::assert_snapshot!(of(&["stray a=1", "a='x", "a={{ x", "[1]", "{a: 1", "@/nonexistent/vars.yml", "=5"]).1);
    }
}
