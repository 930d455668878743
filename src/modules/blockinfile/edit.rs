//! The block itself.

use super::super::edited_file::Edited;
use super::super::pattern::{Pattern, byte_text};

/// Which block is to be there, and where.
#[derive(Debug, Clone)]
pub(super) struct Wanted<'a> {
    /// Whether it is to be there at all.
    pub present: bool,
    pub block: &'a str,
    pub marker: &'a str,
    pub marker_begin: &'a str,
    pub marker_end: &'a str,
    pub insertafter: Option<&'a str>,
    pub insertbefore: Option<&'a str>,
    pub append_newline: bool,
    pub prepend_newline: bool,
}

type Lines = Vec<Vec<u8>>;

/// Lines with their ends: line feeds, carriage returns, and both.
fn lines_of(content: &[u8]) -> Lines {
    let (mut lines, mut start) = (Vec::new(), 0);
    for (at, byte) in content.iter().enumerate() {
        let ends = match byte {
            b'\n' => true,
            b'\r' => content.get(at + 1) != Some(&b'\n'),
            _ => false,
        };
        if ends {
            lines.push(content.get(start..=at).unwrap_or_default().to_vec());
            start = at + 1;
        }
    }
    if start < content.len() {
        lines.push(content.get(start..).unwrap_or_default().to_vec());
    }
    lines
}

/// The file with its block; `None` is a file that is not there.
///
/// # Errors
/// What is wrong with a pattern or a marker.
pub(super) fn edit(original: Option<&[u8]>, wanted: &Wanted<'_>) -> Result<Edited, String> {
    let content = original.unwrap_or_default();
    let mut lines = lines_of(content);
    let (begin, end) = (marker(wanted.marker, wanted.marker_begin)?, marker(wanted.marker, wanted.marker_end)?);
    let mut block = Vec::new();
    if wanted.present && !wanted.block.is_empty() {
        block.push(begin.clone());
        let mut text = wanted.block.as_bytes().to_vec();
        if !text.ends_with(b"\n") {
            text.push(b'\n');
        }
        block.extend(lines_of(&text));
        block.push(end.clone());
    }
    // a pattern that is none is wrong even where it is not used
    let place = Place::new(wanted)?;
    let last = |marker: &Vec<u8>| lines.iter().rposition(|line| line == marker);
    let mut at = match (last(&begin), last(&end)) {
        (Some(a), Some(b)) => {
            let first = a.min(b);
            lines.drain(first..=a.max(b));
            first
        }
        _ => place.find(content, &lines)?.min(lines.len()),
    };
    if let Some(before) = at.checked_sub(1).and_then(|before| lines.get_mut(before))
        && !before.ends_with(b"\n")
    {
        before.push(b'\n');
    }
    let is_blank = |line: Option<&Vec<u8>>| line.is_some_and(|line| line == b"\n");
    if wanted.prepend_newline && wanted.present && at > 0 && !is_blank(at.checked_sub(1).and_then(|before| lines.get(before))) {
        lines.insert(at, b"\n".to_vec());
        at += 1;
    }
    let (removed, after) = (block.is_empty(), at + block.len());
    lines.splice(at..at, block);
    if wanted.append_newline && wanted.present && after < lines.len() && !is_blank(lines.get(after)) {
        lines.insert(after, b"\n".to_vec());
    }
    let result = lines.concat();
    Ok(match original {
        None => Edited { content: result, changed: true, message: "File created".into(), found: None },
        Some(_) => Edited::new(content, result, if removed { "Block removed" } else { "Block inserted" }),
    })
}

/// The line of a marker. `marker_begin` and `marker_end` are written in Latin-1, as Ansible does.
fn marker(marker: &str, mark: &str) -> Result<Vec<u8>, String> {
    let mark: Result<Vec<u8>, _> = mark.chars().map(|c| u8::try_from(u32::from(c))).collect();
    let mark = mark.map_err(|_| "`marker_begin` and `marker_end` can have no character beyond Latin-1".to_owned())?;
    let mut line = Vec::new();
    for (count, part) in marker.split("{mark}").enumerate() {
        if count > 0 {
            line.extend_from_slice(&mark);
        }
        line.extend_from_slice(part.as_bytes());
    }
    line.push(b'\n');
    Ok(line)
}

/// Where a block goes that is not there yet.
enum Place {
    Beginning,
    After(Pattern),
    Before(Pattern),
    End,
}

impl Place {
    fn new(wanted: &Wanted<'_>) -> Result<Self, String> {
        Ok(match (wanted.insertafter, wanted.insertbefore) {
            (Some("EOF"), _) | (None, None) => Self::End,
            (Some(after), _) => Self::After(Pattern::on_bytes(after)?),
            (None, Some("BOF")) => Self::Beginning,
            (None, Some(before)) => Self::Before(Pattern::on_bytes(before)?),
        })
    }

    fn find(&self, content: &[u8], lines: &Lines) -> Result<usize, String> {
        let (pattern, after) = match self {
            Self::Beginning => return Ok(0),
            Self::End => return Ok(lines.len()),
            Self::After(pattern) => (pattern, 1),
            Self::Before(pattern) => (pattern, 0),
        };
        let mut found = None;
        if pattern.multi_line {
            // it may reach over several lines: the first place counts, and the line of its end or beginning
            let text = byte_text(content);
            if let Some(whole) = pattern.search(&text)?.and_then(|found| found.get(0)) {
                let until = if after == 1 { whole.end() } else { whole.start() };
                found = Some(text.get(..until).unwrap_or_default().matches('\n').count());
            }
        } else {
            for (at, line) in lines.iter().enumerate() {
                if pattern.matches(&byte_text(line))? {
                    found = Some(at);
                }
            }
        }
        Ok(found.map_or(lines.len(), |found| found + after))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WANTED: Wanted<'_> = Wanted {
        present: true,
        block: "x\ny",
        marker: "# {mark} ANSIBLE MANAGED BLOCK",
        marker_begin: "BEGIN",
        marker_end: "END",
        insertafter: None,
        insertbefore: None,
        append_newline: false,
        prepend_newline: false,
    };

    fn block(inside: &str) -> String {
        format!("# BEGIN ANSIBLE MANAGED BLOCK\n{inside}# END ANSIBLE MANAGED BLOCK\n")
    }

    fn edited(content: &str, wanted: &Wanted<'_>) -> (String, String) {
        let edited = edit(Some(content.as_bytes()), wanted).unwrap();
        assert_eq!(edited.changed, !edited.message.is_empty());
        (String::from_utf8(edited.content).unwrap(), edited.message)
    }

    #[test]
    fn a_block_comes_last_and_is_replaced_where_it_is() {
        let once = format!("a\n{}", block("x\ny\n"));
        assert_eq!(edited("a", &WANTED), (once.clone(), "Block inserted".into()));
        assert_eq!(edited(&once, &WANTED), (once.clone(), String::new()));
        let other = format!("{once}b\n");
        assert_eq!(edited(&other, &Wanted { block: "z\n", ..WANTED }), (format!("a\n{}b\n", block("z\n")), "Block inserted".into()));
        assert_eq!(edited(&other, &Wanted { present: false, ..WANTED }), ("a\nb\n".into(), "Block removed".into()));
        assert_eq!(edited(&other, &Wanted { block: "", ..WANTED }), ("a\nb\n".into(), "Block removed".into()));
    }

    #[test]
    fn a_new_file_is_the_block() {
        let made = edit(None, &WANTED).unwrap();
        assert_eq!((String::from_utf8(made.content).unwrap(), made.message.as_str()), (block("x\ny\n"), "File created"));
        let empty = edit(None, &Wanted { block: "", ..WANTED }).unwrap();
        assert_eq!((empty.content, empty.changed), (Vec::new(), true));
    }

    #[test]
    fn a_block_goes_where_it_is_told() {
        let after = |insertafter| Wanted { insertafter: Some(insertafter), ..WANTED };
        let before = |insertbefore| Wanted { insertbefore: Some(insertbefore), ..WANTED };
        let x = block("x\ny\n");
        assert_eq!(edited("a\nb\na\nc\n", &after("^a")).0, format!("a\nb\na\n{x}c\n"));
        assert_eq!(edited("a\nb\na\nc\n", &before("^a")).0, format!("a\nb\n{x}a\nc\n"));
        assert_eq!(edited("a\n", &before("BOF")).0, format!("{x}a\n"));
        assert_eq!(edited("a\n", &after("EOF")).0, format!("a\n{x}"));
        assert_eq!(edited("a\n", &after("^z")).0, format!("a\n{x}"));
        assert_eq!(edited("a\n", &before("^z")).0, format!("a\n{x}"));
        // BOF is no place to insert after, and EOF none to insert before: patterns
        assert_eq!(edited("a\nBOF\nb\n", &after("BOF")).0, format!("a\nBOF\n{x}b\n"));
        assert_eq!(edited("p\nEOF\n", &before("EOF")).0, format!("p\n{x}EOF\n"));
    }

    #[test]
    fn a_pattern_over_lines_counts_from_its_first_place() {
        let after = |insertafter| Wanted { insertafter: Some(insertafter), ..WANTED };
        let x = block("x\ny\n");
        assert_eq!(edited("a\nb\nc\na\nb\n", &after("(?m)^a\nb$")).0, format!("a\nb\n{x}c\na\nb\n"));
        assert_eq!(edited("p\na\nb\n", &Wanted { insertbefore: Some("(?m)^a\nb"), ..WANTED }).0, format!("p\n{x}a\nb\n"));
        assert_eq!(edited("a", &after("(?m)a\\Z")).0, format!("a\n{x}"));
        assert_eq!(edited("a\n", &after("(?m)\n\\Z")).0, format!("a\n{x}"));
    }

    #[test]
    fn blank_lines_around() {
        let both = Wanted { append_newline: true, prepend_newline: true, insertafter: Some("^a"), ..WANTED };
        let x = block("x\ny\n");
        let once = format!("a\n\n{x}\nb\n");
        assert_eq!(edited("a\nb\n", &both).0, once);
        assert_eq!(edited(&once, &both).1, "");
        assert_eq!(edited("a\n\n\nb\n", &Wanted { insertafter: Some("^$"), ..both.clone() }).0, format!("a\n\n\n{x}\nb\n"));
        // neither at the beginning nor at the end
        assert_eq!(edited("", &both).0, x);
        // there is no block, and its blank lines come all the same
        assert_eq!(edited("a\nb\n", &Wanted { block: "", ..both }).0, "a\n\n\nb\n");
    }

    #[test]
    fn a_file_without_a_block_gets_a_last_end_of_line_even_when_the_block_is_to_go() {
        assert_eq!(edited("a", &Wanted { present: false, ..WANTED }), ("a\n".into(), "Block removed".into()));
        assert_eq!(edited("a\n", &Wanted { present: false, ..WANTED }), ("a\n".into(), String::new()));
    }

    #[test]
    fn markers_in_the_wrong_order_enclose_the_block_too() {
        let turned = "a\n# END ANSIBLE MANAGED BLOCK\nold\n# BEGIN ANSIBLE MANAGED BLOCK\nb\n";
        assert_eq!(edited(turned, &WANTED).0, format!("a\n{}b\n", block("x\ny\n")));
    }

    #[test]
    fn a_lonely_marker_is_left_alone() {
        let lonely = "# BEGIN ANSIBLE MANAGED BLOCK\nold\n";
        assert_eq!(edited(lonely, &WANTED).0, format!("{lonely}{}", block("x\ny\n")));
    }

    #[test]
    fn markers_have_their_own_words() {
        let wanted = Wanted { marker: "<!-- {mark} {mark} -->", marker_begin: "von", marker_end: "bis", ..WANTED };
        assert_eq!(edited("", &wanted).0, "<!-- von von -->\nx\ny\n<!-- bis bis -->\n");
        assert_eq!(marker("{mark}", "é").unwrap(), [0xe9, b'\n']);
        assert!(marker("{mark}", "→").is_err());
    }

    #[test]
    fn a_carriage_return_ends_a_line_of_its_own() {
        assert_eq!(lines_of(b"a\r\nb\rc\nd"), [&b"a\r\n"[..], b"b\r", b"c\n", b"d"]);
        assert!(lines_of(b"").is_empty());
        // after "a\r" a line feed makes it a line as ours are
        assert_eq!(edited("a\r", &WANTED).0, format!("a\r\n{}", block("x\ny\n")));
    }

    proptest! {
        #[test]
        fn twice_is_once(
            content in "([ab#\r]{0,3}\n){0,5}[ab]{0,2}",
            inside in "([xy]{0,2}\n){0,2}[xy]{0,2}",
            place in 0..6usize,
            (append_newline, prepend_newline, present) in any::<(bool, bool, bool)>(),
        ) {
            let insert = ["^a", "b", "EOF", "BOF", "(?m)^b\n"].get(place).copied();
            // such patterns count line feeds only, and then carriage returns are in the way
            let insert = insert.filter(|insert| !insert.starts_with("(?m)") || !content.contains('\r'));
            for (insertafter, insertbefore) in [(insert, None), (None, insert)] {
                let wanted = Wanted { present, block: &inside, append_newline, prepend_newline, insertafter, insertbefore, ..WANTED };
                let once = edit(Some(content.as_bytes()), &wanted).unwrap();
                let twice = edit(Some(&once.content), &wanted).unwrap();
                // where there is no block, its blank lines look for a place each time
                let blank = present && inside.is_empty();
                prop_assert!(!twice.changed || blank, "{:?} {:?}", wanted, String::from_utf8_lossy(&once.content));
                let gone = edit(Some(&once.content), &Wanted { present: false, ..wanted }).unwrap();
                prop_assert!(!gone.content.windows(5).any(|part| part == b"BEGIN"));
            }
        }
    }
}
