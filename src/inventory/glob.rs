//! Shell patterns, as Python's fnmatch has them.

/// A pattern of `*`, `?`, `[abc]`, `[a-c]` and `[!abc]`; everything else stands for itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Any,
    One,
    Letter(char),
    OneOf { ranges: Vec<(char, char)>, negated: bool },
}

impl Glob {
    /// The pattern. There are no wrong ones: a bracket that is not closed stands for itself.
    pub fn new(pattern: &str) -> Self {
        let mut parts = Vec::new();
        let mut rest = pattern;
        while let Some(c) = rest.chars().next() {
            rest = rest.strip_prefix(c).unwrap_or_default();
            parts.push(match c {
                // two of them say the same as one
                '*' if parts.last() == Some(&Part::Any) => continue,
                '*' => Part::Any,
                '?' => Part::One,
                '[' => match bracket(rest) {
                    Some((part, after)) => {
                        rest = after;
                        part
                    }
                    None => Part::Letter('['),
                },
                letter => Part::Letter(letter),
            });
        }
        Self(parts)
    }

    /// Whether a text has anything special for a pattern in it.
    pub fn is_glob(text: &str) -> bool {
        text.contains(['*', '?', '['])
    }

    /// Whether the whole text matches.
    pub fn matches(&self, text: &str) -> bool {
        let text: Vec<char> = text.chars().collect();
        // positions in the text that can be reached by the parts so far
        let mut now: Vec<usize> = vec![0];
        for part in &self.0 {
            if now.is_empty() {
                return false;
            }
            now = match part {
                Part::Any => now.first().map(|&first| (first..=text.len()).collect()).unwrap_or_default(),
                part => now.into_iter().filter(|&at| text.get(at).is_some_and(|&c| part.takes(c))).map(|at| at + 1).collect(),
            };
        }
        now.last() == Some(&text.len())
    }
}

impl Part {
    fn takes(&self, c: char) -> bool {
        match self {
            Self::Any | Self::One => true,
            Self::Letter(letter) => *letter == c,
            Self::OneOf { ranges, negated } => ranges.iter().any(|(from, to)| (*from..=*to).contains(&c)) != *negated,
        }
    }
}

/// What follows a `[`, and the rest of the pattern.
fn bracket(rest: &str) -> Option<(Part, &str)> {
    let (negated, inside) = rest.strip_prefix('!').map_or((false, rest), |inside| (true, inside));
    // a `]` in first place is a letter
    let first = inside.chars().next()?;
    let end = inside.get(first.len_utf8()..)?.find(']')? + first.len_utf8();
    let letters: Vec<char> = inside.get(..end)?.chars().collect();
    let mut ranges = Vec::new();
    let mut left = letters.as_slice();
    while let Some((&from, after)) = left.split_first() {
        left = match after {
            ['-', to, after @ ..] => {
                ranges.push((from, *to));
                after
            }
            after => {
                ranges.push((from, from));
                after
            }
        };
    }
    Some((Part::OneOf { ranges, negated }, inside.get(end + 1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_fnmatch_has_it() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("m*", "m12", true),
            ("m*", "w1", false),
            ("m?", "m1", true),
            ("m?", "m", false),
            ("*.lan", "a.lan", true),
            ("*a*b", "xaybxb", true),
            ("*a*b", "xayb1", false),
            ("m[1-3]", "m2", true),
            ("m[1-3]", "m4", false),
            ("m[!1-3]", "m4", true),
            ("m[]x]", "m]", true),
            ("m[", "m[", true),
            ("[a-]", "-", true),
            ("m1", "m10", false),
            ("", "", true),
            ("", "a", false),
            ("ä?", "äö", true),
        ] {
            assert_eq!(Glob::new(pattern).matches(text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn many_stars_take_no_time() {
        assert!(!Glob::new(&"*a".repeat(50)).matches(&"a".repeat(49)));
    }
}
