//! Which hosts: `all`, a host, a group, `web*`, `~regex`, `group[0]`, `a,b`, `a:b`, `masters:&new:!m3`, `@file`.

use std::collections::HashSet;
use std::ops::Range;
use std::path::Path;

use fancy_regex::Regex;

use super::data::{GroupId, Host, HostId, Inventory};
use super::glob::Glob;
use super::range::is_digits;
use super::suggestion;
use super::{address, file};
use crate::diagnostics::{Diagnostic, Diagnostics, Place, Source, how_many_compared};

/// A pattern of hosts, Ansible's way: the union of its parts, of that only what is in every `&part`, without what is in
/// a `!part`; the order of the parts does not matter.
#[derive(Debug, Clone)]
pub struct Pattern {
    source: Source,
}

/// A regular expression looks for all its matches in so many steps, and for each in no less than the second.
const STEPS: usize = 10_000_000;
const LEAST_STEPS: usize = 10_000;
/// How large a regular expression may become: one that calls itself grows without end.
const MOST_PARTS: usize = 100_000;

/// One part of a pattern.
struct Part {
    /// `&` or `!`, or neither.
    sign: Option<char>,
    text: String,
    place: Place,
}

impl Pattern {
    /// The pattern that was given as `name`, e.g. `--limit`.
    pub fn new(name: &str, text: &str) -> Self {
        Self { source: Source::new(name, text) }
    }

    /// The hosts that match, in the order of the parts, and within each in the inventory's. Names of files after `@` are
    /// relative to the working directory.
    ///
    /// # Errors
    /// A part matches nothing that is known, also an excluded one: it would be a typing mistake. Or nothing is left.
    pub fn select<'a>(&self, inventory: &'a Inventory) -> Result<Vec<&'a Host>, Diagnostics> {
        let mut problems = Diagnostics::new();
        let selected = self.matching(inventory, false, &mut problems);
        if selected.is_empty() && !problems.has_errors() {
            problems.push(Diagnostic::error(format!("no host matches `{}`", self.source.text)).at(self.source.whole()));
        }
        problems.or(selected).map(|(selected, _)| selected)
    }

    /// The hosts of a play: as [`Pattern::select`], but a part that matches nothing has no hosts, and the others have theirs. So it is in
    /// Ansible; a play for `masters:workers` is for the masters of who has no workers.
    pub fn of_play<'a>(&self, inventory: &'a Inventory) -> Vec<&'a Host> {
        let mut problems = Diagnostics::new();
        let selected = self.matching(inventory, true, &mut problems);
        // a part that cannot be read may be one that leaves hosts out
        if problems.has_errors() { Vec::new() } else { selected }
    }

    /// `may_miss`: whether a part may match nothing.
    fn matching<'a>(&self, inventory: &'a Inventory, may_miss: bool, problems: &mut Diagnostics) -> Vec<&'a Host> {
        let parts = self.parts(problems);
        let of_sign = |sign: Option<char>| parts.iter().filter(move |part| part.sign == sign);
        let mut hosts: Vec<HostId> = Vec::new();
        let mut seen = HashSet::new();
        for part in of_sign(None) {
            hosts.extend(members(part, inventory, may_miss, problems).into_iter().filter(|host| seen.insert(*host)));
        }
        if of_sign(None).next().is_none() {
            hosts = inventory.hosts_of(super::data::ALL);
        }
        for part in of_sign(Some('&')) {
            let members: HashSet<HostId> = members(part, inventory, may_miss, problems).into_iter().collect();
            hosts.retain(|host| members.contains(host));
        }
        let left_out: HashSet<HostId> = of_sign(Some('!')).flat_map(|part| members(part, inventory, may_miss, problems)).collect();
        hosts.into_iter().filter(|host| !left_out.contains(host)).map(|id| inventory.at(id)).collect()
    }

    /// What is wrong with the pattern itself, whatever the inventory holds.
    pub fn mistakes(&self) -> Diagnostics {
        let mut problems = Diagnostics::new();
        for part in self.parts(&mut problems) {
            if let Err(why) = Matcher::new(subscript(&part.text).0, 1) {
                problems.push(no_regex(subscript(&part.text).0, &why).at(part.place));
            }
        }
        problems
    }

    /// Where it stands.
    pub fn place(&self) -> Place {
        self.source.whole()
    }

    fn parts(&self, problems: &mut Diagnostics) -> Vec<Part> {
        let mut parts = Vec::new();
        for span in split(&self.source.text) {
            let text = self.source.text.get(span.clone()).unwrap_or_default();
            let place = self.source.at(span);
            match text.strip_prefix('@') {
                None => parts.push(Part::new(text, place)),
                Some(path) => match file::text(Path::new(path), path) {
                    Err(problem) => problems.push(Diagnostic { place: Some(place), ..*problem }),
                    // each line is one part, as it stands
                    Ok(source) => {
                        let mut start = 0;
                        for line in source.text.split_inclusive('\n') {
                            let (begin, text) = (start + (line.len() - line.trim_start().len()), line.trim());
                            start += line.len();
                            if !text.is_empty() {
                                parts.push(Part::new(text, source.at(begin..begin + text.len())));
                            }
                        }
                    }
                },
            }
        }
        parts
    }
}

impl Part {
    fn new(text: &str, place: Place) -> Self {
        let sign = text.chars().next().filter(|c| matches!(c, '&' | '!'));
        Self { sign, text: text.get(sign.map_or(0, char::len_utf8)..).unwrap_or_default().to_owned(), place }
    }
}

/// The parts of a pattern: cut at commas, or at colons if there is no comma and the whole is no address with a port or a
/// range.
fn split(text: &str) -> Vec<Range<usize>> {
    let whole = text.trim();
    let cut_at: &[char] = if text.contains(',') {
        &[',']
    } else if address::recognise(whole).is_some() {
        &[]
    } else {
        &[':', ' ', '\t']
    };
    let (mut depth, mut start, mut spans) = (0_usize, 0, Vec::new());
    for (at, c) in text.char_indices().chain([(text.len(), '\0')]) {
        match c {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        let comma = cut_at == [','];
        if at == text.len() || cut_at.contains(&c) && (comma || depth == 0) {
            let part = text.get(start..at).unwrap_or_default();
            let begin = start + (part.len() - part.trim_start().len());
            if !part.trim().is_empty() {
                spans.push(begin..begin + part.trim().len());
            }
            start = at + c.len_utf8();
        }
    }
    spans
}

/// What a part's text asks for.
enum Matcher {
    Regex(Box<Regex>),
    Glob(Glob),
}

impl Matcher {
    /// What is to be compared with so many names.
    fn new(text: &str, names: usize) -> Result<Self, String> {
        let Some(pattern) = text.strip_prefix('~') else { return Ok(Self::Glob(Glob::new(text))) };
        // as Python's `match`: from the beginning, and not to the end
        // by itself first: a bracket in it must not close ours
        Regex::new(pattern).map_err(|error| why(&error))?;
        let mut builder = fancy_regex::RegexBuilder::new(&format!("^(?:{pattern})"));
        builder.backtrack_limit((STEPS / names.max(1)).clamp(LEAST_STEPS, 1_000_000)).max_prog_size(MOST_PARTS);
        builder.build().map(|regex| Self::Regex(Box::new(regex))).map_err(|error| why(&error))
    }

    /// `None` if it cannot be found out in so many steps.
    fn matches(&self, name: &str) -> Option<bool> {
        match self {
            Self::Regex(regex) => regex.is_match(name).ok(),
            Self::Glob(glob) => Some(glob.matches(name)),
        }
    }
}

fn no_regex(text: &str, why: &str) -> Diagnostic {
    let error = Diagnostic::error(format!("`{text}` is no regular expression: {why}"));
    error.hint("the `~` before it makes it a regular expression; without it `*` and `?` stand for letters")
}

/// What is wrong with a regular expression: the innermost reason, on one line.
fn why(error: &fancy_regex::Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    let text = innermost.to_string();
    if text.starts_with("error parsing pattern") {
        return "a set or a count in it makes no sense".to_owned();
    }
    let last = text.rsplit("error: ").next().unwrap_or_default().trim();
    let last = last.split_once(": ").filter(|(begin, _)| begin.starts_with("Parsing error at position")).map_or(last, |(_, why)| why);
    let mut letters = last.lines().next().unwrap_or_default().chars();
    letters.next().map(char::to_lowercase).into_iter().flatten().chain(letters).collect()
}

fn members(part: &Part, inventory: &Inventory, may_miss: bool, problems: &mut Diagnostics) -> Vec<HostId> {
    // the name of a host is never anything else
    if let Some(&host) = inventory.host_ids.get(part.text.as_str()).filter(|_| part.sign.is_none()) {
        return vec![host];
    }
    let few_problems = problems.0.len() < how_many_compared(inventory.len() + inventory.groups.len());
    let mut complain = |error: Diagnostic| problems.push(error.at(part.place.clone()));
    if part.text.is_empty() {
        complain(Diagnostic::error("a name is missing here").hint("write a host, a group or a pattern behind the sign"));
        return Vec::new();
    }
    let (text, subscript) = subscript(&part.text);
    let matcher = match Matcher::new(text, inventory.groups.len() + inventory.len()) {
        Ok(matcher) => matcher,
        Err(why) => {
            complain(no_regex(text, &why));
            return Vec::new();
        }
    };
    let hosts = match find(text, &matcher, inventory) {
        Found::Hosts(hosts) => hosts,
        Found::TooSlow(name) => {
            let error = Diagnostic::error(format!("`{text}` takes too many steps to be compared with `{name}`"));
            complain(error.hint("write it without repetitions in repetitions, such as `(a+)+`"));
            return Vec::new();
        }
        Found::Nothing if may_miss => return Vec::new(),
        Found::Nothing => {
            complain(nothing(part, text, inventory, few_problems));
            return Vec::new();
        }
    };
    match subscript {
        None => hosts,
        Some(Subscript::One(index)) => {
            let at = if index < 0 { hosts.len().checked_sub(index.unsigned_abs()) } else { Some(index.unsigned_abs()) };
            match at.and_then(|at| hosts.get(at)) {
                Some(&host) => vec![host],
                None if hosts.is_empty() => Vec::new(),
                None => {
                    let error = Diagnostic::error(format!("`{text}` has no host with the number {index}: there are {}", hosts.len()));
                    complain(error.hint("the first has the number 0, the last -1"));
                    Vec::new()
                }
            }
        }
        Some(Subscript::Some(first, last)) => {
            let last = last.map_or(hosts.len(), |last| last.saturating_add(1)).min(hosts.len());
            hosts.get(first..last).unwrap_or_default().to_vec()
        }
    }
}

/// What matches.
enum Found<'a> {
    Hosts(Vec<HostId>),
    /// There are no such groups and hosts.
    Nothing,
    /// It cannot be known whether this name matches.
    TooSlow(&'a str),
}

/// The hosts of all groups that match, and the hosts that do.
fn find<'a>(text: &str, matcher: &Matcher, inventory: &'a Inventory) -> Found<'a> {
    let or_nothing = |hosts: Option<Vec<HostId>>| hosts.map_or(Found::Nothing, Found::Hosts);
    let literal = !text.starts_with('~') && !text.contains(['.', '?', '*', '[']);
    if literal {
        if let Some(&group) = inventory.group_ids.get(text) {
            return Found::Hosts(inventory.hosts_of(group));
        }
        let host = inventory.host_ids.get(text).copied().or_else(|| inventory.localhost(text));
        return or_nothing(host.map(|host| vec![host]));
    }
    let (mut groups, mut hosts): (Vec<GroupId>, Vec<HostId>) = (Vec::new(), Vec::new());
    if text.starts_with('~') || Glob::is_glob(text) {
        for (id, group) in inventory.groups().enumerate() {
            match matcher.matches(&group.name) {
                None => return Found::TooSlow(&group.name),
                Some(matches) => groups.extend(matches.then_some(GroupId(id))),
            }
        }
        for (id, host) in inventory.hosts().enumerate() {
            match matcher.matches(&host.name) {
                None => return Found::TooSlow(&host.name),
                Some(matches) => hosts.extend(matches.then_some(HostId(id))),
            }
        }
    } else {
        // only a dot is in it, and it means itself
        groups.extend(inventory.group_ids.get(text));
        hosts.extend(inventory.host_ids.get(text));
    }
    let mut found = inventory.hosts_of_all(groups.iter().copied());
    let seen: HashSet<HostId> = found.iter().copied().collect();
    found.extend(hosts.into_iter().filter(|host| !seen.contains(host)));
    if found.is_empty() && groups.is_empty() {
        return or_nothing(inventory.localhost(text).map(|host| vec![host]));
    }
    Found::Hosts(found)
}

/// `compare`: whether to look what was meant, among all names.
fn nothing(part: &Part, text: &str, inventory: &Inventory, compare: bool) -> Diagnostic {
    let names = inventory.groups().map(|group| &*group.name).chain(inventory.hosts().map(|host| &*host.name));
    let names = Some(names).filter(|_| compare).into_iter().flatten();
    let error = Diagnostic::error(format!("no host and no group matches `{text}`"));
    let whole = &part.place.source.text;
    if part.text.contains(':')
        && whole.contains(',')
        && !part.text.contains('[')
        && part.text.split(':').all(|part| !part.trim_start_matches(['!', '&']).is_empty())
    {
        let parts = whole.split([',', ':']).map(str::trim).filter(|part| !part.is_empty()).collect::<Vec<_>>();
        return error.hint(format!("where a comma stands, a colon does not separate: write `{}`", parts.join(",")));
    }
    let counted = text.strip_suffix(']').and_then(|text| text.split_once('[')).map(|(front, _)| front);
    if let Some(front) = counted.filter(|front| inventory.group_ids.contains_key(*front)) {
        return error.hint(format!("numbers stand in the brackets: `{front}[0]` is its first host, `{front}[0:2]` its first three"));
    }
    match suggestion(text, names) {
        Some(label) => error.label(label),
        None if part.sign == Some('!') => error.hint("what is to be left out must be there; take this part away if it is not"),
        None if part.text.ends_with(']') && !text.ends_with(']') => {
            error.hint("a number in brackets counts within what stands before it; for one of several letters write `~m[12]`")
        }
        None => error.hint("`homelabctl inventory graph` shows all groups and hosts"),
    }
}

/// A part of what matches, by its numbers.
enum Subscript {
    One(isize),
    /// From the first to the last, both included; without a last to the end.
    Some(usize, Option<usize>),
}

/// A text without its subscript, and the subscript.
fn subscript(text: &str) -> (&str, Option<Subscript>) {
    let parse = || {
        if text.starts_with('~') {
            return None;
        }
        let (front, inside) = text.strip_suffix(']')?.rsplit_once('[')?;
        if front.is_empty() {
            return None;
        }
        if is_digits(inside.strip_prefix('-').unwrap_or(inside)) {
            return Some((front, Subscript::One(inside.parse().ok()?)));
        }
        let (first, last) = inside.split_once([':', '-'])?;
        if !is_digits(first) || !(last.is_empty() || is_digits(last)) {
            return None;
        }
        // as in Ansible, a range that ends with 0 is its first
        match (first.parse().ok()?, last) {
            (first, "") => Some((front, Subscript::Some(first, None))),
            (first, last) => match last.parse().ok()? {
                0 => Some((front, Subscript::One(isize::try_from(first).ok()?))),
                last => Some((front, Subscript::Some(first, Some(last)))),
            },
        }
    };
    parse().map_or((text, None), |(text, subscript)| (text, Some(subscript)))
}

#[cfg(test)]
mod tests {
    use super::super::testing::inventory;
    use super::*;

    const HOSTS: &str = "lonely\n[masters]\nm1\nm2\nm3\n[workers]\nw1\nw2\n[new]\nm3\nw2\n[empty]\n[v6]\nfd00::1\n[dotted]\nx.lan\n";

    fn select(pattern: &str) -> String {
        match Pattern::new("PATTERN", pattern).select(&inventory(HOSTS)) {
            Ok(hosts) => hosts.iter().map(|host| &*host.name).collect::<Vec<_>>().join(" "),
            Err(problems) => problems
                .0
                .iter()
                .map(|problem| {
                    [Some(problem.message.as_str()), problem.label.as_deref()].into_iter().flatten().collect::<Vec<_>>().join("; ")
                })
                .collect::<Vec<_>>()
                .join(" | "),
        }
    }

    #[test]
    fn unions_intersections_and_exclusions() {
        for (pattern, hosts) in [
            ("all", "lonely m1 m2 m3 w1 w2 fd00::1 x.lan"),
            ("*", "lonely m1 m2 m3 w1 w2 fd00::1 x.lan"),
            ("m2", "m2"),
            ("masters", "m1 m2 m3"),
            ("w1,m1", "w1 m1"),
            ("masters:workers", "m1 m2 m3 w1 w2"),
            ("all:&new", "m3 w2"),
            ("&new", "m3 w2"),
            ("!m2:masters", "m1 m3"),
            ("masters:workers:&new:!w2", "m3"),
            ("!masters,!workers,!v6,!dotted", "lonely"),
            ("all:!empty:&masters", "m1 m2 m3"),
            ("m*", "m1 m2 m3"),
            ("m?[0]", "m1"),
            ("?2", "m2 w2"),
            ("fd00::1", "fd00::1"),
            ("fd00::1,m1", "fd00::1 m1"),
            ("ungrouped", "lonely"),
            (" m1 , ,w1", "m1 w1"),
            ("m[!1]:w1", "m2 m3 w1"),
            ("master*", "m1 m2 m3"),
            ("*.lan", "x.lan"),
            ("~m[12]", "m1 m2"),
            (r"~(?=w)\w\d$", "w1 w2"),
            ("~work", "w1 w2"),
            ("masters[0]", "m1"),
            ("masters[-1]", "m3"),
            ("masters[1:]", "m2 m3"),
            ("masters[0:1]", "m1 m2"),
            ("masters[1-2]", "m2 m3"),
            ("masters[1:99],w1", "m2 m3 w1"),
            ("all:!masters[0]:!workers:!v6:!lonely:!dotted", "m2 m3"),
            ("m*[0]", "m1"),
        ] {
            assert_eq!(select(pattern), hosts, "{pattern}");
        }
    }

    #[test]
    fn what_matches_nothing_is_an_error() {
        for (pattern, error) in [
            ("mastres", "no host and no group matches `mastres`; did you mean `masters`?"),
            (
                "all:!mastres:&wrokers",
                "no host and no group matches `wrokers`; did you mean `workers`? | no host and no group matches `mastres`; did you mean `masters`?",
            ),
            ("x*x", "no host and no group matches `x*x`"),
            ("masters:&workers", "no host matches `masters:&workers`"),
            ("empty", "no host matches `empty`"),
            ("m[12]", "no host and no group matches `m`"),
            ("~m(", "`~m(` is no regular expression: opening parenthesis without closing parenthesis"),
            ("masters[3]", "`masters` has no host with the number 3: there are 3"),
            ("@retry", "cannot read `retry`: there is no such file"),
            ("all:!", "a name is missing here"),
            ("", "no host matches ``"),
        ] {
            if pattern.is_empty() {
                // nothing is asked for, so all are
                assert_eq!(select(pattern).split(' ').count(), 8);
            } else {
                assert_eq!(select(pattern), error, "{pattern}");
            }
        }
    }

    #[test]
    fn a_file_of_hosts() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("retry");
        std::fs::write(&path, "m1\n\n w2 \n!m1\n").unwrap();
        assert_eq!(select(&format!("@{}", path.display())), "w2");
    }

    #[test]
    fn a_wild_expression_ends() {
        let hosts = format!("{}b\n", "a".repeat(60));
        let inventory = inventory(&hosts);
        assert!(Pattern::new("PATTERN", r"~(a|aa|(?=x)y)*c").select(&inventory).is_err());
    }

    #[test]
    fn a_part_of_a_plays_pattern_may_match_nothing() {
        let of_play = |pattern: &str| {
            let inventory = inventory(HOSTS);
            Pattern::new("hosts", pattern).of_play(&inventory).iter().map(|host| host.name.to_string()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(of_play("masters:nobody"), "m1 m2 m3");
        assert_eq!(of_play("nobody:workers:!none"), "w1 w2");
        assert_eq!((of_play("nobody"), of_play("masters:&nobody"), of_play("m*:!~(a")), (String::new(), String::new(), String::new()));
    }

    fn chosen(pattern: &str) -> Vec<String> {
        let inventory = inventory(HOSTS);
        let hosts = Pattern::new("PATTERN", pattern).select(&inventory);
        hosts.map_or_else(|_| Vec::new(), |hosts| hosts.iter().map(|host| host.name.to_string()).collect())
    }

    fn part() -> impl proptest::strategy::Strategy<Value = &'static str> {
        proptest::sample::select(vec![
            "all",
            "m1",
            "m*",
            "masters",
            "workers",
            "new",
            "empty",
            "?2",
            "~m[12]",
            "lonely",
            "masters[0]",
            "new[-1]",
        ])
    }

    proptest::proptest! {
        #[test]
        fn unions_intersections_and_exclusions_are_those_of_sets(
            plain in proptest::collection::vec(part(), 1..4),
            and in proptest::collection::vec(part(), 0..3),
            not in proptest::collection::vec(part(), 0..3),
            order in 0..6_usize,
        ) {
            let mut expected: Vec<String> = Vec::new();
            for host in plain.iter().flat_map(|part| chosen(part)) {
                let wanted = and.iter().all(|part| chosen(part).contains(&host)) && !not.iter().any(|part| chosen(part).contains(&host));
                if wanted && !expected.contains(&host) {
                    expected.push(host);
                }
            }
            let mut parts: Vec<String> = plain.iter().map(|&part| part.to_owned()).collect();
            // wherever the others stand, the plain ones say the order
            for (sign, part) in and.iter().map(|part| ('&', part)).chain(not.iter().map(|part| ('!', part))) {
                parts.insert(order % (parts.len() + 1), format!("{sign}{part}"));
            }
            assert_eq!(chosen(&parts.join(",")), expected, "{parts:?}");
            assert_eq!(chosen(&parts.join(":")), expected, "{parts:?}");
        }
    }
}
