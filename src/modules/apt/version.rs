//! Versions of Debian packages: deb-version(7), and patterns of them.

use std::cmp::Ordering;
use std::iter::Peekable;
use std::str::Chars;

/// Which of two versions is the newer one, as dpkg(1) has it.
pub(in crate::modules) fn compare(one: &str, other: &str) -> Ordering {
    let ((epoch, upstream, revision), (other_epoch, other_upstream, other_revision)) = (parts(one), parts(other));
    epoch.cmp(&other_epoch).then_with(|| segments(upstream, other_upstream)).then_with(|| segments(revision, other_revision))
}

/// Whether a version fits a pattern as the shell has them.
pub(super) fn fits(version: &str, pattern: &str) -> bool {
    glob::Pattern::new(pattern).map_or(version == pattern, |pattern| pattern.matches(version))
}

fn parts(version: &str) -> (u64, &str, &str) {
    let (epoch, rest) = match version.split_once(':') {
        Some((epoch, rest)) => (epoch.parse().unwrap_or(0), rest),
        None => (0, version),
    };
    let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, ""));
    (epoch, upstream, revision)
}

/// Text and number by turns; a tilde comes before the end, letters before everything else.
fn segments(one: &str, other: &str) -> Ordering {
    let (mut one, mut other) = (one.chars().peekable(), other.chars().peekable());
    while one.peek().is_some() || other.peek().is_some() {
        loop {
            let (left, right) = (text(&mut one), text(&mut other));
            match weight(left).cmp(&weight(right)) {
                Ordering::Equal if left.is_none() && right.is_none() => break,
                Ordering::Equal => {}
                unequal => return unequal,
            }
        }
        let (left, right) = (number(&mut one), number(&mut other));
        match left.len().cmp(&right.len()).then_with(|| left.cmp(&right)) {
            Ordering::Equal => {}
            unequal => return unequal,
        }
    }
    Ordering::Equal
}

fn text(chars: &mut Peekable<Chars<'_>>) -> Option<char> {
    chars.next_if(|c| !c.is_ascii_digit())
}

/// The digits that come next, without zeros before them.
fn number(chars: &mut Peekable<Chars<'_>>) -> String {
    let mut digits = String::new();
    while let Some(digit) = chars.next_if(char::is_ascii_digit) {
        digits.push(digit);
    }
    digits.trim_start_matches('0').to_owned()
}

fn weight(c: Option<char>) -> u32 {
    match c {
        Some('~') => 0,
        None => 1,
        Some(c) if c.is_ascii_alphabetic() => 1 + u32::from(c),
        Some(c) => 1000 + u32::from(c),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn versions_are_ordered_as_dpkg_has_them() {
        for (older, newer) in [
            ("1.0", "1.1"),
            ("1.9", "1.10"),
            ("1.0~rc1", "1.0"),
            ("1.0", "1.0+b1"),
            ("1.0-1", "1.0-1.1"),
            ("9.9", "1:0.1"),
            ("1.0a", "1.0+"),
            ("1.34.1-1.1", "1.34.2-1.1"),
            ("1.0-1~deb12u1", "1.0-1"),
            ("2.36-9", "2.36-9+deb12u1"),
            ("1.0~~", "1.0~"),
        ] {
            assert_eq!((compare(older, newer), compare(newer, older)), (Ordering::Less, Ordering::Greater), "{older} {newer}");
        }
        for (one, other) in [("1.0", "1.0"), ("1.01", "1.1"), ("0:1", "1"), ("1-0", "1")] {
            assert_eq!(compare(one, other), Ordering::Equal, "{one} {other}");
        }
        assert!(fits("1.34.2-1.1", "1.34.*") && !fits("1.35.0-1.1", "1.34.*") && fits("1.0", "1.0"));
    }

    proptest! {
        #[test]
        fn it_is_an_order(a in "[0-9a~+.:-]{0,8}", b in "[0-9a~+.:-]{0,8}", c in "[0-9a~+.:-]{0,8}") {
            prop_assert_eq!(compare(&a, &b), compare(&b, &a).reverse());
            if compare(&a, &b) != Ordering::Greater && compare(&b, &c) != Ordering::Greater {
                prop_assert!(compare(&a, &c) != Ordering::Greater);
            }
        }
    }
}
