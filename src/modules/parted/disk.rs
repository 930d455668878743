//! What may be done to the disk, judged by all that is on it.

use super::Job;
use super::printed::bytes;
use crate::disk::{Class, Evidence, examine, has_table_to_edit};
use crate::modules::halt::Halt;
use crate::node::disk_naming::partition_path;
use crate::node::facts::{Extent, ForetoldDevice, WillHold};
use crate::plan::Expect;

impl Job<'_> {
    fn ways_on(&self) -> Result<String, Halt> {
        Ok(examine(self.facts, &self.device, Extent::Sampled)?.ways_on(&self.facts.scope().host, &self.device))
    }

    /// What the disk is and all that was seen of it; a partition is none.
    fn examined(&self) -> Result<(Class, Evidence), Halt> {
        let examined = examine(self.facts, &self.device, Extent::Sampled)?;
        let Some(evidence) = examined.evidence else { return Err(Halt::fail(format!("Device {} not found.", self.device))) };
        if !evidence.contents.is_disk() {
            return Err(Halt::fail(format!("{} is a partition: name its disk", self.device)));
        }
        Ok((examined.class, evidence))
    }

    /// Whether the disk gets a new table, because it is empty; else its table takes one more partition.
    pub(super) fn room(&self) -> Result<bool, Halt> {
        let (class, evidence) = self.examined()?;
        let (is, wanted) = (self.printed.table.as_str(), self.task.args.str("label").unwrap_or("msdos"));
        match class {
            Class::Blank => Ok(true),
            Class::EmptyTable => Ok(is != wanted),
            // nobody's disk but the table's, which has the place
            Class::Foreign(_) | Class::Busy(_) if is == wanted && has_table_to_edit(&evidence) => Ok(false),
            Class::Foreign(_) | Class::Busy(_) if is != wanted && has_table_to_edit(&evidence) => {
                let why = format!("{} is not empty: {class}. A new table ({wanted}) would take that away", self.device);
                Err(Halt::refuse(why, format!("with `label: {is}` its table stays, and a partition is made where nothing is")))
            }
            _ => Err(Halt::refuse(format!("{} is not empty: {class}", self.device), self.ways_on()?)),
        }
    }

    /// What the partition is going to be on a disk that holds nothing but a table, by each of its names.
    pub(super) fn new_partition(&self) -> Result<Vec<Expect>, Halt> {
        let (_, evidence) = self.examined()?;
        let mut names = [evidence.contents.device.path.as_str(), &self.device].map(|disk| partition_path(disk, self.number)).to_vec();
        names.dedup();
        Ok(names.into_iter().map(|name| Expect::is(&ForetoldDevice::new(name), &WillHold::Nothing).loosely()).collect())
    }

    /// Whether nothing lies between these places.
    pub(super) fn is_free(&self, start: &str, end: &str, is_new_table: bool) -> Result<(), Halt> {
        let (from, to) = (self.place(start)?, self.place(end)?);
        if from.at >= to.at {
            return Err(Halt::fail(format!("a partition from {start} to {end} has no size")));
        }
        let is_free = |row: &crate::node::facts::PrintedRow| {
            let (Some(begin), Some(last)) = (bytes(&row.begin), bytes(&row.end)) else { return false };
            row.number.is_none() && begin <= from.at.saturating_add(from.slack) && last.saturating_add(to.slack) >= to.at && last > from.at
        };
        if is_new_table || self.printed.rows.iter().any(is_free) {
            return Ok(());
        }
        let there: Vec<String> = self
            .printed
            .rows
            .iter()
            .filter_map(|row| row.number.map(|number| format!("partition {number} from {} to {}", row.begin, row.end)))
            .collect();
        let why = format!("{start} to {end} of {} is not free: it has {}", self.device, there.join(", "));
        Err(Halt::refuse(why, format!("`part_start` and `part_end` of free space: parted -s {} unit MiB print free", self.device)))
    }

    /// Refuses, as `why` says, unless the partition holds nothing and its entry can be changed.
    pub(super) fn partition_is_empty(&self, why: &str, hint: String) -> Result<(), Halt> {
        let (class, evidence) = self.examined()?;
        if !has_table_to_edit(&evidence) {
            return Err(Halt::refuse(format!("{why}: {} is not to be touched: {class}", self.device), self.ways_on()?));
        }
        let partition = evidence.contents.partitions.iter().find(|partition| partition.number == self.number);
        let Some(partition) = partition else {
            return Err(Halt::refuse(format!("{why}: the kernel knows no partition {} of {}", self.number, self.device), self.ways_on()?));
        };
        match examine(self.facts, &partition.holding.path, Extent::Sampled)?.class {
            Class::BlankPartition => Ok(()),
            class => Err(Halt::refuse(format!("{why}, and {} is not empty: {class}", partition.holding.path), hint)),
        }
    }
}
