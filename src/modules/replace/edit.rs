//! The text itself.

use super::super::edited_file::Edited;
use super::super::pattern::Pattern;

/// What is replaced by what, and in which part of the file.
#[derive(Debug, Clone, Default)]
pub(super) struct Wanted<'a> {
    pub regexp: &'a str,
    pub replace: &'a str,
    pub after: Option<&'a str>,
    pub before: Option<&'a str>,
}

/// The text with all matches replaced; within it a message where the part of the file is not found, and nothing else of the
/// task is done.
///
/// # Errors
/// What is wrong with a pattern or the replacement.
pub(super) fn edit(content: &str, wanted: &Wanted<'_>) -> Result<Result<Edited, String>, String> {
    let section = match (wanted.after.filter(|text| !text.is_empty()), wanted.before.filter(|text| !text.is_empty())) {
        (Some(after), Some(before)) => Some(format!("{after}(?P<subsection>.*?){before}")),
        (Some(after), None) => Some(format!("{after}(?P<subsection>.*)")),
        (None, Some(before)) => Some(format!("(?P<subsection>.*){before}")),
        (None, None) => None,
    };
    let range = match section {
        None => 0..content.len(),
        Some(pattern) => {
            let found =
                Pattern::on_text(&pattern, "s")?.search(content)?.and_then(|found| found.name("subsection").map(|part| part.range()));
            match found {
                Some(range) => range,
                None => return Ok(Err(format!("Pattern for before/after params did not match the given file: {pattern}"))),
            }
        }
    };
    let part = content.get(range.clone()).unwrap_or_default();
    let pattern = Pattern::on_text(wanted.regexp, "m")?;
    let (new, count) = pattern.replace_all(part, wanted.replace).map_err(|why| format!("Unable to process replace due to error: {why}"))?;
    if count == 0 || new == part {
        return Ok(Ok(Edited::same(content.as_bytes())));
    }
    let whole = [content.get(..range.start).unwrap_or_default(), &new, content.get(range.end..).unwrap_or_default()].concat();
    Ok(Ok(Edited::new(content.as_bytes(), whole.into_bytes(), &format!("{count} replacements made"))))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn edited(content: &str, wanted: &Wanted<'_>) -> (String, String) {
        let edited = edit(content, wanted).unwrap().unwrap();
        (String::from_utf8(edited.content).unwrap(), edited.message)
    }

    fn replacing<'a>(regexp: &'a str, replace: &'a str) -> Wanted<'a> {
        Wanted { regexp, replace, ..Wanted::default() }
    }

    #[test]
    fn all_matches_are_replaced_and_lines_have_their_own_ends() {
        assert_eq!(edited("a1\na2\nb\n", &replacing("^a(.)$", r"c\1")), ("c1\nc2\nb\n".into(), "2 replacements made".into()));
        assert_eq!(edited("b\n", &replacing("^a", "c")), ("b\n".into(), String::new()));
        // a match that is replaced by itself is none
        assert_eq!(edited("a\n", &replacing("a", "a")), ("a\n".into(), String::new()));
        assert_eq!(edited("a b", &replacing(r"(?P<x>\w) (\w)", r"\2\n\g<x>")).0, "b\na");
    }

    #[test]
    fn swap_is_commented_out_again_and_again_if_the_pattern_lets_it() {
        let comment = replacing(r"^(.*\sswap\s.*)$", r"#\1");
        assert_eq!(edited("/x none swap sw\n", &comment).0, "#/x none swap sw\n");
        assert_eq!(edited("#/x none swap sw\n", &comment).0, "##/x none swap sw\n");
        assert_eq!(edited("#/x none swap sw\n", &replacing(r"^([^#].*\sswap\s.*)$", r"#\1")).1, "");
    }

    #[test]
    fn a_part_of_the_file() {
        let content = "[a]\nx=1\n[b]\nx=1\n[c]\nx=1\n";
        let part = |after, before| Wanted { after, before, ..replacing("^x=1$", "x=2") };
        assert_eq!(edited(content, &part(Some(r"\[b\]"), Some(r"\[c\]"))).0, "[a]\nx=1\n[b]\nx=2\n[c]\nx=1\n");
        assert_eq!(edited(content, &part(Some(r"\[b\]"), None)).0, "[a]\nx=1\n[b]\nx=2\n[c]\nx=2\n");
        assert_eq!(edited(content, &part(None, Some(r"\[b\]"))).0, "[a]\nx=2\n[b]\nx=1\n[c]\nx=1\n");
        assert_eq!(edited(content, &part(Some(""), None)).1, "3 replacements made");
        let missing = edit(content, &part(Some("nope"), Some("x"))).unwrap().unwrap_err();
        assert_eq!(missing, "Pattern for before/after params did not match the given file: nope(?P<subsection>.*?)x");
    }

    #[test]
    fn what_is_wrong_is_told() {
        assert!(edit("a", &replacing("(", "")).unwrap_err().contains("not a regular expression"));
        assert!(edit("a", &replacing("a", r"\1")).unwrap_err().starts_with("Unable to process replace due to error: "));
        // even where nothing matches
        assert!(edit("b", &replacing("a", r"\1")).is_err());
    }

    proptest! {
        #[test]
        fn what_does_not_match_any_more_is_left_alone(content in "([ab= ]{0,4}\n){0,5}") {
            let wanted = replacing(r"^a\s*=(.*)$", r"c=\1");
            let once = edit(&content, &wanted).unwrap().unwrap();
            prop_assert_eq!(once.changed, once.content != content.as_bytes());
            let again = edit(std::str::from_utf8(&once.content).unwrap(), &wanted).unwrap().unwrap();
            prop_assert!(!again.changed);
        }
    }
}
