//! One partition of a disk, made, named, marked or removed by parted(8).

use serde::{Deserialize, Serialize};

use super::{Action, Call, FAIL, Invalid, check};
use crate::node::script::Function;
use crate::plan::Touch;

/// Changes one partition. Whoever plans it has seen that nothing is lost.
///
/// The other entries of the table are compared before and after, and `--fix` is never given: the table is changed by what is asked
/// for and by nothing else. What parted was told stands on the output, a word a line, as Ansible's `script` has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Parted {
    /// The disk.
    pub device: String,
    /// How a new partition is aligned; parted's own way if there is none.
    pub align: Option<String>,
    /// The unit of its words.
    pub unit: String,
    /// The partition.
    pub number: u32,
    /// What is done to it.
    pub does: PartedDoes,
    /// The name that it gets.
    pub name: Option<String>,
    /// The flags that it has then, and no others.
    pub flags: Option<Vec<String>>,
}

/// What is done to a partition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartedDoes {
    /// It is made.
    Make {
        /// The table that the disk gets first: `gpt` or `msdos`. A disk with partitions never gets one.
        table: Option<String>,
        /// parted's word for what it is, `primary`; on a GPT it becomes the name.
        part_type: String,
        /// For what filesystem it is meant.
        fs_type: Option<String>,
        /// Where it begins, as [`place`] reads it.
        start: String,
        /// Where it ends.
        end: String,
    },
    /// It stays, and is named or marked.
    Keep,
    /// It is removed.
    Remove,
}

/// device, align, unit, number, table, `mkpart`, `rm` or nothing, type, filesystem, start, end, whether it is named, name, whether it
/// is marked, flags.
const PARTED: Function = Function {
    name: "s_parted",
    needs: &[&FAIL],
    text: r#"s_parted() (
  disk=$1 align=$2 unit=$3 number=$4 table=$5 does=$6 kind=$7 fs=$8 start=$9
  shift 9
  end=$1 named=$2 name=$3 marked=$4 flags=$5
  [ -b "$disk" ] || s_fail "$disk is no block device"
  command -v parted >/dev/null || s_fail "there is no parted"
  # into `$its` the line of this partition, into `$others` those of the others; both empty without a table
  look() {
    all=$(LC_ALL=C parted -s -m "$disk" unit s print 2>&1 </dev/null) || case $all in
      *"unrecognised disk label"*) all= ;;
      *) s_fail "parted does not read the table of $disk: $all" ;;
    esac
    its=$(printf '%s\n' "$all" | sed -n "/^$number:/p")
    others=$(printf '%s\n' "$all" | sed -n "/^[0-9]/{/^$number:/d;p;}")
  }
  tell() {
    printf '%s\n' "$@"
    parted -s -m ${align:+-a "$align"} "$disk" -- "$@" </dev/null >&2 9>&- || exit 1
    ! command -v udevadm >/dev/null || udevadm settle 9>&- || :
  }
  look
  before=$others
  case $does in
  mkpart)
    [ -z "$its" ] || s_fail "$disk has a partition $number already"
    [ -z "$table" ] || [ -z "$before" ] || s_fail "$disk has partitions: it gets no new table"
    set -- mkpart "$kind"
    [ -z "$fs" ] || set -- "$@" "$fs"
    set -- "$@" "$start" "$end"
    [ -z "$table" ] || set -- mklabel "$table" "$@"
    tell unit "$unit" "$@"
    look
    [ -n "$its" ] || s_fail "parted made another partition than $number"
    ;;
  rm)
    tell rm "$number"
    look
    [ -z "$its" ] || s_fail "partition $number of $disk is still there"
    ;;
  esac
  set --
  [ -z "$named" ] || set -- name "$number" "\"$name\""
  if [ -n "$marked" ]; then
    has=$(printf '%s\n' "$its" | sed -n "s/^.*:\([^:]*\);\$/\1/p" | tr -d ,)
    for f in $flags; do
      case " $has " in *" $f "*) ;; *) set -- "$@" set "$number" "$f" on ;; esac
    done
    for f in $has; do
      case " $flags " in *" $f "*) ;; *) set -- "$@" set "$number" "$f" off ;; esac
    done
  fi
  [ $# = 0 ] || tell unit "$unit" "$@"
  look
  [ "$others" = "$before" ] || s_fail "other partitions of $disk are not as they were: $before"
  sync -- "$disk"
)"#,
};

/// Where something lies on a disk, as parted's words have it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    /// From the beginning of the disk, in bytes.
    pub at: u64,
    /// How far from there parted may go, in bytes: to an aligned sector, or as exactly as the unit is.
    pub slack: u64,
}

/// Reads a place on a disk of that size: a number and a unit, from the end of the disk if it is negative. Nothing if it is none, or
/// lies outside. Cylinders are not read: no disk has them.
pub fn place(text: &str, size: u64, sector: u32) -> Option<Place> {
    const ALIGNED: u64 = 1 << 20;
    let at = text.find(|c: char| !c.is_ascii_digit() && c != '.' && c != '-')?;
    let (number, unit) = text.split_at_checked(at)?;
    let number: f64 = number.parse().ok()?;
    let (bytes, is_exact) = match unit.trim_start() {
        "%" => (size as f64 / 100.0, false),
        "s" => (f64::from(sector), true),
        "B" => (1.0, true),
        "KiB" => (1024.0, true),
        "MiB" => (1_048_576.0, true),
        "GiB" => (1_073_741_824.0, true),
        "TiB" => (1_099_511_627_776.0, true),
        "KB" => (1e3, false),
        "MB" => (1e6, false),
        "GB" => (1e9, false),
        "TB" => (1e12, false),
        _ => return None,
    };
    let from = if text.starts_with('-') { size as f64 } else { 0.0 };
    let at = from + number * bytes;
    let slack = if is_exact { ALIGNED } else { ALIGNED.max((bytes / 2.0) as u64) };
    // beyond its end by no more than that is its end
    (at >= 0.0 && at <= size as f64 + slack as f64).then(|| Place { at: (at as u64).min(size), slack })
}

impl Action for Parted {
    fn call(&self) -> Call {
        let number = self.number.to_string();
        let flags = self.flags.clone().unwrap_or_default().join(" ");
        let none = String::new();
        let (table, does, kind, fs, start, end) = match &self.does {
            PartedDoes::Make { table, part_type, fs_type, start, end } => {
                (table.as_ref().unwrap_or(&none), "mkpart", part_type, fs_type.as_ref().unwrap_or(&none), start, end)
            }
            PartedDoes::Keep => (&none, "", &none, &none, &none, &none),
            PartedDoes::Remove => (&none, "rm", &none, &none, &none, &none),
        };
        let is = |is: bool| if is { "yes" } else { "" };
        let words: [&str; 14] = [
            &self.device,
            self.align.as_ref().unwrap_or(&none),
            &self.unit,
            &number,
            table,
            does,
            kind,
            fs,
            start,
            end,
            is(self.name.is_some()),
            self.name.as_ref().unwrap_or(&none),
            is(self.flags.is_some()),
            &flags,
        ];
        Call::new(&PARTED, words.map(str::to_owned))
    }

    fn touches(&self) -> Vec<Touch> {
        vec![Touch::BlockDevice(self.device.clone())]
    }

    fn describe(&self) -> String {
        let (number, device) = (self.number, &self.device);
        match &self.does {
            PartedDoes::Make { table: Some(table), .. } => format!("make a table ({table}) and partition {number} on {device}"),
            PartedDoes::Make { .. } => format!("make partition {number} on {device}"),
            PartedDoes::Keep => format!("name or mark partition {number} of {device}"),
            PartedDoes::Remove => format!("remove partition {number} of {device}"),
        }
    }

    fn check(&self) -> Result<(), Invalid> {
        check::path(&self.device)?;
        let plain = |what: &'static str, value: &str, more: &str| {
            check::word(what, value)?;
            let is_odd = |c: char| !c.is_ascii_alphanumeric() && !more.contains(c);
            if value.contains(is_odd) { check::refuse(what, value, "has a character that parted has no use for") } else { Ok(()) }
        };
        plain("unit", &self.unit, "%")?;
        if let Some(align) = &self.align {
            plain("alignment", align, "")?;
        }
        for flag in self.flags.iter().flatten() {
            plain("flag", flag, "_-")?;
        }
        if let Some(name) = self.name.as_ref().filter(|name| name.contains(|c: char| c.is_control() || matches!(c, '"' | '\'' | '\\'))) {
            return check::refuse("name of a partition", name, "has a quote, a backslash or a control character");
        }
        if let PartedDoes::Make { table, part_type, fs_type, start, end } = &self.does {
            plain("type of a partition", part_type, "")?;
            if let Some(fs_type) = fs_type {
                plain("type of a filesystem", fs_type, "-+()")?;
            }
            if let Some(table) = table.as_ref().filter(|table| !["gpt", "msdos"].contains(&table.as_str())) {
                return check::refuse("table", table, "is no GPT and no MBR");
            }
            if let Some(bad) = [start, end].into_iter().find(|text| place(text, u64::MAX, 512).is_none()) {
                return check::refuse("place", bad, "is no number with a unit");
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_on_a_disk() {
        const SIZE: u64 = 100 << 30;
        let at = |text: &str| place(text, SIZE, 512).map(|place| (place.at, place.slack));
        assert_eq!(at("0%"), Some((0, SIZE / 200)));
        assert_eq!(at("100%").map(|place| place.0), Some(SIZE));
        assert_eq!(at("50.5%").map(|place| place.0), Some(SIZE / 200 * 101));
        assert_eq!((at("2048s"), at("1 MiB"), at("1GiB")), (Some((1 << 20, 1 << 20)), Some((1 << 20, 1 << 20)), Some((1 << 30, 1 << 20))));
        assert_eq!((at("-1GiB"), at("4MB")), (Some((99 << 30, 1 << 20)), Some((4_000_000, 1 << 20))));
        assert_eq!(at("10GB"), Some((10_000_000_000, 500_000_000)));
        for none in ["", "1", "x", "1kB", "101%", "-101%", "1.2.3MiB", "200GiB", "3cyl", "1,2,3", "4compact", "1-2MiB"] {
            assert_eq!(at(none), None, "{none}");
        }
    }

    fn step() -> Parted {
        let make = PartedDoes::Make {
            table: Some("gpt".into()),
            part_type: "primary".into(),
            fs_type: None,
            start: "0%".into(),
            end: "100%".into(),
        };
        let align = Some("optimal".into());
        Parted { device: "/dev/sdb".into(), align, unit: "KiB".into(), number: 1, does: make, name: None, flags: None }
    }

    #[test]
    fn words_that_parted_would_take_for_others_are_refused() {
        assert_eq!(step().check(), Ok(()));
        assert!(Parted { name: Some("a b".into()), flags: Some(vec!["lvm".into()]), ..step() }.check().is_ok());
        for bad in [
            Parted { name: Some("a\" rm 2 \"".into()), ..step() },
            Parted { flags: Some(vec!["lvm on".into()]), ..step() },
            Parted { unit: "-f".into(), ..step() },
            Parted { device: "sdb".into(), ..step() },
        ] {
            assert!(bad.check().is_err(), "{bad:?}");
        }
        let make = |table: &str, start: &str| {
            let (part_type, fs_type, end) = ("primary".into(), None, "100%".into());
            Parted { does: PartedDoes::Make { table: Some(table.into()), part_type, fs_type, start: start.into(), end }, ..step() }.check()
        };
        assert!(make("gpt", "-1GiB").is_ok() && make("sun", "0%").is_err() && make("gpt", "rm").is_err());
    }
}
