//! `homelabctl disk explain`

use std::sync::Arc;

use clap::Args;
use serde_json::{Map, Value, json};

use super::super::super::args::{ConnectionArgs, OutputArgs};
use super::super::super::environment::Environment;
use super::super::super::run::Run;
use super::super::super::session::{Session, Shared};
use super::super::super::targets::Ready;
use super::{as_root, asked, failed};
use crate::diagnostics::{Diagnostics, ExitCode};
use crate::disk::{Evidence, Examined, Lvm, NotOne, by_any_name, disks, examine, gigabytes, stable_name};
use crate::node::facts::{BlockDevice, BlockDevices, Extent, Holding, Soundness};
use crate::plan::{Facts, Stop};
use crate::report::{Answer, DiskSheet, HostAnswer, Outcome};

/// See all that was found on a disk, and what it is taken for
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// Which host
    #[arg(value_name = "HOST")]
    pub host: String,
    /// Which disk: a name under /dev/disk/by-id, a World Wide Name, a serial number, or a path such as /dev/sdb
    #[arg(value_name = "DISK")]
    pub disk: String,
    /// Read all of it where it seems to be blank, not only where data would show
    #[arg(long)]
    pub full_scan: bool,
    #[command(flatten)]
    pub connection: ConnectionArgs,
}

pub fn run(args: &ExplainArgs, output: &OutputArgs, environment: &Environment) -> ExitCode {
    let connection = &as_root(&args.connection);
    let run = Run { command: "disk explain", pattern: &args.host, connection, output, all_facts: false, diff: false, environment };
    let extent = if args.full_scan { Extent::Full } else { Extent::Sampled };
    run.on_each_host(Diagnostics::new(), |shared, ready| explain(shared, ready, args.disk.clone(), extent))
}

async fn explain(shared: Arc<Shared>, ready: Ready, disk: String, extent: Extent) -> HostAnswer {
    let mut session = match Session::open(ready, shared).await {
        Ok(session) => session,
        Err(answer) => return answer,
    };
    match asked(&mut session, |facts| sheet(facts, &disk, extent)).await {
        Ok(Ok(sheet)) => {
            let answer = HostAnswer::good(Arc::clone(&session.host), Outcome::Unchanged, Answer::Disk(sheet));
            HostAnswer { round_trips: session.round_trips(), ..answer }
        }
        Ok(Err(why)) => failed(&session, format!("{disk}: {why}")),
        Err(answer) => answer,
    }
}

fn sheet(facts: &Facts<'_>, disk: &str, extent: Extent) -> Result<Result<DiskSheet, NotOne>, Stop> {
    let devices = facts.get(BlockDevices)?.unwrap_or_default();
    Ok(match find(&devices, disk) {
        Err(why) => Err(why),
        Ok(device) => {
            let examined = examine(facts, &device.path, extent)?;
            let mut summary = summary(device, &examined);
            if device.kind == "disk" && examined.is_for_wiping() {
                summary.push(("to empty it".to_owned(), format!("homelabctl disk wipe {} {}", facts.scope().host, stable_name(device))));
            }
            Ok(DiskSheet { summary, disk: all(device, &examined) })
        }
    })
}

/// The disk that answers to that, whichever kind of name it is.
fn find<'d>(devices: &'d [BlockDevice], name: &str) -> Result<&'d BlockDevice, NotOne> {
    // one of two that cannot be told apart by name is still there to be looked at
    if let Some(device) = disks(devices).find(|disk| disk.path == name) {
        return Ok(device);
    }
    // refusals name partitions, volumes and arrays by their paths
    let by_id = name.strip_prefix("/dev/disk/by-id/").unwrap_or(name);
    let is_it = |device: &&BlockDevice| device.path == name || device.by_id.iter().any(|known| known == by_id);
    if let Some(device) = devices.iter().find(|device| device.kind != "disk" && is_it(device)) {
        return Ok(device);
    }
    by_any_name(devices, name)
}

pub(super) fn all(device: &BlockDevice, examined: &Examined) -> Map<String, Value> {
    let value = json!({ "device": device, "class": examined.class, "evidence": examined.evidence });
    value.as_object().cloned().unwrap_or_default()
}

pub(super) fn summary(device: &BlockDevice, examined: &Examined) -> Vec<(String, String)> {
    let mut rows: Vec<(&str, String)> = vec![("disk", identity(device))];
    rows.extend(device.by_id.iter().map(|name| ("name", name.clone())));
    if let Some(evidence) = &examined.evidence {
        rows.extend(seen(evidence));
    }
    rows.push(("it is", examined.class.to_string()));
    rows.push(("provision may", examined.class.may_become().to_owned()));
    rows.into_iter().map(|(label, line)| (label.to_owned(), line)).collect()
}

fn identity(device: &BlockDevice) -> String {
    let serial = device.serial.as_ref().map(|serial| format!("serial {serial}"));
    let flag = |is: bool, word: &str| is.then(|| word.to_owned());
    let parts = [
        Some(device.path.clone()),
        device.model.clone(),
        serial,
        Some(format!("{} ({} bytes)", gigabytes(device.size), device.size)),
        device.transport.clone(),
        flag(device.rotational, "rotational"),
        flag(device.removable, "removable"),
        flag(device.read_only, "read-only"),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn seen(evidence: &Evidence) -> Vec<(&'static str, String)> {
    let mut rows = Vec::new();
    let mut signatures = |holding: &Holding| {
        for found in &holding.signatures {
            let label = found.label.as_ref().map(|label| format!(", label {label:?}")).unwrap_or_default();
            let uuid = found.uuid.as_ref().map(|uuid| format!(", UUID {uuid}")).unwrap_or_default();
            rows.push(("signature", format!("{} at byte {} of {}{label}{uuid}", found.kind, found.offset, holding.path)));
        }
    };
    signatures(&evidence.contents.device);
    let mut table = Vec::new();
    for partition in &evidence.contents.partitions {
        signatures(&partition.holding);
        let name = partition.entry.name.as_ref().map(|name| format!(" {name:?}")).unwrap_or_default();
        let size = gigabytes(partition.holding.size);
        table.push(("partition", format!("{}{name}, {size} from byte {}", partition.number, partition.start)));
    }
    table.append(&mut rows);
    let mut rows = table;
    let is_partition =
        |name: &str| evidence.contents.partitions.iter().any(|partition| partition.holding.path.ends_with(&format!("/{name}")));
    for layer in &evidence.uses.layers {
        if let Some(on) = layer.on.as_ref().filter(|_| !is_partition(&layer.name)) {
            let mapping = layer.mapping.as_ref().map(|mapping| format!(" ({mapping})")).unwrap_or_default();
            rows.push(("in use", format!("{}{mapping} stands on {on}", layer.name)));
        }
    }
    for mount in &evidence.uses.mounts {
        let elsewhere = if mount.elsewhere { ", in a namespace of its own" } else { "" };
        rows.push(("mounted", format!("{} on {} ({}){elsewhere}", mount.source, mount.target, mount.kind)));
    }
    rows.extend(evidence.uses.swaps.iter().map(|path| ("swap", path.clone())));
    if let Some(zeros) = evidence.zeros {
        let found = zeros.first_other.map_or_else(|| "all of them zeros".to_owned(), |at| format!("the first that is no zero is at {at}"));
        rows.push(("bytes read", format!("{}, {found}", zeros.read)));
    }
    if let Some(files) = &evidence.files {
        rows.push(("files", if files.is_empty() { "none".to_owned() } else { files.join(" ") }));
    }
    match &evidence.lvm {
        None => {}
        Some(Lvm::NotInstalled) => rows.push(("LVM", "is not installed".to_owned())),
        Some(Lvm::Says(state)) => match &state.group {
            None => rows.push(("LVM", "in no group".to_owned())),
            Some(group) => rows.push(("LVM", format!("group {group}, volumes: {}", state.volumes))),
        },
    }
    if let Some(soundness) = evidence.soundness {
        let words = match soundness {
            Soundness::Whole => "whole",
            Soundness::Unfinished => "not whole, and never used",
            Soundness::Damaged => "not whole, and was used",
        };
        rows.push(("filesystem", words.to_owned()));
    }
    rows
}
