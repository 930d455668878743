//! Which distribution it is: facts/system/distribution.py, lsb.py.

use serde_json::{Map, Value};

use super::gather::{Gather, Made, known};
use crate::node::facts::{OperatingSystem, OsRelease, Saying};

/// Ansible's name for a distribution, by its `ID`, the family, and which file it is told by.
const DISTRIBUTIONS: &[(&str, &str, &str, &str)] = &[
    ("almalinux", "AlmaLinux", "RedHat", "/etc/redhat-release RedHat"),
    ("alpine", "Alpine", "Alpine", "/etc/alpine-release Alpine"),
    ("altlinux", "Altlinux", "Altlinux", "/etc/altlinux-release Altlinux"),
    ("amzn", "Amazon", "RedHat", "/etc/os-release Amazon"),
    ("arch", "Archlinux", "Archlinux", "/etc/arch-release Archlinux"),
    ("centos", "CentOS", "RedHat", "/etc/centos-release CentOS"),
    ("cloudlinux", "CloudLinux", "RedHat", "/etc/redhat-release RedHat"),
    ("debian", "Debian", "Debian", "/etc/os-release Debian"),
    ("deepin", "Deepin", "Debian", "/etc/os-release Debian"),
    ("devuan", "Devuan", "Debian", "/etc/os-release Debian"),
    ("fedora", "Fedora", "RedHat", "/etc/redhat-release RedHat"),
    ("flatcar", "Flatcar", "Flatcar", "/etc/os-release Flatcar"),
    ("gentoo", "Gentoo", "Gentoo", "/etc/gentoo-release Gentoo"),
    ("kali", "Kali", "Debian", "/etc/os-release Debian"),
    ("linuxmint", "Linux Mint", "Debian", "/etc/os-release Debian"),
    ("manjaro", "Archlinux", "Archlinux", "/etc/arch-release Archlinux"),
    ("ol", "OracleLinux", "RedHat", "/etc/oracle-release OracleLinux"),
    ("opensuse-leap", "openSUSE Leap", "Suse", "/etc/os-release SUSE"),
    ("opensuse-microos", "openSUSE MicroOS", "Suse", "/etc/os-release SUSE"),
    ("opensuse-tumbleweed", "openSUSE Tumbleweed", "Suse", "/etc/os-release SUSE"),
    ("parrot", "Parrot", "Debian", "/etc/os-release Debian"),
    ("raspbian", "Debian", "Debian", "/etc/os-release Debian"),
    ("rhel", "RedHat", "RedHat", "/etc/redhat-release RedHat"),
    ("rocky", "Rocky", "RedHat", "/etc/redhat-release RedHat"),
    ("scientific", "Scientific", "RedHat", "/etc/redhat-release RedHat"),
    ("sles", "SLES", "Suse", "/etc/os-release SUSE"),
    ("ubuntu", "Ubuntu", "Debian", "/etc/os-release Debian"),
    ("uos", "Uos", "Debian", "/etc/os-release Debian"),
];

fn of(os: &OperatingSystem) -> Option<&'static (&'static str, &'static str, &'static str, &'static str)> {
    DISTRIBUTIONS.iter().find(|(id, ..)| *id == os.id)
}

/// What has no name in the table is called as Ansible guesses it: its `ID` with a capital letter.
fn name(os: &OperatingSystem) -> String {
    match of(os) {
        Some((_, name, ..)) => (*name).to_owned(),
        None => {
            let mut chars = os.id.chars();
            chars.next().map(|first| first.to_uppercase().chain(chars.flat_map(char::to_lowercase)).collect()).unwrap_or_default()
        }
    }
}

/// `os_family`
pub(super) fn family(gather: &Gather<'_>) -> Option<String> {
    let os = gather.ask(OsRelease)?;
    Some(of(&os).map_or_else(|| name(&os), |(_, _, family, _)| (*family).to_owned()))
}

pub(super) fn distribution(gather: &Gather<'_>) -> Made {
    let Some(os) = gather.ask(OsRelease) else { return Vec::new() };
    // these say more of their version elsewhere
    let more = match os.id.as_str() {
        "debian" | "raspbian" => gather.text("/etc/debian_version"),
        "centos" => gather.text("/etc/centos-release"),
        _ => None,
    };
    let version = version(&os, more.as_deref());
    let minor = matches!(os.id.as_str(), "debian" | "raspbian").then(|| minor(more.as_deref()?)).flatten();
    let major = version.split('.').next().filter(|major| !major.is_empty()).unwrap_or("NA").to_owned();
    let file = of(&os).and_then(|(.., file)| file.split_once(' '));
    known([
        ("distribution", Some(name(&os).into())),
        ("distribution_version", Some(version.into())),
        ("distribution_release", Some(release(&os).into())),
        ("distribution_major_version", Some(major.into())),
        ("distribution_minor_version", minor.map(Into::into)),
        ("distribution_file_path", file.map(|(path, _)| path.into())),
        ("distribution_file_variety", file.map(|(_, variety)| variety.into())),
        ("distribution_file_parsed", file.map(|_| true.into())),
        ("os_family", Some(of(&os).map_or_else(|| name(&os), |(_, _, family, _)| (*family).to_owned()).into())),
    ])
}

/// The longest version that any of the files has: `12.11` of Debian 12.
fn version(os: &OperatingSystem, more: Option<&str>) -> String {
    let plain = os.version_id.clone().unwrap_or_default();
    let number = |text: &str| {
        text.split(|c: char| !c.is_ascii_digit() && c != '.').find(|part| part.contains('.') && !part.starts_with('.')).map(str::to_owned)
    };
    match (os.id.as_str(), more.and_then(number)) {
        ("centos", Some(more)) => more.split('.').take(2).collect::<Vec<_>>().join("."),
        (_, Some(more)) if more.matches('.').count() > plain.matches('.').count() => more,
        _ if plain.is_empty() => {
            if of(os).is_some_and(|(_, name, ..)| *name == "Debian") {
                String::new()
            } else {
                "NA".into()
            }
        }
        _ => plain,
    }
}

fn minor(debian_version: &str) -> Option<String> {
    let (_, minor) = debian_version.trim().split_once('.')?;
    let digits: String = minor.chars().take_while(char::is_ascii_digit).collect();
    (!digits.is_empty()).then_some(digits)
}

fn release(os: &OperatingSystem) -> String {
    // of Debian what stands in brackets behind its name counts first
    let bracket = os.pretty_name.split_once('(').and_then(|(_, rest)| rest.split_once(')')).map(|(inner, _)| inner.to_owned());
    match os.id.as_str() {
        "debian" | "raspbian" => bracket.or_else(|| os.codename.clone()),
        _ => os.codename.clone(),
    }
    .unwrap_or_else(|| "NA".to_owned())
}

pub(super) fn lsb(gather: &Gather<'_>) -> Made {
    let (said, file) = (gather.ask(Saying::LsbRelease), gather.text("/etc/lsb-release"));
    let fields = [
        ("id", "Distributor ID:", "DISTRIB_ID="),
        ("release", "Release:", "DISTRIB_RELEASE="),
        ("description", "Description:", "DISTRIB_DESCRIPTION="),
        ("codename", "Codename:", "DISTRIB_CODENAME="),
    ];
    let mut lsb = Map::new();
    for (name, said_name, file_name) in fields {
        let find = |text: &Option<String>, name: &str| {
            text.as_deref()?.lines().find_map(|line| line.trim().strip_prefix(name)).map(str::trim).map(str::to_owned)
        };
        let value = if said.is_some() { find(&said, said_name) } else { find(&file, file_name) };
        if let Some(value) = value {
            lsb.insert(name.into(), value.trim_matches(['\'', '"', '\\']).into());
        }
    }
    if let Some(major) = lsb.get("release").and_then(Value::as_str).and_then(|release| release.split('.').next()).map(str::to_owned) {
        lsb.insert("major_release".into(), major.into());
    }
    vec![("lsb".into(), lsb.into())]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn os(id: &str, version: Option<&str>, codename: Option<&str>, pretty: &str) -> OperatingSystem {
        OperatingSystem {
            id: id.into(),
            version_id: version.map(str::to_owned),
            codename: codename.map(str::to_owned),
            pretty_name: pretty.into(),
            ..OperatingSystem::default()
        }
    }

    #[test]
    fn debian_has_its_point_release() {
        let debian = os("debian", Some("12"), Some("bookworm"), "Debian GNU/Linux 12 (bookworm)");
        assert_eq!(
            (name(&debian).as_str(), version(&debian, Some("12.11")).as_str(), release(&debian).as_str()),
            ("Debian", "12.11", "bookworm")
        );
        assert_eq!(minor("12.11"), Some("11".to_owned()));
        let sid = os("debian", None, None, "Debian GNU/Linux trixie/sid");
        assert_eq!((version(&sid, Some("trixie/sid")).as_str(), release(&sid).as_str(), minor("trixie/sid")), ("", "NA", None));
    }

    #[test]
    fn others_have_what_they_say() {
        let ubuntu = os("ubuntu", Some("24.04"), Some("noble"), "Ubuntu 24.04.2 LTS");
        assert_eq!((name(&ubuntu).as_str(), version(&ubuntu, None).as_str(), release(&ubuntu).as_str()), ("Ubuntu", "24.04", "noble"));
        let centos = os("centos", Some("7"), None, "CentOS Linux 7 (Core)");
        assert_eq!(version(&centos, Some("CentOS Linux release 7.9.2009 (Core)")), "7.9");
        assert_eq!(name(&os("void", None, None, "Void")), "Void");
    }
}
