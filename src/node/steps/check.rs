//! Values that a step can use.

use thiserror::Error;

/// A value that a step cannot use.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{what} {value:?} {why}")]
pub struct Invalid {
    /// What it is.
    pub what: &'static str,
    /// The value.
    pub value: String,
    /// What is wrong with it.
    pub why: &'static str,
}

fn invalid(what: &'static str, value: &str, why: &'static str) -> Result<(), Invalid> {
    Err(Invalid { what, value: value.into(), why })
}

/// A path that names one place: absolute, no `.`, `..` or empty components (what a step touches is told by its path).
pub(super) fn path(value: &str) -> Result<(), Invalid> {
    if value.contains('\0') {
        return invalid("path", value, "has a NUL in it");
    }
    let Some(rest) = value.strip_prefix('/') else { return invalid("path", value, "is not absolute") };
    if rest.is_empty() {
        return invalid("path", value, "is the root directory");
    }
    if rest.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return invalid("path", value, "is not in its shortest form");
    }
    Ok(())
}

/// Text that can be an argument of a program.
pub(super) fn text(what: &'static str, value: &str) -> Result<(), Invalid> {
    if value.contains('\0') { invalid(what, value, "has a NUL in it") } else { Ok(()) }
}

/// Text that can be an argument of a program and is not taken for an option.
pub(super) fn word(what: &'static str, value: &str) -> Result<(), Invalid> {
    match value {
        "" => invalid(what, value, "is empty"),
        v if v.contains('\0') => invalid(what, value, "has a NUL in it"),
        v if v.starts_with('-') => invalid(what, value, "starts with a dash"),
        _ => Ok(()),
    }
}

/// A user's or group's name or number, as useradd(8) and chown(1) take it.
pub(super) fn account(what: &'static str, value: &str) -> Result<(), Invalid> {
    word(what, value)?;
    if value.len() > 32 {
        return invalid(what, value, "is longer than 32 bytes");
    }
    if value.chars().any(|c| c.is_whitespace() || c.is_control() || matches!(c, ':' | ',' | '/')) {
        return invalid(what, value, "has a character that no account's name may have");
    }
    Ok(())
}

/// A field of /etc/passwd.
pub(super) fn field(what: &'static str, value: &str) -> Result<(), Invalid> {
    if value.chars().any(|c| matches!(c, ':' | '\n' | '\0')) {
        return invalid(what, value, "has a colon, a line break or a NUL in it");
    }
    Ok(())
}

/// A package's name: Debian policy 5.6.7, and what rpm has beyond it. No shell patterns: apt-get would take more than meant.
pub(super) fn package(value: &str) -> Result<(), Invalid> {
    word("package", value)?;
    if !value.chars().all(|c| c.is_ascii_alphanumeric() || "+-._:~".contains(c)) {
        return invalid("package", value, "has a character that no package's name has");
    }
    if value.ends_with('-') {
        return invalid("package", value, "ends with a dash, which apt-get takes for a removal");
    }
    Ok(())
}

/// A kernel parameter's name as sysctl(8) takes it.
pub(super) fn sysctl(value: &str) -> Result<(), Invalid> {
    word("kernel parameter", value)?;
    let odd = |c: char| !(c.is_ascii_alphanumeric() || "_-./:@".contains(c));
    if value.contains(odd) || value.split(['.', '/']).any(str::is_empty) {
        return invalid("kernel parameter", value, "is not a name that sysctl(8) takes");
    }
    Ok(())
}

/// An environment variable's name that every shell can export.
pub(super) fn variable(value: &str) -> Result<(), Invalid> {
    let good = value.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && !value.starts_with(|c: char| c.is_ascii_digit());
    if good && !value.is_empty() { Ok(()) } else { invalid("environment variable", value, "is not a name that a shell can export") }
}

/// Refuses with that reason.
pub(super) fn refuse(what: &'static str, value: &str, why: &'static str) -> Result<(), Invalid> {
    invalid(what, value, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_one_place() {
        for good in ["/a", "/a b/-c", "/a\n/..b"] {
            assert_eq!(path(good), Ok(()), "{good}");
        }
        for bad in ["", "a", "/", "//a", "/a/", "/a/../b", "/./a", "/a\0"] {
            assert!(path(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn names_cannot_be_taken_for_options_or_patterns() {
        assert!(package("libstdc++6").is_ok() && package("linux-image-6.1").is_ok() && package("libc6:amd64").is_ok());
        for bad in ["", "-y", "foo-", "lib*", "a b", "foo=1"] {
            assert!(package(bad).is_err(), "{bad}");
        }
        assert!(account("user", "pat").is_ok() && account("user", "a:b").is_err() && account("user", "").is_err());
        assert!(sysctl("net.ipv4.conf.eth0/100.rp_filter").is_ok() && sysctl("kernel..x").is_err() && sysctl("../x").is_err());
        assert!(variable("A_1").is_ok() && variable("1A").is_err() && variable("A-B").is_err() && variable("").is_err());
    }
}
