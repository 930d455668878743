//! From collected values to what holds: defaults, tokens, `~`, addresses.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use std::time::Duration;

use super::options::{ListedFile, Options, Set};
use super::tokens::{self, Tokens, Why};
use super::types::{Hop, HostConfig, IdentityFile, Local, Lookup, Proxy};
use crate::diagnostics::{Diagnostic, Diagnostics, Place};

/// The keys that ssh tries if the user names none, in `~/.ssh`.
const DEFAULT_IDENTITIES: [&str; 7] = ["id_rsa", "id_ecdsa", "id_ecdsa_sk", "id_ed25519", "id_ed25519_sk", "id_xmss", "id_dsa"];
const DEFAULT_GLOBAL_KNOWN_HOSTS: [&str; 2] = ["/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"];
const DEFAULT_USER_KNOWN_HOSTS: [&str; 2] = ["~/.ssh/known_hosts", "~/.ssh/known_hosts2"];
/// Debian's ssh asks for a sign of life every five minutes in batch mode.
const BATCH_MODE_ALIVE_SECONDS: u32 = 300;

/// What the tokens are made of.
#[allow(missing_docs)]
pub struct Names<'a> {
    pub host: &'a str,
    pub original: &'a str,
    pub user: &'a str,
    pub port: u16,
    pub alias: &'a str,
    pub jump: Option<&'a str>,
}

/// The tokens of most keywords.
pub fn all_tokens(names: &Names<'_>, local: &Local) -> Tokens {
    let short = local.host_name.split('.').next().unwrap_or_default().to_owned();
    let mut tokens = vec![
        ('C', tokens::connection_hash(&local.host_name, names.host, names.port, names.user)),
        ('L', short),
        ('d', local.home.clone()),
        ('i', local.uid.to_string()),
        ('j', names.jump.unwrap_or_default().to_owned()),
        ('l', local.host_name.clone()),
        ('u', local.user.clone()),
    ];
    tokens.extend(proxy_values(names));
    Tokens::new(tokens)
}

fn proxy_values(names: &Names<'_>) -> [(char, String); 5] {
    [
        ('h', names.host.to_owned()),
        ('k', names.alias.to_owned()),
        ('n', names.original.to_owned()),
        ('p', names.port.to_string()),
        ('r', names.user.to_owned()),
    ]
}

/// The tokens of `HostName`.
pub fn host_tokens(original: &str) -> Tokens {
    Tokens::new([('h', original.to_owned())])
}

/// An address as getnameinfo(3) writes it; `None` if `host` is none. `10` and `127.1` are addresses too.
pub fn canonical_address(host: &str) -> Option<String> {
    let (address, zone) = host.split_once('%').map_or((host, None), |(address, zone)| (address, Some(zone)));
    if let Ok(v6) = address.parse::<Ipv6Addr>() {
        return Some(zone.map_or_else(|| v6.to_string(), |zone| format!("{v6}%{zone}")));
    }
    if zone.is_some() { None } else { inet_aton(host).map(|v4| v4.to_string()) }
}

/// An IPv4 address of one to four numbers, decimal, octal or hexadecimal (inet_aton(3)).
fn inet_aton(text: &str) -> Option<Ipv4Addr> {
    let mut parts = Vec::new();
    for part in text.split('.') {
        let lower = part.to_ascii_lowercase();
        let number = match lower.strip_prefix("0x") {
            Some(hex) => u32::from_str_radix(hex, 16),
            None if lower.len() > 1 && lower.starts_with('0') => u32::from_str_radix(&lower, 8),
            None => lower.parse(),
        };
        // `parse` takes a sign, inet_aton does not.
        parts.push(number.ok().filter(|_| !lower.contains('+'))?);
    }
    let (&last, before) = parts.split_last()?;
    let room = 32 - 8 * u32::try_from(before.len()).ok().filter(|&n| n < 4)?;
    if before.iter().any(|&part| part > 255) || u64::from(last) >= 1 << room {
        return None;
    }
    let high = before.iter().enumerate().map(|(at, &part)| part << (24 - 8 * at)).sum::<u32>();
    Some(Ipv4Addr::from(high | last))
}

/// Puts everything together. Problems go to `errors`; what they concern is left out.
pub fn finish(options: &Options, lookup: &Lookup<'_>, local: &Local, host: &str, errors: &mut Diagnostics) -> HostConfig {
    let port = options.port.unwrap_or(22);
    let user = options.user.clone().unwrap_or_else(|| local.user.clone());
    let alias = options.host_key_alias.as_deref().unwrap_or(lookup.host);
    let jump = options.jumps().last().map(|hop| hop.host.as_str());
    let names = Names { host, original: lookup.host, user: &user, port, alias, jump };
    let mut expander = Expander { tokens: all_tokens(&names, local), local, errors };
    let batch_mode = options.batch_mode.unwrap_or(false);
    let alive = options.server_alive_interval.unwrap_or(if batch_mode { BATCH_MODE_ALIVE_SECONDS } else { 0 });
    HostConfig {
        original: lookup.host.to_owned(),
        host_name: host.to_owned(),
        port,
        identity_files: expander.identities(&options.identity_files),
        identities_only: options.identities_only.unwrap_or(false),
        certificate_files: expander.listed("CertificateFile", &options.certificate_files).into_iter().map(|(path, _)| path).collect(),
        identity_agent: expander.agent(options.identity_agent.as_ref()),
        proxy: expander.proxy(options, &names),
        user_known_hosts_files: expander.user_known_hosts(options.user_known_hosts_files.as_ref()),
        global_known_hosts_files: expander.global_known_hosts(options.global_known_hosts_files.as_ref()),
        strict_host_key_checking: options.strict_host_key_checking.unwrap_or_default(),
        host_key_alias: options.host_key_alias.clone(),
        hash_known_hosts: options.hash_known_hosts.unwrap_or(false),
        connect_timeout: duration(options.connect_timeout.unwrap_or(0)),
        connection_attempts: options.connection_attempts.unwrap_or(1),
        server_alive_interval: duration(alive),
        server_alive_count_max: options.server_alive_count_max.unwrap_or(3),
        tcp_keep_alive: options.tcp_keep_alive.unwrap_or(true),
        preferred_authentications: options
            .preferred_authentications
            .as_ref()
            .map(|list| list.split(',').filter(|method| !method.is_empty()).map(str::to_owned).collect()),
        password_authentication: options.password_authentication.unwrap_or(true),
        pubkey_authentication: options.pubkey_authentication.unwrap_or(true),
        kbd_interactive_authentication: options.kbd_interactive_authentication.unwrap_or(true),
        number_of_password_prompts: options.number_of_password_prompts.unwrap_or(3),
        batch_mode,
        host_key_algorithms: options.host_key_algorithms.clone(),
        address_family: options.address_family.unwrap_or_default(),
        bind_address: options.bind_address.clone(),
        not_honoured: options.not_honoured.clone(),
        user,
    }
}

/// Zero is "no bound" for both times that ssh has.
fn duration(seconds: u32) -> Option<Duration> {
    (seconds > 0).then(|| Duration::from_secs(seconds.into()))
}

struct Expander<'a> {
    tokens: Tokens,
    local: &'a Local,
    errors: &'a mut Diagnostics,
}

impl Expander<'_> {
    fn complain(&mut self, keyword: &str, why: &str, place: Option<&Place>) {
        let mut error = Diagnostic::error(format!("`{keyword}`: {why}"));
        error.place = place.cloned();
        self.errors.push(error);
    }

    /// `~` first, then tokens and variables, as ssh does.
    fn path(&self, text: &str) -> Result<PathBuf, Why> {
        let text = tokens::tilde(text, self.local)?;
        self.tokens.expand_env(&text, self.local).map(PathBuf::from)
    }

    fn listed(&mut self, keyword: &str, files: &[ListedFile]) -> Vec<(PathBuf, bool)> {
        let mut paths = Vec::new();
        for file in files {
            // `none` keeps ssh's own list away and is no file.
            if file.path.eq_ignore_ascii_case("none") {
                continue;
            }
            match self.path(&file.path) {
                Ok(path) => paths.push((path, file.by_user)),
                Err(why) => self.complain(keyword, &why, file.place.as_ref()),
            }
        }
        paths
    }

    fn identities(&mut self, files: &[ListedFile]) -> Vec<IdentityFile> {
        if files.is_empty() {
            let path = |name| PathBuf::from(format!("{}/.ssh/{name}", self.local.home));
            return DEFAULT_IDENTITIES.iter().map(|name| IdentityFile { path: path(name), named: false }).collect();
        }
        self.listed("IdentityFile", files).into_iter().map(|(path, named)| IdentityFile { path, named }).collect()
    }

    fn agent(&mut self, written: Option<&Set<String>>) -> Option<PathBuf> {
        let socket = |name: &str| self.local.env.get(name).filter(|path| !path.is_empty()).map(PathBuf::from);
        let Some(set) = written else { return socket("SSH_AUTH_SOCK") };
        match set.value.as_str() {
            "none" => None,
            "SSH_AUTH_SOCK" => socket("SSH_AUTH_SOCK"),
            text => match text.strip_prefix('$').filter(|name| !name.starts_with('{')) {
                Some(name) if name.is_empty() || name.contains(|c: char| !c.is_ascii_alphanumeric() && c != '_') => {
                    self.complain("IdentityAgent", &format!("`{text}` names no variable"), Some(&set.place));
                    None
                }
                Some(name) => socket(name),
                None => self.path(text).map_err(|why| self.complain("IdentityAgent", &why, Some(&set.place))).ok(),
            },
        }
    }

    fn proxy(&mut self, options: &Options, names: &Names<'_>) -> Proxy {
        let tokens = Tokens::new(proxy_values(names));
        if let Some(set) = options.proxy_jump.as_ref().filter(|set| !set.value.is_empty()) {
            let hop = |hop: &Hop| -> Result<Hop, Why> {
                let user = hop.user.as_deref().map(|user| tokens.expand(user)).transpose()?;
                Ok(Hop { user, host: tokens.expand(&hop.host)?, port: hop.port })
            };
            let hops = match set.value.iter().map(hop).collect::<Result<Vec<Hop>, Why>>() {
                Ok(hops) => hops,
                Err(why) => {
                    self.complain("ProxyJump", &why, Some(&set.place));
                    return Proxy::None;
                }
            };
            let itself = |hop: &Hop| {
                hop.host == names.host && hop.port.unwrap_or(22) == names.port && hop.user.as_deref().unwrap_or(names.user) == names.user
            };
            if hops.last().is_some_and(itself) {
                self.complain("ProxyJump", &format!("{} would jump through itself", names.host), Some(&set.place));
            }
            return Proxy::Jump(hops);
        }
        let Some(set) = options.proxy_command.as_ref().filter(|set| !set.value.eq_ignore_ascii_case("none")) else {
            return Proxy::None;
        };
        tokens.expand(&set.value).map_or_else(
            |why| {
                self.complain("ProxyCommand", &why, Some(&set.place));
                Proxy::None
            },
            Proxy::Command,
        )
    }

    fn user_known_hosts(&mut self, written: Option<&Set<Vec<String>>>) -> Vec<PathBuf> {
        let Some(set) = written else {
            return DEFAULT_USER_KNOWN_HOSTS.iter().filter_map(|path| tokens::tilde(path, self.local).ok()).map(PathBuf::from).collect();
        };
        let mut paths = Vec::new();
        for text in set.value.iter().filter(|text| !text.eq_ignore_ascii_case("none")) {
            match self.path(text) {
                Ok(path) => paths.push(path),
                Err(why) => self.complain("UserKnownHostsFile", &why, Some(&set.place)),
            }
        }
        paths
    }

    /// Tokens have no meaning here, only `~`.
    fn global_known_hosts(&mut self, written: Option<&Set<Vec<String>>>) -> Vec<PathBuf> {
        let Some(set) = written else { return DEFAULT_GLOBAL_KNOWN_HOSTS.iter().map(PathBuf::from).collect() };
        let mut paths = Vec::new();
        for text in set.value.iter().filter(|text| !text.eq_ignore_ascii_case("none")) {
            match tokens::tilde(text, self.local) {
                Ok(path) => paths.push(PathBuf::from(path)),
                Err(why) => self.complain("GlobalKnownHostsFile", &why, Some(&set.place)),
            }
        }
        paths
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_take_their_usual_form() {
        for (written, wanted) in [
            ("127.1", Some("127.0.0.1")),
            ("10", Some("0.0.0.10")),
            ("0x7f.0.0.010", Some("127.0.0.8")),
            ("::0001", Some("::1")),
            ("FE80::1%eth0", Some("fe80::1%eth0")),
            ("1.2.3.256", None),
            ("1.2.3.4.5", None),
            ("+1", None),
            ("", None),
            ("node1", None),
        ] {
            assert_eq!(canonical_address(written).as_deref(), wanted, "{written}");
        }
    }
}
