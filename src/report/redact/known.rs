//! All secrets of a run as a tree of their first units, so that thousands take hardly longer to look for than one.

use std::collections::{HashMap, HashSet};

use super::forms::Unit;
use super::pattern::{Found, Pattern, patterns};

/// So many patterns with the same beginning are looked at one by one; more are told apart by their next unit.
const FEW: usize = 8;
/// So deep the tree grows at most: it is walked by recursion.
const DEEPEST: usize = 200;

/// The secrets and where to look for them.
#[derive(Clone, Default)]
pub(super) struct Known {
    texts: HashSet<Box<str>>,
    tree: Branch,
    longest: usize,
    first_bytes: FirstBytes,
}

impl Known {
    /// Adds a text that is to be found, if it is new.
    pub(super) fn add(&mut self, text: &str) {
        if self.texts.contains(text) {
            return;
        }
        self.texts.insert(text.into());
        for pattern in patterns(text) {
            self.longest = self.longest.max(pattern.longest());
            self.tree.add(pattern, 0, &mut self.first_bytes);
        }
    }

    /// Whether that text is one of them.
    pub(super) fn has(&self, text: &str) -> bool {
        self.texts.contains(text)
    }

    /// How many texts there are.
    pub(super) fn len(&self) -> usize {
        self.texts.len()
    }

    /// The longest text that can match, in bytes.
    pub(super) fn longest(&self) -> usize {
        self.longest
    }

    /// Looks for all of them at `at` of `text`, and nowhere else.
    pub(super) fn find(&self, text: &[u8], at: usize) -> Found {
        let mut found = Found::default();
        self.tree.find(text, &[at], 0, &mut found);
        found
    }
}

/// Patterns that are told apart by their next unit.
#[derive(Clone, Default)]
struct Branch {
    /// Whether a pattern ends here.
    ends: bool,
    /// With which bytes one of the children can begin.
    begin: Bytes,
    children: Vec<Child>,
}

#[derive(Clone)]
struct Child {
    unit: Unit,
    begin: Bytes,
    node: Node,
}

#[derive(Clone)]
enum Node {
    /// Each is looked for by itself from here on.
    Few(Vec<Pattern>),
    Many(Branch),
}

impl Branch {
    fn add(&mut self, pattern: Pattern, depth: usize, first_bytes: &mut FirstBytes) {
        let Some(unit) = pattern.unit(depth) else {
            self.ends = true;
            return;
        };
        match self.children.iter_mut().find(|child| child.unit == unit) {
            Some(child) => child.node.add(pattern, depth + 1, first_bytes),
            None => {
                let begin = first_bytes.of(unit, depth > 0);
                self.begin.add_all(begin);
                self.children.push(Child { unit, begin, node: Node::Few(vec![pattern]) });
            }
        }
    }

    /// `starts`: where what is above ended, so that this goes on there.
    fn find(&self, text: &[u8], starts: &[usize], depth: usize, found: &mut Found) {
        let possible = |begin: &Bytes| starts.iter().any(|&start| text.get(start).is_none_or(|&byte| begin.has(byte)));
        if self.ends {
            found.end = found.end.max(starts.iter().max().copied());
        }
        if !possible(&self.begin) {
            return;
        }
        for child in self.children.iter().filter(|child| possible(&child.begin)) {
            let ends = child.unit.all_ends(text, starts, depth > 0);
            found.more |= ends.more;
            if !ends.at.is_empty() {
                child.node.find(text, &ends.at, depth + 1, found);
            }
        }
    }
}

impl Node {
    fn add(&mut self, pattern: Pattern, depth: usize, first_bytes: &mut FirstBytes) {
        match self {
            Self::Many(branch) => branch.add(pattern, depth, first_bytes),
            Self::Few(patterns) => {
                patterns.push(pattern);
                if patterns.len() > FEW && depth < DEEPEST {
                    let mut branch = Branch::default();
                    for pattern in std::mem::take(patterns) {
                        branch.add(pattern, depth, first_bytes);
                    }
                    *self = Self::Many(branch);
                }
            }
        }
    }

    fn find(&self, text: &[u8], starts: &[usize], depth: usize, found: &mut Found) {
        match self {
            Self::Many(branch) => branch.find(text, starts, depth, found),
            Self::Few(patterns) => patterns.iter().for_each(|pattern| found.add(pattern.find(text, starts, depth))),
        }
    }
}

/// A set of bytes.
#[derive(Clone, Copy, Default)]
struct Bytes([u128; 2]);

impl Bytes {
    fn of(with: impl Fn(u8) -> bool) -> Self {
        let half = |from: u8| (0..128_u8).filter(|&bit| with(from + bit)).fold(0, |set, bit| set | 1 << bit);
        Self([half(0), half(128)])
    }

    fn add_all(&mut self, other: Self) {
        let ([low, high], [other_low, other_high]) = (self.0, other.0);
        self.0 = [low | other_low, high | other_high];
    }

    fn has(&self, byte: u8) -> bool {
        let [low, high] = self.0;
        (if byte < 128 { low } else { high }) >> (byte & 127) & 1 == 1
    }
}

/// With which bytes each unit can begin, worked out once for each.
#[derive(Clone, Default)]
struct FirstBytes(HashMap<(Unit, bool), Bytes>);

impl FirstBytes {
    fn of(&mut self, unit: Unit, inside: bool) -> Bytes {
        *self.0.entry((unit, inside)).or_insert_with(|| Bytes::of(|byte| unit.can_begin_with(byte, inside)))
    }
}
