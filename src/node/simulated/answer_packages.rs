//! What is installed on a simulated machine, and what apt says there.

use std::fmt::Write as _;

use super::packages::{Installed, Progress};
use super::world::World;
use crate::node::facts::{InstalledPackage, KnownPackage, Offer, Simulated};
use crate::plan::{Query, Reading};

/// What apt-get says where there is nothing to do.
const NOTHING: &str = "0 upgraded, 0 newly installed, 0 to remove and 0 not upgraded.\n";

impl World {
    pub(super) fn package_fact(&self, query: &Query, subject: &str) -> Reading {
        match query.kind.as_str() {
            "installed" => match self.packages.get(subject).filter(|one| one.progress != Progress::Removed) {
                Some(one) => {
                    Reading::present(&InstalledPackage { version: one.version.clone(), whole: one.progress == Progress::Configured })
                }
                None => Reading::Absent,
            },
            "automatic" if self.automatic.contains(subject) => Reading::present(&true),
            "interrupted" => {
                let half = self.packages.iter().filter(|(_, one)| matches!(one.progress, Progress::Unpacked | Progress::HalfConfigured));
                let half: Vec<String> = half.map(|(name, _)| format!("{name} (half-configured)")).collect();
                if half.is_empty() { Reading::Absent } else { Reading::present(&half) }
            }
            "selection" => match self.packages.get(subject) {
                None => Reading::Absent,
                Some(one) => {
                    let usual = if one.progress == Progress::Removed { "deinstall" } else { "install" };
                    let chosen = self.selections.get(subject).map_or(usual, String::as_str);
                    Reading::present(&if one.held { "hold" } else { chosen })
                }
            },
            "packages" => {
                let known = |(name, one): (&String, &Installed)| KnownPackage {
                    name: name.clone(),
                    version: one.version.clone(),
                    architecture: "amd64".into(),
                    section: "misc".into(),
                    origin: String::new(),
                };
                let whole = self.packages.iter().filter(|(_, one)| one.progress == Progress::Configured);
                Reading::present(&whole.map(known).collect::<Vec<_>>())
            }
            "apt_lists" => Reading::present(&self.lists_time),
            "apt_names" => {
                let Ok(pattern) = glob::Pattern::new(subject) else { return Reading::Absent };
                let mut names: Vec<&String> = self.catalogue.entries.keys().chain(self.packages.keys()).collect();
                names.sort_unstable();
                names.dedup();
                names.retain(|name| pattern.matches(name));
                if names.is_empty() { Reading::Absent } else { Reading::present(&names) }
            }
            "apt_policy" => match self.catalogue.entries.get(subject) {
                None => Reading::Absent,
                Some(entry) => Reading::present(&Offer {
                    candidate: entry.versions.last().cloned(),
                    versions: entry.versions.iter().rev().cloned().collect(),
                    providers: Vec::new(),
                }),
            },
            "apt_simulation" => Reading::present(&self.apt_would(&query.args)),
            _ => Reading::Absent,
        }
    }

    fn installed_version(&self, name: &str) -> Option<&str> {
        self.packages.get(name).filter(|one| one.progress == Progress::Configured).map(|one| one.version.as_str())
    }

    /// What apt-get would do.
    fn apt_would(&self, words: &[String]) -> Simulated {
        let mut plain = Vec::new();
        let mut options = words.iter();
        while let Some(word) = options.next() {
            match word.as_str() {
                // its value stands behind it
                "-o" | "-t" => drop(options.next()),
                word if word.starts_with('-') => {}
                word => plain.push(word),
            }
        }
        let (verb, named) = plain.split_first().map_or(("", [].as_slice()), |(verb, named)| (*verb, named));
        let mut said = String::new();
        match verb {
            "install" => named.iter().for_each(|wanted| self.would_install(wanted, &mut said)),
            "remove" => named.iter().for_each(|name| {
                let _ = writeln!(said, "Remv {name} [0]");
            }),
            "upgrade" | "dist-upgrade" => {
                let newer = self.packages.iter().filter(|(name, one)| {
                    one.progress != Progress::Removed
                        && !one.held
                        && self
                            .catalogue
                            .entries
                            .get(*name)
                            .and_then(|entry| entry.versions.last())
                            .is_some_and(|last| *last != one.version)
                });
                newer.for_each(|(name, _)| self.would_install(name, &mut said));
            }
            "autoremove" => {
                let gone: Vec<&String> = self.automatic.iter().filter(|name| self.packages.contains_key(*name)).collect();
                if !gone.is_empty() {
                    said.push_str("The following packages will be REMOVED:\n");
                }
                for name in gone {
                    let _ = writeln!(said, "Remv {name} [0]");
                }
            }
            _ => {}
        }
        if said.is_empty() {
            said.push_str(NOTHING);
        }
        Simulated { status: 0, stdout: said, stderr: String::new() }
    }

    fn would_install(&self, wanted: &str, said: &mut String) {
        let (name, version) = wanted.split_once('=').unwrap_or((wanted, ""));
        let last = self.catalogue.entries.get(name).and_then(|entry| entry.versions.last()).map_or("", String::as_str);
        let version = if version.is_empty() { last } else { version };
        let before = self.installed_version(name).map(|version| format!("[{version}] ")).unwrap_or_default();
        let _ = writeln!(said, "Inst {name} {before}({version} stable [amd64])");
    }
}
