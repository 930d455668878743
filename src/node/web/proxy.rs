//! The proxy that an environment names: curl(1), ENVIRONMENT.

use std::collections::BTreeMap;

use super::address::Address;

/// The proxy for an address.
///
/// # Errors
/// One that is not spoken to by HTTP, in words for people.
pub(super) fn proxy(address: &Address, environment: &BTreeMap<String, String>) -> Result<Option<Address>, String> {
    let value = |names: &[&str]| names.iter().find_map(|name| environment.get(*name).filter(|value| !value.is_empty()));
    // what a web server's program is told in HTTP_PROXY may come from anybody
    let names: &[&str] = if address.is_secure {
        &["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]
    } else {
        &["http_proxy", "all_proxy", "ALL_PROXY"]
    };
    let Some(url) = value(names) else { return Ok(None) };
    if value(&["no_proxy", "NO_PROXY"]).is_some_and(|list| is_listed(&address.host, list)) {
        return Ok(None);
    }
    let whole = if url.contains("://") { url.clone() } else { format!("http://{url}") };
    match Address::read(&whole) {
        Some(proxy) if !proxy.is_secure => Ok(Some(proxy)),
        _ => Err("the proxy of the environment is none that is spoken to by HTTP; curl is needed for it".into()),
    }
}

/// Whether a host, or a domain that it is in, is in a list.
pub fn is_listed(host: &str, list: &str) -> bool {
    let host = host.to_ascii_lowercase();
    list.split(',').map(|name| name.trim().trim_start_matches('.').to_ascii_lowercase()).any(|name| {
        let is_within = || host.strip_suffix(name.as_str()).is_some_and(|before| before.is_empty() || before.ends_with('.'));
        name == "*" || (!name.is_empty() && is_within())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_asked_instead() {
        let environment = |pairs: &[(&str, &str)]| pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let named = |url: &str, pairs: &[(&str, &str)]| {
            proxy(&Address::read(url).unwrap(), &environment(pairs)).map(|proxy| proxy.map(|proxy| proxy.place()))
        };
        let both = [("http_proxy", "p:3128"), ("HTTPS_PROXY", "http://s:1"), ("no_proxy", "localhost, .example.org,10.0.0.1")];
        assert_eq!(named("http://a", &both), Ok(Some("p:3128".into())));
        assert_eq!(named("https://a", &both), Ok(Some("s:1".into())));
        for url in ["http://example.org", "http://x.example.org", "http://10.0.0.1:80"] {
            assert_eq!(named(url, &both), Ok(None), "{url}");
        }
        assert_eq!(named("http://badexample.org", &both), Ok(Some("p:3128".into())));
        assert!(named("http://a", &[("all_proxy", "socks5://p")]).is_err());
        assert_eq!(named("http://a", &[("HTTP_PROXY", "p")]), Ok(None));
    }
}
