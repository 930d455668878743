//! Users, the environment and what is in a few files: the small collectors of facts/system.

use serde_json::{Map, Value, json};

use super::gather::{Gather, Made, known};
use crate::node::facts::{Environment, Login, Saying, Text, User};

pub(super) fn user(gather: &Gather<'_>) -> Made {
    let Some(login) = gather.ask(Login) else { return Vec::new() };
    let account = gather.ask(User::new(&login.user));
    let account = account.as_ref();
    known([
        ("user_id", Some(login.user.clone().into())),
        ("user_uid", Some(account.map_or(login.uid, |account| account.uid).into())),
        ("user_gid", Some(account.map_or(login.gid, |account| account.gid).into())),
        ("user_gecos", account.map(|account| account.comment.clone().into())),
        ("user_dir", account.map(|account| account.home.clone().into())),
        ("user_shell", account.map(|account| account.shell.clone().into())),
        ("real_user_id", Some(login.uid.into())),
        ("effective_user_id", Some(login.uid.into())),
        ("real_group_id", Some(login.gid.into())),
        ("effective_group_id", Some(login.gid.into())),
    ])
}

pub(super) fn environment(gather: &Gather<'_>) -> Made {
    known([("env", gather.ask(Environment).map(|variables| variables.into_iter().collect()))])
}

pub(super) fn cmdline(gather: &Gather<'_>) -> Made {
    let Some(text) = gather.text("/proc/cmdline").filter(|text| !text.trim().is_empty()) else { return Vec::new() };
    let (mut last, mut all) = (Map::new(), Map::new());
    for word in words(&text) {
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name.to_owned(), Value::from(value)),
            None => (word.clone(), Value::from(true)),
        };
        last.insert(name.clone(), value.clone());
        match all.get_mut(&name) {
            Some(Value::Array(values)) if value.is_string() => values.push(value),
            Some(known) if value.is_string() => *known = json!([known.clone(), value]),
            _ => {
                all.insert(name, value);
            }
        }
    }
    vec![("cmdline".into(), last.into()), ("proc_cmdline".into(), all.into())]
}

/// Cut at blanks outside quotes; the quotes stay.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for c in text.trim().chars() {
        match quote {
            None if c.is_whitespace() => words.push(String::new()),
            None if matches!(c, '"' | '\'') => quote = Some(c),
            Some(open) if open == c => quote = None,
            _ => {}
        }
        if let Some(word) = words.last_mut().filter(|_| quote.is_some() || !c.is_whitespace()) {
            word.push(c);
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

pub(super) fn dns(gather: &Gather<'_>) -> Made {
    let texts = gather.texts(&["/etc/resolv.conf"]);
    let text = match texts.first() {
        Some(Text::Is(text)) => text.as_str(),
        Some(Text::Absent) => "",
        Some(Text::Unreadable) | None => return Vec::new(),
    };
    vec![("dns".into(), resolver(text).into())]
}

fn resolver(text: &str) -> Map<String, Value> {
    let mut dns = Map::new();
    for line in text.lines().filter(|line| !line.starts_with(['#', ';'])) {
        let mut tokens = line.split_whitespace();
        let Some(name) = tokens.next() else { continue };
        match name {
            "nameserver" => {
                if let Some(Value::Array(known)) = dns.get_mut("nameservers") {
                    known.extend(tokens.map(Value::from));
                } else {
                    dns.insert("nameservers".into(), tokens.collect::<Vec<_>>().into());
                }
            }
            "domain" => {
                if let Some(domain) = tokens.next() {
                    dns.insert("domain".into(), domain.into());
                }
            }
            "search" | "sortlist" => {
                dns.insert(name.into(), tokens.collect::<Vec<_>>().into());
            }
            "options" => {
                let option = |token: &str| match token.split_once(':') {
                    Some((name, value)) if !value.is_empty() => (name.to_owned(), Value::from(value)),
                    Some((name, _)) => (name.to_owned(), true.into()),
                    None => (token.to_owned(), true.into()),
                };
                dns.insert("options".into(), Value::Object(tokens.map(option).collect()));
            }
            _ => {}
        }
    }
    dns
}

pub(super) fn fips(gather: &Gather<'_>) -> Made {
    let texts = gather.texts(&["/proc/sys/crypto/fips_enabled"]);
    let enabled = match texts.first() {
        Some(Text::Is(text)) => Some(text.trim() == "1"),
        Some(Text::Absent) => Some(false),
        Some(Text::Unreadable) | None => None,
    };
    known([("fips", enabled.map(Into::into))])
}

pub(super) fn selinux(gather: &Gather<'_>) -> Made {
    let texts = gather.texts(&["/sys/fs/selinux/enforce", "/sys/fs/selinux/policyvers", "/etc/selinux/config"]);
    let [enforce, version, config] = texts.as_slice() else { return Vec::new() };
    let status = match enforce {
        Text::Absent => json!({"status": "disabled"}),
        Text::Unreadable => return Vec::new(),
        Text::Is(enforce) => {
            let setting = |name: &str| {
                let line = config.is()?.lines().rev().find_map(|line| line.trim().strip_prefix(name)?.strip_prefix('='))?;
                Some(line.trim().to_lowercase())
            };
            json!({
                "status": "enabled",
                "mode": if enforce.trim() == "1" { "enforcing" } else { "permissive" },
                "policyvers": version.is().and_then(|version| version.trim().parse::<u32>().ok()).map_or("unknown".into(), Value::from),
                "config_mode": setting("SELINUX").unwrap_or_else(|| "unknown".into()),
                "type": setting("SELINUXTYPE").unwrap_or_else(|| "unknown".into()),
            })
        }
    };
    vec![("selinux".into(), status)]
}

pub(super) fn apparmor(gather: &Gather<'_>) -> Made {
    let status = gather.exists("/sys/kernel/security/apparmor").map(|there| json!({"status": if there { "enabled" } else { "disabled" }}));
    known([("apparmor", status)])
}

pub(super) fn chroot(gather: &Gather<'_>) -> Made {
    let (roots, environment) = (gather.ask(Saying::Roots), gather.ask(Environment));
    let named = environment.is_some_and(|variables| variables.get("debian_chroot").is_some_and(|name| !name.is_empty()));
    let differ = roots.and_then(|roots| roots.split_once('\n').map(|(own, first)| own.trim() != first.trim()));
    known([("is_chroot", if named { Some(true.into()) } else { differ.map(Into::into) })])
}

pub(super) fn load(gather: &Gather<'_>) -> Made {
    let text = gather.text("/proc/loadavg").unwrap_or_default();
    let numbers: Vec<f64> = text.split(' ').take(3).filter_map(|number| number.parse().ok()).collect();
    match numbers.as_slice() {
        [one, five, fifteen] => vec![("loadavg".into(), json!({"1m": one, "5m": five, "15m": fifteen}))],
        _ => Vec::new(),
    }
}

pub(super) fn host_keys(gather: &Gather<'_>) -> Made {
    let kinds = ["dsa", "rsa", "ecdsa", "ed25519"];
    let paths = kinds.map(|kind| format!("/etc/ssh/ssh_host_{kind}_key.pub"));
    let texts = gather.texts(&paths.each_ref().map(String::as_str));
    let mut made = Vec::new();
    for (kind, text) in kinds.iter().zip(texts) {
        let mut words = text.is().unwrap_or_default().split_whitespace();
        if let (Some(keytype), Some(key)) = (words.next(), words.next()) {
            made.push((format!("ssh_host_key_{kind}_public"), key.into()));
            made.push((format!("ssh_host_key_{kind}_public_keytype"), keytype.into()));
        }
    }
    made
}

pub(super) fn iscsi(gather: &Gather<'_>) -> Made {
    let name = match gather.texts(&["/etc/iscsi/initiatorname.iscsi"]).first() {
        Some(Text::Is(text)) => {
            let line = text.lines().filter(|line| !line.starts_with(['#', ';'])).find_map(|line| line.strip_prefix("InitiatorName="));
            Some(line.unwrap_or_default().trim().into())
        }
        Some(Text::Absent) => Some("".into()),
        _ => None,
    };
    known([("iscsi_iqn", name)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resolver_is_read() {
        let dns =
            resolver("# c\nnameserver 192.0.2.1\nnameserver 192.0.2.2\nsearch a.example b.example\noptions ndots:2 rotate\ndomain x\n");
        assert_eq!(
            Value::from(dns),
            json!({"nameservers": ["192.0.2.1", "192.0.2.2"], "search": ["a.example", "b.example"],
                "options": {"ndots": "2", "rotate": true}, "domain": "x"})
        );
    }

    #[test]
    fn quotes_keep_words_together() {
        assert_eq!(words("a=1 b='c d'  quiet\n"), ["a=1", "b='c d'", "quiet"]);
        assert_eq!(words(""), [""; 0]);
    }
}
