//! By which keys GitHub's SSH servers are known: from its own list, over TLS, never from whoever answers at port 22.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::client::{Client, Request};
use super::refused::{Refused, Right, Why};

#[derive(Deserialize)]
struct Meta {
    #[serde(default)]
    ssh_keys: Vec<String>,
    #[serde(default)]
    ssh_key_fingerprints: BTreeMap<String, String>,
}

/// The lines of known_hosts for a host, one a key, sorted.
///
/// # Errors
/// GitHub did not say, or the keys are not those whose fingerprints it says.
pub async fn known_hosts(client: &Client, host: &str) -> Result<String, Refused> {
    let doing = "reading the keys of GitHub's SSH servers";
    let meta: Meta = client.call(Request::get(doing, Right::Known, "/meta")).await?.read()?;
    let why = |said: String| Refused { doing: doing.to_owned(), right: Right::Known, why: Why::Answer { said } };
    lines(&meta, host).map_err(why)
}

fn lines(meta: &Meta, host: &str) -> Result<String, String> {
    let mut lines = Vec::new();
    for key in &meta.ssh_keys {
        let mut words = key.split_whitespace();
        let (Some(kind), Some(blob), None) = (words.next(), words.next(), words.next()) else {
            return Err(format!("`{key}` is no key"));
        };
        let decoded = STANDARD.decode(blob).map_err(|_| format!("`{key}` is no key"))?;
        let print = STANDARD_NO_PAD.encode(Sha256::digest(&decoded));
        if !meta.ssh_key_fingerprints.values().any(|listed| listed.trim_end_matches('=') == print) {
            return Err(format!("the key {kind} has the fingerprint SHA256:{print}, which is not among those that are listed beside it"));
        }
        lines.push(format!("{host} {kind} {blob}\n"));
    }
    if lines.is_empty() {
        return Err("there is no key".into());
    }
    lines.sort();
    Ok(lines.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meta(keys: &[&str], prints: &[(&str, &str)]) -> Meta {
        let ssh_key_fingerprints = prints.iter().map(|(kind, print)| ((*kind).to_owned(), (*print).to_owned())).collect();
        Meta { ssh_keys: keys.iter().map(|key| (*key).to_owned()).collect(), ssh_key_fingerprints }
    }

    /// GitHub's own, as it publishes them.
    const ED25519: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";
    const PRINT: &str = "+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU";

    #[test]
    fn a_key_is_taken_only_with_its_fingerprint() {
        let good = meta(&[ED25519], &[("SHA256_ED25519", PRINT)]);
        assert_eq!(lines(&good, "github.com").unwrap(), format!("github.com {ED25519}\n"));
        let other = meta(&[ED25519], &[("SHA256_ED25519", "uNiVztksCsDhcc0u9e8BrrJXVGDs2KEsbrlU8Ni7AAA")]);
        let said = lines(&other, "github.com").unwrap_err();
        assert!(said.starts_with(&format!("the key ssh-ed25519 has the fingerprint SHA256:{PRINT}")), "{said}");
        assert_eq!(lines(&meta(&[], &[]), "github.com").unwrap_err(), "there is no key");
        assert!(lines(&meta(&["ssh-rsa"], &[]), "github.com").is_err());
    }
}
