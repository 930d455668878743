//! What a command would write to, looked at on the machine.

use super::{Does, Judgement, Write};
use crate::disk::{Class, examine};
use crate::node::facts::{Extent, FileKind, Stat, VolumeGroup, WorkingDirectory};
use crate::plan::{Facts, Refusal, Stop};

/// Why the command must not run; nothing where it may. Relative paths begin at `directory`, or where the login's shell stands.
///
/// # Errors
/// What has to be read first; what cannot be known.
pub fn permit(judgement: &Judgement, directory: Option<&str>, facts: &Facts<'_>) -> Result<Option<Refusal>, Stop> {
    if let Some(unseen) = judgement.unseen.first() {
        return Ok(Some(Refusal {
            why: format!("`{}` writes to disks, and it cannot be seen to which: {}", unseen.program, unseen.why),
            hint: Some(
                "name the device itself in the task, one command for each, with a variable of the playbook instead of the shell's".into(),
            ),
        }));
    }
    if judgement.is_harmless() {
        return Ok(None);
    }
    let join = |above: &str, below: &str| {
        if below.starts_with('/') { below.to_owned() } else { format!("{}/{below}", above.trim_end_matches('/')) }
    };
    let is_relative = |write: &Write| !is_group(write) && !write.operand.starts_with('/');
    let above = match directory {
        Some(directory) if directory.starts_with('/') => directory.to_owned(),
        _ if !judgement.writes.iter().any(is_relative) => "/".to_owned(),
        _ => join(&facts.get(WorkingDirectory)?.unwrap_or_default(), directory.unwrap_or_default()),
    };
    let path = |write: &Write| join(&above, &write.operand);
    let paths: Vec<Option<String>> = judgement.writes.iter().map(|write| (!is_group(write)).then(|| path(write))).collect();
    // all at once, so that they are one question
    let kinds = facts.get(paths.iter().flatten().map(Stat::followed).collect::<Vec<_>>())?;
    let mut kinds = kinds.into_iter();
    let mut why = Vec::new();
    for (index, (write, path)) in judgement.writes.iter().zip(&paths).enumerate() {
        let before = judgement.writes.get(..index).unwrap_or_default();
        let found = match path {
            None => in_group(write, before, facts)?,
            Some(path) => match kinds.next().flatten() {
                Some(stat) if stat.kind == FileKind::BlockDevice => on_device(write, path, before, facts)?,
                // a controller (/dev/nvme0, /dev/sg1) has disks behind it
                Some(stat) if stat.kind == FileKind::CharacterDevice => {
                    Some(format!("{path}, which is no block device: what is behind it is not known"))
                }
                // a file, or what is no disk: not what is guarded
                Some(_) => None,
                None => missing(write, path, before),
            },
        };
        if let Some(found) = found {
            why.push((path.clone().unwrap_or_else(|| write.operand.clone()), format!("`{}` would write to {found}", write.program)));
        }
    }
    let Some((first, _)) = why.first().cloned() else { return Ok(None) };
    why.dedup();
    let mut hint = if first.starts_with('/') {
        format!("homelabctl disk explain {} {first} shows what is on it and what can be done", facts.scope().host)
    } else {
        "look at it with vgs(8) and lvs(8); a group that is to be filled further is no empty one".into()
    };
    if judgement.is_conditional {
        hint.push_str(
            "\nif the command itself looks first and leaves it alone, put that look into `when:`, or use community.general.filesystem or parted",
        );
    }
    Ok(Some(Refusal { why: why.into_iter().map(|(_, why)| why).collect::<Vec<_>>().join("; "), hint: Some(hint) }))
}

/// Whether the operand is the name of a volume group.
pub(super) fn is_group(write: &Write) -> bool {
    write.does == Does::Carves || write.does == Does::Makes && !write.operand.starts_with('/')
}

fn on_device(write: &Write, path: &str, before: &[Write], facts: &Facts<'_>) -> Result<Option<String>, Stop> {
    let class = examine(facts, path, Extent::Sampled)?.class;
    let is_empty = matches!(class, Class::Blank | Class::EmptyTable | Class::BlankPartition);
    let is_fresh = match write.does {
        Does::Joins | Does::Leaves => class == Class::NewPhysicalVolume,
        _ => false,
    };
    // what this very command has made of it by then is no harm either
    let is_its_own = before.iter().any(|earlier| earlier.operand == write.operand);
    Ok((!is_empty && !is_fresh && !is_its_own).then(|| format!("{path}, which is not empty: {class}")))
}

/// A device that is not there yet: it must be one that the same command makes of what was empty.
fn missing(write: &Write, path: &str, before: &[Write]) -> Option<String> {
    let is_device = path.starts_with("/dev/");
    let is_made = write.does == Does::Makes || before.iter().any(|earlier| makes(earlier, path));
    (is_device && !is_made).then(|| format!("{path}, which is not there now, so it is not known what it will be"))
}

/// Whether a command makes that device out of what it names.
fn makes(earlier: &Write, path: &str) -> bool {
    let operand = earlier.operand.as_str();
    match earlier.does {
        Does::Makes => path == operand,
        Does::Carves => {
            let volume = path.strip_prefix("/dev/").unwrap_or(path);
            let mapped = volume.strip_prefix("mapper/").and_then(|name| name.strip_prefix(&operand.replace('-', "--")));
            volume.strip_prefix(operand).is_some_and(|rest| rest.starts_with('/')) || mapped.is_some_and(|rest| rest.starts_with('-'))
        }
        Does::Partitions => path.strip_prefix(operand).is_some_and(|rest| {
            let number = rest.strip_prefix("-part").or_else(|| rest.strip_prefix('p')).unwrap_or(rest);
            !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
        }),
        Does::Overwrites => earlier.program == "cryptsetup" && path.starts_with("/dev/mapper/"),
        Does::Joins | Does::Leaves => false,
    }
}

/// Volumes are made of, or taken from, an empty group.
fn in_group(write: &Write, before: &[Write], facts: &Facts<'_>) -> Result<Option<String>, Stop> {
    let is_made = before.iter().any(|earlier| earlier.does == Does::Makes && earlier.operand == write.operand);
    if write.does == Does::Makes || is_made {
        return Ok(None);
    }
    let volumes = facts.get(VolumeGroup::new(&write.operand))?;
    Ok(volumes.filter(|volumes| *volumes > 0).map(|volumes| {
        let plural = if volumes == 1 { "" } else { "s" };
        format!("the volume group {}, which is not empty: it has {volumes} logical volume{plural}", write.operand)
    }))
}
