//! Names of partitions.

use crate::disk::partition_path;
use crate::node::facts::Stat;
use crate::plan::{Facts, Stop};

/// What a name that was made of a disk's and a number should have been.
///
/// # Errors
/// What has to be read first; what cannot be known.
pub(super) fn right_name(dev: &str, facts: &Facts<'_>) -> Result<Option<String>, Stop> {
    let disk = dev.trim_end_matches(|c: char| c.is_ascii_digit());
    let number = dev.get(disk.len()..).unwrap_or_default();
    if !dev.starts_with("/dev/") || number.is_empty() {
        return Ok(None);
    }
    // a disk whose own name ends in a digit
    let whole = (1..number.len()).filter_map(|at| Some((format!("{disk}{}", number.get(..at)?), number.get(at..)?)));
    for (whole, number) in whole.chain([(disk.to_owned(), number)]) {
        let right = partition_path(&whole, number);
        // the name may be right, and the partition missing
        if right == dev {
            continue;
        }
        if facts.get(Stat::followed(&whole))?.is_some() {
            return Ok(Some(format!("Partition {number} of {whole} is called {right}")));
        }
    }
    Ok(None)
}
