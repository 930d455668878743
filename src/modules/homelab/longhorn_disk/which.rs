//! Which disk the task means.

use crate::disk::{DiskName, NotOne, Selector, SizeRange, disks, gigabytes, stable_name};
use crate::modules::Args;
use crate::modules::halt::Halt;
use crate::node::facts::{BlockDevice, BlockDevices};
use crate::plan::Facts;

/// What the options say of the disk.
pub(super) struct Which {
    name: DiskName,
    removable: bool,
}

impl Which {
    pub fn read(args: &Args) -> Result<Self, Halt> {
        let given = |name: &str| args.str(name).map(str::to_owned);
        let size = args.str("size").map(str::parse::<SizeRange>).transpose().map_err(|bad| Halt::fail(format!("`size`: {bad}")))?;
        let selector = Selector { size, model: given("model"), transport: given("transport"), rotational: args.bool("rotational") };
        let name = match (given("by_id"), given("wwn"), given("serial"), given("device")) {
            (Some(name), ..) => DiskName::ById(name),
            (_, Some(wwn), ..) => DiskName::Wwn(wwn),
            (_, _, Some(serial), _) => DiskName::Serial(serial),
            (.., Some(path)) if path.starts_with("/dev/disk/by-id/") => DiskName::ById(path),
            (.., Some(path)) => DiskName::Unstable(path),
            _ => DiskName::Like(selector),
        };
        Ok(Self { name, removable: args.is("allow_removable") })
    }

    /// Where the disk is, as far as its name tells without a look at the machine.
    pub fn path(&self) -> Option<String> {
        match &self.name {
            DiskName::ById(name) => Some(format!("/dev/disk/by-id/{}", name.strip_prefix("/dev/disk/by-id/").unwrap_or(name))),
            DiskName::Unstable(path) => Some(path.clone()),
            _ => None,
        }
    }

    /// The one disk among those of the machine.
    pub fn find(&self, facts: &Facts<'_>) -> Result<BlockDevice, Halt> {
        let devices = facts.get(BlockDevices)?.unwrap_or_default();
        let host = &facts.scope().host;
        let disk = match self.name.find(&devices) {
            Ok(disk) => disk,
            Err(why) => {
                let hint = match why {
                    NotOne::Missing => format!("the disks of {host} are: {}", listed(&devices)),
                    NotOne::Ambiguous(_) => format!("name one by its `by_id`: homelabctl disk list {host}"),
                    NotOne::Partition(_) | NotOne::Nothing => format!("homelabctl disk list {host} shows the disks and their names"),
                };
                return Err(Halt::refuse(format!("disk {} on {host}: {why}", self.name), hint));
            }
        };
        let can_be_taken_out = disk.removable || disk.transport.as_deref() == Some("usb");
        if can_be_taken_out && !self.removable {
            return Err(Halt::refuse(
                format!("disk {} on {host} can be taken out, and Longhorn's data with it", stable_name(disk)),
                "if it is meant, say `allow_removable: true`",
            ));
        }
        Ok(disk.clone())
    }
}

fn listed(devices: &[BlockDevice]) -> String {
    let each: Vec<String> = disks(devices).map(|disk| format!("{} ({})", stable_name(disk), gigabytes(disk.size))).collect();
    if each.is_empty() { "none".into() } else { each.join(", ") }
}
