//! What parted prints, as Ansible registers it.

use serde_json::{Map, Value, json};

use crate::node::facts::Printed;

/// Ansible's units.
const UNITS: [&str; 14] = ["B", "KB", "MB", "GB", "TB", "KiB", "MiB", "GiB", "TiB", "s", "%", "cyl", "chs", "compact"];

/// A number of bytes that parted printed.
pub(super) fn bytes(text: &str) -> Option<u64> {
    text.strip_suffix('B')?.parse().ok()
}

/// A place or size, and its unit; the unit that was asked for where it has none.
fn measure(text: &str, unit: &str) -> Option<(Value, String)> {
    let numbers: Vec<u64> = text.split(',').filter_map(|number| number.parse().ok()).collect();
    if let ([cylinder, head, sector], 2) = (numbers.as_slice(), text.matches(',').count()) {
        return Some((json!({"cylinder": cylinder, "head": head, "sector": sector}), "chs".into()));
    }
    let at = text.find(|c: char| !c.is_ascii_digit() && c != '.' && c != '-').unwrap_or(text.len());
    let (number, own) = text.split_at_checked(at)?;
    let own = own.trim_start_matches(' ');
    if own.contains(|c: char| !c.is_alphanumeric() && c != '_' && c != '%') {
        return None;
    }
    let number: f64 = number.parse().ok()?;
    Some((json!(number), if own.is_empty() { unit } else { own }.to_owned()))
}

/// Whether a place is written as Ansible wants it; else its message.
pub(super) fn check_place(name: &str, text: &str) -> Result<(), String> {
    match measure(text, "") {
        None => Err(format!("Error interpreting parted size output: '{text}'")),
        Some((_, unit)) if UNITS.contains(&unit.as_str()) => Ok(()),
        // without a blank between the sentences, as Ansible says it
        Some(_) => Err(format!("The argument '{name}' doesn't respect required format.The size unit is case sensitive.")),
    }
}

/// `disk` and `partitions`.
pub(super) fn result(printed: &Printed, unit: &str) -> Map<String, Value> {
    let (size, unit) = measure(&printed.size, unit).unwrap_or((Value::Null, unit.to_owned()));
    let shown = unit.to_lowercase();
    let value = |text: &str| measure(text, "").map_or(Value::Null, |(value, _)| value);
    let mut disk = json!({
        "dev": printed.device,
        "size": size,
        "unit": shown,
        "table": printed.table,
        "model": printed.model,
        "logical_block": printed.sector,
        "physical_block": printed.physical,
    });
    if let Some([cylinders, heads, sectors, size]) = &printed.geometry {
        let (size, unit) = measure(size, "").unwrap_or_default();
        let count = |text: &str| text.parse::<u64>().ok();
        let geometry = json!({
            "cylinders": count(cylinders),
            "heads": count(heads),
            "sectors": count(sectors),
            "cyl_size": size,
            "cyl_size_unit": unit.to_lowercase(),
        });
        disk.as_object_mut().into_iter().for_each(|disk| drop(disk.insert("chs_info".to_owned(), geometry.clone())));
    }
    let partition = |row: &crate::node::facts::PrintedRow| {
        Some(json!({
            "num": row.number?,
            "begin": value(&row.begin),
            "end": value(&row.end),
            "size": row.size.as_deref().map_or(json!(""), value),
            "fstype": row.filesystem,
            "name": row.name,
            "flags": row.flags,
            "unit": shown,
        }))
    };
    let partitions: Vec<Value> = printed.rows.iter().filter_map(partition).collect();
    [("disk".to_owned(), disk), ("partitions".to_owned(), partitions.into())].into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::facts::PrintedRow;

    #[test]
    fn sizes_as_ansible_registers_them() {
        assert_eq!(measure("1024kiB", "KiB"), Some((json!(1024.0), "kiB".into())));
        assert_eq!(measure("1023,3,31", "chs"), Some((json!({"cylinder": 1023, "head": 3, "sector": 31}), "chs".into())));
        assert_eq!((measure("10", "x"), measure("-1 MiB", "")), (Some((json!(10.0), "x".into())), Some((json!(-1.0), "MiB".into()))));
        assert!(measure("", "").is_none() && measure("1MiB 2", "").is_none() && measure("x", "").is_none());
        assert_eq!(check_place("part_end", "100%"), Ok(()));
        assert!(check_place("part_end", "10mib").unwrap_err().contains("'part_end' doesn't respect required format."));
        assert!(check_place("part_end", "10").is_err() && check_place("part_end", "ten").unwrap_err().starts_with("Error interpreting"));
    }

    #[test]
    fn a_disk_and_its_partitions_without_what_is_free() {
        let row = |number| PrintedRow {
            number,
            begin: "1024kiB".into(),
            end: "2048kiB".into(),
            size: Some("1024kiB".into()),
            filesystem: "ext4".into(),
            name: "data".into(),
            flags: vec!["lvm".into()],
        };
        let printed = Printed {
            device: "/dev/sdb".into(),
            size: "65536kiB".into(),
            sector: 512,
            physical: 4096,
            table: "gpt".into(),
            model: "x".into(),
            geometry: None,
            rows: vec![row(Some(1)), row(None)],
        };
        let result = Value::Object(result(&printed, "KiB"));
        let partition = json!({"num": 1, "begin": 1024.0, "end": 2048.0, "size": 1024.0, "fstype": "ext4", "name": "data",
                               "flags": ["lvm"], "unit": "kib"});
        let disk = json!({"dev": "/dev/sdb", "size": 65536.0, "unit": "kib", "table": "gpt", "model": "x", "logical_block": 512,
                          "physical_block": 4096});
        assert_eq!(result, json!({"disk": disk, "partitions": [partition]}));
    }
}
