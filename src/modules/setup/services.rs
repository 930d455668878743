//! What installs packages and what runs services: facts/system/pkg_mgr.py, service_mgr.py.

use super::distribution::family;
use super::gather::{Gather, Made, known};
use crate::node::facts::{Saying, Stat};

/// Of several the last counts.
const PACKAGE_MANAGERS: [(&str, &str); 14] = [
    ("/usr/bin/rpm-ostree", "atomic_container"),
    ("/usr/bin/yum", "dnf"),
    ("/usr/bin/dnf-3", "dnf"),
    ("/usr/bin/dnf5", "dnf5"),
    ("/usr/bin/apt-get", "apt"),
    ("/usr/bin/zypper", "zypper"),
    ("/usr/sbin/urpmi", "urpmi"),
    ("/usr/bin/pacman", "pacman"),
    ("/bin/opkg", "opkg"),
    ("/usr/local/bin/brew", "homebrew"),
    ("/sbin/apk", "apk"),
    ("/usr/bin/emerge", "portage"),
    ("/usr/bin/xbps-install", "xbps"),
    ("/usr/bin/swupd", "swupd"),
];

pub(super) fn package_manager(gather: &Gather<'_>) -> Made {
    let there = gather.exist(&PACKAGE_MANAGERS.map(|(path, _)| path));
    let family = family(gather);
    let name = match (family.as_deref(), there) {
        (Some("RedHat"), _) => red_hat(gather),
        // what else is installed there is not what the system uses
        (Some("Debian"), _) => Some("apt"),
        (Some(family), Some(there)) => {
            let name = PACKAGE_MANAGERS.iter().zip(there).rfind(|(_, there)| *there).map_or("unknown", |((_, name), _)| name);
            Some(if family == "Altlinux" && name == "apt" { "apt_rpm" } else { name })
        }
        _ => None,
    };
    known([("pkg_mgr", name.map(Into::into))])
}

fn red_hat(gather: &Gather<'_>) -> Option<&'static str> {
    let there = gather.exist(&["/run/ostree-booted", "/usr/bin/dnf", "/usr/bin/microdnf"])?;
    let dnf = match there.as_slice() {
        [true, ..] => return Some("atomic_container"),
        [_, true, _] => "/usr/bin/dnf",
        [_, _, true] => "/usr/bin/microdnf",
        _ => return Some("unknown"),
    };
    let is_5 = gather.ask(Stat::new(dnf))?.target.is_some_and(|target| matches!(target.as_str(), "dnf5" | "/usr/bin/dnf5"));
    Some(if is_5 { "dnf5" } else { "dnf" })
}

/// The second line of what it says of itself are its features.
pub(super) fn systemd(gather: &Gather<'_>) -> Made {
    let said = gather.ask(Saying::Systemd);
    let version = said.as_deref().and_then(|said| {
        let mut lines = said.lines();
        let version: i64 = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        Some(serde_json::json!({"version": version, "features": lines.next().unwrap_or_default()}))
    });
    known([("systemd", version)])
}

pub(super) fn service_manager(gather: &Gather<'_>) -> Made {
    let first = gather.text("/proc/1/comm");
    let there = gather.exist(&[
        "/usr/bin/systemctl",
        "/bin/systemctl",
        "/run/systemd/system",
        "/sbin/initctl",
        "/etc/init",
        "/sbin/openrc",
        "/etc/init.d",
        "/etc/dinit.d",
    ]);
    let init = gather.ask(Stat::new("/sbin/init")).and_then(|init| init.target);
    let name = match first.as_deref().map(str::trim) {
        Some("procd") => Some("openwrt_init".to_owned()),
        Some("runit-init") => Some("runit".to_owned()),
        Some("svscan") => Some("svc".to_owned()),
        Some("openrc-init") => Some("openrc".to_owned()),
        // many call themselves init, and a container's first process is often a shell
        Some(name) if !name.is_empty() && name != "init" && !name.ends_with("sh") => Some(name.to_owned()),
        _ => there.map(|there| {
            let is = |at: usize| there.get(at).copied().unwrap_or(false);
            let systemctl = is(0) || is(1);
            let is_systemd = init.is_some_and(|target| target.rsplit('/').next() == Some("systemd"));
            let name = match () {
                () if systemctl && is(2) => "systemd",
                () if is(3) && is(4) => "upstart",
                () if is(5) => "openrc",
                () if systemctl && is_systemd => "systemd",
                () if is(6) => "sysvinit",
                () if is(7) => "dinit",
                () => "service",
            };
            name.to_owned()
        }),
    };
    known([("service_mgr", name.map(Into::into))])
}
