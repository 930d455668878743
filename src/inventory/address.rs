//! A host as it is named in an inventory: a name or an address, perhaps with ranges in it, perhaps with a port.

use std::net::Ipv6Addr;
use std::ops::Range;

use super::range::{self, is_digits};

/// What Ansible's `parse_address` recognises: an address or a name, and a port behind its last colon. `None` for anything
/// else, e.g. a list of patterns with colons between.
pub(super) fn recognise(text: &str) -> Option<(&str, Option<&str>)> {
    let (name, number) = match text.rsplit_once(':') {
        Some((name, number)) if is_digits(number) => match name.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
            Some(inside) if !inside.is_empty() => (inside, Some(number)),
            // the colons of what is left must stand in brackets
            _ if outside_brackets(name).is_some_and(|outside| !outside.contains(':')) => (name, Some(number)),
            _ => (text, None),
        },
        _ => (text, None),
    };
    (is_name(name) || is_ipv6(name)).then_some((name, number))
}

/// The text without its ranges, each replaced by a digit; `None` if a bracket has no partner or what it holds is no range.
fn outside_brackets(text: &str) -> Option<String> {
    let mut outside = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('[') {
        let (inside, after) = after.split_once(']')?;
        let bounds: Vec<&str> = inside.split(':').collect();
        let is_bound = |bound: &&str| !bound.is_empty() && bound.bytes().all(|b| b.is_ascii_alphanumeric());
        if before.contains(']') || !(2..=3).contains(&bounds.len()) || !bounds.iter().all(is_bound) {
            return None;
        }
        outside.push_str(before);
        outside.push('1');
        rest = after;
    }
    (!rest.contains(']')).then(|| outside + rest)
}

/// Labels of letters, digits, dashes and underscores, with dots between.
fn is_name(text: &str) -> bool {
    let is_label = |label: &str| {
        let inside = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
        !label.is_empty() && !label.starts_with('-') && !label.ends_with(['-', '_']) && label.chars().all(inside)
    };
    outside_brackets(text).is_some_and(|text| text.split('.').all(is_label))
}

fn is_ipv6(text: &str) -> bool {
    outside_brackets(text).is_some_and(|text| text.parse::<Ipv6Addr>().is_ok())
}

/// What is wrong with a host's name, where in the text, and what to do.
pub(super) struct BadName {
    pub(super) why: String,
    pub(super) hint: Option<String>,
    pub(super) span: Range<usize>,
}

/// All hosts that one word of an inventory names, and their port.
pub(super) fn expand(text: &str) -> Result<(Vec<String>, Option<u16>), BadName> {
    let bad = |why: String, hint: Option<String>, span: Range<usize>| BadName { why, hint, span };
    if let Some((at, c)) = text.char_indices().find(|(_, c)| c.is_control()) {
        let why = format!("the character U+{:04X} cannot stand in a host's name", u32::from(c));
        return Err(bad(why, Some("it cannot be seen; write the line anew".to_owned()), at..at + c.len_utf8()));
    }
    // brackets around an address, without a port behind them
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).filter(|inside| inside.parse::<Ipv6Addr>().is_ok());
    let (name, port) = match (bare, recognise(text)) {
        (Some(name), _) => (name, None),
        (None, Some((name, port))) => (name, port),
        (None, None) => (text, None),
    };
    let no_port = |written: &str| {
        let why = format!("`{written}` is no port: a port is a number from 1 to 65535");
        bad(why, None, text.len() - written.len()..text.len())
    };
    let port = match port.map(|written| (written, written.parse::<u16>())) {
        None => None,
        Some((_, Ok(port))) if port > 0 => Some(port),
        Some((written, _)) => return Err(no_port(written)),
    };
    // an address or a name, and behind it what was meant for a port
    let behind = text.rsplit_once(':').filter(|(name, written)| {
        let name = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
        port.is_none() && !written.is_empty() && !written.contains(['/', ']']) && !text.contains("{{") && (is_ipv6(name) || is_name(name))
    });
    if let Some((_, written)) = behind.filter(|_| name.parse::<Ipv6Addr>().is_err() && !is_ipv6(name)) {
        return Err(no_port(written));
    }
    let offset = usize::from(text.starts_with('[') && !name.starts_with('['));
    let names = if range::has_range(name) {
        range::expand(name).map_err(|range| bad(range.why, Some(range.hint), offset + range.span.start..offset + range.span.end))?
    } else {
        vec![name.to_owned()]
    };
    match names.iter().find_map(|name| complaint(name)) {
        Some((why, hint, odd)) => {
            let span = odd.and_then(|odd| text.find(odd).map(|at| at..at + odd.len_utf8())).unwrap_or(0..text.len());
            Err(bad(why, hint, span))
        }
        None => Ok((names, port)),
    }
}

/// Why a text cannot name a host, what to do, and the letter that is wrong if it is one.
fn complaint(name: &str) -> Option<(String, Option<String>, Option<char>)> {
    let whole = |why: String, hint: &str| Some((why, (!hint.is_empty()).then(|| hint.to_owned()), None));
    if name.trim().is_empty() {
        return whole("this names no host".into(), "");
    }
    if name == "---" {
        return whole("`---` begins a YAML document, and this is read as INI".into(), "give the file the ending .yml");
    }
    if name.starts_with('-') {
        return whole(format!("`{name}` begins with a dash: a host's name cannot"), "");
    }
    if let Some((variable, _)) = name.split_once('=') {
        let hint = "variables of a group stand in a section `[group:vars]`, those of a host behind its name";
        return whole(format!("`{variable}` is a variable, and a host is expected here"), hint);
    }
    if let Some(name) = name.strip_suffix(':') {
        let hint = format!("write `{name}`, or with a port `{name}:22`; if this is YAML, give the file the ending .yml");
        return whole(format!("`{name}:` ends in a colon"), &hint);
    }
    if name.contains("{{") {
        return whole("a template cannot name a host".into(), "write the name itself, and the template as its `ansible_host`");
    }
    if let Some((_, rest)) = name.split_once("://") {
        let host = rest.split(['/', ':']).next().unwrap_or_default();
        return whole(format!("`{name}` is a URL, and a host is expected here"), &format!("write `{host}`"));
    }
    let network = name.split_once('/').filter(|(address, length)| address.parse::<std::net::IpAddr>().is_ok() && is_digits(length));
    if network.is_some() {
        return whole(
            format!("`{name}` is a network, and a host is expected here"),
            "write the hosts' own addresses, e.g. as `10.0.0.[1:9]`",
        );
    }
    let odd = |c: &char| c.is_whitespace() || "'\"`$\\,;&|<>(){}*?!#[]".contains(*c) || *c == '%' && !name.contains(':');
    if let Some(odd) = name.chars().find(odd) {
        let hint = match odd {
            ',' => Some("hosts stand one on a line, without commas"),
            '*' | '?' => Some("name each host; patterns stand on the command line"),
            '{' | '(' => Some("a range is written `[1:3]`"),
            ']' => Some("its `[` is missing; a range is written `[1:3]`"),
            _ => None,
        };
        return Some((format!("`{odd}` cannot stand in a host's name"), hint.map(str::to_owned), Some(odd)));
    }
    if name.contains(':') && name.split('%').next().is_some_and(|address| address.parse::<Ipv6Addr>().is_err()) {
        return whole(format!("`{name}` is no IPv6 address"), "a name has at most one colon, before its port: `m1:22`");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_addresses_ranges_and_ports() {
        for (text, names, port) in [
            ("m1", "m1", None),
            ("m1.lan:2222", "m1.lan", Some(2222)),
            ("10.0.0.1", "10.0.0.1", None),
            ("fd00::1", "fd00::1", None),
            ("[fd00::1]", "fd00::1", None),
            ("[fd00::1]:22", "fd00::1", Some(22)),
            ("[m1]:22", "m1", Some(22)),
            ("fe80::1%eth0", "fe80::1%eth0", None),
            ("m[1:2]:22", "m1 m2", Some(22)),
            ("fd00::[1:2]", "fd00::1 fd00::2", None),
            ("10.0.0.[1:2]:2222", "10.0.0.1 10.0.0.2", Some(2222)),
            ("/srv/root", "/srv/root", None),
            ("[:2]", "0 1 2", None),
        ] {
            let (found, found_port) = expand(text).map_err(|bad| bad.why).unwrap();
            assert_eq!((found.join(" ").as_str(), found_port), (names, port), "{text}");
        }
        for text in
            ["", ":22", "m1:", "m1:0", "m1:99999", "m1:x", "a:b:c", "[m1", "[m1]x", "-oProxyCommand=x", "a b", "m;1", "[]", "---", "m[3:1]"]
        {
            assert!(expand(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_an_address_and_what_a_list_of_patterns() {
        for text in ["m1", "web:22", "fd00::1", "m[1:3]", "m[1:3].lan:22", "a_b-c.d", "[::1]:22"] {
            assert!(recognise(text).is_some(), "{text}");
        }
        for text in ["a:b", "a:&b", "m[1:3]:w", "web*", "a:b:22", "m[0]", "-x", "x-", "all:!x"] {
            assert!(recognise(text).is_none(), "{text}");
        }
    }
}
