//! What the machine's disks are once one of them was made ready: the disks after it are judged by this in a dry run.

use super::place::Filesystem;
use crate::disk::FINAL_LABEL;
use crate::node::facts::BlockDevice;

/// A GPT's second copy takes 33 sectors of 512 bytes; partitions begin and end at whole MiB.
const MIB: u64 = 1 << 20;

/// The one partition that a disk is going to have.
pub(super) struct Made {
    /// Its UUID.
    pub uuid: String,
    /// Whether it is there already.
    pub is_there: bool,
}

/// All block devices, with that filesystem mounted there; `made` where its partition is ours and not finished yet.
///
/// How large a new partition is hangs on the version of sfdisk: nothing is decided by it.
pub(super) fn devices(
    now: &[BlockDevice],
    disk: &BlockDevice,
    filesystem: &Filesystem<'_>,
    made: Option<&Made>,
    at: &str,
) -> Vec<BlockDevice> {
    let mut then = now.to_vec();
    if made.is_some_and(|made| !made.is_there) {
        let place = then.iter().position(|device| device.path == disk.path).map_or(then.len(), |place| place + 1);
        let size = (disk.size.saturating_sub(33 * 512) / MIB).saturating_sub(1) * MIB;
        let partition = BlockDevice {
            name: filesystem.path.trim_start_matches("/dev/").to_owned(),
            path: filesystem.path.to_owned(),
            kind: "part".into(),
            size,
            serial: None,
            model: None,
            wwn: None,
            transport: None,
            mountpoints: Vec::new(),
            parents: vec![disk.path.clone()],
            by_id: disk.by_id.iter().map(|id| format!("{id}-part1")).collect(),
            ..disk.clone()
        };
        then.insert(place, partition);
    }
    for device in &mut then {
        let is_partition = device.path == filesystem.path;
        if let Some(made) = made.filter(|_| is_partition || device.path == disk.path) {
            device.partition_table = Some("gpt".into());
            if is_partition {
                device.filesystem = Some(filesystem.kind.to_owned());
                device.uuid = Some(filesystem.uuid.to_owned());
                device.partition_uuid = Some(made.uuid.clone());
                device.partition_label = Some(FINAL_LABEL.into());
            }
        }
        if is_partition && !device.mountpoints.iter().any(|place| place == at) {
            device.mountpoints.push(at.to_owned());
            device.mountpoints.sort();
        }
    }
    then
}
