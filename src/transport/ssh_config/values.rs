//! What stands after a keyword: numbers, times, switches, jump chains.

use super::types::{AddressFamily, Hop, StrictHostKeyChecking};

/// A value that cannot be read: what is wrong with it, and a hint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bad {
    /// For the message.
    pub why: String,
    /// What would be right.
    pub hint: Option<String>,
}

impl Bad {
    /// A problem.
    pub fn new(why: impl Into<String>) -> Self {
        Self { why: why.into(), hint: None }
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

type Parsed<T> = Result<T, Bad>;

/// `yes`, `no`, `true`, `false`.
///
/// # Errors
/// Anything else.
pub fn switch(text: &str) -> Parsed<bool> {
    match text.to_ascii_lowercase().as_str() {
        "yes" | "true" => Ok(true),
        "no" | "false" => Ok(false),
        _ => Err(Bad::new(format!("`{text}` is neither yes nor no")).hint("write `yes` or `no`")),
    }
}

/// `PubkeyAuthentication` knows two more ways to say yes.
///
/// # Errors
/// Anything else.
pub fn pubkey_authentication(text: &str) -> Parsed<bool> {
    match text.to_ascii_lowercase().as_str() {
        "unbound" | "host-bound" => Ok(true),
        _ => switch(text),
    }
}

/// `yes`, `no`, `off`, `ask`, `accept-new`.
///
/// # Errors
/// Anything else.
pub fn strict_host_key_checking(text: &str) -> Parsed<StrictHostKeyChecking> {
    match text.to_ascii_lowercase().as_str() {
        "yes" | "true" => Ok(StrictHostKeyChecking::Yes),
        "no" | "false" | "off" => Ok(StrictHostKeyChecking::No),
        "ask" => Ok(StrictHostKeyChecking::Ask),
        "accept-new" => Ok(StrictHostKeyChecking::AcceptNew),
        _ => Err(Bad::new(format!("`{text}` is no way to check host keys")).hint("write `yes`, `accept-new`, `ask` or `no`")),
    }
}

/// `any`, `inet`, `inet6`.
///
/// # Errors
/// Anything else.
pub fn address_family(text: &str) -> Parsed<AddressFamily> {
    match text.to_ascii_lowercase().as_str() {
        "any" => Ok(AddressFamily::Any),
        "inet" => Ok(AddressFamily::Inet),
        "inet6" => Ok(AddressFamily::Inet6),
        _ => Err(Bad::new(format!("`{text}` is no address family")).hint("write `any`, `inet` or `inet6`")),
    }
}

/// A port: 1 to 65535, or the name `ssh`.
///
/// # Errors
/// Anything else; other names of /etc/services are not looked up.
pub fn port(text: &str) -> Parsed<u16> {
    if text == "ssh" {
        return Ok(22);
    }
    match text.trim_start().parse::<u16>() {
        Ok(port) if port > 0 => Ok(port),
        _ => Err(Bad::new(format!("`{text}` is no port")).hint("ports are numbers from 1 to 65535")),
    }
}

/// A number that is not negative.
///
/// # Errors
/// Anything else, and what does not fit 31 bits.
pub fn number(text: &str) -> Parsed<u32> {
    match text.trim_start().parse::<u32>() {
        Ok(number) if i32::try_from(number).is_ok() => Ok(number),
        _ => Err(Bad::new(format!("`{text}` is no number from 0 to {}", i32::MAX))),
    }
}

/// A time in seconds: `90`, `1m30s`, `1h30m`, `2d`, `1w`; `None` for `none`.
///
/// # Errors
/// Anything else, and what does not fit 31 bits.
pub fn seconds(text: &str) -> Parsed<Option<u32>> {
    if text == "none" {
        return Ok(None);
    }
    let bad = || Bad::new(format!("`{text}` is no time")).hint("times are seconds, or like `1m30s`, `2h`, `1d`");
    let mut total: u32 = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (number, unit) = rest.split_at(digits);
        let mut unit = unit.chars();
        let factor = match unit.next().map(|c| c.to_ascii_lowercase()) {
            None | Some('s') => 1,
            Some('m') => 60,
            Some('h') => 3600,
            Some('d') => 86_400,
            Some('w') => 604_800,
            Some(_) => return Err(bad()),
        };
        let part = number.parse::<u32>().map_err(|_| bad())?;
        total = part.checked_mul(factor).and_then(|part| part.checked_add(total)).ok_or_else(bad)?;
        rest = unit.as_str();
    }
    if text.is_empty() || i32::try_from(total).is_err() { Err(bad()) } else { Ok(Some(total)) }
}

/// The names of host key algorithms that OpenSSH knows, for `HostKeyAlgorithms`.
const ALGORITHMS: &[&str] = &[
    "ssh-ed25519",
    "ssh-ed25519-cert-v01@openssh.com",
    "sk-ssh-ed25519@openssh.com",
    "sk-ssh-ed25519-cert-v01@openssh.com",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp256-cert-v01@openssh.com",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp384-cert-v01@openssh.com",
    "ecdsa-sha2-nistp521",
    "ecdsa-sha2-nistp521-cert-v01@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com",
    "webauthn-sk-ecdsa-sha2-nistp256@openssh.com",
    "ssh-dss",
    "ssh-dss-cert-v01@openssh.com",
    "ssh-rsa",
    "ssh-rsa-cert-v01@openssh.com",
    "rsa-sha2-256",
    "rsa-sha2-256-cert-v01@openssh.com",
    "rsa-sha2-512",
    "rsa-sha2-512-cert-v01@openssh.com",
];

/// A comma list of host key algorithms (patterns may stand in it), with `+`, `-` or `^` before it.
///
/// # Errors
/// A name or pattern that fits no algorithm, except in a list that takes away.
pub fn algorithms(text: &str) -> Parsed<String> {
    if !text.starts_with('-') {
        let list = text.strip_prefix(['+', '^']).unwrap_or(text);
        let unknown = list.split(',').find(|pattern| !ALGORITHMS.iter().any(|name| super::super::pattern::matches(name, pattern)));
        if let Some(unknown) = unknown {
            return Err(Bad::new(format!("`{unknown}` is no host key algorithm")).hint("`ssh -Q HostKeyAlgorithms` lists them"));
        }
    }
    Ok(text.to_owned())
}

/// A jump chain, first hop first; empty for `none`.
///
/// # Errors
/// A hop without a host, with an empty user, or with a bad port.
pub fn jumps(text: &str) -> Parsed<Vec<Hop>> {
    let text = text.split('#').next().unwrap_or_default().trim_end();
    // ssh pastes the value into a shell command, which takes the quotes off.
    let text = text.strip_prefix('"').and_then(|inner| inner.strip_suffix('"')).unwrap_or(text);
    if text.eq_ignore_ascii_case("none") {
        return Ok(Vec::new());
    }
    text.split(',').map(hop).collect()
}

fn hop(text: &str) -> Parsed<Hop> {
    let bad =
        || Bad::new(format!("`{text}` is no jump host")).hint("write `host`, `user@host:port`, `[address]:port` or `ssh://user@host:port`");
    let (uri, rest) = match text.get(..6) {
        Some(scheme) if scheme.eq_ignore_ascii_case("ssh://") => (true, text.get(6..).unwrap_or_default()),
        _ => (false, text),
    };
    let (user, rest) = match rest.rsplit_once('@') {
        Some(("", _)) => return Err(bad()),
        Some((user, rest)) => (Some(user), rest),
        None => (None, rest),
    };
    let user = match user {
        Some(user) if uri => Some(url_decoded(user.split(';').next().unwrap_or_default()).ok_or_else(bad)?),
        user => user.map(str::to_owned),
    };
    let rest = if uri { rest.strip_suffix('/').unwrap_or(rest) } else { rest };
    let (host, after) = match rest.strip_prefix('[') {
        Some(bracketed) => bracketed.split_once(']').ok_or_else(bad)?,
        None => rest.split_at(rest.find([':', '/']).unwrap_or(rest.len())),
    };
    if host.is_empty() {
        return Err(bad());
    }
    let port = match after.strip_prefix([':', '/']) {
        None if after.is_empty() => None,
        None => return Err(bad()),
        Some("") => None,
        Some(text) => Some(port(text).map_err(|_| bad())?),
    };
    Ok(Hop { user, host: host.to_owned(), port })
}

fn url_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let high = char::from(rest.next()?).to_digit(16)?;
                let low = char::from(rest.next()?).to_digit(16)?;
                u8::try_from(high * 16 + low).ok()?
            }
            b'+' => b' ',
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok().filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn times() {
        assert_eq!(seconds("90"), Ok(Some(90)));
        assert_eq!(seconds("1h30m"), Ok(Some(5400)));
        assert_eq!(seconds("1h30"), Ok(Some(3630)));
        assert_eq!(seconds("1W1D1S"), Ok(Some(691_201)));
        assert_eq!(seconds("none"), Ok(None));
        for bad in ["", "x", "5x", "-1", "99999999999", "4000w", "m"] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn ports_and_numbers() {
        assert_eq!(port("+22"), Ok(22));
        assert_eq!(port("ssh"), Ok(22));
        assert!(port("0").is_err() && port("65536").is_err() && port("http").is_err());
        assert!(number("2147483648").is_err() && number("-1").is_err());
    }

    #[test]
    fn jump_chains() {
        let hop = |user: Option<&str>, host: &str, port| Hop { user: user.map(str::to_owned), host: host.to_owned(), port };
        assert_eq!(jumps("NONE"), Ok(vec![]));
        assert_eq!(jumps("a,b@c:33"), Ok(vec![hop(None, "a", None), hop(Some("b"), "c", Some(33))]));
        assert_eq!(jumps("a@b@[::1]:22 # why"), Ok(vec![hop(Some("a@b"), "::1", Some(22))]));
        assert_eq!(jumps("ssh://a%40b@c:5/"), Ok(vec![hop(Some("a@b"), "c", Some(5))]));
        for bad in ["", "@a", "a,,b", "::1", "a:b", "[::1", "[]", "ssh://a/b", "a:0"] {
            assert!(jumps(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn host_key_algorithms() {
        assert!(algorithms("ssh-ed25519,rsa-*").is_ok());
        assert!(algorithms("-whatever").is_ok());
        assert!(algorithms("+ssh-foo").is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,20}") {
            let _ = (jumps(&text), seconds(&text), port(&text), number(&text), algorithms(&text));
        }
    }
}
