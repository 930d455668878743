//! What partitions are called, the two labels of ours, and UUIDs that are known before anything is written.

use sha2::{Digest, Sha256};

/// The name of a partition that may still be formatted.
pub const NEW_LABEL: &str = "homelabctl-new";
/// The name of a partition whose filesystem was seen to be whole: never formatted again.
pub const FINAL_LABEL: &str = "homelabctl-longhorn";

/// The path of a disk's partition, by the kernel's name of the disk or by one of udev's links to it.
pub fn partition_path(disk: &str, number: impl std::fmt::Display) -> String {
    match disk {
        _ if disk.starts_with("/dev/disk/") => format!("{disk}-part{number}"),
        _ if disk.ends_with(|c: char| c.is_ascii_digit()) => format!("{disk}p{number}"),
        _ => format!("{disk}{number}"),
    }
}

/// The UUID of the partition that is made on the disk of that name (by-id) of that machine.
pub fn partition_uuid(machine_id: &str, disk: &str) -> String {
    derived(&["partition", machine_id, disk])
}

/// The UUID of the filesystem in the partition with that UUID: whoever finds it knows which one belongs there.
pub fn filesystem_uuid(partition_uuid: &str) -> String {
    derived(&["filesystem", &partition_uuid.to_ascii_lowercase()])
}

/// The UUID of the table that has the partition with that UUID alone.
pub fn table_uuid(partition_uuid: &str) -> String {
    derived(&["table", &partition_uuid.to_ascii_lowercase()])
}

/// A UUID of version 8, of a custom digest (RFC 9562, 5.8).
fn derived(of: &[&str]) -> String {
    let mut hash = Sha256::new();
    hash.update("homelabctl");
    for part in of {
        hash.update([0]);
        hash.update(part);
    }
    let digest = hash.finalize();
    let mut bytes: Vec<u8> = digest.iter().take(16).copied().collect();
    for (index, keep, set) in [(6, 0x0f, 0x80), (8, 0x3f, 0x80)] {
        if let Some(byte) = bytes.get_mut(index) {
            *byte = *byte & keep | set;
        }
    }
    let hex: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    [0..4, 4..6, 6..8, 8..10, 10..16].map(|range| hex.get(range).unwrap_or_default().concat()).join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_are_called_by_their_disk() {
        let paths = ["/dev/sdb", "/dev/nvme0n1", "/dev/disk/by-id/x-1"].map(|disk| partition_path(disk, 2));
        assert_eq!(paths, ["/dev/sdb2", "/dev/nvme0n1p2", "/dev/disk/by-id/x-1-part2"]);
    }

    #[test]
    fn uuids_are_the_same_every_time_and_differ_by_disk() {
        let one = partition_uuid("abc", "scsi-1");
        assert_eq!(one, partition_uuid("abc", "scsi-1"));
        assert!(one != partition_uuid("abc", "scsi-2") && one != partition_uuid("ab", "cscsi-1"));
        assert_eq!(filesystem_uuid(&one.to_ascii_uppercase()), filesystem_uuid(&one));
        assert!(one.len() == 36 && one.as_bytes()[14] == b'8' && b"89ab".contains(&one.as_bytes()[19]), "{one}");
    }
}
