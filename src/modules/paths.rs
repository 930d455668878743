//! Paths as options give them: `~` and variables are expanded on the host, and what comes out names one place.

use super::Task;
use super::outcome::Ended;
use crate::node::facts::{Environment, RealPath, User};
use crate::plan::Facts;

/// The path of an option: absolute and in its shortest form, as steps want it.
///
/// # Errors
/// What has to be read first; a path that is not absolute.
pub fn path(text: &str, task: &Task<'_>, facts: &Facts<'_>) -> Result<String, Ended> {
    let expanded = expanded(text, task, facts)?;
    if !expanded.starts_with('/') {
        // Ansible takes it from the login's directory, which is whose it is by become and connection
        return Err(format!("the path {text} is not absolute: where it begins is not said").into());
    }
    let parts: Vec<&str> = expanded.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    let short = format!("/{}", parts.join("/"));
    if parts.contains(&"..") {
        return match facts.get(RealPath::new(&short))? {
            Some(real) => Ok(real),
            None => Err(format!("the path {text} leads nowhere").into()),
        };
    }
    Ok(short)
}

/// `~`, `~name` and `$variables` expanded, as Python's `expanduser` and `expandvars` do.
///
/// # Errors
/// What has to be read first.
pub fn expanded(text: &str, task: &Task<'_>, facts: &Facts<'_>) -> Result<String, Ended> {
    let mut text = text.to_owned();
    if text.contains('$') {
        let own: std::collections::BTreeMap<String, String> = task.environment.iter().cloned().collect();
        let login = facts.get(Environment)?.unwrap_or_default();
        text = variables(&text, |name| own.get(name).or_else(|| login.get(name)).cloned());
    }
    let Some(rest) = text.strip_prefix('~') else { return Ok(text) };
    let (name, below) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let name = if name.is_empty() { task.user } else { name };
    Ok(match facts.get(User::new(name))? {
        Some(user) => format!("{}{below}", user.home.trim_end_matches('/')),
        None => text.clone(),
    })
}

/// `$name` and `${name}` replaced; what there is not stays as it is.
fn variables(text: &str, get: impl Fn(&str) -> Option<String>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let after = from.get(1..).unwrap_or_default();
        let (name, length) = match after.strip_prefix('{').and_then(|inner| inner.split_once('}')) {
            Some((name, _)) => (name, name.len() + 3),
            None => {
                let end = after.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(after.len());
                (after.get(..end).unwrap_or_default(), end + 1)
            }
        };
        let (whole, behind) = from.split_at(length.min(from.len()));
        out.push_str(&get(name).unwrap_or_else(|| whole.to_owned()));
        rest = behind;
    }
    out + rest
}

/// The directory that a path is in.
pub fn above(path: &str) -> &str {
    match path.rsplit_once('/') {
        Some(("", _)) | None => "/",
        Some((above, _)) => above,
    }
}

/// A path's last name.
pub fn base(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, base)| base)
}

/// What is below a directory.
pub fn join(directory: &str, below: &str) -> String {
    format!("{}/{below}", directory.trim_end_matches('/'))
}

/// A path and all directories above it but the root, the nearest to the root first.
pub fn ancestry(path: &str) -> Vec<&str> {
    let ends = path.match_indices('/').map(|(at, _)| at).skip(1).chain([path.len()]);
    ends.filter_map(|end| path.get(..end)).filter(|part| part.len() > 1).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_replaced_as_python_does() {
        let get = |name: &str| (name == "HOME").then(|| "/root".to_owned());
        for (text, wanted) in
            [("$HOME/x", "/root/x"), ("${HOME}x", "/rootx"), ("a$NO/b", "a$NO/b"), ("$", "$"), ("${HOME", "${HOME"), ("a$$HOME", "a$/root")]
        {
            assert_eq!(variables(text, get), wanted, "{text}");
        }
    }

    #[test]
    fn parts_of_paths() {
        assert_eq!(ancestry("/a/b/c"), ["/a", "/a/b", "/a/b/c"]);
        assert_eq!((above("/a/b"), above("/a"), base("/a/b"), join("/", "x").as_str()), ("/a", "/", "b", "/x"));
        assert!(ancestry("/").is_empty());
    }
}
