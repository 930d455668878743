//! The address of a repository, as Flux's objects hold it.

/// GitHub's SSH where only the port of HTTPS is open.
const OVER_HTTPS: &str = "ssh.github.com";

/// An address of a repository on GitHub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// By SSH; otherwise by HTTPS.
    pub is_ssh: bool,
    /// The host, with the port if there is one.
    pub host: String,
    /// Who owns it.
    pub owner: String,
    /// Its name, without `.git`.
    pub repository: String,
}

impl Address {
    /// Reads one; none if it is not of that form: `ssh://git@host/owner/name`, `https://host/owner/name.git`.
    pub fn parse(url: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let is_ssh = match scheme {
            "ssh" => true,
            "https" | "http" => false,
            _ => return None,
        };
        let (host, path) = rest.split_once('/')?;
        let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
        let (owner, name) = path.trim_end_matches('/').split_once('/')?;
        let name = name.strip_suffix(".git").unwrap_or(name);
        let is_whole = !host.is_empty() && !owner.is_empty() && !name.is_empty() && !name.contains('/');
        is_whole.then(|| Self { is_ssh, host: host.to_owned(), owner: owner.to_owned(), repository: name.to_owned() })
    }

    /// How the Flux CLI writes it.
    pub fn write(&self) -> String {
        let Self { host, owner, repository, .. } = self;
        if self.is_ssh { format!("ssh://git@{host}/{owner}/{repository}") } else { format!("https://{host}/{owner}/{repository}.git") }
    }

    /// Whether both lead to the same repository in the same way; GitHub does not tell small letters from capital ones.
    pub fn is_same(&self, other: &Self) -> bool {
        self.is_ssh == other.is_ssh && self.is_same_repository(other) && self.host.eq_ignore_ascii_case(&other.host)
    }

    /// Whether both lead to the same repository, in whatever way.
    pub fn is_same_repository(&self, other: &Self) -> bool {
        let host = |address: &Self| {
            let host = address.hosts().0.unwrap_or_default().to_ascii_lowercase();
            host.split(':').next().unwrap_or_default().to_owned()
        };
        let is_same = self.owner.eq_ignore_ascii_case(&other.owner) && self.repository.eq_ignore_ascii_case(&other.repository);
        is_same && host(self) == host(other)
    }

    /// Where GitHub is, and where its SSH is if that is another place.
    pub fn hosts(&self) -> (Option<String>, Option<String>) {
        let bare = self.host.split(':').next().unwrap_or_default();
        match (self.is_ssh, bare) {
            (true, OVER_HTTPS) => (Some("github.com".to_owned()), Some(self.host.clone())),
            (true, bare) if bare != self.host => (Some(bare.to_owned()), Some(self.host.clone())),
            _ => (Some(self.host.clone()), None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_as_flux_has_them() {
        let address = |url: &str| Address::parse(url).unwrap();
        for (url, written, ssh, host, owner, repository) in [
            ("ssh://git@github.com/pat/homelab", "ssh://git@github.com/pat/homelab", true, "github.com", "pat", "homelab"),
            ("ssh://git@github.com/pat/homelab.git", "ssh://git@github.com/pat/homelab", true, "github.com", "pat", "homelab"),
            ("https://github.com/pat/home.lab", "https://github.com/pat/home.lab.git", false, "github.com", "pat", "home.lab"),
            ("https://me@ghe.lan:8443/pat/h.git/", "https://ghe.lan:8443/pat/h.git", false, "ghe.lan:8443", "pat", "h"),
            ("ssh://org-1@ssh.github.com:443/a/b", "ssh://git@ssh.github.com:443/a/b", true, "ssh.github.com:443", "a", "b"),
        ] {
            let is = address(url);
            assert_eq!(is, Address { is_ssh: ssh, host: host.into(), owner: owner.into(), repository: repository.into() });
            assert_eq!((is.write().as_str(), address(&is.write())), (written, is));
        }
        for none in [
            "",
            "github.com/a/b",
            "git@github.com:a/b",
            "ssh://git@github.com/a",
            "https://github.com/a/b/c",
            "https:///a/b",
            "oci://h/a/b",
            "https://h/a/.git",
        ] {
            assert_eq!(Address::parse(none), None, "{none}");
        }
    }

    #[test]
    fn the_same_repository_in_the_same_way() {
        let same = |a, b| Address::parse(a).unwrap().is_same(&Address::parse(b).unwrap());
        assert!(same("ssh://git@github.com/Pat/HomeLab.git", "ssh://org-1@GitHub.com/pat/homelab"));
        assert!(!same("ssh://git@github.com/pat/homelab", "https://github.com/pat/homelab"));
        assert!(!same("ssh://git@github.com/pat/homelab", "ssh://git@github.com/pat/other"));
        assert!(!same("ssh://git@github.com/pat/homelab", "ssh://git@ssh.github.com/pat/homelab"));
    }

    #[test]
    fn the_same_repository_in_another_way() {
        let same = |a, b| Address::parse(a).unwrap().is_same_repository(&Address::parse(b).unwrap());
        assert!(same("ssh://git@github.com/pat/homelab", "https://GitHub.com/Pat/homelab.git"));
        assert!(same("ssh://git@github.com/pat/homelab", "ssh://git@ssh.github.com:443/pat/homelab"));
        assert!(same("ssh://git@ghe.lan:2222/a/b", "https://ghe.lan:8443/a/b"));
        assert!(!same("ssh://git@github.com/pat/homelab", "ssh://git@ghe.lan/pat/homelab"));
        assert!(!same("ssh://git@github.com/pat/homelab", "ssh://git@github.com/pat/other"));
        assert!(!same("ssh://git@github.com/pat/homelab", "ssh://git@github.com/me/homelab"));
    }

    #[test]
    fn hosts_of_ssh_and_of_the_api() {
        for (url, host, ssh) in [
            ("ssh://git@github.com/a/b", "github.com", None),
            ("ssh://git@ssh.github.com:443/a/b", "github.com", Some("ssh.github.com:443")),
            ("ssh://git@ghe.lan:2222/a/b", "ghe.lan", Some("ghe.lan:2222")),
            ("https://ghe.lan:8443/a/b.git", "ghe.lan:8443", None),
        ] {
            let hosts = Address::parse(url).unwrap().hosts();
            assert_eq!((hosts.0.as_deref(), hosts.1.as_deref()), (Some(host), ssh));
        }
    }
}
