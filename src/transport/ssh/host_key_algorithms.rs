//! Which kinds of host key are asked for, most wanted first.

use russh::Preferred;
use russh::keys::Algorithm;

use super::host_key::recorded_as;
use crate::transport::known_hosts::{KnownHosts, PreferredKeys};
use crate::transport::pattern::{ListMatch, matches_list};
use crate::transport::ssh_config::HostConfig;

/// What we can do, as `HostKeyAlgorithms` (ssh_config(5)) changes it; those that are recorded first, unless it is a list of
/// its own, so that the host shows the key that we know.
pub(super) fn host_key_algorithms(known: &KnownHosts, config: &HostConfig) -> PreferredKeys {
    let ours = Preferred::default().key.to_vec();
    let name = recorded_as(config);
    let Some(spec) = &config.host_key_algorithms else { return known.preferred(&name, &ours) };
    let keep_order = |keys: Vec<Algorithm>, certificates| PreferredKeys { keys, certificates };
    let listed = |list: &str, of: &str| list.split(',').any(|item| item.trim() == of);
    match (spec.get(..1), spec.get(1..)) {
        // all that we can do is asked for already
        (Some("+"), _) => known.preferred(&name, &ours),
        (Some("-"), Some(list)) => {
            let is_left = |name: &str| matches_list(name, list) != ListMatch::Yes;
            let mut left = known.preferred(&name, &ours.into_iter().filter(|a| is_left(a.as_str())).collect::<Vec<_>>());
            left.certificates.retain(|a| is_left(&a.to_certificate_type()));
            left
        }
        (Some("^"), Some(list)) => {
            let certificates = known.preferred(&name, &ours).certificates;
            let (first, rest): (Vec<_>, Vec<_>) = ours.into_iter().partition(|a| matches_list(a.as_str(), list) == ListMatch::Yes);
            keep_order([first, rest].concat(), certificates)
        }
        _ => {
            let order: Vec<&str> = spec.split(',').map(str::trim).collect();
            let keys = order.iter().filter_map(|name| ours.iter().find(|a| a.as_str() == *name).cloned()).collect();
            let certificates = known.preferred(&name, &ours).certificates;
            keep_order(keys, certificates.into_iter().filter(|a| listed(spec, &a.to_certificate_type())).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::ssh_config::{Local, Lookup, SshConfig};

    fn asked(spec: &str) -> Vec<String> {
        let options = [format!("HostKeyAlgorithms={spec}")];
        let local = Local { home: "/home/pat".into(), user: "pat".into(), ..Local::default() };
        let (config, _) = SshConfig::parse(&[]).unwrap();
        let lookup = Lookup { host: "h", options: &options, ..Lookup::default() };
        let host = config.resolve(&lookup, &local, &mut |_| false).unwrap();
        let keys = host_key_algorithms(&KnownHosts::default(), &host).keys;
        keys.iter().map(|a| a.as_str().to_owned()).collect()
    }

    #[test]
    fn a_list_is_all_that_is_asked_for_in_its_order() {
        assert_eq!(asked("rsa-sha2-256,ssh-ed25519"), ["rsa-sha2-256", "ssh-ed25519"]);
    }

    #[test]
    fn plus_minus_and_caret_change_the_usual_list() {
        let usual = asked("+ssh-ed25519");
        assert!(usual.len() > 3);
        assert!(!asked("-rsa-*").iter().any(|name| name.starts_with("rsa")));
        let first = asked("^rsa-sha2-256");
        assert_eq!((first.first().map(String::as_str), first.len()), (Some("rsa-sha2-256"), usual.len()));
    }
}
