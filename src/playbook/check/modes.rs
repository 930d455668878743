//! Modes of files: numbers that Ansible does not take for what they look like.

use super::arguments::spec;
use super::walk::Seen;
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::yaml::{Node, Style, Value, plain};

/// The options that are modes.
const OPTIONS: [&str; 2] = ["mode", "directory_mode"];

pub(super) fn check(tasks: &[Seen], problems: &mut Diagnostics) {
    for seen in tasks {
        // of `async_status` it is another thing
        let Some(spec) = spec(seen).filter(|spec| spec.name != "async_status") else { continue };
        let defaults = seen.task.module_defaults(spec.collection, spec.name).into_iter().filter_map(Node::as_map).flatten();
        let is_mode = |key: &Node| key.as_str().is_some_and(|key| OPTIONS.contains(&key) && spec.option(key).is_some());
        for (_, value) in seen.task.action.options.iter().chain(defaults).filter(|(key, _)| is_mode(key)) {
            problems.0.extend(problem(value));
        }
    }
}

/// That a value is another mode than it looks like, or none. An octal number without quotes is read as it is meant; that it is
/// a number is said where the file is read.
fn problem(value: &Node) -> Option<Diagnostic> {
    let error = |message: String| Diagnostic::error(message).at(value.place.clone());
    match &value.value {
        Value::Int(number) => {
            let written = value.place.source.text.get(value.place.span.clone()).filter(|_| value.style == Style::Plain).unwrap_or_default();
            let digits = written.trim().replace('_', "");
            let meant = i64::from_str_radix(digits.trim_start_matches("0o"), 8).ok();
            if meant == Some(*number) {
                return None;
            }
            let problem = error(format!(
                "`mode: {}` gives the mode {:04o}",
                if digits.is_empty() { plain(&value.value) } else { digits.clone() },
                number
            ));
            let quoted = if digits.len() < 4 { format!("0{digits}") } else { digits };
            Some(match meant {
                Some(_) => problem.label("a number without a 0 in front is decimal").hint(format!("write `mode: \"{quoted}\"`")),
                None => problem.hint("write it octal and in quotes, as `\"0644\"`"),
            })
        }
        Value::Str(text) if !value.is_template() && !is_mode(text) => {
            Some(error(format!("`{text}` is no mode")).hint("write it octal as `\"0644\"`, or with letters as `u=rw,g=r,o=r`"))
        }
        Value::Bool(_) | Value::Float(_) | Value::List(_) | Value::Map(_) => {
            Some(error("this is no mode".to_owned()).hint("write it octal as `\"0644\"`, or with letters as `u=rw,g=r,o=r`"))
        }
        _ => None,
    }
}

/// Octal digits, letters as chmod takes them, or `preserve`.
fn is_mode(text: &str) -> bool {
    let digits = text.trim().trim_start_matches("0o");
    let octal = !digits.is_empty() && digits.bytes().all(|digit| (b'0'..=b'7').contains(&digit));
    let symbolic = |part: &str| {
        let rest = part.trim_start_matches(['u', 'g', 'o', 'a']);
        let operators = rest.starts_with(['+', '-', '=']);
        operators && rest.chars().all(|c| "+-=rwxXstugo".contains(c))
    };
    octal || matches!(text, "preserve" | "") || text.split(',').all(symbolic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes() {
        for mode in ["0644", "644", "0o755", "1777", "u=rw,g=r,o=r", "u+x", "+x", "a-w", "preserve", "u=rwX,go=", "g=u"] {
            assert!(is_mode(mode), "{mode}");
        }
        for mode in ["0888", "rw-r--r--", "u=rw g=r", "755x", "u", "644."] {
            assert!(!is_mode(mode), "{mode}");
        }
    }
}
