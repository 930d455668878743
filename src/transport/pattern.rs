//! OpenSSH's patterns (ssh_config(5), PATTERNS): `*`, `?`, and comma lists with `!`.

/// Whether `text` matches `pattern`, where `*` stands for any characters and `?` for one.
pub fn matches(text: &str, pattern: &str) -> bool {
    let (text, pattern) = (text.as_bytes(), pattern.as_bytes());
    let (mut t, mut p) = (0, 0);
    // Where the last `*` stands, and how much of the text it has taken so far; linear in practice, never exponential.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(b'?') => {
                (t, p) = (t + 1, p + 1);
            }
            Some(byte) if text.get(t) == Some(byte) => {
                (t, p) = (t + 1, p + 1);
            }
            _ => match star {
                Some((at, taken)) => {
                    star = Some((at, taken + 1));
                    (t, p) = (taken + 1, at + 1);
                }
                None => return false,
            },
        }
    }
    pattern.get(p..).unwrap_or_default().iter().all(|&byte| byte == b'*')
}

/// What a comma list says about a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListMatch {
    /// A pattern matches and no negated one does.
    Yes,
    /// A negated pattern matches, which outweighs all others.
    Negated,
    /// None matches.
    No,
}

/// Looks `text` up in a comma list of patterns, some of them negated by `!`.
pub fn matches_list(text: &str, list: &str) -> ListMatch {
    let mut found = ListMatch::No;
    for pattern in list.split(',') {
        match pattern.strip_prefix('!') {
            Some(negated) if matches(text, negated) => return ListMatch::Negated,
            Some(_) => {}
            None if matches(text, pattern) => found = ListMatch::Yes,
            None => {}
        }
    }
    found
}

/// Looks a host name up in a comma list; letters' case does not matter on either side.
pub fn matches_host_list(host: &str, list: &str) -> ListMatch {
    matches_list(&host.to_ascii_lowercase(), &list.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn stars_and_question_marks() {
        for (text, pattern, wanted) in [
            ("node1", "node?", true),
            ("node", "node?", false),
            ("node12", "node?", false),
            ("a.b.lan", "*.lan", true),
            ("lan", "*.lan", false),
            ("", "*", true),
            ("", "", true),
            ("x", "", false),
            ("abcabd", "*abd", true),
            ("abc", "a**c", true),
            ("Node", "node", false),
        ] {
            assert_eq!(matches(text, pattern), wanted, "{text} against {pattern}");
        }
    }

    #[test]
    fn a_negated_pattern_outweighs_the_others() {
        assert_eq!(matches_list("a", "*,!a"), ListMatch::Negated);
        assert_eq!(matches_list("b", "!a,*"), ListMatch::Yes);
        assert_eq!(matches_list("b", "!a"), ListMatch::No);
        assert_eq!(matches_host_list("NODE", "nOde"), ListMatch::Yes);
    }

    /// The definition, word for word, and exponential.
    fn slow(text: &[u8], pattern: &[u8]) -> bool {
        match (text, pattern) {
            ([], []) => true,
            (_, [b'*', rest @ ..]) => slow(text, rest) || (!text.is_empty() && slow(&text[1..], pattern)),
            ([_, text @ ..], [b'?', rest @ ..]) => slow(text, rest),
            ([t, text @ ..], [p, rest @ ..]) => t == p && slow(text, rest),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn is_what_the_definition_says(text in "[ab]{0,8}", pattern in "[ab*?]{0,6}") {
            prop_assert_eq!(matches(&text, &pattern), slow(text.as_bytes(), pattern.as_bytes()));
        }
    }
}
