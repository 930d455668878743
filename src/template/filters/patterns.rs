//! Filters with regular expressions.

use super::super::fault::{Outcome, fail, fail_hint, shown};
use super::super::regex::{Pattern, escaped, expanded, group_of};
use super::super::repr;
use super::super::spec::{Given, Spec, spec};
use super::super::value::V;

pub(super) const TABLE: &[Spec] = &[
    spec("regex_replace", &["pattern", "replacement", "ignorecase", "multiline", "count", "mandatory_count"], replace),
    spec("regex_search", &["regex", "*", "**"], search),
    spec("regex_findall", &["regex", "multiline", "ignorecase"], findall),
    spec("regex_escape", &["re_type"], escape),
];

fn replace(given: &Given) -> Outcome<V> {
    let text = given.own_text()?;
    let (pattern, replacement) = (given.text_or(0, "")?, given.text_or(1, "")?);
    let pattern = Pattern::new(given.run, &pattern, given.flag(2, false), given.flag(3, false))?;
    let most = match given.size(4, 0)? {
        0 => usize::MAX,
        most => most,
    };
    let (mut out, mut end, mut times) = (String::new(), 0, 0);
    for captures in pattern.all(given.run, &text, most)? {
        let Some(whole) = captures.get(0) else { continue };
        out.push_str(text.get(end..whole.start()).unwrap_or(""));
        let before = out.len();
        expanded(&replacement, &captures, &mut out)?;
        given.run.bytes(out.len() - before)?;
        end = whole.end();
        times += 1;
    }
    out.push_str(text.get(end..).unwrap_or(""));
    let wanted = given.size(5, 0)?;
    if wanted > 0 && wanted != times {
        return fail(format!("the pattern should match {wanted} times, but matches {times} times"));
    }
    Ok(V::from(out))
}

fn search(given: &Given) -> Outcome<V> {
    let text = given.own_text()?;
    let Some(pattern) = given.text(0)? else { return fail("`regex_search` needs a pattern") };
    let flag = |name: &str| given.extra.iter().any(|(key, value)| key == name && value.truth());
    let pattern = Pattern::new(given.run, &pattern, flag("ignorecase"), flag("multiline"))?;
    let mut names = Vec::new();
    for group in &given.rest {
        let group = repr::text(given.run, group)?;
        let name = group.strip_prefix("\\g<").and_then(|name| name.strip_suffix('>')).or_else(|| group.strip_prefix('\\'));
        let Some(name) = name else { return fail("`regex_search` needs groups as `\\\\1` or `\\\\g<name>`") };
        names.push(name.to_owned());
    }
    let Some(captures) = pattern.first(given.run, &text)? else { return Ok(V::None) };
    if names.is_empty() {
        return Ok(captures.get(0).map_or(V::None, |whole| V::from(whole.as_str())));
    }
    let mut groups = Vec::new();
    for name in names {
        match group_of(&captures, &name) {
            Some(group) => groups.push(group.map_or(V::None, V::from)),
            None => return fail("the pattern has no such group"),
        }
    }
    Ok(V::list(groups))
}

fn findall(given: &Given) -> Outcome<V> {
    let text = given.own_text()?;
    let Some(pattern) = given.text(0)? else { return fail("`regex_findall` needs a pattern") };
    let pattern = Pattern::new(given.run, &pattern, given.flag(2, false), given.flag(1, false))?;
    let mut found = Vec::new();
    for captures in pattern.all(given.run, &text, usize::MAX)? {
        let group = |at: usize| captures.get(at).map_or_else(|| V::from(""), |group| V::from(group.as_str()));
        found.push(match pattern.groups() {
            0 => group(0),
            1 => group(1),
            several => V::tuple((1..=several).map(group).collect()),
        });
    }
    Ok(V::list(found))
}

fn escape(given: &Given) -> Outcome<V> {
    let text = given.own_text()?;
    Ok(V::from(match given.text_or(0, "python")?.as_str() {
        "python" => escaped(&text),
        "posix_basic" => text.chars().flat_map(|c| "].[^$*\\".contains(c).then_some('\\').into_iter().chain([c])).collect(),
        "posix_extended" => return fail("regex type (posix_extended) not yet implemented"),
        other => return fail_hint(format!("invalid regex type ({})", shown(other)), "there are python and posix_basic"),
    }))
}
