//! Names as Kubernetes has them, which are also safe wherever they are written.

/// A DNS label: a namespace.
pub(super) fn is_label(name: &str) -> bool {
    name.len() <= 63 && is_word(name)
}

/// A DNS subdomain: a secret, a cluster's domain. As Kubernetes has it: only the whole has a longest length.
pub(super) fn is_subdomain(name: &str) -> bool {
    name.len() <= 253 && name.split('.').all(is_word)
}

fn is_word(name: &str) -> bool {
    let inside = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !name.is_empty() && name.bytes().all(inside) && !name.starts_with('-') && !name.ends_with('-')
}

/// The key of a label or a taint: a name of up to 63 letters, and before it perhaps a subdomain and a slash.
pub(super) fn is_key(key: &str) -> bool {
    let (prefix, name) = key.split_once('/').map_or((None, key), |(prefix, name)| (Some(prefix), name));
    let ends = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
    prefix.is_none_or(is_subdomain)
        && name.len() <= 63
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        && ends(name.bytes().next())
        && ends(name.bytes().last())
}

/// Where images are: a host, perhaps a port, and folders; without a tag, and without a slash at an end.
pub(super) fn is_registry(registry: &str) -> bool {
    let mut parts = registry.split('/');
    let host = parts.next().unwrap_or_default();
    let (host, port) = host.split_once(':').map_or((host, None), |(host, port)| (host, Some(port)));
    let folder = |part: &str| {
        let ends = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte))
            && ends(part.bytes().next())
            && ends(part.bytes().last())
    };
    is_subdomain(&host.to_ascii_lowercase()) && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0)) && parts.all(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_a_name_and_what_is_none() {
        for (is, good, bad) in [
            (is_label as fn(&str) -> bool, &["a", "flux-system", "0"][..], &["", "-a", "a-", "A", "a.b", "a b", "a\n", "ä"][..]),
            (is_subdomain, &["a", "cluster.local", "k8s.home.lan"], &["", ".", "a.", ".a", "a..b", "Cluster.local", "a/b"]),
            (
                is_key,
                &["dedicated", "node-role.kubernetes.io/control-plane", "A_b.c", "1"],
                &["", "/a", "a/", "a/b/c", "-a", "a b", "a\"", "A.b/c"],
            ),
            (
                is_registry,
                &["ghcr.io/fluxcd", "localhost:5000/a/b_c", "Mirror.lan", "10.0.0.1:443"],
                &["", "ghcr.io/", "ghcr.io//a", "https://ghcr.io", "ghcr.io/a:v1", "ghcr.io/a@sha256:00", "a:b", "a:0", "ghcr.io/A"],
            ),
        ] {
            assert!(good.iter().all(|name| is(name)), "{:?}", good.iter().filter(|name| !is(name)).collect::<Vec<_>>());
            assert!(!bad.iter().any(|name| is(name)), "{:?}", bad.iter().filter(|name| is(name)).collect::<Vec<_>>());
        }
        assert!(is_label(&"a".repeat(63)) && !is_label(&"a".repeat(64)));
        assert!(is_subdomain(&"a".repeat(253)) && !is_subdomain(&"a".repeat(254)));
    }
}
