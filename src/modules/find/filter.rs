//! What a file is asked: name, age, size, mode, content (modules/find.py).

use super::super::pattern::Pattern;

/// Names that count, and among them names that do not.
#[derive(Debug)]
pub(super) struct Names {
    patterns: Vec<Pattern>,
    excludes: Vec<Pattern>,
}

impl Names {
    /// Shell patterns or regular expressions; no pattern is any name.
    ///
    /// # Errors
    /// One is no regular expression.
    pub fn new(patterns: &[&str], excludes: &[&str], regex: bool) -> Result<Self, String> {
        let all = |patterns: &[&str]| {
            patterns
                .iter()
                .map(|pattern| if regex { Pattern::on_text(pattern, "") } else { Pattern::on_text(&glob(pattern), "s") })
                .collect::<Result<Vec<_>, _>>()
        };
        let patterns = if patterns.is_empty() { vec![Pattern::on_text("", "")?] } else { all(patterns)? };
        Ok(Self { patterns, excludes: all(excludes)? })
    }

    /// Whether a name counts.
    ///
    /// # Errors
    /// A pattern takes too long.
    pub fn count(&self, name: &str) -> Result<bool, String> {
        let any = |patterns: &[Pattern]| -> Result<bool, String> {
            for pattern in patterns {
                if pattern.matches_at_start(name)? {
                    return Ok(true);
                }
            }
            Ok(false)
        };
        Ok(any(&self.patterns)? && !any(&self.excludes)?)
    }
}

/// A shell pattern as a regular expression: Python's `fnmatch.translate`.
fn glob(pattern: &str) -> String {
    let (mut out, mut rest) = (String::new(), pattern.chars());
    while let Some(c) = rest.next() {
        match c {
            '*' => out.push_str(".*"),
            '?' => out.push('.'),
            '[' => {
                // a `]` right behind the bracket is a member
                let text = rest.as_str();
                let inner = text.strip_prefix('!').unwrap_or(text);
                let skip = text.len() - inner.len() + usize::from(inner.starts_with(']'));
                let end = text.get(skip..).and_then(|tail| tail.find(']')).map(|at| at + skip);
                match end.and_then(|end| Some((text.get(..end)?, text.get(end + 1..)?))) {
                    Some((members, after)) => {
                        let (not, members) = members.strip_prefix('!').map_or(("", members), |members| ("^", members));
                        let members: String =
                            members.chars().flat_map(|c| ['\\', c].into_iter().skip(usize::from(!r"\^[]&~|".contains(c)))).collect();
                        out.push_str(&format!("[{not}{members}]"));
                        rest = after.chars();
                    }
                    None => out.push_str(r"\["),
                }
            }
            c if c.is_ascii_punctuation() && !matches!(c, '<' | '>' | '_') => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    out + r"\Z"
}

/// An amount with a letter: at least so much, or at most if it is negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bound(i64);

impl Bound {
    /// `-3d`, `10m`: seconds.
    pub fn age(text: &str) -> Option<Self> {
        Self::parse(text, &[('s', 1), ('m', 60), ('h', 3600), ('d', 86_400), ('w', 604_800)])
    }

    /// `-3k`, `10m`: bytes.
    pub fn size(text: &str) -> Option<Self> {
        Self::parse(text, &[('b', 1), ('k', 1 << 10), ('m', 1 << 20), ('g', 1 << 30), ('t', 1 << 40)])
    }

    fn parse(text: &str, units: &[(char, i64)]) -> Option<Self> {
        let text = text.to_lowercase();
        let unit = units.iter().find(|(letter, _)| text.ends_with(*letter));
        let number = unit.map_or(text.as_str(), |_| text.get(..text.len() - 1).unwrap_or_default());
        let digits = number.strip_prefix('-').unwrap_or(number);
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        number.parse::<i64>().ok()?.checked_mul(unit.map_or(1, |(_, factor)| *factor)).map(Self)
    }

    /// Whether an amount is within it.
    #[allow(clippy::cast_precision_loss)] // ages and sizes are far below
    pub fn holds(self, amount: f64) -> bool {
        if self.0 >= 0 { amount >= self.0 as f64 } else { amount <= self.0.unsigned_abs() as f64 }
    }
}

/// Whether a text has what is searched: anywhere if it is read whole, else at the beginning of a line.
///
/// # Errors
/// The pattern takes too long.
pub(super) fn contains(text: &str, pattern: &Pattern, whole: bool) -> Result<bool, String> {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    if whole {
        return pattern.matches(&text);
    }
    for line in text.split_inclusive('\n') {
        if pattern.matches_at_start(line)? {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_by_shell_patterns() {
        for (pattern, name, counts) in [
            ("*", ".x", true),
            ("*.log", "a.log", true),
            ("*.log", "a.log.gz", false),
            ("*.log", "alog", false),
            ("a?c", "abc", true),
            ("[ab]*", "bx", true),
            ("[!ab]*", "bx", false),
            ("[]x]", "]", true),
            ("[x", "[x", true),
            ("[a-c]", "b", true),
            ("[^a]", "^", true),
            ("a+b(c)", "a+b(c)", true),
            ("a_b <c>", "a_b <c>", true),
            ("A*", "abc", false),
            ("a\nb", "a\nb", true),
        ] {
            assert_eq!(Names::new(&[pattern], &[], false).unwrap().count(name), Ok(counts), "{pattern} {name}");
        }
        let names = Names::new(&["*.log", "*.txt"], &["a*"], false).unwrap();
        assert_eq!([names.count("b.txt"), names.count("a.txt"), names.count("c")], [Ok(true), Ok(false), Ok(false)]);
        assert_eq!(Names::new(&[], &["a*"], false).unwrap().count("b"), Ok(true));
    }

    #[test]
    fn names_by_expressions_match_at_the_beginning() {
        let names = Names::new(&["b", r"^.*\.log$"], &["ba"], true).unwrap();
        let counts = |name| names.count(name).unwrap();
        assert!(counts("bcd") && counts("x.log") && !counts("ab") && !counts("bad") && !counts("x.logs"));
        assert!(Names::new(&["("], &[], true).is_err());
    }

    #[test]
    fn ages_and_sizes() {
        assert_eq!((Bound::age("2d"), Bound::age("-1W"), Bound::age("30")), (Some(Bound(172_800)), Some(Bound(-604_800)), Some(Bound(30))));
        assert_eq!((Bound::size("1k"), Bound::size("-2G"), Bound::size("5b")), (Some(Bound(1024)), Some(Bound(-2 << 30)), Some(Bound(5))));
        for bad in ["", "d", "1.5d", "1x", "--1", "1 d", "+1"] {
            assert_eq!(Bound::age(bad), None, "{bad}");
        }
        assert!(Bound(10).holds(10.0) && !Bound(10).holds(9.9) && Bound(-10).holds(10.0) && !Bound(-10).holds(10.1) && Bound(0).holds(0.0));
    }

    #[test]
    fn content_is_searched_line_by_line_from_the_beginning() {
        let pattern = Pattern::on_text("b.*c", "").unwrap();
        assert_eq!(contains("a\nbxc\n", &pattern, false), Ok(true));
        assert_eq!(contains("a bxc\n", &pattern, false), Ok(false));
        assert_eq!(contains("a bxc\n", &pattern, true), Ok(true));
        assert_eq!(contains("a\rbc", &pattern, false), Ok(true));
    }
}
