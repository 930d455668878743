//! From bytes of a template to bytes of the file in which it stands.

use std::ops::Range;

use crate::diagnostics::Place;
use crate::yaml::Node;

/// Where a stretch of a node's text stands: exactly, if the source has the text as it is, else the whole value.
pub(super) fn within(node: &Node, text: &str, span: Option<Range<usize>>) -> Place {
    let whole = node.place.clone();
    let Some(span) = span.filter(|span| span.start < text.len()) else { return whole };
    let Some(source) = whole.source.text.get(whole.span.clone()) else { return whole };
    if let Some(at) = source.find(text) {
        let start = whole.span.start + at + span.start;
        return whole.source.at(start..start + span.len().max(1));
    }
    // several lines, indented or folded: the one line is looked for, and it has to be the only one like it
    let start = text.get(..span.start).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
    let end = text.get(span.start..).and_then(|after| after.find('\n')).map_or(text.len(), |at| span.start + at);
    let Some(line) = text.get(start..end).filter(|line| !line.trim().is_empty()) else { return whole };
    let mut found = source.match_indices(line);
    match (found.next(), found.next()) {
        (Some((at, _)), None) => {
            let first = whole.span.start + at + (span.start - start);
            let length = span.end.min(end).saturating_sub(span.start).max(1);
            whole.source.at(first..first + length)
        }
        _ => whole,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostics::Source;

    fn place(source: &str, value: &str, text: &str, part: &str) -> String {
        let source = Source::new("x.yml", source);
        let start = source.text.find(value).unwrap();
        let node = Node::new(text, source.at(start..start + value.len()));
        let at = text.find(part).unwrap();
        within(&node, text, Some(at..at + part.len())).to_string()
    }

    #[test]
    fn in_one_line_and_in_a_block() {
        assert_eq!(place("a: b\nx: '{{ nope }}'\n", "'{{ nope }}'", "{{ nope }}", "nope"), "x.yml:2:8");
        assert_eq!(place("x: |\n  a\n  b {{ nope }}\n", "|\n  a\n  b {{ nope }}\n", "a\nb {{ nope }}\n", "nope"), "x.yml:3:8");
    }

    #[test]
    fn where_it_is_written_otherwise_the_whole_value_is_meant() {
        let (source, text) = ("x: \"{{ nope \\\n  }}\"\n", "{{ nope }}");
        assert_eq!(place(source, "\"{{ nope \\\n  }}\"", text, "nope"), "x.yml:1:4");
        let twice = ("x: |\n  {{ a }}\n  {{ a }}\n", "{{ a }}\n{{ a }}\n");
        assert_eq!(place(twice.0, "|\n  {{ a }}\n  {{ a }}\n", twice.1, "a }}\n{"), "x.yml:1:4");
    }
}
