//! Machines start, can be reached, and are gone afterwards, however their owner ended.

use crate::testbed::{Bed, Machine, Suite};
use std::io::{BufRead, BufReader, Read};
use std::net::TcpStream;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

/// What a command printed to stdout; the test ends if it failed.
fn says(mut command: Command) -> String {
    let out = command.output().unwrap();
    assert!(out.status.success(), "{command:?}: {out:?}");
    String::from_utf8(out.stdout).unwrap().trim_end().to_owned()
}

fn says_by_ssh(m: &Machine, command: &str) -> String {
    let mut ssh = m.ssh().unwrap();
    ssh.arg(command);
    says(ssh)
}

#[test]
fn a_machine_answers_to_ssh_and_is_gone_with_its_bed() {
    let bed = Bed::new().unwrap();
    let m = bed.machine("m1").start().unwrap();
    assert_eq!(says_by_ssh(&m, "sudo -n id -u; hostname; . /etc/os-release; echo $VERSION_CODENAME"), "0\nm1\nbookworm");
    assert_eq!(m.root_says("id -u; hostname").unwrap(), "0\nm1");
    let traces = Traces::of(bed.dir());
    traces.assert_there();
    drop(m);
    drop(bed);
    traces.assert_gone();
}

#[test]
fn a_debian_13_machine() {
    let bed = Bed::new().unwrap();
    let m = bed.machine("m1").suite(Suite::Trixie).start().unwrap();
    assert_eq!(says_by_ssh(&m, "sudo -n id -u; . /etc/os-release; echo $VERSION_CODENAME"), "0\ntrixie");
}

#[test]
fn two_beds_share_nothing_but_the_names() {
    let (bed1, bed2) = (Bed::new().unwrap(), Bed::new().unwrap());
    let mut m1 = bed1.machine("one").start().unwrap();
    let m2 = bed2.machine("two").start().unwrap();
    assert_eq!(m1.address, m2.address);
    assert_eq!((says_by_ssh(&m1, "hostname"), says_by_ssh(&m2, "hostname")), ("one".into(), "two".into()));
    assert_ne!(m1.root_says("cat /etc/machine-id").unwrap(), m2.root_says("cat /etc/machine-id").unwrap());
    assert_ne!(m1.host_keys, m2.host_keys);
    // No machine of a bed can be reached from outside (some networks answer every address, but not as an SSH server).
    let outside = TcpStream::connect_timeout(&format!("{}:22", m1.address).parse().unwrap(), Duration::from_secs(1));
    let greeting = outside.and_then(|mut s| {
        s.set_read_timeout(Some(Duration::from_secs(1)))?;
        s.read_exact(&mut [0; 4])
    });
    assert!(greeting.is_err());

    // A power cut, and on again: the disk is as it was, what ran is not.
    m1.root_says("echo kept >/var/tmp/file; echo lost >/run/file").unwrap();
    m1.kill();
    m1.power_on().unwrap();
    assert_eq!(
        m1.root_says("cat /var/tmp/file; ls /run/file 2>&1 || :").unwrap(),
        "kept\nls: cannot access '/run/file': No such file or directory"
    );
    assert_eq!(says_by_ssh(&m1, "sudo -n id -u"), "0");
    drop(bed1);
    assert_eq!(says_by_ssh(&m2, "hostname"), "two");
}

#[test]
fn a_killed_owner_leaves_nothing_behind() {
    let (mut owner, dir) = start_owner();
    let traces = Traces::of(&dir);
    traces.assert_there();
    owner.kill().unwrap();
    owner.wait().unwrap();
    traces.assert_gone();
}

#[test]
fn the_next_bed_sweeps_up_when_the_keeper_was_killed_too() {
    let (mut owner, dir) = start_owner();
    let traces = Traces::of(&dir);
    let keeper = traces.processes().into_iter().find(|pid| parent(*pid) == Some(owner.id())).expect("the keeper is the owner's child");
    says({
        let mut kill = Command::new("kill");
        kill.args(["-9", &keeper.to_string()]);
        kill
    });
    owner.kill().unwrap();
    owner.wait().unwrap();
    assert!(dir.exists());
    Bed::new().unwrap();
    traces.assert_gone();
}

/// A process of its own with a bed and a machine in it, and the bed's directory.
fn start_owner() -> (Child, PathBuf) {
    let mut owner = Command::new(env::current_exe().unwrap())
        .args(["--exact", "testbed_basics::an_owner_to_be_killed", "--ignored", "--nocapture"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(owner.stdout.take().unwrap()).lines();
    let dir = lines.map_while(Result::ok).find_map(|l| l.strip_prefix("bed ").map(PathBuf::from)).expect("the owner prints its bed");
    (owner, dir)
}

#[test]
#[ignore = "run by other tests, as a process that they kill"]
#[allow(clippy::print_stdout)]
fn an_owner_to_be_killed() {
    let bed = Bed::new().unwrap();
    let _m = bed.machine("m1").start().unwrap();
    println!("\nbed {}", bed.dir().display());
    thread::sleep(Duration::from_secs(60));
}

/// Where a bed shows on the host.
struct Traces {
    dir: PathBuf,
    name: String,
    /// The inode of its network namespace.
    network: u64,
}

impl Traces {
    fn of(dir: &Path) -> Traces {
        let name = dir.file_name().unwrap().to_str().unwrap().to_owned();
        let keeper =
            pids().into_iter().find(|pid| command_line(*pid).contains(&format!("{name}/keeper.sh"))).expect("the bed has a keeper");
        let network = fs::metadata(format!("/proc/{keeper}/ns/net")).unwrap().ino();
        Traces { dir: dir.to_owned(), name, network }
    }

    /// Every process in the bed's network, and those that serve it from outside. A machine's own network is another one,
    /// but systemd-nspawn stays.
    fn processes(&self) -> Vec<u32> {
        let inside = |pid: &u32| fs::metadata(format!("/proc/{pid}/ns/net")).is_ok_and(|m| m.ino() == self.network);
        pids().into_iter().filter(|pid| inside(pid) || command_line(*pid).contains(&self.name)).collect()
    }

    fn cgroups(&self) -> Vec<PathBuf> {
        let hierarchies = ["/sys/fs/cgroup", "/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified"];
        hierarchies.iter().map(|h| Path::new(h).join(&self.name)).filter(|dir| dir.exists()).collect()
    }

    fn assert_there(&self) {
        assert!(self.dir.exists());
        assert!(self.processes().len() >= 3, "{:?}", self.processes());
        assert!(!self.cgroups().is_empty());
    }

    /// Ending takes the keeper and the kernel a moment when nobody waits for it.
    fn assert_gone(&self) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while (self.dir.exists() || !self.processes().is_empty() || !self.cgroups().is_empty()) && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(50));
        }
        assert_eq!(self.processes(), Vec::<u32>::new());
        assert!(!self.dir.exists());
        assert_eq!(self.cgroups(), Vec::<PathBuf>::new());
        assert!(!fs::read_to_string("/proc/self/mountinfo").unwrap().contains(&self.name));
        for place in ["/run/netns", "/etc/netns", "/run/systemd/nspawn", "/var/lib/machines"] {
            let left: Vec<_> = fs::read_dir(place).into_iter().flatten().map_while(Result::ok).map(|e| e.path()).collect();
            assert_eq!(left, Vec::<PathBuf>::new());
        }
    }
}

fn pids() -> Vec<u32> {
    fs::read_dir("/proc").unwrap().filter_map(|e| e.ok()?.file_name().to_str()?.parse().ok()).collect()
}

fn command_line(pid: u32) -> String {
    String::from_utf8_lossy(&fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default()).into_owned()
}

fn parent(pid: u32) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|l| l.strip_prefix("PPid:")?.trim().parse().ok())
}
