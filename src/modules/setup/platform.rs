//! The kernel and the machine's names: facts/system/platform.py.

use super::gather::{Gather, Made, known};
use crate::node::facts::{Architecture, FileKind, Hostname, Kernel, RealPath, Saying, Stat};

pub(super) fn kernel(gather: &Gather<'_>) -> Made {
    let (kernel, machine, name) = (gather.ask(Kernel), gather.ask(Architecture), gather.ask(Hostname));
    let short = name.as_deref().and_then(|name| name.split('.').next()).map(str::to_owned);
    known([
        ("system", kernel.as_ref().map(|kernel| kernel.name.clone().into())),
        ("kernel", kernel.as_ref().map(|kernel| kernel.release.clone().into())),
        ("kernel_version", kernel.as_ref().map(|kernel| kernel.version.clone().into())),
        ("architecture", machine.as_deref().map(|machine| architecture(machine).into())),
        ("machine", machine.map(Into::into)),
        ("hostname", short.map(Into::into)),
        ("nodename", name.map(Into::into)),
    ])
}

fn architecture(machine: &str) -> &str {
    if matches!(machine, "i86pc" | "i386" | "i486" | "i586" | "i686") { "i386" } else { machine }
}

pub(super) fn userspace(gather: &Gather<'_>) -> Made {
    let (bits, machine) = (gather.ask(Saying::LongBit), gather.ask(Architecture));
    let architecture = match (machine.as_deref().map(architecture), bits.as_deref()) {
        (Some("x86_64" | "i386"), Some("64")) => Some("x86_64".into()),
        (Some("x86_64" | "i386"), Some("32")) => Some("i386".into()),
        _ => None,
    };
    known([("userspace_bits", bits.map(Into::into)), ("userspace_architecture", architecture)])
}

pub(super) fn full_name(gather: &Gather<'_>) -> Made {
    let name = gather.ask(Saying::FullName);
    let domain = name.as_deref().map(|name| name.split_once('.').map_or("", |(_, domain)| domain).into());
    known([("fqdn", name.map(Into::into)), ("domain", domain)])
}

pub(super) fn machine_id(gather: &Gather<'_>) -> Made {
    let texts = gather.texts(&["/var/lib/dbus/machine-id", "/etc/machine-id"]);
    let id = texts.iter().filter_map(|text| text.is()?.lines().next().map(str::trim)).find(|id| !id.is_empty());
    known([("machine_id", id.map(Into::into))])
}

/// The Python that a person's own commands may call: nothing here needs one, and none is asked for its version.
pub(super) fn python(gather: &Gather<'_>) -> Made {
    const PROGRAM: &str = "/usr/bin/python3";
    let (stat, path) = (gather.ask(Stat::followed(PROGRAM)), gather.ask(RealPath::new(PROGRAM)));
    let there = stat.is_some_and(|stat| stat.kind == FileKind::File);
    let name = path.as_deref().and_then(|path| path.rsplit('/').next()).unwrap_or_default();
    let numbers: Vec<u64> = name.trim_start_matches("python").split('.').filter_map(|number| number.parse().ok()).collect();
    let version = match *numbers.as_slice() {
        [major, minor] => Some(serde_json::json!({ "major": major, "minor": minor })),
        _ => None,
    };
    let mut python = serde_json::json!({ "executable": path.as_deref().unwrap_or(PROGRAM), "type": "cpython" });
    if let (Some(version), Some(map)) = (version, python.as_object_mut()) {
        map.insert("version".to_owned(), version);
    }
    known([("python", there.then_some(python))])
}
