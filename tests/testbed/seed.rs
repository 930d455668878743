//! What a machine finds under /testbed when it boots: `boot`, run on each boot before sysinit.target; `steps`, which it runs,
//! with the address and on the first boot what makes the spec's traits true; and `files`, copied over the root file system on
//! the first boot. The same for both kinds.

use super::error::{Doing, Result};
use super::keys::HostKeyType;
use super::spec::{Kind, Login, MachineSpec, Noise, Sudo};
use super::{keys, uml};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

/// The login of every machine.
pub const USER: &str = "op";

/// One network interface inside the machine.
pub struct Nic {
    pub name: String,
    pub address: String,
}

/// Writes the seed into `dir`.
pub fn write(dir: &Path, spec: &MachineSpec, number: u32, nics: &[Nic]) -> Result<()> {
    for (name, text) in [
        ("boot", BOOT.into()),
        ("steps", steps(spec, nics)),
        ("root-shell", include_str!("uml-root-shell.sh").into()),
        ("disk", include_str!("uml-disk.sh").into()),
    ] {
        save(&dir.join(name), &text)?;
    }
    let etc = dir.join("files/etc");
    save(&etc.join("hostname"), &format!("{}\n", spec.name))?;
    save(&etc.join("hosts"), &format!("127.0.0.1 localhost\n127.0.1.1 {}\n", spec.name))?;
    save(&etc.join("ssh/sshd_config.d/testbed.conf"), &sshd_config(spec))?;
    save(&etc.join("ssh/user_ca.pub"), &format!("{}\n", keys::public_line(&spec.bed.user_ca()?)?))?;
    let mut principals: Vec<String> = nics.iter().map(|n| n.address.clone()).collect();
    principals.extend([spec.name.clone(), wire_address(number)]);
    if !spec.disks.is_empty() {
        save(&etc.join("udev/rules.d/00-testbed.rules"), DISK_RULES)?;
    }
    for kind in &spec.host_keys {
        let key = etc.join(format!("ssh/ssh_host_{}_key", kind.name()));
        keys::generate(*kind, &key, &spec.name)?;
        if spec.host_certificate {
            keys::certify(&spec.bed.host_ca()?, &key, &principals.iter().map(String::as_str).collect::<Vec<_>>(), true)?;
        }
    }
    // By certificate only: root, too, since one machine has one rule.
    if spec.login != Login::UserCertificate {
        for user in ["root", USER] {
            save(&etc.join(format!("ssh/authorized_keys.{user}")), &format!("{}\n", keys::public_line(&spec.bed.key_path())?))?;
        }
    }
    if let Some(rule) = sudoers(&spec.sudo) {
        save(&etc.join("sudoers.d/testbed"), &rule)?;
    }
    if spec.noise.contains(&Noise::Banner) {
        save(&etc.join("ssh/banner"), "Authorised people only.\nThe banner has two lines.\n")?;
    }
    Ok(())
}

/// The address of the proxy that lengthens the wire of the machine with this number.
pub fn wire_address(number: u32) -> String {
    format!("10.77.3.{number}")
}

/// Where the public and private host key of a machine are on the host.
pub fn host_key(dir: &Path, kind: HostKeyType) -> PathBuf {
    dir.join(format!("files/etc/ssh/ssh_host_{}_key", kind.name()))
}

fn save(path: &Path, text: &str) -> Result<()> {
    let made = path.parent().map_or(Ok(()), fs::create_dir_all);
    made.and_then(|()| fs::write(path, text)).doing(|| format!("cannot write {}", path.display()))
}

/// A machine whose boot script fails switches itself off: that is noticed at once, and its console says why.
const BOOT: &str = "/bin/sh -ex /testbed/steps || { echo 'the boot script failed'; poweroff -ff; }\n";

/// The devices that SCSI disks are made of have the same contents: they are not to be found by UUID, and mounted before those are
/// there.
const DISK_RULES: &str = "KERNEL==\"ubd[b-z]*\", ENV{UDEV_DISABLE_PERSISTENT_STORAGE_RULES_FLAG}=\"1\", ENV{SYSTEMD_READY}=\"0\"\n";

/// What happens on each boot, and then what happens on the first.
fn steps(spec: &MachineSpec, nics: &[Nic]) -> String {
    let mut s = format!("hostname {}\nip link set lo up\n", spec.name);
    for Nic { name, address } in nics {
        writeln!(s, "ip addr replace {address}/24 dev {name}\nip link set {name} up").unwrap();
    }
    if spec.kubernetes {
        s.push_str("ip route replace default via 10.77.0.1\n"); // kubelet and kubeadm take the address of that card for the node's
    }
    if spec.kind == Kind::Uml {
        s.push_str(&uml::boot_lines(spec));
    }
    s.push_str("[ ! -e /etc/testbed-done ] || exit 0\ncp -r --preserve=mode /testbed/files/. /\n");
    s.push_str(&setup_steps(spec));
    s.push_str(": >/etc/testbed-done\n");
    s
}

fn sshd_config(spec: &MachineSpec) -> String {
    let mut s = String::from("AuthorizedKeysFile .ssh/authorized_keys /etc/ssh/authorized_keys.%u\n");
    let methods = match &spec.login {
        Login::Key | Login::UserCertificate => "PasswordAuthentication no\nKbdInteractiveAuthentication no\n",
        Login::Password(_) => "PasswordAuthentication yes\nKbdInteractiveAuthentication no\nAuthenticationMethods password\n",
        Login::KeyboardInteractive(_) => {
            "PasswordAuthentication no\nKbdInteractiveAuthentication yes\nAuthenticationMethods keyboard-interactive\n"
        }
    };
    s.push_str(methods);
    if spec.login == Login::UserCertificate {
        s.push_str("TrustedUserCAKeys /etc/ssh/user_ca.pub\n");
    }
    for kind in &spec.host_keys {
        writeln!(s, "HostKey /etc/ssh/ssh_host_{}_key", kind.name()).unwrap();
        if spec.host_certificate {
            writeln!(s, "HostCertificate /etc/ssh/ssh_host_{}_key-cert.pub", kind.name()).unwrap();
        }
    }
    if let Some(n) = spec.max_sessions {
        writeln!(s, "MaxSessions {n}").unwrap();
    }
    if let Some(n) = spec.max_startups {
        writeln!(s, "MaxStartups {n}").unwrap();
    }
    if spec.noise.contains(&Noise::Banner) {
        s.push_str("Banner /etc/ssh/banner\n");
    }
    s
}

/// What is not a file.
fn setup_steps(spec: &MachineSpec) -> String {
    let home = if spec.home { "create-home" } else { "no-create-home" };
    let mut s = format!("useradd --{home} --shell {} {USER}\n", spec.shell.path());
    if let Some(password) = spec.password() {
        // not into the machine's log: tests look there for passwords that we let slip
        let quoted = password.replace('\'', r"'\''");
        writeln!(s, "set +x\nprintf '%s\\n' '{USER}:{quoted}' | chpasswd\nset -x").unwrap();
    }
    if spec.sudo == Sudo::Absent {
        s.push_str("rm -f /usr/bin/sudo /usr/bin/sudoedit\n");
    }
    if !spec.python {
        s.push_str("rm -f /usr/bin/python3*\n");
    }
    if !spec.downloaders {
        s.push_str("rm -f /usr/bin/curl /usr/bin/wget\n");
    }
    for noise in &spec.noise {
        match noise {
            Noise::Banner => {}
            // At the top of the file: Debian's returns early in a shell that is not interactive.
            Noise::Bashrc => {
                writeln!(s, "sed -i '1i echo bashrc says hello; echo bashrc complains >&2' /root/.bashrc /home/{USER}/.bashrc").unwrap();
            }
            Noise::SlowPam(time) => {
                writeln!(s, "sed -i '1i session required pam_exec.so /bin/sleep {}' /etc/pam.d/sshd", time.as_secs_f64()).unwrap();
            }
        }
    }
    s
}

/// The rule for sudo, if there is one.
fn sudoers(sudo: &Sudo) -> Option<String> {
    match sudo {
        Sudo::Free => Some(format!("{USER} ALL=(ALL:ALL) NOPASSWD: ALL\n")),
        Sudo::Password(_) => Some(format!("{USER} ALL=(ALL:ALL) ALL\n")),
        Sudo::RequiresTty => Some(format!("Defaults requiretty\n{USER} ALL=(ALL:ALL) NOPASSWD: ALL\n")),
        Sudo::Refused(_) | Sudo::Absent => None,
    }
}
