//! A host as it is named in an inventory: a name or an address, perhaps with a port.

use std::net::Ipv6Addr;

/// `name`, `name:port`, `[v6]`, `[v6]:port` or a bare IPv6 address; or why it is none of these.
pub(super) fn parse(text: &str) -> Result<(&str, Option<u16>), String> {
    let (name, port) = split(text)?;
    if name.is_empty() {
        return Err(format!("`{text}` names no host"));
    }
    if name.starts_with('-') {
        return Err(format!("`{text}` begins with a dash: a host's name cannot"));
    }
    if let Some(odd) = name
        .chars()
        .find(|c| c.is_whitespace() || c.is_control() || "'\"`$\\/@,;&|<>(){}*?!#=[]".contains(*c) || *c == '%' && !name.contains(':'))
    {
        return Err(format!("`{}` cannot stand in a host's name", odd.escape_default()));
    }
    if name.contains(':') && name.split('%').next().is_some_and(|address| address.parse::<Ipv6Addr>().is_err()) {
        return Err(format!("`{name}` is no IPv6 address, and a name has at most one colon, before its port"));
    }
    Ok((name, port))
}

fn split(text: &str) -> Result<(&str, Option<u16>), String> {
    let port = |port: &str| match port.parse::<u16>() {
        Ok(number) if number > 0 => Ok(Some(number)),
        _ => Err(format!("`{port}` is no port: a number from 1 to 65535")),
    };
    if let Some(bracketed) = text.strip_prefix('[') {
        return match bracketed.split_once(']') {
            Some((name, "")) => Ok((name, None)),
            Some((name, rest)) => match rest.strip_prefix(':') {
                Some(number) => Ok((name, port(number)?)),
                None => Err(format!("`{text}` goes on after its bracket")),
            },
            None => Err(format!("`{text}` has a bracket that is not closed")),
        };
    }
    match text.split_once(':') {
        Some((name, number)) if !number.contains(':') => Ok((name, port(number)?)),
        _ => Ok((text, None)),
    }
}

/// Whether there is a range such as `[1:3]` or `[a:c]` in it.
pub(super) fn has_range(text: &str) -> bool {
    text.split('[').skip(1).filter_map(|rest| rest.split_once(']')).any(|(inside, _)| {
        let ends: Vec<&str> = inside.split(':').collect();
        let is_end = |end: &&str| {
            !end.is_empty() && (end.bytes().all(|b| b.is_ascii_digit()) || end.len() == 1 && end.bytes().all(|b| b.is_ascii_alphabetic()))
        };
        (2..=3).contains(&ends.len()) && ends.iter().all(is_end)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_addresses_and_ports() {
        for (text, name, port) in [
            ("m1", "m1", None),
            ("m1.lan:2222", "m1.lan", Some(2222)),
            ("10.0.0.1", "10.0.0.1", None),
            ("fd00::1", "fd00::1", None),
            ("[fd00::1]", "fd00::1", None),
            ("[fd00::1]:22", "fd00::1", Some(22)),
            ("[m1]:22", "m1", Some(22)),
            ("fe80::1%eth0", "fe80::1%eth0", None),
        ] {
            assert_eq!(parse(text), Ok((name, port)));
        }
        for text in ["", ":22", "m1:", "m1:0", "m1:99999", "m1:x", "a:b:c", "[m1", "[m1]x", "-oProxyCommand=x", "a b", "m;1", "[]"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn ranges() {
        assert!(["node[1:3].lan", "[a:c]", "w[01:10:2]", "x[3:1]"].iter().all(|text| has_range(text)));
        assert!(["[fd00::1]:22", "[m1]:22", "m1", "[::1]"].iter().all(|text| !has_range(text)));
    }
}
