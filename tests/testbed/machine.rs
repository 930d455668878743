//! A running machine.

use super::bed::{Inner, inside_network};
use super::error::{Doing, Error, Result};
use super::keys::public_line;
use super::process::{lossy, run};
use super::processors::Processor;
use super::seed::{self, USER};
use super::spec::{Kind, Login, MachineSpec};
use super::{keys, nspawn, process, processors, qemu, uml, wire};
use rustix::process::{Pid, Signal, kill_process};
use std::collections::BTreeSet;
use std::io::Read;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{fs, thread};

/// A machine whose sshd answers. Dropping it cuts its power.
pub struct Machine {
    /// Its host name.
    pub name: String,
    /// Where sshd is reached from inside the bed's network.
    pub address: String,
    /// sshd's port.
    pub port: u16,
    /// The account to log in to; root is open to the same key.
    pub user: &'static str,
    /// The account's password, if it has one.
    pub password: Option<String>,
    /// The private key for both accounts; with [`Login::UserCertificate`] its certificate lies beside it (`-cert.pub`).
    pub key_path: PathBuf,
    /// sshd's public keys, each as `type key`.
    pub host_keys: Vec<String>,
    spec: MachineSpec,
    pub(super) bed: Arc<Inner>,
    pub(super) number: u32,
    /// Its machine-id.
    pub(super) uuid: String,
    power: Option<Power>,
}

/// A machine that is switched on.
struct Power {
    /// The program on the host that ends when the machine does.
    child: Child,
    /// The machine's first process, as the host counts.
    init: u32,
    _processor: Option<Processor>,
}

impl Machine {
    pub(super) fn start(spec: MachineSpec) -> Result<Machine> {
        let bed = spec.bed.clone();
        let number = spec.number;
        let nics = match spec.kind {
            Kind::Nspawn => nspawn::nics(&spec, number),
            Kind::Uml => uml::nics("vec", number),
            Kind::Qemu => uml::nics("eth", number),
        };
        let dir = bed.machine_dir(number);
        seed::write(&dir.join("seed"), &spec, number, &nics)?;
        let mut host_keys = Vec::new();
        for kind in &spec.host_keys {
            let line = public_line(&seed::host_key(&dir.join("seed"), *kind))?;
            host_keys.push(line.splitn(3, ' ').take(2).collect::<Vec<_>>().join(" "));
        }
        let mut machine = Machine {
            name: spec.name.clone(),
            address: nics[0].address.clone(),
            port: 22,
            user: USER,
            password: spec.password().map(str::to_owned),
            key_path: user_key(&spec, &dir)?,
            host_keys,
            number,
            uuid: fresh_uuid(number),
            power: None,
            bed,
            spec,
        };
        machine.power_on()?;
        machine.finish_traits()?;
        if let (Kind::Nspawn, Some(delay)) = (machine.spec.kind, machine.spec.delay) {
            machine.lengthen_the_wire(delay)?;
        }
        Ok(machine)
    }

    /// Switches a machine on that was [killed](Self::kill), with its disk as it was; returns when sshd answers.
    pub fn power_on(&mut self) -> Result<()> {
        let console = self.console();
        let (bed, spec, uuid) = (&self.bed, &self.spec, &self.uuid);
        let processor = if spec.kind == Kind::Uml { processors::least_taken() } else { None };
        let child = match spec.kind {
            Kind::Nspawn => nspawn::launch(bed, spec, self.number, uuid, &console)?,
            Kind::Uml => uml::launch(bed, spec, self.number, uuid, &console, processor.as_ref())?,
            Kind::Qemu => qemu::launch(bed, spec, self.number, uuid, &console)?,
        };
        self.power = Some(Power { child, init: 0, _processor: processor });
        if self.wait_for_sshd()? { self.settle() } else { Err(self.not_ready()) }
    }

    /// Cuts the power: nothing is flushed, no connection is closed. Without effect on a machine that is off.
    pub fn kill(&mut self) {
        let Some(mut power) = self.power.take() else { return };
        if let Some(init) = Pid::from_raw(power.init as i32) {
            let _ = kill_process(init, Signal::KILL);
        } else {
            let _ = power.child.kill();
        }
        let _ = power.child.wait();
    }

    /// Switches it off as `poweroff` does, and waits until it is off. Not in nspawn.
    pub fn shut_down(&mut self) -> Result<()> {
        if self.spec.kind == Kind::Nspawn {
            return self.spec.unsupported("a machine without a kernel is only killed");
        }
        // the answer may or may not come through before the machine is down
        let _ = self.root_command("systemctl --no-block poweroff");
        let deadline = Instant::now() + READY_WITHIN;
        while Instant::now() < deadline {
            let Some(power) = &mut self.power else { return Ok(()) };
            if power.child.try_wait().doing(|| "cannot wait for the machine".into())?.is_some() {
                self.power = None;
                return Ok(());
            }
            thread::sleep(Duration::from_millis(100));
        }
        Err(self.not_ready())
    }

    /// Reboots the machine as `reboot` does and waits until it is back. Not in nspawn.
    pub fn reboot(&mut self) -> Result<()> {
        if self.spec.kind == Kind::Nspawn {
            return self.spec.unsupported("a machine without a kernel does not reboot");
        }
        let boot_id = "cat /proc/sys/kernel/random/boot_id";
        let before = self.root_says(boot_id)?;
        // The answer may or may not come through before the machine is down.
        let _ = self.root_command("systemctl --no-block reboot");
        let deadline = Instant::now() + READY_WITHIN;
        while Instant::now() < deadline {
            thread::sleep(Duration::from_millis(200));
            if self.root_says(boot_id).is_ok_and(|now| now != before) && self.wait_for_sshd()? {
                return self.settle();
            }
        }
        Err(self.not_ready())
    }

    /// Cuts the machine off its network, in both directions, without a trace: the cable is out.
    pub fn stop_network(&self) -> Result<()> {
        self.set_link("down")
    }

    /// Undoes [`stop_network`](Self::stop_network).
    pub fn resume_network(&self) -> Result<()> {
        self.set_link("up")
    }

    /// Runs a shell script as root inside the machine, not by SSH and not over its network.
    pub fn root_command(&self, script: &str) -> Result<Output> {
        match self.spec.kind {
            Kind::Nspawn => {
                let init = self.power.as_ref().map_or(0, |p| p.init);
                nspawn::command(init, script).output().doing(|| "cannot run nsenter".into())
            }
            Kind::Uml | Kind::Qemu => self.bed.inside(|| uml::root_command(self.number, script))?,
        }
    }

    /// What the script prints, without the last line end; an error if it fails.
    pub fn root_says(&self, script: &str) -> Result<String> {
        let output = self.root_command(script)?;
        if output.status.success() {
            return Ok(lossy(&output.stdout));
        }
        let said = [&output.stdout[..], &output.stderr[..]].concat();
        Err(Error::Program { program: format!("{}: {script}", self.name), status: output.status.to_string(), output: lossy(&said) })
    }

    /// Its root directory, as the host sees it. Only of nspawn, and until it is switched off.
    pub fn root_directory(&self) -> Result<PathBuf> {
        match (self.spec.kind, &self.power) {
            (Kind::Nspawn, Some(power)) => Ok(PathBuf::from(format!("/proc/{}/root", power.init))),
            _ => self.spec.unsupported("the host sees the files of a container that is on, and of nothing else"),
        }
    }

    /// Its line in an inventory.
    pub fn inventory_line(&self) -> String {
        let Machine { name, address, port, user, key_path, .. } = self;
        let key = key_path.display();
        format!("{name} ansible_host={address} ansible_port={port} ansible_user={user} ansible_ssh_private_key_file={key}\n")
    }

    /// The lines that known_hosts wants for this machine.
    pub fn known_hosts_lines(&self) -> String {
        let host = if self.port == 22 { self.address.clone() } else { format!("[{}]:{}", self.address, self.port) };
        self.host_keys.iter().map(|key| format!("{host} {key}\n")).collect()
    }

    /// The host's ssh program, in the bed's network, up to and including the destination: append the command. It reads no
    /// configuration, knows the machine's host keys, uses the bed's key and asks nothing.
    pub fn ssh(&self) -> Result<Command> {
        self.ssh_with(&[])
    }

    /// The same with options that come before ours: ssh takes the first value it sees.
    pub fn ssh_with(&self, options: &[&str]) -> Result<Command> {
        let known_hosts = self.bed.machine_dir(self.number).join("known_hosts");
        fs::write(&known_hosts, self.known_hosts_lines()).doing(|| format!("cannot write {}", known_hosts.display()))?;
        let mut ssh = self.bed.command("ssh");
        ssh.args(["-F", "none"]).args(options);
        ssh.args(["-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-o", "ConnectTimeout=10", "-i"]).arg(&self.key_path);
        ssh.arg("-o").arg(format!("UserKnownHostsFile={}", known_hosts.display())).args(["-o", "GlobalKnownHostsFile=none"]);
        ssh.args(["-p", &self.port.to_string()]).arg(format!("{}@{}", self.user, self.address)).stdin(Stdio::null());
        Ok(ssh)
    }

    /// What the console printed: for failures.
    pub fn console(&self) -> PathBuf {
        self.bed.machine_dir(self.number).join("console.log")
    }

    fn set_link(&self, state: &str) -> Result<()> {
        let outer = match self.spec.kind {
            Kind::Nspawn => nspawn::outer_interface(self.number),
            Kind::Uml | Kind::Qemu => uml::outer_interface(self.number),
        };
        run(self.bed.command("ip").args(["link", "set", &outer, state])).map(drop)
    }

    /// Waits for sshd on a way that is there even if the bed cannot reach the machine's own address. False if the machine
    /// switched itself off or took too long.
    fn wait_for_sshd(&mut self) -> Result<bool> {
        let deadline = Instant::now() + READY_WITHIN;
        while Instant::now() < deadline {
            let Some(power) = &mut self.power else { return Ok(false) };
            if power.child.try_wait().doing(|| "cannot wait for the machine".into())?.is_some() {
                return Ok(false);
            }
            if power.init == 0 {
                power.init = process::init_below(power.child.id()).unwrap_or(0);
            }
            let init = power.init;
            let answers = match self.spec.kind {
                // The machine's network namespace is there a moment after its first process.
                Kind::Nspawn => {
                    init != 0 && inside_network(&nspawn::network(init), || greets(&([127, 0, 0, 1], self.port).into())).unwrap_or(false)
                }
                Kind::Uml | Kind::Qemu => init != 0 && self.bed.inside(|| greets(&uml::from_below(self.number, self.port)))?,
            };
            if answers {
                return Ok(true);
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(false)
    }

    /// Puts a proxy before the machine, with an address of its own, which is the machine's for everybody from now on.
    fn lengthen_the_wire(&mut self, delay: Duration) -> Result<()> {
        let near = seed::wire_address(self.number);
        run(self.bed.command("ip").args(["addr", "add", &format!("{near}/32"), "dev", "br0"]))?;
        let socket = |address: &str| SocketAddr::new(address.parse().expect("an address of ours"), self.port);
        wire::start(&self.bed.network(), socket(&near), socket(&self.address), delay)?;
        self.address = near;
        Ok(())
    }

    /// Waits for what comes a moment after sshd: the disks' names, and with few connections allowed the end of ours.
    fn settle(&self) -> Result<()> {
        let until = |condition: &str| self.root_says(&format!("for i in $(seq 200); do {condition} && exit; sleep 0.05; done; exit 1"));
        if !self.spec.disks.is_empty() {
            // of disks with the same serial number one has the links
            let serials: BTreeSet<&str> = self.spec.disks.iter().map(|(serial, _)| serial.as_str()).collect();
            let count = serials.len();
            let names = if self.spec.kind == Kind::Qemu { "nvme-QEMU_NVMe_Ctrl_[^_-]*" } else { "wwn-[^-]*" };
            until(&format!("udevadm settle && [ $(ls /dev/disk/by-id 2>/dev/null | grep -c '^{names}$') -ge {count} ]"))?;
        }
        if self.spec.max_startups.is_some() {
            until("[ $(pgrep -c sshd) -le 1 ]")?;
        }
        Ok(())
    }

    /// The traits that would keep the machine from booting.
    fn finish_traits(&self) -> Result<()> {
        if self.spec.full_disk {
            // Large blocks first, then the last bytes; the marker tells a test that this is what it asked for.
            self.root_says("dd if=/dev/zero of=/full bs=1M 2>/dev/null; cat /dev/zero >>/full 2>/dev/null; ! echo x >>/full 2>/dev/null")?;
        }
        if self.spec.read_only {
            self.root_says("for d in /tmp /var; do mount --bind $d $d && mount -o remount,bind,ro $d || exit; done")?;
        }
        Ok(())
    }

    fn not_ready(&self) -> Error {
        let console = self.console();
        let text = fs::read(&console).unwrap_or_default();
        let tail = lossy(&text[text.len().saturating_sub(3000)..]);
        Error::NotReady { machine: self.name.clone(), after: READY_WITHIN, console, tail }
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A machine-id that no other machine has.
pub(super) fn fresh_uuid(number: u32) -> String {
    format!("{:08x}{:08x}{:016x}", std::process::id(), number, rand::random::<u64>())
}

const READY_WITHIN: Duration = Duration::from_secs(240);

/// Whether an SSH server says hello.
fn greets(address: &SocketAddr) -> bool {
    let Ok(mut stream) = TcpStream::connect_timeout(address, Duration::from_millis(500)) else { return false };
    let mut hello = [0; 4];
    stream.set_read_timeout(Some(Duration::from_secs(5))).is_ok() && stream.read_exact(&mut hello).is_ok() && &hello == b"SSH-"
}

/// The key to log in with: the bed's, or a copy with a certificate beside it.
fn user_key(spec: &MachineSpec, dir: &Path) -> Result<PathBuf> {
    if spec.login != Login::UserCertificate {
        return Ok(spec.bed.key_path());
    }
    let key = dir.join("id");
    for end in ["", ".pub"] {
        let (from, to) = (format!("{}{end}", spec.bed.key_path().display()), format!("{}{end}", key.display()));
        fs::copy(&from, &to).doing(|| format!("cannot copy {from}"))?;
    }
    keys::certify(&spec.bed.user_ca()?, &key, &[USER, "root"], false)?;
    Ok(key)
}
