//! Where containerd asks first for a registry's images: a hosts.toml for each (containerd's docs/hosts.md).

use std::collections::BTreeMap;

use serde_json::Value;
use toml_edit::{Array, DocumentMut, Item, Table, value};

/// The folder of a folder for each registry.
pub(super) const FOLDER: &str = "/etc/containerd/certs.d";
/// The first line of a file of ours: no other is ever changed or removed.
pub(super) const MARK: &str = "# Written by homelabctl (homelab.containerd)\n";

/// Each registry and the addresses that stand in for it, in their order.
///
/// # Errors
/// What cannot be: a name that is no registry's, an address that is none of http.
pub(super) fn read(mirrors: &Value) -> Result<BTreeMap<String, Vec<String>>, String> {
    let Value::Object(mirrors) = mirrors else { return Err("`mirrors` is a registry and a list of addresses each".into()) };
    let one = |(registry, addresses): (&String, &Value)| {
        let is_odd = |c: char| !c.is_ascii_alphanumeric() && !".-_:[]".contains(c);
        if registry.is_empty() || registry.starts_with('.') || registry.contains(is_odd) {
            return Err(format!("{registry:?} is no name of a registry: for example docker.io or registry.lan:5000"));
        }
        let addresses = match addresses {
            Value::Array(addresses) => addresses.iter().map(Value::as_str).collect::<Option<Vec<_>>>(),
            Value::String(address) => Some(vec![address.as_str()]),
            _ => None,
        };
        let addresses =
            addresses.filter(|all| !all.is_empty()).ok_or_else(|| format!("the mirrors of {registry} are a list of addresses"))?;
        let is_address = |text: &str| {
            let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
            rest.is_some_and(|rest| {
                !rest.is_empty() && !rest.starts_with('/') && !rest.contains(|c: char| c.is_whitespace() || c.is_control())
            })
        };
        match addresses.iter().find(|address| !is_address(address)) {
            Some(bad) => Err(format!("{bad:?} is no address of a registry: for example https://mirror.lan:5000")),
            None => Ok((registry.clone(), addresses.into_iter().map(str::to_owned).collect())),
        }
    };
    mirrors.iter().map(one).collect()
}

/// The file of a registry.
pub(super) fn path(registry: &str) -> String {
    format!("{FOLDER}/{registry}/hosts.toml")
}

/// Its text. The registry itself is asked last.
pub(super) fn text(registry: &str, addresses: &[String]) -> String {
    let mut document = DocumentMut::new();
    let server = if registry == "docker.io" { "registry-1.docker.io" } else { registry };
    document.insert("server", value(format!("https://{server}")));
    let mut hosts = Table::new();
    hosts.set_implicit(true);
    for address in addresses {
        let mut host = Table::new();
        host.insert("capabilities", value(Array::from_iter(["pull", "resolve"])));
        hosts.insert(address, Item::Table(host));
    }
    document.insert("host", Item::Table(hosts));
    format!("{MARK}{document}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_registry_has_a_file_and_is_asked_last() {
        let mirrors =
            read(&json!({"docker.io": ["https://mirror.lan:5000", "http://10.0.0.1"], "registry.lan:5000": "https://x"})).unwrap();
        insta::assert_snapshot!(text("docker.io", &mirrors["docker.io"]), @r#"
        # Written by homelabctl (homelab.containerd)
        server = "https://registry-1.docker.io"

        [host."https://mirror.lan:5000"]
        capabilities = ["pull", "resolve"]

        [host."http://10.0.0.1"]
        capabilities = ["pull", "resolve"]
        "#);
        assert_eq!(path("registry.lan:5000"), "/etc/containerd/certs.d/registry.lan:5000/hosts.toml");
    }

    #[test]
    fn what_is_no_registry_is_told() {
        for bad in [
            json!([]),
            json!({"../x": ["https://a"]}),
            json!({"a/b": ["https://a"]}),
            json!({"a": []}),
            json!({"a": ["mirror.lan"]}),
            json!({"a": [1]}),
        ] {
            assert!(read(&bad).is_err(), "{bad}");
        }
    }
}
