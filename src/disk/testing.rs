//! What tests of disks share.

use crate::node::facts::BlockDevice;

/// A disk with that serial number and no more to say of it.
pub fn device(serial: Option<&str>) -> BlockDevice {
    BlockDevice {
        name: "sdb".into(),
        path: "/dev/sdb".into(),
        kind: "disk".into(),
        size: 150 << 30,
        serial: serial.map(str::to_owned),
        model: None,
        wwn: None,
        transport: None,
        read_only: false,
        removable: false,
        rotational: false,
        filesystem: None,
        label: None,
        uuid: None,
        partition_table: None,
        partition_label: None,
        partition_uuid: None,
        mountpoints: Vec::new(),
        parents: Vec::new(),
        by_id: Vec::new(),
    }
}
