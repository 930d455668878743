//! What parted(8) prints of a disk.

use serde::{Deserialize, Serialize};

use super::device_contents::DEVICE_AT;
use super::parse::number;
use super::{Kind, json};
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// What `parted -m DISK unit UNIT print free` says, for results that are Ansible's and for what parted would do.
///
/// Absent: no such device, or no parted. Unknown: what cannot be read. It writes nothing: never called with `--fix`, with which it
/// moves the second copy of a GPT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartedPrint {
    path: String,
    unit: String,
}

impl PartedPrint {
    /// Of the device at that path (links are followed), in that unit.
    pub fn new(path: impl Into<String>, unit: impl Into<String>) -> Self {
        Self { path: path.into(), unit: unit.into() }
    }
}

impl Fact for PartedPrint {
    type Value = Printed;

    fn query(&self) -> Query {
        Query::new(KIND.name, [&self.path, &self.unit], vec![Touch::BlockDevice(self.path.clone()), Touch::Packages])
    }
}

/// A disk as parted prints it. Places and sizes are its texts, `1024kiB`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Printed {
    /// The kernel's path of the disk.
    pub device: String,
    /// How large it is.
    pub size: String,
    /// Bytes of a logical sector.
    pub sector: u32,
    /// Bytes of a physical sector.
    pub physical: u32,
    /// Its partition table: `gpt`, `msdos`; `loop` for a filesystem without one; `unknown`.
    pub table: String,
    /// Vendor and model.
    pub model: String,
    /// Cylinders, heads, sectors of a track and the size of a cylinder, where the unit is one of these.
    pub geometry: Option<[String; 4]>,
    /// The partitions and what is free, in the order of their places.
    pub rows: Vec<PrintedRow>,
}

/// A partition, or a place without one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrintedRow {
    /// The partition's number; none for a free place.
    pub number: Option<u32>,
    /// Where it begins.
    pub begin: String,
    /// Where it ends: the last that belongs to it.
    pub end: String,
    /// How large it is; none where the unit is `chs`.
    pub size: Option<String>,
    /// What filesystem parted finds in it.
    pub filesystem: String,
    /// Its name.
    pub name: String,
    /// Its flags.
    pub flags: Vec<String>,
}

impl Printed {
    /// The partition of that number.
    pub fn partition(&self, number: u32) -> Option<&PrintedRow> {
        self.rows.iter().find(|row| row.number == Some(number))
    }

    /// The numbers of the partitions, sorted.
    pub fn numbers(&self) -> Vec<u32> {
        let mut numbers: Vec<u32> = self.rows.iter().filter_map(|row| row.number).collect();
        numbers.sort_unstable();
        numbers
    }
}

/// The units of parted, as Ansible takes them.
const UNITS: [&str; 14] = ["s", "B", "KB", "KiB", "MB", "MiB", "GB", "GiB", "TB", "TiB", "%", "cyl", "chs", "compact"];

pub(super) const KIND: Kind = Kind { name: "parted", function: &PROBE, merged: false, words, parse: |_, text| json(read(text)?) };

fn words(args: &[String]) -> Result<Vec<String>, String> {
    match args {
        [path, unit] if path.starts_with('/') && UNITS.contains(&unit.as_str()) => Ok(args.to_vec()),
        _ => Err("an absolute path and a unit of parted's are wanted".into()),
    }
}

// A disk without a table is an error of its, with all that there is to say on its output. Where it could have written udev looks
// at the disk anew, and the names of its partitions are gone for a moment.
static PROBE: Function = Function {
    name: "probe_parted",
    text: r#"
probe_parted() {
  id=$1
  device_at "$1" "$2" || return 0
  command -v parted >/dev/null || { r=; answer "$id" 44; return; }
  take sh -c 'exec parted -s -m "$1" unit "$2" print free </dev/null' sh "$disk" "$3"
  printed=$r
  ! command -v udevadm >/dev/null || udevadm settle >/dev/null 2>&1 || :
  case "$st $err" in
  "0 "*|*"unrecognised disk label"*) r=$printed; answer "$id" 0 ;;
  *) r=$err; answer "$id" 1 ;;
  esac
}
"#,
    needs: &[&DEVICE_AT],
};

/// The fields of a line; a colon that belongs to a name has a backslash before it.
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut characters = line.strip_suffix(';').unwrap_or(line).chars();
    while let Some(c) = characters.next() {
        match (c, fields.last_mut()) {
            (':', _) => fields.push(String::new()),
            ('\\', Some(field)) => field.push(characters.next().unwrap_or('\\')),
            (c, Some(field)) => field.push(c),
            (_, None) => {}
        }
    }
    fields
}

fn read(text: &str) -> Result<Printed, String> {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let unit = lines.next().ok_or("nothing is printed")?;
    let disk = fields(lines.next().ok_or("no line of the disk")?);
    let [device, size, _, sector, physical, table, model, ..] = disk.as_slice() else {
        return Err(format!("a disk as {disk:?}"));
    };
    let geometry = match unit {
        "BYT;" => None,
        "CYL;" | "CHS;" => {
            Some(fields(lines.next().ok_or("no geometry")?).try_into().map_err(|other: Vec<String>| format!("a geometry as {other:?}"))?)
        }
        other => return Err(format!("a unit as {other:?}")),
    };
    Ok(Printed {
        device: device.clone(),
        size: size.clone(),
        sector: number(Some(sector), "sector size")?,
        physical: number(Some(physical), "sector size")?,
        table: table.clone(),
        model: model.clone(),
        geometry,
        rows: lines.map(|line| row(&fields(line), unit != "CHS;")).collect::<Result<_, _>>()?,
    })
}

fn row(fields: &[String], has_size: bool) -> Result<PrintedRow, String> {
    let bad = || format!("a partition as {fields:?}");
    let (place, rest) = fields.split_at_checked(if has_size { 4 } else { 3 }).ok_or_else(bad)?;
    let [nth, begin, end, size @ ..] = place else { return Err(bad()) };
    let free = PrintedRow {
        number: None,
        begin: begin.clone(),
        end: end.clone(),
        size: size.first().cloned(),
        filesystem: String::new(),
        name: String::new(),
        flags: Vec::new(),
    };
    match rest {
        [word] if word == "free" => Ok(free),
        [filesystem, name, flags, ..] => Ok(PrintedRow {
            number: Some(number(Some(nth), "number")?),
            filesystem: filesystem.clone(),
            name: name.clone(),
            flags: flags.split(", ").filter(|flag| !flag.is_empty()).map(str::to_owned).collect(),
            ..free
        }),
        _ => Err(bad()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_its_partitions_and_what_is_free() {
        let text = "BYT;\n/dev/sdb:67108864B:scsi:512:4096:gpt:LIO-ORG ubdb:;\n1:1048576B:33554431B:32505856B:ext4:a\\:b c\":boot, esp;\n\
                    1:33554432B:67091967B:33537536B:free;\n";
        let printed = read(text).unwrap();
        assert_eq!((printed.device.as_str(), printed.size.as_str(), printed.table.as_str()), ("/dev/sdb", "67108864B", "gpt"));
        assert_eq!((printed.sector, printed.physical, printed.model.as_str()), (512, 4096, "LIO-ORG ubdb"));
        let one = printed.partition(1).unwrap();
        assert_eq!((one.name.as_str(), one.filesystem.as_str(), one.flags.join("+").as_str()), ("a:b c\"", "ext4", "boot+esp"));
        assert_eq!((printed.rows[1].number, printed.rows[1].begin.as_str()), (None, "33554432B"));
        assert_eq!((printed.numbers(), printed.partition(2)), (vec![1], None));
    }

    #[test]
    fn other_units_and_a_disk_without_a_table() {
        let chs =
            read("CHS;\n/d:1023,3,31:file:512:512:gpt::;\n1024:4:32:65.5kB;\n1:0,1,2:511,3,31::primary:;\n1:512,0,0:1023,2,30:free;\n");
        let chs = chs.unwrap();
        assert_eq!(chs.geometry.unwrap()[3], "65.5kB");
        assert_eq!((chs.rows[0].size.clone(), chs.rows[0].name.as_str(), chs.rows[1].number), (None, "primary", None));
        let unknown = read("BYT;\n/dev/sdb:65536kiB:scsi:512:512:unknown:x:;").unwrap();
        assert!(unknown.table == "unknown" && unknown.rows.is_empty());
        for bad in ["", "BYT;", "BYT;\n/dev/sdb:1", "CYL;\n/d:1:file:512:512:gpt::;", "BYT;\n/d:1:file:512:512:gpt::;\n1:2"] {
            assert!(read(bad).is_err(), "{bad}");
        }
        assert!(words(&["/dev/sdb", "KiB"].map(str::to_owned)).is_ok() && words(&["/dev/sdb", "k"].map(str::to_owned)).is_err());
    }
}
