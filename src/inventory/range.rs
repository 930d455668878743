//! Ranges in a host's name: `node[01:20:2].lan`, `db[a:f]`, several of them.

/// One name of an inventory stands for at most so many hosts.
const MOST: usize = 100_000;
/// Names longer than this are nobody's hosts; in bytes.
const LONGEST: usize = 256;
/// Letters count in this order.
const LETTERS: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// What is wrong with a range, and where it stands in the name (bytes).
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BadRange {
    pub(super) why: String,
    pub(super) hint: String,
    pub(super) span: std::ops::Range<usize>,
}

/// Whether there is a range in it.
pub(super) fn has_range(text: &str) -> bool {
    text.contains('[')
}

/// All names that a name with ranges stands for, in their order.
///
/// # Errors
/// What is wrong with the first bad range.
pub(super) fn expand(pattern: &str) -> Result<Vec<String>, BadRange> {
    let mut names = vec![String::new()];
    let mut at = 0;
    while let Some(open) = pattern.get(at..).and_then(|rest| rest.find('[')).map(|open| at + open) {
        let bad = |why: String, hint: &str, end: usize| BadRange { why, hint: hint.to_owned(), span: open..end };
        let head = pattern.get(at..open).unwrap_or_default();
        let Some(close) = pattern.get(open..).and_then(|rest| rest.find(']')).map(|close| open + close) else {
            return Err(bad("this bracket is not closed".into(), "a range is written `[1:3]`", pattern.len()));
        };
        let inside = pattern.get(open + 1..close).unwrap_or_default();
        let values = values(inside).map_err(|(why, hint)| bad(why, &hint, close + 1))?;
        let count = names.len().saturating_mul(values.len());
        if count > MOST || count.saturating_mul(pattern.len()) > MOST * LONGEST {
            return Err(bad(format!("`{pattern}` stands for more than {MOST} hosts"), "name fewer at once", close + 1));
        }
        names = names.iter().flat_map(|name| values.iter().map(move |value| format!("{name}{head}{value}"))).collect();
        at = close + 1;
    }
    let tail = pattern.get(at..).unwrap_or_default();
    names.iter_mut().for_each(|name| name.push_str(tail));
    Ok(names)
}

/// What stands between the brackets, as all its values.
fn values(inside: &str) -> Result<Vec<String>, (String, String)> {
    let bounds: Vec<&str> = inside.split(':').collect();
    let (begin, end, step) = match bounds.as_slice() {
        [begin, end] => (*begin, *end, "1"),
        [begin, end, step] => (*begin, *end, *step),
        _ => return Err((format!("`[{inside}]` is no range"), meant(inside))),
    };
    if end.is_empty() {
        return Err((format!("the range `[{inside}]` has no end"), "write the last one too: `[1:3]`".into()));
    }
    let begin = if begin.is_empty() { "0" } else { begin };
    let step = match step.parse::<usize>() {
        Ok(step) if step > 0 => step,
        _ => return Err((format!("`{step}` is no step for a range"), "a step is a number from 1 on".into())),
    };
    let letter = |text: &str| LETTERS.find(text).filter(|_| text.len() == 1);
    let counts_down =
        |begin: &str, end: &str| (format!("the range `[{inside}]` counts down"), format!("write the smaller one first: `[{end}:{begin}]`"));
    if let (Some(first), Some(last)) = (letter(begin), letter(end)) {
        if first > last {
            return Err(counts_down(begin, end));
        }
        return Ok(LETTERS.chars().take(last + 1).skip(first).step_by(step).map(String::from).collect());
    }
    // nobody means a number that is too large for one
    let number = |text: &str| is_digits(text).then(|| text.parse::<u64>().unwrap_or(u64::MAX));
    let (Some(first), Some(last)) = (number(begin), number(end)) else {
        let why = if letter(begin).is_some() || letter(end).is_some() {
            format!("the range `[{inside}]` goes from a letter to something else")
        } else {
            format!("`[{inside}]` is no range")
        };
        return Err((why, "both ends are numbers, or both are single letters".into()));
    };
    if first > last {
        return Err(counts_down(begin, end));
    }
    let padded = begin.len() > 1 && begin.starts_with('0');
    if padded && begin.len() != end.len() {
        let hint = format!("write `[{begin:0>width$}:{end:0>width$}]`, or the first without its zeros", width = begin.len().max(end.len()));
        return Err((format!("the ends of `[{inside}]` have different lengths"), hint));
    }
    let count = ((last - first) / u64::try_from(step).unwrap_or(u64::MAX)).saturating_add(1);
    if count > MOST as u64 {
        return Err((format!("the range `[{inside}]` stands for more than {MOST} hosts"), "name fewer at once".into()));
    }
    let width = if padded { begin.len() } else { 0 };
    Ok((first..=last).step_by(step).map(|number| format!("{number:0width$}")).collect())
}

/// Whether a text is digits and nothing else.
pub(super) fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// What to write instead of something in brackets that is no range.
fn meant(inside: &str) -> String {
    let ends = ["..", "-", ","].iter().find_map(|between| inside.split_once(between)).filter(|(a, b)| is_digits(a) && is_digits(b));
    match ends {
        Some((begin, end)) => format!("write `[{begin}:{end}]`"),
        None if is_digits(inside) => format!("for one host write `{inside}` without brackets; a range is written `[1:3]`"),
        None => "a range is written `[1:3]`, `[01:20]`, `[a:f]` or `[0:10:2]`".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pattern: &str) -> String {
        expand(pattern).map_or_else(|bad| format!("{} ({}) at {:?}", bad.why, bad.hint, bad.span), |names| names.join(" "))
    }

    #[test]
    fn as_ansible_counts() {
        for (pattern, names) in [
            ("m1", "m1"),
            ("node[1:3].lan", "node1.lan node2.lan node3.lan"),
            ("w[01:10:4]", "w01 w05 w09"),
            ("w[8:11]", "w8 w9 w10 w11"),
            ("db[a:c]", "dba dbb dbc"),
            ("x[y:B]", "xy xz xA xB"),
            ("[a:b][1:2]-x", "a1-x a2-x b1-x b2-x"),
            ("[:2]", "0 1 2"),
            ("m[1:1]", "m1"),
            ("m[00:02]", "m00 m01 m02"),
            ("fd00::[1:2]", "fd00::1 fd00::2"),
        ] {
            assert_eq!(of(pattern), names);
        }
    }

    #[test]
    fn bad_ranges_say_why() {
        let all: Vec<String> = [
            "m[3:1]",
            "m[1:]",
            "m[1]",
            "m[1:2:3:4]",
            "m[1:3:0]",
            "m[a:3]",
            "m[1:c]",
            "m[c:a]",
            "m[01:100]",
            "m[1:3",
            "m[aa:bb]",
            "m[-1:3]",
            "m[1:999999999999]",
            "m[1:1000][1:1000]",
            "m[1:99999999999999999999999]",
            "m[]",
            "m[ä:ö]",
            "m[1:x:2]",
        ]
        .iter()
        .map(|pattern| format!("{pattern}: {}", of(pattern)))
        .collect();
        insta::assert_snapshot!(all.join("\n"));
    }

    proptest::proptest! {
        #[test]
        fn as_many_as_there_are_in_their_order(first in 0..2000_u32, more in 0..2000_u32, step in 1..50_u32, width in 0..7_usize, head in "[a-z.]{0,3}") {
            let last = first + more;
            let (begin, end) = (format!("{first:0width$}"), format!("{last:0width$}"));
            let expected: Vec<String> = (0..=more / step).map(|count| first + count * step).map(|number| {
                if begin.starts_with('0') { format!("{head}{number:0w$}.x", w = begin.len()) } else { format!("{head}{number}.x") }
            }).collect();
            let found = expand(&format!("{head}[{begin}:{end}:{step}].x"));
            if begin.len() == end.len() || !begin.starts_with('0') || begin.len() == 1 {
                assert_eq!(found.unwrap(), expected);
            } else {
                assert!(found.unwrap_err().why.contains("different lengths"));
            }
        }

        #[test]
        fn several_multiply_and_the_last_counts_fastest(a in 0..9_usize, b in 0..9_usize, c in 0..9_usize) {
            let found = expand(&format!("[0:{a}]-[0:{b}]-[0:{c}]")).unwrap();
            assert_eq!(found.len(), (a + 1) * (b + 1) * (c + 1));
            assert!(found.is_sorted_by(|one, other| one < other), "{found:?}");
        }
    }
}
