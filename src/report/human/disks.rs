//! Disks: all hosts' as one table, and one of them with all that was found on it.

use std::io::{self, Write};

use super::super::{DiskLine, DiskSheet, escape};
use super::answers::names;
use super::paint::Paint;

const HEAD: [&str; 6] = ["host", "disk (by-id)", "model", "size", "holds", "provision may"];
/// The column whose numbers stand under each other.
const SIZE: usize = 3;

/// Writes one table of all hosts' disks.
pub(super) fn write_table(out: &mut dyn Write, paint: Paint, hosts: &[(&str, &[DiskLine])]) -> io::Result<()> {
    let mut rows: Vec<[String; 6]> = Vec::new();
    for (host, disks) in hosts {
        rows.extend(disks.iter().map(|disk| {
            let model = disk.model.as_deref().unwrap_or_default();
            [host, disk.name.as_str(), model, &disk.size_shown, &disk.holds, &disk.may].map(escape::line)
        }));
        if disks.is_empty() {
            rows.push([host, "no disks", "", "", "", ""].map(escape::line));
        }
    }
    if rows.is_empty() {
        return Ok(());
    }
    let mut widths = HEAD.map(|title| title.chars().count());
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |row: &[String; 6]| {
        let cells = row.iter().zip(widths).enumerate();
        let cells = cells.map(|(n, (cell, width))| if n == SIZE { format!("{cell:>width$}") } else { format!("{cell:width$}") });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    writeln!(out, "{}", paint.dim(&line(&HEAD.map(str::to_owned))))?;
    rows.iter().try_for_each(|row| writeln!(out, "{}", line(row)))
}

/// Writes all that was found on one disk.
pub(super) fn write_sheet(out: &mut dyn Write, paint: Paint, hosts: &[&str], sheet: &DiskSheet) -> io::Result<()> {
    writeln!(out, "{}", paint.bold(&names(hosts)))?;
    let widest = sheet.summary.iter().map(|(label, _)| label.chars().count()).max().unwrap_or(0);
    let mut before = "";
    for (label, line) in &sheet.summary {
        let shown = if label == before { "" } else { label.as_str() };
        writeln!(out, "  {}  {}", paint.dim(&format!("{:widest$}", escape::line(shown))), escape::line(line))?;
        before = label;
    }
    Ok(())
}
