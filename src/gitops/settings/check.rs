//! What a branch, a folder and a host may be called, and what is wrong with one that is none.

/// Why git would not have a branch of that name.
pub fn branch(name: &str) -> Option<&'static str> {
    let part = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.ends_with(".lock");
    if name.is_empty() {
        Some("a branch has a name")
    } else if name.chars().any(|c| c.is_ascii_control() || " ~^:?*[\\".contains(c)) || name.contains("..") || name.contains("@{") {
        Some("git has no branch with such letters")
    } else if !name.split('/').all(part) || name.starts_with('-') || name.ends_with('.') || matches!(name, "@" | "HEAD") {
        Some("git has no branch of that name")
    } else if name.starts_with("refs/") {
        Some("this is a reference, and the name of the branch is wanted")
    } else {
        None
    }
}

/// Why a folder cannot be the cluster's.
pub fn path(path: &str) -> Option<&'static str> {
    let mut parts = path.split('/').map(str::trim);
    if path.chars().any(char::is_control) {
        Some("it has letters that cannot be seen")
    } else if path.contains('\\') {
        Some("the parts of a path are divided by `/`")
    } else if path.split('/').any(|part| part == "..") {
        Some("it may lead out of the repository")
    } else if parts.any(|part| part.eq_ignore_ascii_case(".git")) {
        Some("git keeps its own files there")
    } else {
        None
    }
}

/// Whether that is a host, perhaps with a port.
pub fn is_host(text: &str) -> bool {
    let (host, port) = text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port)));
    let part = |part: &str| {
        let inside = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        !part.is_empty() && part.len() <= 63 && part.bytes().all(inside) && !part.starts_with('-') && !part.ends_with('-')
    };
    host.len() <= 253 && host.split('.').all(part) && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0))
}

/// Whether that is a UID as Kubernetes gives them.
pub fn is_uid(text: &str) -> bool {
    let lengths: Vec<usize> = text.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12] && text.bytes().all(|byte| byte == b'-' || matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Whether a folder is fetched if only these are: one of them is it, or holds it.
pub fn is_fetched(folder: &str, only: &[String]) -> bool {
    use crate::gitops::manifests::sync::folder as written;
    let folder = written(folder);
    only.iter().map(|one| written(one)).any(|one| {
        let one = one.trim_end_matches('/');
        folder.strip_prefix(one).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn branches_as_git_has_them() {
        for good in ["main", "feature/x", "v1.0", "a@b", "ä", "-".repeat(0).as_str(), "a-"].iter().filter(|name| !name.is_empty()) {
            assert_eq!(branch(good), None, "{good}");
        }
        for bad in [
            "",
            "a b",
            "a..b",
            "a~1",
            "a^",
            "a:b",
            "a?",
            "a*",
            "a[",
            "a\\b",
            "/a",
            "a/",
            "a//b",
            ".a",
            "a/.b",
            "a.lock",
            "a.",
            "@",
            "a@{b",
            "-a",
            "HEAD",
            "refs/heads/main",
            "a\n",
        ] {
            assert!(branch(bad).is_some(), "{bad}");
        }
    }

    #[test]
    fn folders_hosts_and_uids() {
        for good in ["", ".", "./clusters/home", "clusters/home/", "/clusters", "a b", ".github"] {
            assert_eq!(path(good), None, "{good}");
        }
        for bad in ["..", "a/../../b", "a\\b", "a/.git/b", ".GIT", "a\n"] {
            assert!(path(bad).is_some(), "{bad}");
        }
        assert!(["github.com", "localhost", "ghe.lan:8443", "10.0.0.1"].iter().all(|host| is_host(host)));
        assert!(!["", "https://github.com", "a b", "a.", "-a", "a:0", "a:", "a/b"].iter().any(|host| is_host(host)));
        assert!(is_uid("3f1c9a52-6d0e-4a8b-9d55-0c1e2f3a4b5c"));
        assert!(
            !["", "3f1c9a52", "3F1c9a52-6d0e-4a8b-9d55-0c1e2f3a4b5c", "3f1c9a52-6d0e-4a8b-9d550c1e2f3a4b5c1"].iter().any(|uid| is_uid(uid))
        );
    }

    #[test]
    fn what_is_fetched_holds_the_folder() {
        let only = |folders: &[&str]| folders.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
        for (folder, folders, is) in [
            ("clusters/home", &["clusters/home"][..], true),
            ("./clusters/home", &["apps", "clusters/"], true),
            ("clusters/home", &["."], true),
            ("clusters/home", &["clusters/ho"], false),
            ("clusters", &["clusters/home"], false),
            ("", &["clusters"], false),
        ] {
            assert_eq!(is_fetched(folder, &only(folders)), is, "{folder} {folders:?}");
        }
    }
}
