//! `community.general.parted`

mod disk;
mod printed;
#[cfg(test)]
pub(super) mod tests;

use serde_json::{Map, Value};

use super::device_name::right_name;
use super::halt::{Halt, settled};
use super::outcome::planned;
use super::{Decision, Kind, Module, Opt, RequiredIf, Spec, Task, paths};
use crate::node::apply::{Carried, Output};
use crate::node::facts::{DeviceContents, FileKind, PartedPrint, Printed, PrintedRow, Stat};
use crate::node::steps::{Parted as Step, PartedDoes, Place, place};
use crate::node::{Change, Plan};
use crate::plan::{Expect, Facts, Reading, Stop};

/// Partitions of a disk.
///
/// A table is made only on an empty disk, a partition only where nothing is, and only an empty one is changed or removed.
#[derive(Debug)]
pub struct Parted;

static SPEC: Spec = Spec {
    options: &[
        Opt::new("device", Kind::Str).required().about("The disk"),
        Opt::new("align", Kind::Str)
            .default("optimal")
            .choices(&["cylinder", "minimal", "none", "optimal", "undefined"])
            .about("How a new partition is aligned; `undefined` leaves it to parted"),
        Opt::new("number", Kind::Int).about("The partition"),
        Opt::new("unit", Kind::Str)
            .default("KiB")
            .choices(&["B", "KB", "MB", "GB", "TB", "KiB", "MiB", "GiB", "TiB", "s", "%", "cyl", "chs", "compact"])
            .about("The unit of what is registered"),
        Opt::new("label", Kind::Str)
            .default("msdos")
            .choices(&["aix", "amiga", "bsd", "dvh", "gpt", "loop", "mac", "msdos", "pc98", "sun"])
            .about(
                "The kind of table; an empty disk gets a new one (`gpt` or `msdos`), on any other disk it must be the one that is there",
            ),
        Opt::new("part_type", Kind::Str)
            .default("primary")
            .choices(&["extended", "logical", "primary"])
            .about("What a new partition is; only `primary` ones are made"),
        Opt::new("part_start", Kind::Str).default("0%").about("Where a new partition begins, with a unit; negative from the end"),
        Opt::new("part_end", Kind::Str).default("100%").about("Where it ends"),
        Opt::new("name", Kind::Str).about("The partition's name (GPT)"),
        Opt::new("flags", Kind::List(&Kind::Str)).about("All flags that the partition has"),
        Opt::new("state", Kind::Str)
            .default("info")
            .choices(&["absent", "info", "present"])
            .about("Whether the partition is there; `info` only tells"),
        Opt::new("fs_type", Kind::Str).about("For what filesystem a new partition is meant; none is made"),
        Opt::new("resize", Kind::Bool).default("false").about("Whether the partition is to end at `part_end`; refused where it does not"),
    ],
    required_if: &[
        RequiredIf { option: "state", value: "present", then: &["number"], any: false },
        RequiredIf { option: "state", value: "absent", then: &["number"], any: false },
    ],
    about: "Makes partitions on a disk, and a table on one that is empty",
    notes: &[
        "Where the table is not of the kind `label` (`msdos` if it is left out), Ansible makes a new one, whatever is on the disk: a GPT, \
         a filesystem without a table, LVM, a GPT whose first copy is damaged. Here only an empty disk gets a table, as docs/disks.md \
         says what is empty; everything else is refused with what was found.",
        "A partition is made only in free space of a whole table that stands alone on its disk, and never on the disk that the system \
         is on; the other entries are compared before and after. parted is not run with `--fix`, with which it also changes what \
         nobody asked for.",
        "`number` must be the one that parted gives to the next partition. Ansible makes one with another number, in every run a \
         further one.",
        "Names and flags are set when a partition is made, and as long as it is empty. Those of a partition that holds something are \
         refused if they differ: other things may find it by them.",
        "`state: absent` removes an empty partition only: nothing is wiped by a playbook.",
        "`resize` is not carried out: where the partition does not end at `part_end` the task is refused. Ansible resizes anew in each \
         run whatever ends at 100%.",
        "A name such as `/dev/nvme0n11`, made of a disk and a number, is refused with the right one.",
        "Logical partitions, tables of other kinds and disks that are files are refused.",
        "udev is waited for, so that the next task finds the new partition.",
    ],
    example: "- name: one partition for data\n  community.general.parted:\n    device: /dev/disk/by-id/ata-EXAMPLE_1234\n    label: gpt\n    \
              number: 1\n    name: data\n    state: present\n",
    ..Spec::new("community.general", "parted")
};

impl Module for Parted {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn plan(&self, task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Stop> {
        settled(plan(task, facts))
    }

    fn result(&self, task: &Task<'_>, facts: &Facts<'_>, carried: Option<&Carried>) -> Result<Map<String, Value>, Stop> {
        let Some(device) = task.args.str("device").filter(|device| device.starts_with('/')) else { return Ok(Map::new()) };
        let unit = task.args.str("unit").unwrap_or("KiB");
        let reading = match facts.reading(&PartedPrint::new(device, unit))? {
            // in a dry run Ansible tells what is there
            Reading::Unknown { probably: Some(reading), .. } => *reading,
            other => other,
        };
        let mut result = match reading {
            Reading::Present(value) => serde_json::from_value(value).map(|printed| printed::result(&printed, unit)).unwrap_or_default(),
            _ => Map::new(),
        };
        if let Some(output) = carried.and_then(|carried| carried.outputs.first()) {
            let words: Vec<Value> = String::from_utf8_lossy(&output.stdout).lines().map(Value::from).collect();
            result.insert("script".into(), words.into());
        }
        Ok(result)
    }

    fn failed(&self, task: &Task<'_>, output: &Output) -> Map<String, Value> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let words = text(&output.stdout).lines().map(str::to_owned).collect::<Vec<_>>().join(" ");
        let command = format!("parted -s -m {} -- {words}", task.args.str("device").unwrap_or_default());
        let mut said: Map<String, Value> = Map::new();
        said.insert("msg".into(), format!("Error while running parted script: {command}: {}", text(&output.stderr).trim()).into());
        said.insert("rc".into(), output.status.into());
        said.insert("out".into(), "".into());
        said.insert("err".into(), text(&output.stderr).into());
        said
    }
}

/// What a task asks for, and the disk as parted sees it.
struct Job<'a> {
    task: &'a Task<'a>,
    facts: &'a Facts<'a>,
    device: String,
    number: u32,
    printed: Printed,
    /// The size of the disk in bytes.
    size: u64,
}

fn plan(task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Halt> {
    let args = task.args;
    let number = match args.int("number") {
        None => 0,
        Some(number) => match u32::try_from(number) {
            Ok(number) if number > 0 => number,
            _ => return Err(Halt::fail("The partition number must be greater then 0.")),
        },
    };
    for name in ["part_start", "part_end"] {
        printed::check_place(name, args.str(name).unwrap_or_default()).map_err(Halt::fail)?;
    }
    let given = args.str("device").unwrap_or_default();
    if !given.starts_with('/') {
        return Err(Halt::fail(format!("`device` wants an absolute path: {given}")));
    }
    let device = paths::path(given, task, facts)?;
    let Some(stat) = facts.get(Stat::followed(&device))? else {
        let missing = format!("Device {device} not found.");
        return Err(Halt::fail(right_name(&device, facts)?.map_or(missing.clone(), |right| format!("{missing} {right}"))));
    };
    if stat.kind != FileKind::BlockDevice {
        return Err(Halt::fail(format!("{device} is no block device: attach a file with losetup(8), and name the loop device")));
    }
    let Some(printed) = facts.get(PartedPrint::new(&device, "B"))? else {
        return Err(Halt::fail("Failed to find required executable \"parted\""));
    };
    let Some(size) = printed::bytes(&printed.size) else { return Err(Halt::fail(format!("a disk of the size {}", printed.size))) };
    let job = Job { task, facts, device, number, printed, size };
    match args.str("state") {
        Some("present") => job.present(),
        Some("absent") => job.absent(),
        _ => Ok(Decision::unchanged().with("script", vec!["unit", args.str("unit").unwrap_or("KiB"), "print"])),
    }
}

fn unchanged() -> Decision {
    Decision::unchanged().with("script", Vec::<Value>::new())
}

impl Job<'_> {
    fn label(&self) -> &str {
        self.task.args.str("label").unwrap_or("msdos")
    }

    /// The flags that the partition is to have. On a GPT each of `boot` and `esp` is the other.
    fn flags(&self) -> Option<Vec<String>> {
        let mut flags: Vec<String> = self.task.args.list("flags")?.into_iter().map(str::to_ascii_lowercase).collect();
        let has = |flags: &[String], name: &str| flags.iter().any(|flag| flag == name);
        if has(&flags, "esp") && !has(&flags, "boot") {
            flags.push("boot".into());
        }
        if self.label() == "gpt" && has(&flags, "boot") && !has(&flags, "esp") {
            flags.push("esp".into());
        }
        flags.sort_unstable();
        flags.dedup();
        (!flags.is_empty()).then_some(flags)
    }

    fn present(&self) -> Result<Decision, Halt> {
        match self.printed.partition(self.number) {
            Some(row) if self.printed.table == self.label() => self.existing(row),
            _ => self.missing(),
        }
    }

    /// It is there: its name and flags, and where it ends.
    fn existing(&self, row: &PrintedRow) -> Result<Decision, Halt> {
        let args = self.task.args;
        if args.is("resize") {
            self.ends_right(row)?;
        }
        let name = args.str("name").filter(|name| *name != row.name);
        let flags = self.flags().filter(|flags| {
            let mut has = row.flags.clone();
            has.sort_unstable();
            *flags != has
        });
        if name.is_none() && flags.is_none() {
            return Ok(unchanged());
        }
        self.can_be_named(name)?;
        let what = format!("partition {} of {}", self.number, self.device);
        let by_hand = match (name, &flags) {
            (Some(name), _) => format!("name {} {name:?}", self.number),
            (None, flags) => {
                format!("set {} {} on", self.number, flags.as_ref().and_then(|flags| flags.first()).map_or("", String::as_str))
            }
        };
        let by_hand = format!("other things may find it by them; if it is meant all the same: parted -s {} {by_hand}", self.device);
        self.partition_is_empty(&format!("{what} keeps its name and its flags"), by_hand)?;
        let mut change: Change = Plan::change([]);
        if let Some(name) = name {
            change = change.differs(format!("name of {what}"), Some(row.name.clone()), Some(name.to_owned()));
        }
        if let Some(flags) = &flags {
            change = change.differs(format!("flags of {what}"), Some(row.flags.join(", ")), Some(flags.join(", ")));
        }
        let script = self.script(&[], name, flags.as_deref(), &row.flags);
        change.steps.push(self.step(PartedDoes::Keep, name, flags).into());
        Ok(planned(self.promises(change, self.printed.numbers(), &self.printed.table)).with("script", script))
    }

    fn ends_right(&self, row: &PrintedRow) -> Result<(), Halt> {
        let text = self.task.args.str("part_end").unwrap_or_default();
        let (wanted, last) = (self.place(text)?, printed::bytes(&row.end).unwrap_or_default());
        if last.saturating_add(1).abs_diff(wanted.at) <= wanted.slack {
            return Ok(());
        }
        let which = format!("partition {} of {} ends at {}, not at {text}", self.number, self.device, row.end);
        Err(if wanted.at < last {
            Halt::refuse(format!("{which}: no partition is made smaller"), "make a new one, and move what it holds")
        } else {
            let hint = format!("grow it by hand, with growpart(8): growpart {} {}", self.device, self.number);
            Halt::refuse(format!("{which}, and is not resized here"), hint)
        })
    }

    fn place(&self, text: &str) -> Result<Place, Halt> {
        let outside = || Halt::fail(format!("{text} is no place on {}, which has {} bytes", self.device, self.size));
        place(text, self.size, self.printed.sector).ok_or_else(outside)
    }

    fn can_be_named(&self, name: Option<&str>) -> Result<(), Halt> {
        match name {
            Some(_) if self.label() != "gpt" => Err(Halt::fail(format!("a table of the kind {} has no names of partitions", self.label()))),
            Some(name) if name.encode_utf16().count() > 36 => Err(Halt::fail("the name of a partition has at most 36 characters")),
            _ => Ok(()),
        }
    }

    /// It is not there, or the table is another one.
    fn missing(&self) -> Result<Decision, Halt> {
        let (args, label) = (self.task.args, self.label());
        let is_new_table = self.room()?;
        if !["gpt", "msdos"].contains(&label) {
            return Err(Halt::fail(format!("tables of the kind {label} are not made here: `label` is gpt or msdos")));
        }
        let part_type = args.str("part_type").unwrap_or("primary");
        if part_type != "primary" {
            return Err(Halt::fail(format!("{part_type} partitions are not made here: with `label: gpt` all are primary ones")));
        }
        let name = args.str("name");
        self.can_be_named(name)?;
        let mut numbers = if is_new_table { Vec::new() } else { self.printed.numbers() };
        let next = (1..).find(|number| !numbers.contains(number)).unwrap_or(1);
        if self.number != next || (label == "msdos" && next > 4) {
            let why = format!("the next partition of {} is number {next}: parted gives the numbers itself", self.device);
            return Err(Halt::refuse(why, "name that one, or make the ones before it first"));
        }
        let (start, end) = (args.str("part_start").unwrap_or("0%"), args.str("part_end").unwrap_or("100%"));
        self.is_free(start, end, is_new_table)?;
        numbers.push(self.number);
        numbers.sort_unstable();
        let fs_type = args.str("fs_type");
        let mut words = if is_new_table { vec!["mklabel", label] } else { Vec::new() };
        words.extend(["mkpart", part_type].into_iter().chain(fs_type).chain([start, end]));
        let flags = self.flags();
        let script = self.script(&words, name.filter(|_| label == "gpt"), flags.as_deref(), &[]);
        let make = PartedDoes::Make {
            table: is_new_table.then(|| label.to_owned()),
            part_type: part_type.into(),
            fs_type: fs_type.map(str::to_owned),
            start: start.into(),
            end: end.into(),
        };
        let mut change = Plan::change([self.step(make, name, flags).into()]);
        if is_new_table {
            let before = Some(self.printed.table.clone()).filter(|table| table != "unknown");
            change = change.differs(format!("partition table of {}", self.device), before, Some(label.to_owned()));
        }
        let will = format!("{start} to {end}{}", name.map(|name| format!(", {name}")).unwrap_or_default());
        let mut change = change.differs(format!("partition {} of {}", self.number, self.device), None, Some(will));
        if is_new_table {
            change.expect.extend(self.new_partition()?);
        }
        Ok(planned(self.promises(change, numbers, label)).with("script", script))
    }

    fn absent(&self) -> Result<Decision, Halt> {
        let Some(row) = self.printed.partition(self.number) else { return Ok(unchanged()) };
        let what = format!("partition {} of {}", self.number, self.device);
        let wipe = format!(
            "homelabctl disk explain {} {} shows what is on it; a person who has looked takes it away by hand, or all of the disk with homelabctl disk wipe",
            self.facts.scope().host,
            self.device
        );
        if self.printed.table == "msdos" && self.number > 4 {
            return Err(Halt::refuse(format!("{what} is a logical one: those behind it would get other numbers"), wipe));
        }
        self.partition_is_empty(&format!("{what} stays: a playbook wipes nothing"), wipe)?;
        let change = Plan::change([self.step(PartedDoes::Remove, None, None).into()]);
        let change = change.differs(what, Some(format!("{} to {}", row.begin, row.end)), None);
        let numbers = self.printed.numbers().into_iter().filter(|number| *number != self.number).collect();
        let script = vec!["rm".to_owned(), self.number.to_string()];
        Ok(planned(self.promises(change, numbers, &self.printed.table)).with("script", script))
    }

    fn step(&self, does: PartedDoes, name: Option<&str>, flags: Option<Vec<String>>) -> Step {
        let (args, align) = (self.task.args, self.task.args.str("align").filter(|align| *align != "undefined"));
        let (name, align) = (name.map(str::to_owned), align.map(str::to_owned));
        let unit = args.str("unit").unwrap_or("KiB").to_owned();
        Step { device: self.device.clone(), align, unit, number: self.number, does, name, flags }
    }

    /// The partitions that are in its table then. Where parted puts a new one nobody foretells.
    fn promises(&self, change: Change, numbers: Vec<u32>, table: &str) -> Change {
        let printed = Expect::field(&PartedPrint::new(&self.device, "B"), "table", table).moves("rows");
        let contents = Expect::field(&DeviceContents::new(&self.device), "table", numbers).moves("partitions").moves("device");
        change.expect(printed).expect(contents)
    }

    /// The words for parted, as Ansible tells them.
    fn script(&self, first: &[&str], name: Option<&str>, flags: Option<&[String]>, has: &[String]) -> Vec<String> {
        let (number, unit) = (self.number.to_string(), self.task.args.str("unit").unwrap_or("KiB"));
        let mut then = Vec::new();
        if let Some(name) = name {
            then.extend(["name".to_owned(), number.clone(), format!("\"{name}\"")]);
        }
        if let Some(flags) = flags {
            let set = |flag: &String, to: &str| ["set".to_owned(), number.clone(), flag.clone(), to.to_owned()];
            then.extend(flags.iter().filter(|flag| !has.contains(flag)).flat_map(|flag| set(flag, "on")));
            then.extend(has.iter().filter(|flag| !flags.contains(flag)).flat_map(|flag| set(flag, "off")));
        }
        let first: Vec<String> = first.iter().map(|word| (*word).to_owned()).collect();
        let with_unit = |words: Vec<String>| if words.is_empty() { words } else { [vec!["unit".into(), unit.into()], words].concat() };
        [with_unit(first), with_unit(then)].concat()
    }
}
