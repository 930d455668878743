//! A disk that is made ours: its table, its filesystem, its final name. Each step looks at what it is about to write over.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};

use super::gpt::Gpt;
use super::{Action, Call, FAIL, Invalid, check};
use crate::node::disk_naming::table_uuid;
use crate::node::facts::SOUNDNESS_OF;
use crate::node::script::Function;
use crate::plan::Touch;

/// Writes a GPT with one partition over a whole disk.
///
/// While it looks and writes, the disk is open so that nobody else can mount, format or take it (`O_EXCL`, open(2)). A disk
/// with partitions or signatures beside those of an empty table, one of another size, and one that is in use, is a failure.
///
/// The first copy of the table is on the disk before the second is begun. So whatever of it a lost power leaves is known for
/// ours by the first one, and only what was empty before is ever without it. With sectors of 512 bytes the part of that copy that
/// is no zeros is a page, which the kernel writes in one piece; with larger ones it is three sectors, and a power cut that leaves
/// some of them leaves a disk that is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelDisk {
    /// The disk, by a name that stays.
    pub disk: String,
    /// The partition's UUID.
    pub partition_uuid: String,
    /// The partition's name.
    pub name: String,
    /// Of the disk, in bytes.
    pub size: u64,
    /// Bytes of its logical sector.
    pub sector: u32,
    /// Bytes at its head and its end that an empty table takes: all else of both ends must be zeros.
    pub table: (u64, u64),
    /// Whether all of it is read, and must be zeros.
    pub full_scan: bool,
}

/// Makes a filesystem in the one partition of a disk that bears a certain name, and looks whether it is whole. Any other name,
/// a filesystem that is whole or was ever used, and anything that somebody uses, is a failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormatPartition {
    /// The disk, by a name that stays.
    pub disk: String,
    /// The partition's UUID.
    pub partition_uuid: String,
    /// The name that it must bear.
    pub name: String,
    /// `ext4` or `xfs`.
    pub filesystem: String,
    /// The filesystem's UUID.
    pub uuid: String,
}

/// Gives the partition of a disk another name; it must bear the one that is said, and hold the filesystem with that UUID.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamePartition {
    /// The disk, by a name that stays.
    pub disk: String,
    /// The partition's UUID.
    pub partition_uuid: String,
    /// Its name now.
    pub from: String,
    /// Its name then.
    pub to: String,
    /// The UUID of the filesystem in it.
    pub uuid: String,
}

/// `s_probed KEY`: what `$probed` has for that key of blkid(8)'s.
const PROBED: Function = Function {
    name: "s_probed",
    needs: &[],
    text: r#"s_probed() {
  printf '%s\n' "$probed" | sed -n "s/^$1=//p"
}"#,
};

/// `s_partition DISK UUID NAME`: sets `$disk` to the kernel's path of a disk, `$partition` to that of the partition on it with
/// that UUID and that name, and `$probed` to what blkid(8) reads of it on the disk itself; or fails.
const PARTITION: Function = Function {
    name: "s_partition",
    needs: &[&FAIL, &PROBED],
    text: r#"s_partition() {
  udevadm settle --timeout 30 || s_fail "udev does not settle"
  disk=$(readlink -e -- "$1") && [ -b "$disk" ] || s_fail "$1 is no block device"
  partition=
  set +f
  for entry in "/sys/class/block/${disk##*/}/${disk##*/}"*/partition; do
    [ -e "$entry" ] || continue
    entry=${entry%/partition}
    [ -z "$partition" ] || s_fail "$disk has several partitions"
    partition=/dev/${entry##*/}
  done
  set -f
  [ -n "$partition" ] || s_fail "there is no partition on $disk"
  probed=$(blkid -p -o export -- "$partition") || [ $? -eq 2 ] || s_fail "$partition cannot be read, or holds several things at once"
  is=$(s_probed PART_ENTRY_UUID)
  name=$(s_probed PART_ENTRY_NAME)
  [ "$is" = "$2" ] || s_fail "$partition has the UUID $is in its table, and not $2"
  [ "$name" = "$3" ] || s_fail "$partition is named $name, and not $3"
}"#,
};

/// disk, its size, its sector, bytes of a table at its head, bytes at its end, `full` or nothing; in base64 the first copy of the new
/// table, the entries and the header of the second.
///
/// The shell inside is one text without single quotes; it inherits the descriptor by which the disk is held.
const LABEL: Function = Function {
    name: "s_label_disk",
    needs: &[&FAIL],
    text: r#"s_label_disk() (
  for program in perl cmp wipefs flock base64; do command -v "$program" >/dev/null || s_fail "there is no $program"; done
  disk=$(readlink -e -- "$1") && [ -b "$disk" ] || s_fail "$1 is no block device"
  [ ! -e "/sys/class/block/${disk##*/}/partition" ] || s_fail "$disk is a partition"
  udevadm settle --timeout 30 || s_fail "udev does not settle"
  looks_and_writes='
    fail() { echo "$*" >&2; exit 1; }
    zeros() {
      said=$(LC_ALL=C cmp -n "$2" -i "$1:0" -- "$disk" /dev/zero 2>&1) && return
      fail "$disk is not blank: $said"
    }
    # at that byte so many bytes, in one piece and with zeros behind; on the disk when it returns
    write() {
      printf %s "$3" | base64 -d |
        dd of="$disk" bs="$2" seek="$1" iflag=fullblock oflag=seek_bytes conv=sync,nocreat,notrunc,fsync status=none ||
        fail "the table cannot be written to $disk"
    }
    disk=$1 sector=$3 head=$4 tail=$5
    size=$(blockdev --getsize64 "$1") && is=$(blockdev --getss "$1") || exit 1
    [ "$size $is" = "$2 $3" ] || fail "$1 has $size bytes in sectors of $is, and not $2 in sectors of $3"
    for entry in "/sys/class/block/${1##*/}/${1##*/}"*/partition; do [ ! -e "$entry" ] || fail "$1 has partitions"; done
    probed=$(blkid -p -o export -- "$1"); status=$?
    case $status in
      2) ;;
      0) case $(printf "%s\n" "$probed" | sed -n "s/^TYPE=//p")$(printf "%s\n" "$probed" | sed -n "s/^PTTYPE=//p") in
           gpt|dos) [ "$head" -gt 0 ] || fail "$1 has a partition table" ;;
           *) fail "$1 holds something: $probed" ;;
         esac ;;
      *) fail "$1 cannot be read, or holds several things at once" ;;
    esac
    signatures=$(wipefs --no-act --parsable --noheadings --output TYPE -- "$1") || fail "the signatures on $1 cannot be read"
    for kind in $signatures; do
      case $kind in gpt|PMBR|dos) [ "$head" -gt 0 ] ;; *) false ;; esac || fail "$1 holds a signature of $kind"
    done
    if [ "$6" = full ]; then
      at=$head end=$((size - tail)) step=$((1 << 30))
      while [ "$at" -lt "$end" ]; do
        [ "$step" -le $((end - at)) ] || step=$((end - at))
        echo "read $((at >> 20)) of $((size >> 20)) MiB"
        zeros "$at" "$step"
        at=$((at + step))
      done
    else
      # what the look before the plan has read of both ends: somebody may have written there since
      ends=$((16 << 20))
      [ "$size" -ge $((2 * ends)) ] || ends=$((1 << 20))
      zeros "$head" $((ends - head))
      zeros $((size - ends)) $((ends - tail))
    fi
    # udev leaves it alone meanwhile
    flock --wait 60 "${10}" || fail "$1 is locked by somebody else"
    write 0 $((2 * sector + 16384)) "$7"
    write $((size - sector - 16384)) 16384 "$8"
    write $((size - sector)) "$sector" "$9"
  '
  perl -MFcntl -e '
    $^F = 255;
    my $disk = shift;
    sysopen(my $held, $disk, O_RDONLY | O_EXCL) or die "$disk " . ($!{EBUSY} ? "is in use" : "cannot be opened") . ": $!\n";
    exec(@ARGV, fileno($held)) or die "$ARGV[0]: $!\n";
  ' "$disk" sh -c "$looks_and_writes" sh "$disk" "$2" "$3" "$4" "$5" "$6" "$7" "$8" "$9" 9>&- || exit 1
  blockdev --rereadpt "$disk" 2>/dev/null || partx --update -- "$disk" || s_fail "the kernel does not read the new table of $disk"
  udevadm settle --timeout 30
  sync -- "$disk"
)"#,
};

/// disk, UUID of the partition, its name, filesystem, UUID of the filesystem.
const FORMAT: Function = Function {
    name: "s_format_partition",
    needs: &[&PARTITION, &SOUNDNESS_OF],
    text: r#"s_format_partition() (
  s_partition "$1" "$2" "$3"
  command -v "mkfs.$4" >/dev/null || s_fail "there is no mkfs.$4"
  # a run that was cut in the middle of this leaves a part of a filesystem: none that is whole or was used is ever written over
  type=$(s_probed TYPE)
  is=$(s_probed UUID)
  table=$(s_probed PTTYPE)
  [ -z "$table" ] || s_fail "$partition holds a partition table ($table)"
  case $type in
    "") ;;
    ext4|xfs)
      [ "$is" = "$5" ] || s_fail "$partition holds another $type, with the UUID $is"
      soundness_of "$partition" "$type" || s_fail "it is not known how the $type in $partition is: $err"
      [ "$r" = unfinished ] || s_fail "$partition holds a filesystem that is $r" ;;
    *) s_fail "$partition holds $type" ;;
  esac
  case $4 in
    ext4) mkfs.ext4 -q -F -U "$5" -- "$partition" ;;
    xfs) mkfs.xfs -q -f -m "uuid=$5" -- "$partition" ;;
    *) s_fail "$4 is neither ext4 nor xfs" ;;
  esac </dev/null 9>&- || exit 1
  sync -- "$partition"
  soundness_of "$partition" "$4" && [ "$r" = whole ] || s_fail "the new filesystem on $partition is not whole: $err"
  udevadm trigger --action=change -- "/sys/class/block/${partition##*/}" && udevadm settle --timeout 30
)"#,
};

/// disk, UUID of the partition, its name, its new one, UUID of the filesystem.
const NAME: Function = Function {
    name: "s_name_partition",
    needs: &[&PARTITION],
    text: r#"s_name_partition() (
  s_partition "$1" "$2" "$3"
  is=$(s_probed UUID)
  [ "$is" = "$5" ] || s_fail "$partition holds the filesystem $is, and not $5"
  # sfdisk would name it all the same
  perl -MFcntl -e 'sysopen(my $held, $ARGV[0], O_RDONLY | O_EXCL) or die "$ARGV[0] " . ($!{EBUSY} ? "is in use" : "cannot be opened") . ": $!\n"' "$partition" 9>&- || exit 1
  read -r number <"/sys/class/block/${partition##*/}/partition" || exit 1
  sfdisk --quiet --lock=yes --part-label -- "$disk" "$number" "$4" 9>&- || exit 1
  sync -- "$disk"
  s_partition "$1" "$2" "$4"
)"#,
};

fn uuid(value: &str) -> Result<(), Invalid> {
    if value.len() == 36 && value.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-') {
        Ok(())
    } else {
        check::refuse("UUID", value, "is no UUID")
    }
}

fn label(value: &str) -> Result<(), Invalid> {
    let fits = !value.is_empty() && value.len() <= 36 && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if fits { Ok(()) } else { check::refuse("partition name", value, "has other characters than letters, digits and dashes") }
}

impl LabelDisk {
    /// The new table. The disk's own UUID is made of the partition's, so that the step writes the same every time.
    fn with_table<T>(&self, does: impl FnOnce(&Gpt<'_>) -> T) -> T {
        let disk = &table_uuid(&self.partition_uuid);
        does(&Gpt { size: self.size, sector: self.sector, disk, partition: &self.partition_uuid, name: &self.name })
    }
}

impl Action for LabelDisk {
    fn call(&self) -> Call {
        let extent = if self.full_scan { "full" } else { "" };
        let copies = self.with_table(|table| table.copies());
        let mut words = vec![self.disk.clone()];
        words.extend([self.size, self.sector.into(), self.table.0, self.table.1].map(|number| number.to_string()));
        words.push(extent.into());
        words.extend([copies.first, copies.entries, copies.header].map(|bytes| BASE64.encode(bytes)));
        Call::new(&LABEL, words)
    }

    fn touches(&self) -> Vec<Touch> {
        vec![Touch::BlockDevice(self.disk.clone())]
    }

    fn describe(&self) -> String {
        let reads = if self.full_scan { "read all of it and " } else { "" };
        format!("{reads}write a partition table to {}", self.disk)
    }

    fn check(&self) -> Result<(), Invalid> {
        check::path(&self.disk)?;
        uuid(&self.partition_uuid)?;
        label(&self.name)?;
        self.with_table(|table| table.check())?;
        let (head, tail) = self.table;
        if head.max(tail) > 1 << 20 {
            check::refuse("table", &head.max(tail).to_string(), "is larger than any empty table")
        } else {
            Ok(())
        }
    }

    fn is_long(&self) -> bool {
        true
    }
}

impl Action for FormatPartition {
    fn call(&self) -> Call {
        Call::new(&FORMAT, [&self.disk, &self.partition_uuid, &self.name, &self.filesystem, &self.uuid])
    }

    fn touches(&self) -> Vec<Touch> {
        vec![Touch::BlockDevice(self.disk.clone())]
    }

    fn describe(&self) -> String {
        format!("mkfs.{} on {}", self.filesystem, self.disk)
    }

    fn check(&self) -> Result<(), Invalid> {
        check::path(&self.disk)?;
        uuid(&self.partition_uuid)?;
        uuid(&self.uuid)?;
        label(&self.name)?;
        let is_known = ["ext4", "xfs"].contains(&self.filesystem.as_str());
        if is_known { Ok(()) } else { check::refuse("filesystem", &self.filesystem, "is neither ext4 nor xfs") }
    }

    fn is_long(&self) -> bool {
        true
    }
}

impl Action for NamePartition {
    fn call(&self) -> Call {
        Call::new(&NAME, [&self.disk, &self.partition_uuid, &self.from, &self.to, &self.uuid])
    }

    fn touches(&self) -> Vec<Touch> {
        vec![Touch::BlockDevice(self.disk.clone())]
    }

    fn describe(&self) -> String {
        format!("name the partition of {} {}", self.disk, self.to)
    }

    fn check(&self) -> Result<(), Invalid> {
        check::path(&self.disk)?;
        uuid(&self.partition_uuid)?;
        uuid(&self.uuid)?;
        label(&self.from)?;
        label(&self.to)
    }
}
