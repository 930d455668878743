//! The judgement of disks by facts: asks for what it needs, and for what is dear to read only where the judgement hangs on it.

use std::collections::BTreeSet;

use super::class::Class;
use super::classify::{classify, layers_above};
use super::evidence::{Evidence, Lvm, Wanted};
use crate::node::facts::{Blankness, DeviceContents, DeviceUse, Extent, FilesystemSoundness, PhysicalVolume, RootNames, WipeMark};
use crate::plan::{Facts, Stop};

/// A disk or a partition, judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Examined {
    /// What it is.
    pub class: Class,
    /// What was seen of it; nothing where there is no such device.
    pub evidence: Option<Evidence>,
}

impl Examined {
    /// Whether it is refused for what it holds, and nothing uses it: a disk that a person may empty.
    pub fn is_for_wiping(&self) -> bool {
        let Some(Evidence { contents, uses, .. }) = &self.evidence else { return false };
        let is_used = !uses.mounts.is_empty() || !uses.swaps.is_empty() || layers_above(contents, uses).next().is_some();
        contents.is_disk() && !is_used && self.class.is_for_wiping()
    }

    /// The commands that go on after a refusal, for the device by that name: one shows what is on it, and one empties a disk that may be.
    pub fn ways_on(&self, host: &str, device: &str) -> String {
        let explain = format!("homelabctl disk explain {host} {device} shows what is on it and what can be done");
        if self.is_for_wiping() { format!("{explain}\nto use it all the same:  homelabctl disk wipe {host} {device}") } else { explain }
    }
}

/// What the device at that absolute path is; `extent` says how much of one that seems to be blank is read.
///
/// # Errors
/// [`Stop::Need`] for what has to be read first; [`Stop::Unknown`] where it cannot be read.
pub fn examine(facts: &Facts<'_>, path: &str, extent: Extent) -> Result<Examined, Stop> {
    let asked = (DeviceContents::new(path), DeviceUse::new(path), WipeMark::new(path));
    let (Some(contents), Some(uses), begun) = facts.get(asked)? else {
        return Ok(Examined { class: Class::Missing, evidence: None });
    };
    let mut evidence = Evidence { contents, uses, begun, zeros: None, files: None, soundness: None, lvm: None };
    loop {
        let wanted = match classify(&evidence) {
            Ok(class) => return Ok(Examined { class, evidence: Some(evidence) }),
            Err(wanted) => wanted,
        };
        // each is filled in by its answer, so it is not wanted twice
        let is_there = match wanted {
            Wanted::Zeros { path, head, tail } => {
                evidence.zeros = facts.get(Blankness::new(path, head, tail, extent))?;
                evidence.zeros.is_some()
            }
            Wanted::Files { path, kind, mounted } => {
                evidence.files = facts.get(RootNames::new(path, kind, mounted))?;
                evidence.files.is_some()
            }
            Wanted::Soundness { path, kind } => {
                evidence.soundness = facts.get(FilesystemSoundness::new(path, kind))?;
                evidence.soundness.is_some()
            }
            Wanted::Lvm { path } => {
                evidence.lvm = Some(facts.get(PhysicalVolume::new(path))?.map_or(Lvm::NotInstalled, Lvm::Says));
                true
            }
        };
        if !is_there {
            return Ok(Examined { class: Class::Missing, evidence: None });
        }
    }
}

/// Several at once: what any of them needs is asked for together, and what cannot be read is so much of that one alone.
///
/// # Errors
/// [`Stop::Need`] with what all of them need.
pub fn examine_each(facts: &Facts<'_>, paths: &[&str], extent: Extent) -> Result<Vec<Examined>, Stop> {
    let mut need = BTreeSet::new();
    let mut judged = Vec::new();
    for path in paths {
        match examine(facts, path, extent) {
            Ok(examined) => judged.push(examined),
            Err(Stop::Need(more)) => need.extend(more),
            Err(Stop::Unknown(unknown)) => {
                let why = unknown.into_values().collect::<Vec<_>>().join("; ");
                judged.push(Examined { class: Class::Unreadable(why), evidence: None });
            }
        }
    }
    if need.is_empty() { Ok(judged) } else { Err(Stop::Need(need)) }
}

#[cfg(test)]
#[path = "examine_tests.rs"]
mod tests;
