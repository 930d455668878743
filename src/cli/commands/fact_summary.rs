//! What a person wants to know of a machine at first sight.

use std::time::{Duration, SystemTime};

use crate::disk::gigabytes;
use crate::node::facts::{
    Architecture, BlockDevice, BlockDevices, Clock, ClockReading, Interfaces, Kernel, Memory, MemoryState, OsRelease, Processors,
    RebootRequired, Virtualization,
};
use crate::plan::{Fact, Observation, Query, Reading};

/// What was read of a machine, and when.
pub(super) struct Read {
    /// When the script was sent.
    pub(super) asked: SystemTime,
    /// When its answer was here.
    pub(super) answered: SystemTime,
    /// What it answered.
    pub(super) facts: Vec<(Query, Observation)>,
}

impl Read {
    fn get<F: Fact>(&self, fact: &F) -> Option<F::Value> {
        let query = fact.query();
        let (_, observation) = self.facts.iter().find(|(asked, _)| *asked == query)?;
        match &observation.reading {
            Reading::Present(value) => serde_json::from_value(value.clone()).ok(),
            _ => None,
        }
    }

    fn unknown(&self) -> Vec<&Query> {
        self.facts
            .iter()
            .filter(|(_, observation)| matches!(observation.reading, Reading::Unknown { .. }))
            .map(|(query, _)| query)
            .collect()
    }
}

/// A label and a line for each; what was not asked for or is not known has no line, but the unknown are counted.
pub(super) fn summary(read: &Read) -> Vec<(String, String)> {
    let kernel = read.get(&Kernel).map(|kernel| format!("{} {}", kernel.name, kernel.release));
    let kernel = [kernel, read.get(&Architecture)].into_iter().flatten().collect::<Vec<_>>();
    let machine = read.get(&Virtualization).map(|kind| if kind.kind == "none" { "bare metal".to_owned() } else { kind.kind });
    let processors = read.get(&Processors).map(|processors| match processors.model {
        Some(model) => format!("{} × {model}", processors.online),
        None => processors.online.to_string(),
    });
    let reboot = read.get(&RebootRequired).filter(|state| state.required).map(|state| match state.packages.as_slice() {
        [] => "required".to_owned(),
        packages => format!("required by {}", packages.join(", ")),
    });
    let unknown = read.unknown();
    let unknown_kinds = (!unknown.is_empty()).then(|| {
        let mut kinds: Vec<&str> = unknown.iter().map(|query| query.kind.as_str()).collect();
        kinds.dedup();
        kinds.join(", ")
    });
    let rows = [
        ("system", read.get(&OsRelease).map(|system| system.pretty_name)),
        ("kernel", (!kernel.is_empty()).then(|| kernel.join(", "))),
        ("machine", machine),
        ("processors", processors),
        ("memory", read.get(&Memory).map(|memory| memory_line(&memory))),
        ("addresses", addresses(read)),
        ("disks", read.get(&BlockDevices).and_then(|devices| disks(&devices))),
        ("clock", read.get(&Clock).map(|clock| clock_line(&clock, read.asked, read.answered))),
        ("reboot", reboot),
        ("not readable", unknown_kinds),
    ];
    rows.into_iter().filter_map(|(label, line)| Some((label.to_owned(), line?))).collect()
}

/// Bytes of memory, in powers of two.
fn gibibytes(bytes: u64) -> String {
    let tenths = bytes.saturating_mul(10) >> 30;
    if tenths >= 10 { format!("{}.{} GiB", tenths / 10, tenths % 10) } else { format!("{} MiB", bytes >> 20) }
}

fn memory_line(memory: &MemoryState) -> String {
    let swap = if memory.swap_total == 0 { "no swap".to_owned() } else { format!("swap {}", gibibytes(memory.swap_total)) };
    format!("{}, {} available, {swap}", gibibytes(memory.total), gibibytes(memory.available))
}

fn addresses(read: &Read) -> Option<String> {
    let interfaces = read.get(&Interfaces)?;
    let mut lines = Vec::new();
    for interface in interfaces {
        let global: Vec<String> =
            interface.addresses.iter().filter(|a| a.scope == "global").map(|a| format!("{}/{}", a.address, a.prefix)).collect();
        if !global.is_empty() {
            lines.push(format!("{} on {}", global.join(" "), interface.name));
        }
    }
    (!lines.is_empty()).then(|| lines.join(", "))
}

fn disks(devices: &[BlockDevice]) -> Option<String> {
    // what is plugged in: partitions, loops and mappings are on it
    let disks = devices.iter().filter(|device| device.kind == "disk" && device.size > 0);
    let line = |disk: &BlockDevice| {
        let model = disk.model.as_deref().map(str::trim).filter(|model| !model.is_empty());
        let name = disk.path.strip_prefix("/dev/").unwrap_or(&disk.path);
        [Some(name), Some(gigabytes(disk.size).as_str()), model].into_iter().flatten().collect::<Vec<_>>().join(" ")
    };
    let lines: Vec<String> = disks.map(line).collect();
    (!lines.is_empty()).then(|| lines.join(", "))
}

/// How far the clocks are apart: the host's was read somewhere between the question and the answer.
fn clock_line(clock: &ClockReading, asked: SystemTime, answered: SystemTime) -> String {
    let nanos = |time: SystemTime| {
        time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
    };
    let resolution = i64::from(clock.resolution_nanoseconds);
    let (from, to) = (clock.unix_nanoseconds, clock.unix_nanoseconds.saturating_add(resolution));
    let apart = if to < nanos(asked) {
        format!("{} behind this machine's", span(nanos(asked).saturating_sub(to)))
    } else if from > nanos(answered) {
        format!("{} ahead of this machine's", span(from.saturating_sub(nanos(answered))))
    } else {
        "agrees with this machine's".to_owned()
    };
    format!("{apart}, {} ({})", clock.zone, clock.utc_offset)
}

fn span(nanoseconds: i64) -> String {
    let span = Duration::from_nanos(nanoseconds.unsigned_abs());
    match span.as_secs() {
        0 => format!("{} ms", span.as_millis().max(1)),
        1..120 => format!("{:.1} s", span.as_secs_f64()),
        120..7_200 => format!("{} min", span.as_secs() / 60),
        7_200..172_800 => format!("{} h", span.as_secs() / 3_600),
        seconds => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::facts::{
        Interface, InterfaceAddress, KernelVersion, OperatingSystem, ProcessorState, RebootState, VirtualizationKind,
    };

    const NOW: i64 = 1_763_900_000_000_000_000;

    fn read(facts: Vec<(Query, Reading)>) -> Read {
        let at = |nanos: i64| SystemTime::UNIX_EPOCH + Duration::from_nanos(nanos.unsigned_abs());
        let facts = facts.into_iter().map(|(query, reading)| (query, reading.into())).collect();
        Read { asked: at(NOW), answered: at(NOW + 50_000_000), facts }
    }

    fn clock(ahead: i64) -> ClockReading {
        ClockReading { unix_nanoseconds: NOW + ahead, resolution_nanoseconds: 1, utc_offset: "+0100".into(), zone: "CET".into() }
    }

    fn line(ahead: i64) -> String {
        let read = read(Vec::new());
        clock_line(&clock(ahead), read.asked, read.answered)
    }

    #[test]
    fn a_machine_at_first_sight() {
        let address = |address: &str, prefix, scope: &str| InterfaceAddress {
            address: address.parse().unwrap(),
            prefix,
            scope: scope.into(),
            broadcast: None,
            secondary: false,
        };
        let interface = |name: &str, addresses| Interface { name: name.into(), state: "UP".into(), addresses, ..Interface::default() };
        let system = OperatingSystem { pretty_name: "Debian GNU/Linux 12 (bookworm)".into(), ..OperatingSystem::default() };
        let memory = MemoryState { total: 8_200_000_000, free: 1, available: 900_000_000, swap_total: 0, swap_free: 0 };
        let interfaces = vec![
            interface("lo", vec![address("127.0.0.1", 8, "host")]),
            interface(
                "eth0",
                vec![address("192.168.2.11", 24, "global"), address("fe80::1", 64, "link"), address("fd00::11", 64, "global")],
            ),
        ];
        let facts = vec![
            (OsRelease.query(), Reading::present(&system)),
            (Kernel.query(), Reading::present(&KernelVersion { name: "Linux".into(), release: "6.1.0-37".into(), version: "#1".into() })),
            (Architecture.query(), Reading::present(&"x86_64")),
            (Virtualization.query(), Reading::present(&VirtualizationKind { kind: "none".into(), container: false })),
            (Processors.query(), Reading::present(&ProcessorState { online: 4, present: 4, model: Some("N100".into()) })),
            (Memory.query(), Reading::present(&memory)),
            (Interfaces.query(), Reading::present(&interfaces)),
            (BlockDevices.query(), Reading::unknown("lsblk: not found")),
            (Clock.query(), Reading::present(&clock(20_000_000))),
            (RebootRequired.query(), Reading::present(&RebootState { required: true, packages: vec!["linux-image".into()] })),
        ];
        let rows: Vec<String> = summary(&read(facts)).into_iter().map(|(label, line)| format!("{label}: {line}")).collect();
        insta::assert_snapshot!(rows.join("\n"));
        assert_eq!(summary(&read(Vec::new())), []);
    }

    #[test]
    fn clocks() {
        assert_eq!(line(0), "agrees with this machine's, CET (+0100)");
        assert_eq!(line(50_000_000), "agrees with this machine's, CET (+0100)");
        assert_eq!(line(350_000_000), "300 ms ahead of this machine's, CET (+0100)");
        assert_eq!(line(-2_500_000_000), "2.5 s behind this machine's, CET (+0100)");
        assert_eq!(line(-7_200_000_000_001), "2 h behind this machine's, CET (+0100)");
    }

    #[test]
    fn sizes() {
        assert_eq!([8_200_000_000, 500_000_000].map(gibibytes), ["7.6 GiB", "476 MiB"]);
        assert_eq!([150_323_855_360, 512_000_000, 20_000_588_955_648].map(gigabytes), ["150 GB", "512 MB", "20 TB"]);
    }
}
