//! Paths as options give them: `~` and variables are expanded on the host, and what comes out names one place.

use super::Task;
use super::expand::expand_one;
use super::outcome::Ended;
use crate::node::facts::{RealPath, WorkingDirectory};
use crate::plan::Facts;

/// The path of an option: absolute and in its shortest form, as steps want it. A relative one begins where the login's
/// shell stands.
///
/// # Errors
/// What has to be read first; a path that leads nowhere.
pub fn path(text: &str, task: &Task<'_>, facts: &Facts<'_>) -> Result<String, Ended> {
    let mut expanded = expand_one(task, facts, text)?;
    if !expanded.starts_with('/') {
        let above = facts.get(WorkingDirectory)?.ok_or_else(|| format!("the path {text} is not absolute"))?;
        expanded = join(&above, &expanded);
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
    fn parts_of_paths() {
        assert_eq!(ancestry("/a/b/c"), ["/a", "/a/b", "/a/b/c"]);
        assert_eq!((above("/a/b"), above("/a"), base("/a/b"), join("/", "x").as_str()), ("/a", "/", "b", "/x"));
        assert!(ancestry("/").is_empty());
    }
}
