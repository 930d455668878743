//! The GPT of a disk that is all one partition, to the byte.
//!
//! sfdisk(8) writes the second copy first and syncs both at once, so a machine that loses its power may be left with the second
//! one alone, which says nothing certain about a disk. So its bytes are made here, and written in an order of our own.

use super::check::{self, Invalid};

/// Where the partition begins, in bytes, and what it ends at a whole multiple of.
const MIB: u64 = 1 << 20;
/// Bytes of the entries: 128 of 128.
const ENTRIES: u64 = 16 << 10;
/// "Linux filesystem", 0FC63DAF-8483-4772-8E79-3D69D8477DE4, as it stands in an entry.
const LINUX: [u8; 16] = [0xaf, 0x3d, 0xc6, 0x0f, 0x83, 0x84, 0x72, 0x47, 0x8e, 0x79, 0x3d, 0x69, 0xd8, 0x47, 0x7d, 0xe4];

/// What the table says.
pub(super) struct Gpt<'a> {
    /// Of the disk, in bytes.
    pub size: u64,
    /// Bytes of a logical sector.
    pub sector: u32,
    /// The disk's own UUID.
    pub disk: &'a str,
    /// The partition's.
    pub partition: &'a str,
    /// The partition's name, in ASCII.
    pub name: &'a str,
}

/// The bytes of both copies; behind each of them are zeros.
pub(super) struct Copies {
    /// From the beginning of the disk: the protective MBR, the header, the entries.
    pub first: Vec<u8>,
    /// Before the last sector.
    pub entries: Vec<u8>,
    /// The last sector.
    pub header: Vec<u8>,
}

impl Gpt<'_> {
    /// Whether such a disk can have one.
    pub(super) fn check(&self) -> Result<(), Invalid> {
        if ![512, 1024, 2048, 4096].contains(&self.sector) {
            return check::refuse("sector", &self.sector.to_string(), "is no size that disks have");
        }
        if !self.size.is_multiple_of(u64::from(self.sector)) || self.size < 4 * MIB {
            return check::refuse("size", &self.size.to_string(), "is no size of a disk that a table fits on");
        }
        Ok(())
    }

    fn sectors(&self, bytes: u64) -> u64 {
        bytes / u64::from(self.sector.max(1))
    }

    pub(super) fn copies(&self) -> Copies {
        let sector = usize::try_from(self.sector).unwrap_or_default();
        let all = self.sectors(self.size);
        let entry = self.entry();
        let digest = crc32(entry.iter().copied().chain(std::iter::repeat_n(0, (ENTRIES as usize).saturating_sub(entry.len()))));
        let before_last = all.saturating_sub(1 + self.sectors(ENTRIES));
        let mut first = protective_mbr(all);
        first.resize(sector, 0);
        first.extend(self.header(1, all.saturating_sub(1), 2, digest));
        first.resize(2 * sector, 0);
        first.extend(&entry);
        Copies { first, entries: entry, header: self.header(all.saturating_sub(1), 1, before_last, digest) }
    }

    fn header(&self, own: u64, other: u64, entries: u64, digest: u32) -> Vec<u8> {
        let all = self.sectors(self.size);
        let usable = [self.sectors(MIB), all.saturating_sub(2 + self.sectors(ENTRIES))];
        let parts = |check: u32| {
            let mut bytes = b"EFI PART\0\0\x01\0\x5c\0\0\0".to_vec();
            bytes.extend(check.to_le_bytes());
            bytes.extend([0; 4]);
            [own, other].into_iter().chain(usable).for_each(|at| bytes.extend(at.to_le_bytes()));
            bytes.extend(mixed(self.disk));
            bytes.extend(entries.to_le_bytes());
            [128, 128, digest].into_iter().for_each(|number: u32| bytes.extend(number.to_le_bytes()));
            bytes
        };
        parts(crc32(parts(0).into_iter()))
    }

    fn entry(&self) -> Vec<u8> {
        let end = self.size.saturating_sub(ENTRIES + u64::from(self.sector)) / MIB * MIB;
        let mut bytes = LINUX.to_vec();
        bytes.extend(mixed(self.partition));
        [self.sectors(MIB), self.sectors(end).saturating_sub(1), 0].into_iter().for_each(|number: u64| bytes.extend(number.to_le_bytes()));
        self.name.encode_utf16().take(36).for_each(|unit| bytes.extend(unit.to_le_bytes()));
        bytes.resize(128, 0);
        bytes
    }
}

/// Of a disk of so many sectors: one partition of type 0xee over all of it, or over as much as it can say.
fn protective_mbr(sectors: u64) -> Vec<u8> {
    let mut bytes = vec![0; 446];
    bytes.extend([0, 0, 2, 0, 0xee, 0xff, 0xff, 0xff, 1, 0, 0, 0]);
    bytes.extend(u32::try_from(sectors.saturating_sub(1)).unwrap_or(u32::MAX).to_le_bytes());
    bytes.resize(510, 0);
    bytes.extend([0x55, 0xaa]);
    bytes
}

/// A UUID as GPT has it: its first three fields are little-endian.
fn mixed(uuid: &str) -> Vec<u8> {
    let digits: Vec<u8> = uuid.chars().filter_map(|digit| digit.to_digit(16)).filter_map(|digit| u8::try_from(digit).ok()).collect();
    let mut bytes: Vec<u8> = digits.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect();
    bytes.resize(16, 0);
    for range in [0..4, 4..6, 6..8] {
        if let Some(field) = bytes.get_mut(range) {
            field.reverse();
        }
    }
    bytes
}

/// CRC-32 as in zlib (UEFI, 4.2).
fn crc32(bytes: impl Iterator<Item = u8>) -> u32 {
    const TABLE: [u32; 256] = table();
    !bytes.fold(!0, |crc, byte| TABLE.get(usize::from(crc as u8 ^ byte)).copied().unwrap_or_default() ^ crc >> 8)
}

#[expect(clippy::indexing_slicing, reason = "when it is compiled, and an iterator cannot be there")]
const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut n = 0;
    while n < 256 {
        let (mut crc, mut bit) = (n as u32, 0);
        while bit < 8 {
            crc = if crc & 1 == 1 { 0xedb8_8320 ^ crc >> 1 } else { crc >> 1 };
            bit += 1;
        }
        table[n] = crc;
        n += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use sha2::{Digest as _, Sha256};

    use super::*;

    const UUID: &str = "7e57ed00-0000-4000-8000-000000000001";

    fn gpt(size: u64, sector: u32) -> Gpt<'static> {
        Gpt { size, sector, disk: "0b4c0b4c-0000-4000-8000-000000000021", partition: UUID, name: "homelabctl-new" }
    }

    /// sfdisk and `fdisk -b 4096` of util-linux 2.38.1 on a file of 64 MiB, with `label-id`, `start=1MiB`, `uuid` and `name`.
    #[test]
    fn as_sfdisk_writes_it_to_the_byte() {
        for (sector, digest) in [
            (512, "d4071f8a21b07ca7cfaa0704c136ab420ab9e4c6ceb7b4d2a1e7e95e7b2cf7d2"),
            (4096, "d2aeb0f0b155088854d24f7086eddab400cf90ccdb14aca39442f2e3c744b565"),
        ] {
            let copies = gpt(64 << 20, sector).copies();
            let mut disk = vec![0; 64 << 20];
            let sector = sector as usize;
            for (at, bytes) in [(0, copies.first), (disk.len() - sector - (16 << 10), copies.entries), (disk.len() - sector, copies.header)]
            {
                disk[at..at + bytes.len()].copy_from_slice(&bytes);
            }
            let is: String = Sha256::digest(&disk).iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(is, digest, "{sector}");
        }
    }

    #[test]
    fn a_disk_that_is_larger_than_an_mbr_can_say_and_one_that_is_too_small() {
        let first = gpt(3 << 40, 512).copies().first;
        assert_eq!(first[458..462], [0xff; 4]);
        assert_eq!(first[1024 + 40..1024 + 48], ((3_u64 << 40) / 512 - 2048 - 1).to_le_bytes());
        assert!(gpt(3 << 40, 512).check().is_ok());
        for (size, sector) in [(64 << 20, 520), (64 << 20, 0), (2 << 20, 512), ((64 << 20) + 512, 4096)] {
            assert!(gpt(size, sector).check().is_err(), "{size} {sector}");
        }
    }
}
