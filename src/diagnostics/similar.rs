//! What somebody may have meant.

/// Two names are compared so often, and no more.
const MOST_COMPARED: usize = 500_000;

/// How many wrong names may each be compared with all that are there: very many of both would take minutes.
pub fn how_many_compared(names: usize) -> usize {
    MOST_COMPARED / names.max(1)
}

/// The candidate most like `word`, if one is so like it that it was probably meant.
///
/// Like it are candidates that differ by at most a third of their letters (a letter missing, too many, wrong, or two
/// swapped).
pub fn similar<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    within(word, 4, candidates)
}

/// Longer words have no likeness: the comparison takes its length times that of the other.
const LONGEST: usize = 100;

/// The same where at most so many letters differ.
pub fn within<'a>(word: &str, most: usize, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word: Vec<char> = word.chars().collect();
    let near = |candidate: &'a str| {
        let letters: Vec<char> = candidate.chars().collect();
        let allowed = (letters.len().max(word.len()) / 3).min(most);
        // the table is not needed to see that too many are missing
        if word.len() > LONGEST || letters.len().abs_diff(word.len()) > allowed {
            return None;
        }
        let distance = distance(&word, &letters);
        (distance <= allowed).then_some((distance, candidate))
    };
    candidates.into_iter().filter_map(near).min_by_key(|(distance, _)| *distance).map(|(_, candidate)| candidate)
}

/// The label of a diagnostic: ``did you mean `path`?``
pub fn suggestion<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    similar(word, candidates).map(|candidate| format!("did you mean `{candidate}`?"))
}

/// How many letters have to be added, removed, replaced or swapped with their neighbour.
fn distance(a: &[char], b: &[char]) -> usize {
    // what both begin and end with costs nothing: host names differ by a few letters in the middle
    let same = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let (a, b) = (a.get(same..).unwrap_or_default(), b.get(same..).unwrap_or_default());
    let same = a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count();
    let (a, b) = (a.get(..a.len() - same).unwrap_or_default(), b.get(..b.len() - same).unwrap_or_default());
    // rows of the usual table: two above, one above, this one
    let (mut before, mut above) = (Vec::new(), (0..=b.len()).collect::<Vec<usize>>());
    let mut last = None;
    for (row, &c) in a.iter().enumerate() {
        let mut this = vec![row + 1];
        for (column, &d) in b.iter().enumerate() {
            let at = |row: &[usize], column: usize| row.get(column).copied().unwrap_or(usize::MAX - 1);
            let mut cost = (at(&above, column) + usize::from(c != d)).min(at(&above, column + 1) + 1).min(at(&this, column) + 1);
            let swapped = column.checked_sub(1).filter(|&left| last == Some(d) && b.get(left) == Some(&c));
            if let Some(left) = swapped {
                cost = cost.min(at(&before, left) + 1);
            }
            this.push(cost);
        }
        (before, above, last) = (above, this, Some(c));
    }
    above.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (a, b, expected) in [
            ("", "abc", 3),
            ("kitten", "sitting", 3),
            ("parm", "path", 2),
            ("ab", "ba", 1),
            ("hots", "host", 1),
            ("x", "x", 0),
            ("aab", "ab", 1),
        ] {
            let (letters, others): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
            assert_eq!((distance(&letters, &others), distance(&others, &letters)), (expected, expected), "{a} {b}");
        }
    }

    #[test]
    fn what_was_probably_meant() {
        let names = ["ansible_host", "ansible_port", "ansible_user"];
        assert_eq!(similar("ansible_hots", names), Some("ansible_host"));
        assert_eq!(similar("asnible_prt", names), Some("ansible_port"));
        assert_eq!(similar("rack", names), None);
        assert_eq!(similar("m1", ["m2", "w1"]), None, "of two letters none may differ");
    }
}
