//! What somebody may have meant.

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
    let letters = word.chars().count();
    let near = |candidate: &'a str| {
        let others = candidate.chars().count();
        let allowed = (others.max(letters) / 3).min(most);
        if letters > LONGEST || others.abs_diff(letters) > allowed {
            return None;
        }
        let distance = distance(word, candidate);
        (distance <= allowed).then_some((distance, candidate))
    };
    candidates.into_iter().filter_map(near).min_by_key(|(distance, _)| *distance).map(|(_, candidate)| candidate)
}

/// The label of a diagnostic: ``did you mean `path`?``
pub fn suggestion<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    similar(word, candidates).map(|candidate| format!("did you mean `{candidate}`?"))
}

/// How many letters have to be added, removed, replaced or swapped with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    // rows of the usual table: two above, one above, this one
    let (mut before, mut above) = (Vec::new(), (0..=b.len()).collect::<Vec<usize>>());
    let mut last = None;
    for (row, c) in a.chars().enumerate() {
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
        for (a, b, expected) in
            [("", "abc", 3), ("kitten", "sitting", 3), ("parm", "path", 2), ("ab", "ba", 1), ("hots", "host", 1), ("x", "x", 0)]
        {
            assert_eq!((distance(a, b), distance(b, a)), (expected, expected), "{a} {b}");
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
