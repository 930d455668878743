//! The lines themselves.

use super::super::edited_file::Edited;
use super::super::pattern::{Pattern, Template, byte_text, text_bytes};

/// Which line is to be there, and where.
#[derive(Debug, Clone, Default)]
pub(super) struct Wanted<'a> {
    pub regexp: Option<&'a str>,
    pub search_string: Option<&'a str>,
    pub line: &'a str,
    pub insertafter: Option<&'a str>,
    pub insertbefore: Option<&'a str>,
    pub backrefs: bool,
    pub firstmatch: bool,
}

/// What to look for in a line.
enum Needle<'a> {
    Regexp(Pattern),
    Text(&'a [u8]),
}

impl<'a> Needle<'a> {
    fn new(regexp: Option<&'a str>, search_string: Option<&'a str>) -> Result<Option<Self>, String> {
        Ok(match (regexp, search_string) {
            (Some(regexp), _) => Some(Self::Regexp(Pattern::on_bytes(regexp)?)),
            (None, Some(text)) => Some(Self::Text(text.as_bytes())),
            (None, None) => None,
        })
    }

    fn is_in(&self, line: &[u8]) -> Result<bool, String> {
        match self {
            Self::Regexp(pattern) => pattern.matches(&byte_text(line)),
            Self::Text(text) => Ok(text.is_empty() || line.windows(text.len()).any(|part| part == *text)),
        }
    }
}

/// The file's lines, each with its end; only `\n` ends one.
fn lines_of(content: &[u8]) -> Vec<Vec<u8>> {
    content.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
}

/// Without the carriage returns and line feeds at its end.
fn bare(line: &[u8]) -> &[u8] {
    let end = line.iter().rposition(|byte| !matches!(byte, b'\r' | b'\n')).map_or(0, |at| at + 1);
    line.get(..end).unwrap_or_default()
}

fn ended(mut line: Vec<u8>) -> Vec<u8> {
    if !line.ends_with(b"\n") {
        line.push(b'\n');
    }
    line
}

/// `state: present`
///
/// # Errors
/// What is wrong with a pattern or with what the line refers to.
pub(super) fn present(content: &[u8], wanted: &Wanted<'_>) -> Result<Edited, String> {
    let mut lines = lines_of(content);
    let line = wanted.line.as_bytes();
    // a file that is not there has no lines to look at, but a pattern that is none is wrong all the same
    let needle = Needle::new(wanted.regexp, wanted.search_string)?;
    let place = Place::new(wanted)?;
    if let Some(at) = needle.as_ref().map(|needle| last(&lines, needle, wanted.firstmatch)).transpose()?.flatten() {
        let old = lines.get(at).cloned().unwrap_or_default();
        let new = match &needle {
            Some(Needle::Regexp(pattern)) if wanted.backrefs => referred(pattern, &old, line)?,
            _ => line.to_vec(),
        };
        return Ok(replaced(content, lines, at, ended(new)));
    }
    let found = place.look(&lines, line, wanted.firstmatch)?;
    if let Some(at) = found.exact {
        return Ok(replaced(content, lines, at, ended(line.to_vec())));
    }
    if wanted.backrefs {
        return Ok(Edited::same(content));
    }
    let mut new = line.to_vec();
    new.push(b'\n');
    match (place, found.beside) {
        (Place::Beginning, _) => lines.insert(0, new),
        (Place::After(_), Some(at)) => {
            // it is there already, or the last line is it without an end of its own
            let neighbour = if at == lines.len() { at.checked_sub(1) } else { Some(at) };
            if neighbour.and_then(|at| lines.get(at)).is_some_and(|neighbour| bare(neighbour) == line) {
                return Ok(Edited::same(content));
            }
            lines.insert(at.min(lines.len()), new);
        }
        (Place::Before(_), Some(at)) => lines.insert(at.min(lines.len()), new),
        _ => {
            if lines.last().is_some_and(|last| !last.ends_with(b"\n") && !last.ends_with(b"\r")) {
                lines.push(b"\n".to_vec());
            }
            lines.push(new);
        }
    }
    Ok(Edited::new(content, lines.concat(), "line added"))
}

/// `state: absent`: all lines that match go.
///
/// # Errors
/// What is wrong with the pattern.
pub(super) fn absent(content: &[u8], regexp: Option<&str>, search_string: Option<&str>, line: Option<&str>) -> Result<Edited, String> {
    let needle = Needle::new(regexp, search_string)?;
    let line = line.unwrap_or_default().as_bytes();
    let (mut kept, mut found) = (Vec::new(), 0);
    for old in lines_of(content) {
        let is = match &needle {
            Some(needle) => needle.is_in(&old)?,
            None => bare(&old) == line,
        };
        if is {
            found += 1;
        } else {
            kept.push(old);
        }
    }
    let message = if found > 0 { format!("{found} line(s) removed") } else { String::new() };
    Ok(Edited { content: kept.concat(), changed: found > 0, message, found: Some(found) })
}

/// The last line that has it, or the first.
fn last(lines: &[Vec<u8>], needle: &Needle<'_>, first: bool) -> Result<Option<usize>, String> {
    let mut found = None;
    for (at, line) in lines.iter().enumerate() {
        if needle.is_in(line)? {
            found = Some(at);
            if first {
                break;
            }
        }
    }
    Ok(found)
}

/// The line with what its groups hold put in.
fn referred(pattern: &Pattern, old: &[u8], line: &[u8]) -> Result<Vec<u8>, String> {
    let old = byte_text(old);
    let mut new = String::new();
    if let Some(captures) = pattern.search(&old)? {
        Template::new(&byte_text(line), pattern)?.expand(&captures, &mut new);
    }
    Ok(text_bytes(&new))
}

fn replaced(content: &[u8], mut lines: Vec<Vec<u8>>, at: usize, new: Vec<u8>) -> Edited {
    match lines.get_mut(at) {
        Some(old) if *old != new => *old = new,
        _ => return Edited::same(content),
    }
    Edited::new(content, lines.concat(), "line replaced")
}

/// Where a line goes that nothing was found for.
enum Place {
    Beginning,
    After(Pattern),
    Before(Pattern),
    End,
}

/// What was found on the way to it.
#[derive(Default)]
struct Found {
    /// The line itself.
    exact: Option<usize>,
    /// Where the new one goes.
    beside: Option<usize>,
}

impl Place {
    fn new(wanted: &Wanted<'_>) -> Result<Self, String> {
        Ok(match (wanted.insertafter, wanted.insertbefore) {
            (Some("BOF"), _) | (None, Some("BOF")) => Self::Beginning,
            // an empty text is a pattern that is never acted on
            (Some("EOF" | ""), _) | (None, None | Some("")) => Self::End,
            (Some(after), _) => Self::After(Pattern::on_bytes(after)?),
            (None, Some(before)) => Self::Before(Pattern::on_bytes(before)?),
        })
    }

    fn look(&self, lines: &[Vec<u8>], line: &[u8], first: bool) -> Result<Found, String> {
        let mut found = Found::default();
        for (at, old) in lines.iter().enumerate() {
            if bare(old) == line {
                found.exact = Some(at);
                continue;
            }
            let beside = match self {
                Self::After(pattern) if pattern.matches(&byte_text(old))? => at + 1,
                Self::Before(pattern) if pattern.matches(&byte_text(old))? => at,
                _ => continue,
            };
            found.beside = Some(beside);
            if first {
                break;
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn edited(content: &str, wanted: &Wanted<'_>) -> (String, String) {
        let edited = present(content.as_bytes(), wanted).unwrap();
        assert_eq!(edited.changed, !edited.message.is_empty());
        assert_eq!(edited.changed, edited.content != content.as_bytes());
        (String::from_utf8(edited.content).unwrap(), edited.message)
    }

    fn line(line: &str) -> Wanted<'_> {
        Wanted { line, ..Wanted::default() }
    }

    fn matching<'a>(regexp: &'a str, line: &'a str) -> Wanted<'a> {
        Wanted { regexp: Some(regexp), line, ..Wanted::default() }
    }

    fn check(content: &str, wanted: &Wanted<'_>, after: &str, message: &str) {
        assert_eq!(edited(content, wanted), (after.to_owned(), message.to_owned()), "{content:?} {wanted:?}");
    }

    #[test]
    fn a_line_that_is_missing_comes_last() {
        check("a\n", &line("b"), "a\nb\n", "line added");
        check("", &line("b"), "b\n", "line added");
        check("a\nb\nc\n", &line("b"), "a\nb\nc\n", "");
    }

    #[test]
    fn a_last_line_without_an_end_gets_one() {
        check("a", &line("b"), "a\nb\n", "line added");
        // the line is there, but not its end
        check("a\nb", &line("b"), "a\nb\n", "line replaced");
        check("a\r", &line("b"), "a\rb\n", "line added");
    }

    #[test]
    fn a_line_with_a_carriage_return_is_the_line_and_loses_it() {
        check("a\r\nb\r\n", &line("a"), "a\nb\r\n", "line replaced");
    }

    #[test]
    fn the_last_match_is_replaced_or_the_first() {
        check("x=1\nx=2\n", &matching("^x=", "x=3"), "x=1\nx=3\n", "line replaced");
        check("x=1\nx=2\n", &Wanted { firstmatch: true, ..matching("^x=", "x=3") }, "x=3\nx=2\n", "line replaced");
        check("x=1\nx=3\n", &matching("^x=", "x=3"), "x=1\nx=3\n", "");
    }

    #[test]
    fn a_pattern_that_does_not_match_its_own_line_appends_once() {
        check("y\n", &matching("^#x", "x"), "y\nx\n", "line added");
        check("y\nx\n", &matching("^#x", "x"), "y\nx\n", "");
        check("#x\nx\n", &matching("^#x", "x"), "x\nx\n", "line replaced");
    }

    #[test]
    fn a_part_of_a_line_is_searched_to_the_letter() {
        let wanted = Wanted { search_string: Some("a.b"), line: "new", ..Wanted::default() };
        check("axb\na.b c\n", &wanted, "axb\nnew\n", "line replaced");
        check("axb\n", &wanted, "axb\nnew\n", "line added");
        check("p\nq\n", &Wanted { search_string: Some(""), line: "new", ..Wanted::default() }, "p\nnew\n", "line replaced");
    }

    #[test]
    fn groups_are_put_in() {
        let wanted = |regexp, line| Wanted { backrefs: true, ..matching(regexp, line) };
        check("a=1 b\n", &wanted(r"^(\w)=(?P<v>\d)( .*)?$", r"\1=2\g<3>"), "a=2 b\n", "line replaced");
        check("GRUB=\"quiet\"\n", &wanted(r#"^GRUB="((?!.*x=1).*)"$"#, r#"GRUB="\1 x=1""#), "GRUB=\"quiet x=1\"\n", "line replaced");
        // no match: nothing is done, but an exact line is still found and ended
        check("b\n", &wanted("^a", r"\1"), "b\n", "");
        check("c", &wanted("^a", "c"), "c\n", "line replaced");
        assert!(present(b"a\n", &wanted("^a", r"\1")).is_err());
        // what does not take part is empty
        check("b\n", &wanted("(a)?b", r"[\1]"), "[]\n", "line replaced");
    }

    #[test]
    fn without_backrefs_a_backslash_is_a_backslash() {
        check("a\n", &matching("a", r"\1\n"), "\\1\\n\n", "line replaced");
    }

    #[test]
    fn a_new_line_goes_where_it_is_told() {
        let after = |insertafter| Wanted { insertafter: Some(insertafter), ..line("new") };
        let before = |insertbefore| Wanted { insertbefore: Some(insertbefore), ..line("new") };
        check("a\nb\na\nc\n", &after("^a"), "a\nb\na\nnew\nc\n", "line added");
        check("a\nb\na\nc\n", &Wanted { firstmatch: true, ..after("^a") }, "a\nnew\nb\na\nc\n", "line added");
        check("a\nb\na\nc\n", &before("^a"), "a\nb\nnew\na\nc\n", "line added");
        check("a\nb\na\nc\n", &Wanted { firstmatch: true, ..before("^a") }, "new\na\nb\na\nc\n", "line added");
        check("a\nb\n", &after("^b"), "a\nb\nnew\n", "line added");
        check("a\n", &after("EOF"), "a\nnew\n", "line added");
        check("a\n", &after("BOF"), "new\na\n", "line added");
        check("a\n", &before("BOF"), "new\na\n", "line added");
        check("a\n", &before("^z"), "a\nnew\n", "line added");
        check("a\n", &after("^z"), "a\nnew\n", "line added");
        check("a\n", &after(""), "a\nnew\n", "line added");
        check("new\na\n", &after("^a"), "new\na\n", "");
    }

    #[test]
    fn with_firstmatch_a_line_further_down_does_not_count_but_the_next_one_does() {
        let wanted = Wanted { insertafter: Some("^a"), firstmatch: true, ..line("new") };
        check("a\nb\nnew\n", &wanted, "a\nnew\nb\nnew\n", "line added");
        check("a\nnew\nb\nnew\n", &wanted, "a\nnew\nb\nnew\n", "");
    }

    #[test]
    fn after_a_last_line_without_an_end_both_become_one_line_as_in_ansible() {
        check("a", &Wanted { insertafter: Some("^a"), ..line("new") }, "anew\n", "line added");
    }

    #[test]
    fn where_a_pattern_matches_the_place_does_not_count() {
        let wanted = Wanted { insertbefore: Some("BOF"), ..matching("^x", "x=2") };
        check("a\nx=1\n", &wanted, "a\nx=2\n", "line replaced");
        check("a\n", &wanted, "x=2\na\n", "line added");
    }

    #[test]
    fn lines_go_away() {
        let gone = |content: &str, regexp, search, line| {
            let edited = absent(content.as_bytes(), regexp, search, line).unwrap();
            (String::from_utf8(edited.content).unwrap(), edited.message, edited.found)
        };
        assert_eq!(gone("a\nb\na", None, None, Some("a")), ("b\n".into(), "2 line(s) removed".into(), Some(2)));
        assert_eq!(gone("a1\nb\n", Some("^a"), None, Some("b")), ("b\n".into(), "1 line(s) removed".into(), Some(1)));
        assert_eq!(gone("a.\nab\n", None, Some("a."), None), ("ab\n".into(), "1 line(s) removed".into(), Some(1)));
        assert_eq!(gone("a\n", Some("z"), None, None), ("a\n".into(), String::new(), Some(0)));
        assert!(absent(b"", Some("("), None, None).is_err());
    }

    #[test]
    fn bytes_that_are_no_text_stay() {
        let edited = present(b"\xff\xfe=1\nb\n", &matching("^.{2}=", "x")).unwrap();
        assert_eq!(edited.content, b"x\nb\n");
        let edited = present(b"\xff\n", &line("ü")).unwrap();
        assert_eq!(edited.content, b"\xff\n\xc3\xbc\n");
    }

    proptest! {
        #[test]
        fn twice_is_once(
            content in "([abx=\r]{0,3}\n){0,5}[abx]{0,2}",
            regexp in prop::option::of(prop_oneof![Just("^a"), Just("x="), Just("b$"), Just("^$")]),
            text in "[abx=]{1,3}",
            place in 0..6usize,
            firstmatch: bool,
        ) {
            let insert = ["^a", "b", "EOF", "BOF", "x"].get(place).copied();
            for (insertafter, insertbefore) in [(insert, None), (None, insert)] {
                let wanted = Wanted { regexp, line: &text, insertafter, insertbefore, firstmatch, ..Wanted::default() };
                let once = present(content.as_bytes(), &wanted).unwrap();
                prop_assert_eq!(once.changed, once.content != content.as_bytes());
                // the next of several lines that match has its turn, a last line gets its end, and with firstmatch the line
                // further down is not seen at first; but there is an end to it
                let several = regexp.is_some_and(|regexp| lines_of(content.as_bytes()).iter().filter(|line| {
                    Pattern::on_bytes(regexp).unwrap().matches(&byte_text(line)).unwrap()
                }).count() > 1);
                let unended = !content.is_empty() && !content.ends_with('\n');
                // and a line that is it but for a carriage return is the next run's
                let most = if several || unended || content.contains('\r') || firstmatch && regexp.is_some() { 8 } else { 1 };
                let (mut now, mut more) = (once.content, 1);
                while let Some(edited) = Some(present(&now, &wanted).unwrap()).filter(|edited| edited.changed) {
                    more += 1;
                    now = edited.content;
                    prop_assert!(more <= most, "{:?} {:?}", wanted, String::from_utf8_lossy(&now));
                }
            }
            let gone = absent(content.as_bytes(), regexp, None, Some(&text)).unwrap();
            prop_assert!(!absent(&gone.content, regexp, None, Some(&text)).unwrap().changed);
        }
    }
}
