//! Comparing versions: loosely, as numbers and words; strictly, as semantic versions.

use std::cmp::Ordering;

use super::fault::{Outcome, fail};

/// Which of two versions comes first.
pub(super) fn compare(kind: &str, a: &str, b: &str) -> Outcome<Ordering> {
    match kind {
        "loose" => loose(a, b),
        "strict" => match (strict(a), strict(b)) {
            (Some(a), Some(b)) => Ok(a.cmp(&b)),
            _ => fail("this is not a version that Python calls strict"),
        },
        "semver" | "semantic" => match (Semantic::read(a), Semantic::read(b)) {
            (Some(a), Some(b)) => Ok(a.cmp(&b)),
            _ => fail("this is not a semantic version").map_err(|mut fault| {
                fault.hint = Some("it has three numbers: `1.2.3`".to_owned());
                fault
            }),
        },
        "pep440" => match (pep440(a), pep440(b)) {
            (Some(a), Some(b)) => Ok(a.cmp(&b)),
            _ => fail("this is not a version as Python's packages have them"),
        },
        _ => fail("the version type is one of loose, strict, semver, semantic, pep440"),
    }
}

#[derive(PartialEq, Eq)]
enum Part {
    Number(u128),
    Word(String),
}

/// Python's `LooseVersion`: runs of digits, runs of letters, whatever else stands between dots.
fn parts(version: &str) -> Vec<Part> {
    let (mut parts, mut run) = (Vec::new(), String::new());
    let kind = |c: char| {
        if c.is_ascii_digit() {
            0
        } else if c.is_ascii_lowercase() {
            1
        } else {
            2
        }
    };
    let mut flush = |run: &mut String| {
        if !run.is_empty() {
            parts.push(run.parse().map_or_else(|_| Part::Word(run.clone()), Part::Number));
            run.clear();
        }
    };
    let mut last = 3;
    for c in version.chars() {
        if c == '.' || kind(c) != last {
            flush(&mut run);
        }
        if c != '.' {
            run.push(c);
        }
        last = if c == '.' { 3 } else { kind(c) };
    }
    flush(&mut run);
    parts
}

fn loose(a: &str, b: &str) -> Outcome<Ordering> {
    let (a, b) = (parts(a), parts(b));
    for (a, b) in a.iter().zip(&b) {
        let order = match (a, b) {
            (Part::Number(a), Part::Number(b)) => a.cmp(b),
            (Part::Word(a), Part::Word(b)) => a.cmp(b),
            _ => return fail("these versions cannot be compared: one has a number where the other has a word"),
        };
        if order.is_ne() {
            return Ok(order);
        }
    }
    Ok(a.len().cmp(&b.len()))
}

/// `1.2`, `1.2.3`, `1.2a1`, `1.2.3b4`
fn strict(version: &str) -> Option<(Vec<u64>, (bool, char, u64))> {
    let at = version.find(['a', 'b']).unwrap_or(version.len());
    let (numbers, stage) = version.split_at(at);
    let mut numbers: Vec<u64> = numbers.split('.').map(|n| n.parse().ok()).collect::<Option<_>>()?;
    if !(2..=3).contains(&numbers.len()) {
        return None;
    }
    numbers.resize(3, 0);
    let mut chars = stage.chars();
    Some(match chars.next() {
        None => (numbers, (true, 'z', 0)),
        Some(letter) => (numbers, (false, letter, chars.as_str().parse().ok()?)),
    })
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Semantic {
    numbers: Vec<u64>,
    /// A finished version comes after its previews.
    finished: bool,
    preview: Vec<(bool, u64, String)>,
}

impl Semantic {
    fn read(version: &str) -> Option<Self> {
        let version = version.split('+').next()?;
        let (core, preview) = version.split_once('-').map_or((version, None), |(core, preview)| (core, Some(preview)));
        let numbers: Vec<u64> = core.split('.').map(|n| n.parse().ok()).collect::<Option<_>>()?;
        if numbers.len() != 3 {
            return None;
        }
        let preview = preview.map(|preview| {
            preview.split('.').map(|part| part.parse().map_or_else(|_| (true, 0, part.to_owned()), |n| (false, n, String::new()))).collect()
        });
        Some(Self { numbers, finished: preview.is_none(), preview: preview.unwrap_or_default() })
    }
}

/// What an ordinary version of a Python package is ordered by: epoch, numbers, stage, post, dev.
type Pep440 = (u64, Vec<u64>, (i8, u64), u64, (i8, u64));

fn pep440(version: &str) -> Option<Pep440> {
    let version = version.trim().to_lowercase();
    let version = version.strip_prefix('v').unwrap_or(&version);
    let version = version.split('+').next()?;
    let (epoch, version) = version.split_once('!').map_or(Some((0, version)), |(epoch, rest)| Some((epoch.parse().ok()?, rest)))?;
    let end = version.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(version.len());
    let (numbers, mut rest) = version.split_at(end);
    let mut numbers: Vec<u64> = numbers.trim_end_matches('.').split('.').map(|n| n.parse().ok()).collect::<Option<_>>()?;
    while numbers.len() > 1 && numbers.last() == Some(&0) {
        numbers.pop();
    }
    let (mut stage, mut post, mut dev) = (None, 0, None);
    while !rest.is_empty() {
        rest = rest.trim_start_matches(['.', '-', '_']);
        let letters = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        let (word, after) = rest.split_at(letters);
        let after = after.trim_start_matches(['.', '-', '_']);
        let digits = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
        let (number, after) = after.split_at(digits);
        let number = if number.is_empty() { 0 } else { number.parse().ok()? };
        match word {
            "a" | "alpha" => stage = Some((0, number)),
            "b" | "beta" => stage = Some((1, number)),
            "rc" | "c" | "pre" | "preview" => stage = Some((2, number)),
            "post" | "rev" | "r" | "" => post = u64::saturating_add(number, 1),
            "dev" => dev = Some((0, number)),
            _ => return None,
        }
        rest = after;
    }
    // a development version of nothing else comes before all previews
    let stage = stage.unwrap_or(if dev.is_some() && post == 0 { (-1, 0) } else { (3, 0) });
    Some((epoch, numbers, stage, post, dev.unwrap_or((1, 0))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_in_order() {
        for (kind, a, b, order) in [
            ("loose", "1.10.0", "1.9", Ordering::Greater),
            ("loose", "1.2", "1.2.0", Ordering::Less),
            ("loose", "22.04", "20.10", Ordering::Greater),
            ("semver", "1.0.0-rc.1", "1.0.0", Ordering::Less),
            ("semver", "1.0.0+a", "1.0.0+b", Ordering::Equal),
            ("strict", "1.2a1", "1.2", Ordering::Less),
            ("pep440", "1.0.dev1", "1.0a1", Ordering::Less),
            ("pep440", "1.0", "1.0.0", Ordering::Equal),
            ("pep440", "1.0.post1", "1.0", Ordering::Greater),
        ] {
            assert_eq!(compare(kind, a, b).ok(), Some(order), "{kind} {a} {b}");
        }
        assert!(compare("loose", "1.a", "1.2").is_err());
        assert!(compare("semver", "1.2", "1.2.0").is_err());
    }
}
