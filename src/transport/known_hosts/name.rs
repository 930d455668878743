//! The name under which a host's key is looked up.

/// Where known_hosts is searched for a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostName {
    /// Host or alias in small letters: what a certificate must be made out for.
    pub(super) principal: String,
    /// What is searched for: `host`, or `[host]:port` if the port is not 22.
    pub(super) name: String,
    /// What is searched for after that: the host without its port.
    pub(super) without_port: Option<String>,
}

impl HostName {
    /// The name of a host. With an alias (`HostKeyAlias`) host and port do not matter.
    pub fn new(host: &str, port: u16, alias: Option<&str>) -> Self {
        if let Some(alias) = alias {
            let alias = alias.to_ascii_lowercase();
            return Self { principal: alias.clone(), name: alias, without_port: None };
        }
        let host = host.to_ascii_lowercase();
        if port == 22 {
            Self { principal: host.clone(), name: host, without_port: None }
        } else {
            Self { name: format!("[{host}]:{port}"), principal: host.clone(), without_port: Some(host) }
        }
    }

    /// Whether the name can be written into a file without meaning something else there; ssh records no other.
    pub fn can_be_recorded(&self) -> bool {
        let host = self.without_port.as_ref().unwrap_or(&self.principal);
        !host.is_empty() && !host.contains(|c: char| "@?*#[]|'\"\\,!".contains(c) || c.is_ascii_whitespace() || c.is_ascii_control())
    }
}

impl std::fmt::Display for HostName {
    /// As it stands in known_hosts.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_counts_unless_it_is_22_or_there_is_an_alias() {
        assert_eq!(HostName::new("Node", 22, None).to_string(), "node");
        assert_eq!(HostName::new("Node", 2222, None).to_string(), "[node]:2222");
        assert_eq!(HostName::new("Node", 2222, Some("Alias")).to_string(), "alias");
        assert_eq!(HostName::new("::1", 2222, None).to_string(), "[::1]:2222");
    }

    #[test]
    fn names_that_would_be_patterns_are_not_recorded() {
        assert!(HostName::new("::1", 2222, None).can_be_recorded());
        for bad in ["a*", "a,b", "!a", "@a", "a b", "", "|1|a"] {
            assert!(!HostName::new(bad, 22, None).can_be_recorded(), "{bad}");
        }
    }
}
