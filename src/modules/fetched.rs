//! What stands at an address, for options that take one in the place of a text: keys.

use super::Task;
use super::halt::Halt;
use super::remote_file::{LONGEST, bytes_of};
use crate::node::facts::{Content, Download, Downloaded, FileKind, Stat};
use crate::plan::Facts;

/// What is at an address.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fetched {
    /// The text is no address.
    NoAddress,
    /// This.
    Is(Vec<u8>),
    /// It could not be had, why.
    Failed(String),
}

/// Whether a text has a scheme in front, as Python's `urlparse` sees it.
pub(super) fn is_address(text: &str) -> bool {
    let is_scheme = |scheme: &str| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
    };
    text.split_once(':').is_some_and(|(scheme, _)| is_scheme(scheme))
}

/// Brings it. What is behind `file:` is a file of the machine.
pub(super) fn fetched(text: &str, task: &Task<'_>, facts: &Facts<'_>) -> Result<Fetched, Halt> {
    if !is_address(text) {
        return Ok(Fetched::NoAddress);
    }
    if let Some(path) = text.strip_prefix("file:") {
        let path = path.strip_prefix("//").unwrap_or(path);
        let path = path.strip_prefix("localhost").unwrap_or(path);
        if !path.starts_with('/') {
            return Ok(Fetched::Failed(format!("{text} names no file")));
        }
        let is_file = facts.get(Stat::followed(path))?.is_some_and(|stat| stat.kind == FileKind::File);
        let content = if is_file { bytes_of(facts, path, facts.reading(&Content::new(path, LONGEST))?)? } else { None };
        return Ok(content.map_or_else(|| Fetched::Failed(format!("there is no file {path}")), Fetched::Is));
    }
    if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Ok(Fetched::Failed("the address has a blank in it".into()));
    }
    let insecure = task.args.bool("validate_certs") == Some(false);
    Ok(match facts.get(Download::new(text, insecure))? {
        Some(Downloaded::Is(content)) => Fetched::Is(content.bytes()),
        Some(Downloaded::Failed(why)) => Fetched::Failed(why),
        None => Fetched::Failed("nothing is there".into()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_begins_with_a_scheme() {
        for (text, wanted) in [
            ("http://a", true),
            ("file:/a", true),
            ("/a:b", false),
            ("-----BEGIN PGP PUBLIC KEY BLOCK-----\nVersion: x", false),
            ("ABCD", false),
            ("1a:b", false),
        ] {
            assert_eq!(is_address(text), wanted, "{text}");
        }
    }
}
