//! What stands in `package`: names, versions, patterns.

use std::cmp::Ordering;

use super::version;
use crate::modules::halt::Halt;
use crate::modules::outcome::all;
use crate::node::facts::{AptNames, Installed, InstalledPackage};
use crate::plan::{Facts, Stop};

/// One package that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    /// As it is written.
    pub text: String,
    /// Its name, perhaps with `:architecture`.
    pub name: String,
    /// Which version of it.
    pub version: Version,
}

/// Which version of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Version {
    /// Whichever.
    Any,
    /// One that fits this pattern.
    Fits(String),
    /// This one or a newer one.
    AtLeast(String),
}

impl Version {
    /// Whether this version is one.
    pub fn allows(&self, is: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Fits(pattern) => version::fits(is, pattern),
            Self::AtLeast(least) => version::compare(is, least) != Ordering::Less,
        }
    }

    /// Whether a newer one may fit as well as the one that does.
    pub fn is_open(&self) -> bool {
        matches!(self, Self::Fits(pattern) if pattern.contains(['*', '?', '[']))
    }
}

impl Wanted {
    /// `name`, `name=pattern` or `name>=version`
    pub fn read(text: &str) -> Self {
        let at_least = text.find(">=").map(|at| (at, at + 2, true));
        let equals = text.find('=').map(|at| (at, at + 1, false));
        let split = match (at_least, equals) {
            (Some(least), Some(equal)) if least.0 < equal.0 => Some(least),
            (_, equal) => equal,
        };
        let part = |range: Option<&str>| range.unwrap_or_default().to_owned();
        let (name, version) = match split {
            None => (text.to_owned(), Version::Any),
            Some((end, begin, true)) => (part(text.get(..end)), Version::AtLeast(part(text.get(begin..)))),
            Some((end, begin, false)) => (part(text.get(..end)), Version::Fits(part(text.get(begin..)))),
        };
        Self { text: text.to_owned(), name, version }
    }

    /// Whether it can be a name of a package at all.
    pub fn is_name(&self) -> bool {
        let fits = |c: char| c.is_ascii_alphanumeric() || "+-._:~".contains(c);
        self.name.starts_with(|c: char| c.is_ascii_alphanumeric()) && self.name.chars().all(fits)
    }
}

/// All that is asked for, patterns of names written out.
pub(super) fn wanted(packages: &[String], facts: &Facts<'_>) -> Result<Vec<Wanted>, Halt> {
    let is_pattern = |wanted: &Wanted| wanted.name.contains(['*', '?', '[', ']', '!']);
    let written: Vec<Wanted> = packages.iter().map(|text| Wanted::read(text)).collect();
    let patterns = written.iter().filter(|wanted| is_pattern(wanted)).map(|wanted| facts.get(AptNames::new(&wanted.name)));
    let mut names = all(patterns)?.into_iter();
    let mut found = Vec::new();
    for wanted in written {
        if !is_pattern(&wanted) {
            found.push(wanted);
            continue;
        }
        match names.next().flatten().filter(|names| !names.is_empty()) {
            // a version behind a pattern means nothing, as in Ansible
            Some(names) => found.extend(names.iter().map(|name| Wanted::read(name))),
            None => return Err(Halt::fail(format!("No package(s) matching '{}' available", wanted.name))),
        }
    }
    Ok(found)
}

/// What is installed of them; of what cannot be a name nothing is.
pub(super) fn installed(wanted: &[Wanted], facts: &Facts<'_>) -> Result<Vec<Option<InstalledPackage>>, Stop> {
    let ask = |wanted: &Wanted| if wanted.is_name() { facts.get(Installed::new(&wanted.name)) } else { Ok(None) };
    all(wanted.iter().map(ask))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_stands_behind_the_first_sign() {
        let read = |text: &str| (Wanted::read(text).name, Wanted::read(text).version);
        assert_eq!(read("a:i386"), ("a:i386".into(), Version::Any));
        assert_eq!(read("a=1.*"), ("a".into(), Version::Fits("1.*".into())));
        assert_eq!(read("a>=1:2"), ("a".into(), Version::AtLeast("1:2".into())));
        assert!(Version::Fits("1.*".into()).is_open() && !Version::Fits("1.0".into()).is_open());
        assert!(Wanted::read("g++").is_name() && !Wanted::read("").is_name() && !Wanted::read("a b").is_name());
    }
}
