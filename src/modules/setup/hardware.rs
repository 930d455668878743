//! Memory, processors, firmware and what the machine runs in: facts/hardware/linux.py, facts/virtual/linux.py.

use serde_json::{Value, json};

use super::gather::{Gather, Made, known};
use crate::node::facts::{Architecture, Login, Module, ModulePlace, Processors, Text, Virtualization};

pub(super) fn memory(gather: &Gather<'_>) -> Made {
    gather.text("/proc/meminfo").map(|text| memory_of(&text)).unwrap_or_default()
}

/// In MiB, rounded down, as all its sums are.
fn memory_of(text: &str) -> Made {
    let mib = |name: &str| {
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        Some(value.split_whitespace().next()?.parse::<i64>().ok()? / 1024)
    };
    let (total, free) = (mib("MemTotal"), mib("MemFree"));
    let (swap, swap_free) = (mib("SwapTotal"), mib("SwapFree"));
    let minus = |a: Option<i64>, b: Option<i64>| Some(a? - b?);
    let unused = mib("Cached").zip(free).zip(mib("Buffers")).map(|((cached, free), buffers)| cached + free + buffers);
    let all = json!({
        "real": {"total": total, "used": minus(total, free), "free": free},
        "nocache": {"free": unused, "used": minus(total, unused)},
        "swap": {"total": swap, "free": swap_free, "used": minus(swap, swap_free), "cached": mib("SwapCached")},
    });
    known([
        ("memtotal_mb", total.map(Value::from)),
        ("memfree_mb", free.map(Value::from)),
        ("swaptotal_mb", swap.map(Value::from)),
        ("swapfree_mb", swap_free.map(Value::from)),
        ("memory_mb", Some(all)),
    ])
}

pub(super) fn processors(gather: &Gather<'_>) -> Made {
    let (text, machine, online) = (gather.text("/proc/cpuinfo"), gather.ask(Architecture), gather.ask(Processors));
    let (Some(text), Some(machine)) = (text, machine) else { return Vec::new() };
    let mut made = processors_of(&text, &machine);
    made.extend(online.map(|state| ("processor_nproc".to_owned(), state.online.into())));
    made
}

fn processors_of(text: &str, machine: &str) -> Made {
    let mut listed: Vec<String> = Vec::new();
    let mut flags: Option<Vec<String>> = None;
    let (mut vendors, mut models, mut numbered) = (0, 0, 0);
    // in the order in which they come
    let mut sockets: Vec<(String, i64)> = Vec::new();
    let mut siblings: Vec<(String, i64)> = Vec::new();
    let (mut socket, mut core) = (String::new(), String::new());
    for line in text.lines() {
        let (key, value) = line.split_once(':').map_or((line.trim(), ""), |(key, value)| (key.trim(), value.trim()));
        let set = |of: &mut Vec<(String, i64)>, name: &str, value: i64, over: bool| match of.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) if over => *known = value,
            Some(_) => {}
            None => of.push((name.to_owned(), value)),
        };
        match key {
            "flags" => flags = Some(value.split_whitespace().map(str::to_owned).collect()),
            "model name" | "Processor" | "vendor_id" | "cpu" | "Vendor" | "processor" => {
                listed.push(value.to_owned());
                vendors += i64::from(key == "vendor_id");
                models += i64::from(key == "model name");
                numbered += i64::from(key == "processor");
            }
            "physical id" => {
                value.clone_into(&mut socket);
                set(&mut sockets, value, 1, false);
            }
            "core id" => {
                value.clone_into(&mut core);
                // so it is there: the number of a core is looked for among those of the sockets
                if !sockets.iter().any(|(known, _)| known == value) {
                    set(&mut siblings, value, 1, true);
                }
            }
            "cpu cores" => set(&mut sockets, &socket, value.parse().unwrap_or(1), true),
            "siblings" => set(&mut siblings, &core, value.parse().unwrap_or(1), true),
            _ => {}
        }
    }
    let mut all = i64::try_from(listed.len()).unwrap_or(0);
    if vendors > 0 && vendors == models {
        all = vendors;
    }
    if ["armv", "aarch", "ppc"].iter().any(|start| machine.starts_with(start)) {
        all = numbered;
    }
    let count = if sockets.is_empty() { all } else { i64::try_from(sockets.len()).unwrap_or(1) };
    let cores = sockets.first().map(|(_, cores)| *cores).filter(|cores| *cores > 0).unwrap_or(1);
    let threads = rounded(siblings.first().map_or(1, |(_, siblings)| *siblings), cores);
    known([
        ("processor", Some(listed.into())),
        ("flags", flags.map(Value::from)),
        ("processor_count", Some(count.into())),
        ("processor_cores", Some(cores.into())),
        ("processor_threads_per_core", Some(threads.into())),
        ("processor_vcpus", Some((threads * count * cores).into())),
        ("processor_nproc", Some(numbered.into())),
    ])
}

/// A quotient, rounded as Python's `round()`: a half goes to the even number.
fn rounded(a: i64, b: i64) -> i64 {
    let (whole, rest) = (a.div_euclid(b), a.rem_euclid(b) * 2);
    if rest > b || (rest == b && whole % 2 == 1) { whole + 1 } else { whole }
}

pub(super) fn uptime(gather: &Gather<'_>) -> Made {
    let seconds = gather.text("/proc/uptime").and_then(|text| text.split(['.', ' ']).next()?.parse::<i64>().ok());
    known([("uptime_seconds", seconds.map(Into::into))])
}

/// What the firmware says of the machine, and the files below /sys where it stands.
const FIRMWARE: [(&str, &str); 18] = [
    ("bios_date", "bios_date"),
    ("bios_vendor", "bios_vendor"),
    ("bios_version", "bios_version"),
    ("board_asset_tag", "board_asset_tag"),
    ("board_name", "board_name"),
    ("board_serial", "board_serial"),
    ("board_vendor", "board_vendor"),
    ("board_version", "board_version"),
    ("chassis_asset_tag", "chassis_asset_tag"),
    ("chassis_serial", "chassis_serial"),
    ("chassis_vendor", "chassis_vendor"),
    ("chassis_version", "chassis_version"),
    ("form_factor", "chassis_type"),
    ("product_name", "product_name"),
    ("product_serial", "product_serial"),
    ("product_uuid", "product_uuid"),
    ("product_version", "product_version"),
    ("system_vendor", "sys_vendor"),
];

/// The kinds of cases, by their numbers (DMTF DSP0134).
const CASES: [&str; 37] = [
    "Unknown",
    "Other",
    "Unknown",
    "Desktop",
    "Low Profile Desktop",
    "Pizza Box",
    "Mini Tower",
    "Tower",
    "Portable",
    "Laptop",
    "Notebook",
    "Hand Held",
    "Docking Station",
    "All In One",
    "Sub Notebook",
    "Space-saving",
    "Lunch Box",
    "Main Server Chassis",
    "Expansion Chassis",
    "Sub Chassis",
    "Bus Expansion Chassis",
    "Peripheral Chassis",
    "RAID Chassis",
    "Rack Mount Chassis",
    "Sealed-case PC",
    "Multi-system",
    "CompactPCI",
    "AdvancedTCA",
    "Blade",
    "Blade Enclosure",
    "Tablet",
    "Convertible",
    "Detachable",
    "IoT Gateway",
    "Embedded PC",
    "Mini PC",
    "Stick PC",
];

pub(super) fn firmware(gather: &Gather<'_>) -> Made {
    let paths = FIRMWARE.map(|(_, file)| format!("/sys/devices/virtual/dmi/id/{file}"));
    let texts = gather.texts(&paths.each_ref().map(String::as_str));
    let value = |name: &str, text: &Text| match text {
        Text::Is(text) if text.trim().is_empty() => Some("NA".to_owned()),
        Text::Is(text) if name == "form_factor" => {
            let number = text.trim().parse::<usize>().ok()?;
            Some(CASES.get(number).map_or_else(|| format!("unknown ({number})"), |case| (*case).to_owned()))
        }
        Text::Is(text) => Some(text.trim().to_owned()),
        Text::Absent => Some("NA".to_owned()),
        // only root may read some of them
        Text::Unreadable => None,
    };
    FIRMWARE.iter().zip(&texts).filter_map(|((name, _), text)| Some(((*name).to_owned(), value(name, text)?.into()))).collect()
}

/// What systemd calls it, and Ansible.
const KINDS: [(&str, &str); 14] = [
    ("amazon", "kvm"),
    ("apple", "apple"),
    ("container-other", "container"),
    ("google", "kvm"),
    ("kvm", "kvm"),
    ("lxc-libvirt", "lxc"),
    ("microsoft", "VirtualPC"),
    ("oracle", "virtualbox"),
    ("qemu", "kvm"),
    ("vm-other", "kvm"),
    ("vmware", "VMware"),
    ("bochs", "kvm"),
    ("zvm", "PR/SM"),
    ("powervm", "powervm_lx86"),
];

pub(super) fn virtualization(gather: &Gather<'_>) -> Made {
    let (kind, device) = (gather.ask(Virtualization), gather.exists("/dev/kvm"));
    let is_loaded = |name: &str| gather.ask(Module::new(name)).is_some_and(|module| module.state == ModulePlace::Loaded);
    let (kvm, virtualbox) = (is_loaded("kvm"), is_loaded("vboxdrv"));
    let Some(kind) = kind else { return Vec::new() };
    let mut hosts: Vec<&str> = Vec::new();
    if device == Some(true) || kvm {
        hosts.push("kvm");
    }
    if virtualbox {
        hosts.push("virtualbox");
    }
    let (name, role, guests) = match (kind.kind.as_str(), hosts.first()) {
        ("none", Some(host)) => (*host, "host", Vec::new()),
        ("none", None) => ("NA", "NA", Vec::new()),
        (name, _) => {
            let name = KINDS.iter().find(|(known, _)| *known == name).map_or(name, |(_, name)| *name);
            let mut guests = vec![name];
            if kind.container && name != "container" {
                guests.push("container");
            }
            // root sees what the first process was told, which Ansible looks at first
            let is_root = || gather.ask(Login).is_some_and(|login| login.uid == 0);
            (if name == "systemd-nspawn" && is_root() { "container" } else { name }, "guest", guests)
        }
    };
    vec![
        ("virtualization_type".into(), name.into()),
        ("virtualization_role".into(), role.into()),
        ("virtualization_tech_guest".into(), guests.into()),
        ("virtualization_tech_host".into(), hosts.into()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get<'a>(made: &'a Made, name: &str) -> &'a Value {
        &made.iter().rfind(|(known, _)| known == name).unwrap().1
    }

    #[test]
    fn memory_is_in_mib() {
        let made = memory_of(
            "MemTotal:       2048000 kB\nMemFree:         102400 kB\nBuffers:          51200 kB\nCached:          409600 kB\n\
             SwapCached:            0 kB\nSwapTotal:       1024 kB\nSwapFree:        1024 kB\n",
        );
        assert_eq!((get(&made, "memtotal_mb"), get(&made, "swaptotal_mb")), (&2000.into(), &1.into()));
        assert_eq!(
            get(&made, "memory_mb"),
            &json!({"real": {"total": 2000, "used": 1900, "free": 100}, "nocache": {"free": 550, "used": 1450},
                "swap": {"total": 1, "free": 1, "used": 0, "cached": 0}})
        );
    }

    #[test]
    fn processors_are_counted_as_ansible_counts_them() {
        let thread = |number: u32, socket: u32, core: u32| {
            format!(
                "processor\t: {number}\nvendor_id\t: GenuineIntel\nmodel name\t: Xeon\nphysical id\t: {socket}\nsiblings\t: 4\n\
                 core id\t\t: {core}\ncpu cores\t: 2\nflags\t\t: fpu vme\n\n"
            )
        };
        let text: String = (0..8).map(|n| thread(n, n / 4, n % 2)).collect();
        let made = processors_of(&text, "x86_64");
        let numbers = ["processor_count", "processor_cores", "processor_threads_per_core", "processor_vcpus", "processor_nproc"];
        assert_eq!(numbers.map(|name| get(&made, name).as_i64().unwrap()), [2, 2, 2, 8, 8]);
        assert_eq!(get(&made, "processor").as_array().unwrap()[..3], ["0", "GenuineIntel", "Xeon"]);
        let arm = processors_of("processor\t: 0\nBogoMIPS\t: 1\n\nprocessor\t: 1\n", "aarch64");
        assert_eq!(numbers.map(|name| get(&arm, name).as_i64().unwrap()), [2, 1, 1, 2, 2]);
    }

    #[test]
    fn halves_go_to_the_even_number() {
        assert_eq!([rounded(1, 2), rounded(3, 2), rounded(4, 2), rounded(1, 4), rounded(3, 4)], [0, 2, 2, 0, 1]);
    }
}
