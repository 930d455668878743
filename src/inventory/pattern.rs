//! Which hosts: `all`, a host, a group, `web*`, `a,b`, `a:b`, `masters:&new:!m3`.

use super::glob::Glob;
use super::host::{Host, Inventory};
use super::suggestion;
use crate::diagnostics::{Diagnostic, Diagnostics, Source};

/// A pattern of hosts, Ansible's way: the union of its parts, of that only what is in every `&part`, without what is in
/// a `!part`; the order of the parts does not matter.
///
/// Not read are `~regular expressions`, `group[0]` and `@files`; these are errors.
#[derive(Debug, Clone)]
pub struct Pattern {
    source: Source,
}

/// The names that mean this machine, if the inventory has no such host.
const LOCALHOST: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

impl Pattern {
    /// The pattern that was given as `name`, e.g. `--limit`.
    pub fn new(name: &str, text: &str) -> Self {
        Self { source: Source::new(name, text) }
    }

    /// The hosts that match, in the inventory's order.
    ///
    /// # Errors
    /// A part matches nothing, also an excluded one: it would be a typing mistake. Or nothing is left.
    pub fn select<'a>(&self, inventory: &'a Inventory) -> Result<Vec<&'a Host>, Diagnostics> {
        let mut problems = Diagnostics::new();
        let (mut wanted, mut required, mut excluded): (Vec<_>, Vec<_>, Vec<_>) = Default::default();
        for (start, text) in parts(&self.source.text) {
            let (list, name) = match text.chars().next() {
                Some('&') => (&mut required, text.get(1..).unwrap_or_default()),
                Some('!') => (&mut excluded, text.get(1..).unwrap_or_default()),
                _ => (&mut wanted, text),
            };
            match members(name, inventory) {
                Ok(members) => list.push(members),
                Err(error) => problems.push((*error).at(self.source.at(start..start + text.len()))),
            }
        }
        if wanted.is_empty() && !problems.has_errors() {
            wanted.push(inventory.hosts.iter().collect());
        }
        let is_in = |list: &[&Host], host: &Host| list.iter().any(|other| other.name == host.name);
        let selected: Vec<&Host> = inventory
            .hosts
            .iter()
            .filter(|host| wanted.iter().any(|list| is_in(list, host)))
            .filter(|host| required.iter().all(|list| is_in(list, host)) && !excluded.iter().any(|list| is_in(list, host)))
            .collect();
        if selected.is_empty() && !problems.has_errors() {
            let place = self.source.at(0..self.source.text.len());
            problems.push(Diagnostic::error(format!("no host matches `{}`", self.source.text)).at(place));
        }
        problems.or(selected).map(|(selected, _)| selected)
    }

    /// Whether it names this machine, which no inventory need have.
    pub fn names_localhost(&self) -> Option<&str> {
        let text = self.source.text.trim();
        LOCALHOST.contains(&text).then_some(text)
    }
}

/// The parts and where they begin: cut at commas, or at colons if there is no comma and it is no IPv6 address.
fn parts(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let by_comma = text.contains(',');
    let whole = text.trim().parse::<std::net::Ipv6Addr>().is_ok();
    let mut depth = 0_usize;
    let cuts = text.char_indices().filter(move |(_, c)| {
        match c {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        *c == ',' || *c == ':' && !by_comma && !whole && depth == 0
    });
    let ends: Vec<usize> = cuts.map(|(at, _)| at).chain([text.len()]).collect();
    let mut start = 0;
    ends.into_iter().filter_map(move |end| {
        let part = text.get(start..end)?;
        let begin = start + (part.len() - part.trim_start().len());
        start = end + 1;
        Some((begin, part.trim())).filter(|(_, part)| !part.is_empty())
    })
}

fn members<'a>(name: &str, inventory: &'a Inventory) -> Result<Vec<&'a Host>, Box<Diagnostic>> {
    if name.starts_with('~') {
        return Err(Box::new(Diagnostic::error("a regular expression as a pattern is not read").hint("use `*`, `?` and `[abc]`")));
    }
    if name.starts_with('@') {
        return Err(Box::new(Diagnostic::error("a file of hosts as a pattern is not read").hint("name the hosts, with commas")));
    }
    if let Some((group, _)) = name.split_once('[').filter(|(group, _)| inventory.group(group).is_some() || *group == "all") {
        return Err(Box::new(
            Diagnostic::error(format!("a part of `{group}` by its numbers is not read")).hint("name the hosts, with commas"),
        ));
    }
    if name == "all" || name == "*" {
        return Ok(inventory.hosts.iter().collect());
    }
    let glob = Glob::new(name);
    let ungrouped = |host: &&Host| inventory.groups.iter().all(|group| !group.hosts.contains(&host.name));
    let mut found: Vec<&Host> = Vec::new();
    let mut is_group = name == "ungrouped";
    if is_group {
        found.extend(inventory.hosts.iter().filter(ungrouped));
    }
    for group in inventory.groups.iter().filter(|group| glob.matches(&group.name)) {
        is_group = true;
        found.extend(group.hosts.iter().filter_map(|host| inventory.host(host)));
    }
    if !is_group || Glob::is_glob(name) {
        found.extend(inventory.hosts.iter().filter(|host| glob.matches(&host.name)));
    }
    if found.is_empty() && is_group {
        return Err(Box::new(Diagnostic::error(format!("the group `{name}` has no hosts"))));
    }
    if found.is_empty() {
        let names = inventory.groups.iter().map(|group| &*group.name).chain(inventory.hosts.iter().map(|host| &*host.name));
        let error = Diagnostic::error(format!("no host and no group matches `{name}`"));
        return Err(Box::new(match suggestion(name, names.chain(["all"])) {
            Some(label) => error.label(label),
            None => error,
        }));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::super::{Given, read};
    use super::*;

    fn inventory() -> Inventory {
        let text = "lonely\n[masters]\nm1\nm2\nm3\n[workers]\nw1\nw2\n[new]\nm3\nw2\n[empty]\n[v6]\nfd00::1\n";
        read(&[Given::Text(Source::new("hosts", text))], &mut Vec::new()).unwrap().0
    }

    fn select(pattern: &str) -> String {
        match Pattern::new("PATTERN", pattern).select(&inventory()) {
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
            ("all", "lonely m1 m2 m3 w1 w2 fd00::1"),
            ("*", "lonely m1 m2 m3 w1 w2 fd00::1"),
            ("m2", "m2"),
            ("masters", "m1 m2 m3"),
            ("w1,m1", "m1 w1"),
            ("masters:workers", "m1 m2 m3 w1 w2"),
            ("all:&new", "m3 w2"),
            ("&new", "m3 w2"),
            ("!m2:masters", "m1 m3"),
            ("masters:workers:&new:!w2", "m3"),
            ("!masters,!workers,!v6", "lonely"),
            ("m*", "m1 m2 m3"),
            ("m[12]", "m1 m2"),
            ("?2", "m2 w2"),
            ("fd00::1", "fd00::1"),
            ("fd00::1,m1", "m1 fd00::1"),
            ("ungrouped", "lonely"),
            (" m1 , ,w1", "m1 w1"),
            ("m[!1]:w1", "m2 m3 w1"),
            ("master*", "m1 m2 m3"),
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
                "no host and no group matches `mastres`; did you mean `masters`? | no host and no group matches `wrokers`; did you mean `workers`?",
            ),
            ("x*", "no host and no group matches `x*`"),
            ("masters:&workers", "no host matches `masters:&workers`"),
            ("empty", "the group `empty` has no hosts"),
            ("~m.*", "a regular expression as a pattern is not read"),
            ("masters[0]", "a part of `masters` by its numbers is not read"),
            ("@retry", "a file of hosts as a pattern is not read"),
        ] {
            assert_eq!(select(pattern), error, "{pattern}");
        }
    }
}
