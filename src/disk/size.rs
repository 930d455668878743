//! Sizes of disks, as people write and read them.

use std::fmt;
use std::str::FromStr;

/// From one size to another, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SizeRange {
    least: Option<Size>,
    most: Option<Size>,
}

/// A number of bytes, and the unit in which it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Size {
    count: u64,
    unit: (&'static str, u64),
}

/// `G` is what lsblk, LVM, QEMU and Proxmox call so.
const UNITS: [(&str, u64); 13] = [
    ("K", 1 << 10),
    ("M", 1 << 20),
    ("G", 1 << 30),
    ("T", 1 << 40),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("", 1),
];

impl SizeRange {
    /// Whether so many bytes are in it.
    pub fn contains(&self, bytes: u64) -> bool {
        self.least.is_none_or(|least| least.bytes() <= bytes) && self.most.is_none_or(|most| bytes <= most.bytes())
    }
}

impl Size {
    fn bytes(self) -> u64 {
        self.count.saturating_mul(self.unit.1)
    }
}

/// Text that is no range of sizes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no size or range of sizes such as `140G..160G`, `1T..` or `500GB` (G = 2^30 bytes as in lsblk, GB = 10^9)")]
pub struct BadSize(String);

impl FromStr for SizeRange {
    type Err = BadSize;

    /// `140G..160G`, `140G..`, `..160G`; `150G` is that size alone.
    fn from_str(text: &str) -> Result<Self, BadSize> {
        let bad = || BadSize(text.into());
        let size = |text: &str| {
            let text = text.trim();
            let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
            let (count, unit) = text.split_at(digits);
            let unit = UNITS.into_iter().find(|(name, _)| *name == unit.trim()).ok_or_else(bad)?;
            Ok(Size { count: count.parse().map_err(|_| bad())?, unit })
        };
        let end = |text: &str| if text.trim().is_empty() { Ok(None) } else { size(text).map(Some) };
        let range = match text.split_once("..") {
            Some((least, most)) => Self { least: end(least)?, most: end(most)? },
            None => Self { least: Some(size(text)?), most: Some(size(text)?) },
        };
        let is_empty = matches!(range, Self { least: Some(least), most: Some(most) } if least.bytes() > most.bytes());
        if is_empty || range == (Self { least: None, most: None }) { Err(bad()) } else { Ok(range) }
    }
}

impl fmt::Display for SizeRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = |size: Option<Size>| size.map(|size| format!("{}{}", size.count, size.unit.0)).unwrap_or_default();
        if self.least == self.most { f.write_str(&size(self.least)) } else { write!(f, "{}..{}", size(self.least), size(self.most)) }
    }
}

/// Bytes of a disk in powers of ten, as they are sold.
pub fn gigabytes(bytes: u64) -> String {
    match bytes {
        ..1_000_000_000 => format!("{} MB", bytes / 1_000_000),
        1_000_000_000..10_000_000_000_000 => format!("{} GB", bytes / 1_000_000_000),
        _ => format!("{} TB", bytes / 1_000_000_000_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(text: &str) -> SizeRange {
        text.parse().unwrap()
    }

    #[test]
    fn both_ends_are_in_it() {
        let sizes = range("140G..160G");
        assert!(sizes.contains(140 << 30) && sizes.contains(160 << 30) && sizes.contains(150 << 30));
        assert!(!sizes.contains((140 << 30) - 1) && !sizes.contains((160 << 30) + 1));
        assert!(range("1T..").contains(u64::MAX) && range("..1 GB").contains(0) && !range("..1GB").contains(1 << 30));
        assert!(range("512").contains(512) && !range("512").contains(513));
        assert!(range("1GiB") == range("1GiB") && range("1TB").contains(1_000_000_000_000));
    }

    #[test]
    fn what_is_no_range() {
        for bad in ["", "..", "G", "160G..140G", "1X", "1G-2G", "-1G", "1.5T", "1G..2G..3G", "99999999999999999999G"] {
            assert!(bad.parse::<SizeRange>().is_err(), "{bad}");
        }
    }

    #[test]
    fn as_it_was_written() {
        for text in ["140G..160G", "1TB..", "..512", "150GiB"] {
            assert_eq!(range(text).to_string(), text);
        }
        assert_eq!([64 << 20, 150 << 30, 12_000_000_000_000].map(gigabytes), ["67 MB", "161 GB", "12 TB"]);
    }
}
