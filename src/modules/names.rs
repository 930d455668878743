//! The names of all modules that Ansible 12.3.0 and the collections that come with it have.

use crate::diagnostics::similar;

/// Each line a collection and its modules; a `+` stands before those that Ansible finds by the short name alone. Recorded by
/// `tests/oracle/modules/record.py`.
const NAMES: &str = include_str!("names.txt");

/// Each collection, with its modules as they are recorded.
fn collections() -> impl Iterator<Item = (&'static str, &'static str)> {
    NAMES.lines().filter_map(|line| line.split_once(' '))
}

/// The modules of a collection.
fn modules(line: &'static str) -> impl Iterator<Item = &'static str> {
    line.split(' ').map(|name| name.strip_prefix('+').unwrap_or(name))
}

/// The collection in which Ansible finds a short name.
pub fn collection_of(short: &str) -> Option<&'static str> {
    let has = |(collection, line): &(&str, &'static str)| {
        let mut names = line.split(' ');
        if *collection == "ansible.builtin" {
            names.any(|name| name == short)
        } else {
            names.any(|name| name.strip_prefix('+') == Some(short))
        }
    };
    // nearly all are its own
    collections().filter(|(name, _)| *name == "ansible.builtin").find(has).or_else(|| collections().find(has)).map(|(name, _)| name)
}

/// Whether such a collection comes with Ansible, or came with it.
pub fn is_collection(name: &str) -> bool {
    name == "ansible.legacy" || collections().any(|(collection, _)| collection == name)
}

/// Whether Ansible has a module of that name: short, or with its collection.
pub(super) fn is_known(name: &str) -> bool {
    match name.rsplit_once('.') {
        None => collection_of(name).is_some(),
        Some(("ansible.builtin" | "ansible.legacy", short)) => collection_of(short).is_some(),
        Some((collection, short)) => collections().any(|(name, line)| name == collection && modules(line).any(|module| module == short)),
    }
}

/// The module that was probably meant by a name that nobody has: first of those that are `here`, then of all.
pub fn nearest(name: &str, here: impl Iterator<Item = &'static str>) -> Option<String> {
    let Some((collection, short)) = name.rsplit_once('.') else {
        let usual = || collections().filter(|(name, _)| USUAL.contains(name)).flat_map(|(_, line)| modules(line));
        return similar(name, here).or_else(|| similar(name, usual())).map(str::to_owned);
    };
    if let Some((collection, line)) = collections().find(|(name, _)| *name == collection) {
        let elsewhere = || collection_of(short).map(|other| format!("{other}.{short}"));
        return similar(short, modules(line)).map(|short| format!("{collection}.{short}")).or_else(elsewhere);
    }
    // the collection is misspelt, or the module stands in another one
    let of = |other: &'static str| {
        let (_, line) = collections().find(|(name, _)| *name == other)?;
        modules(line).find(|module| *module == short).map(|_| format!("{other}.{short}"))
    };
    similar(collection, collections().map(|(name, _)| name)).and_then(of)
}

/// Collections whose modules are used by their short names most.
const USUAL: [&str; 4] = ["ansible.builtin", "ansible.posix", "community.general", "kubernetes.core"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ansible_has() {
        for name in [
            "ufw",
            "k8s",
            "mount",
            "yum",
            "ansible.builtin.copy",
            "ansible.legacy.ufw",
            "community.general.ufw",
            "community.docker.docker_container",
        ] {
            assert!(is_known(name), "{name}");
        }
        for name in ["include", "coppy", "community.general.copy", "my.own.module", "docker_compose_v2_", ""] {
            assert!(!is_known(name), "{name}");
        }
        assert_eq!(
            (collection_of("ufw"), collection_of("copy"), collection_of("nope")),
            (Some("community.general"), Some("ansible.builtin"), None)
        );
        assert!(is_collection("kubernetes.core") && is_collection("ansible.legacy") && !is_collection("my.own"));
        assert!(collections().count() > 100 && NAMES.lines().all(|line| line.contains(' ')));
    }

    #[test]
    fn what_was_meant() {
        let near = |name: &str| nearest(name, ["copy", "file", "systemd"].into_iter());
        assert_eq!(near("coppy").as_deref(), Some("copy"));
        assert_eq!(near("sytemd").as_deref(), Some("systemd"));
        assert_eq!(near("sysctll").as_deref(), Some("sysctl"));
        assert_eq!(near("community.general.uwf").as_deref(), Some("community.general.ufw"));
        assert_eq!(near("comunity.general.ufw").as_deref(), Some("community.general.ufw"));
        assert_eq!(near("ansible.posix.modprobe").as_deref(), Some("community.general.modprobe"));
        assert_eq!(near("xyzzy"), None);
    }
}
