//! The recorded playbooks do with this program what they did with ansible-playbook, or what their `ours.json` says; and what a
//! dry run foretells comes true. The comparing is done by tests/oracle/playbooks/compare.py, which says what it looks at.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::records_machines::Among;
use crate::testbed::{Bed, Kind, Suite};

/// Cases that run at the same time; each may need three machines.
const LANES: usize = 3;
/// Cases with disks in memory, each of which takes half a minute.
const DISKS: &str = "disk-";
/// So many are recorded anew each day, as many as fit into a minute.
const SAMPLE: u64 = 3;

#[test]
fn the_recorded_playbooks_do_what_they_did_with_ansible() {
    let bed = Bed::new().unwrap();
    let machines = bed.start_all((1..=3 * LANES).map(|number| bed.machine(&format!("n{number}"))).collect()).unwrap();
    let among = Among::new(&bed, &machines, "nspawn 12");
    compare(&among);

    // some of the records, others each day, are what the real Ansible says today
    let installed = Command::new("bash").arg(root().join("benches/ansible.sh")).output().unwrap();
    assert!(installed.status.success(), "{}", String::from_utf8_lossy(&installed.stderr));
    let ansible = PathBuf::from(String::from_utf8(installed.stdout).unwrap().trim());
    let day = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() / 86_400;
    let cases = cases("nspawn 12");
    assert!(cases.len() >= 240, "{}", cases.len());
    let count = cases.len() as u64;
    // a step that shares no divisor with their number meets each of them in time
    let step = (61..).find(|step| gcd(*step, count) == 1).unwrap();
    let chosen: Vec<&String> = (0..SAMPLE).map(|index| &cases[((day * SAMPLE + index) * step % count) as usize]).collect();
    let mut words = vec!["--check", "--ansible-dir", ansible.to_str().unwrap()];
    chosen.iter().for_each(|name| words.extend(["--only", name]));
    let recorded = among.python(ansible.join("bin/python").to_str().unwrap(), &script("record.py"), &words);
    assert!(
        recorded.status.success(),
        "{chosen:?}: {}{}",
        String::from_utf8_lossy(&recorded.stdout),
        String::from_utf8_lossy(&recorded.stderr)
    );
}

#[test]
fn and_on_debian_13() {
    let bed = Bed::new().unwrap();
    let specs = (1..=3).map(|number| bed.machine(&format!("n{number}")).suite(Suite::Trixie)).collect();
    compare(&Among::new(&bed, &bed.start_all(specs).unwrap(), "nspawn 13"));
}

#[test]
fn and_where_a_kernel_of_ones_own_is_needed() {
    with_a_kernel_of_its_own(Suite::Bookworm, "uml 12");
}

#[test]
fn and_where_one_is_needed_on_debian_13() {
    with_a_kernel_of_its_own(Suite::Trixie, "uml 13");
}

fn with_a_kernel_of_its_own(suite: Suite, machines: &'static str) {
    let bed = Bed::new().unwrap();
    let machine = bed.machine("n1").kind(Kind::Uml).suite(suite).start().unwrap();
    compare_those(&Among::new(&bed, &[machine], machines), |name| !name.starts_with(DISKS));
}

#[test]
#[ignore = "three minutes: make vm-test"]
fn disk_playbooks_too() {
    let bed = Bed::new().unwrap();
    let machine = bed.machine("n1").kind(Kind::Uml).start().unwrap();
    compare_those(&Among::new(&bed, &[machine], "uml 12"), |name| name.starts_with(DISKS));
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The names of the cases that are for such machines (record.py says how they say so).
fn cases(machines: &str) -> Vec<String> {
    let (kind, debian) = machines.split_once(' ').unwrap();
    let entries = fs::read_dir(root().join("tests/records/playbooks/cases")).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|folder| {
            let word = |name: &str, usual: &str| fs::read_to_string(folder.join(name)).unwrap_or_else(|_| usual.to_owned());
            word("kind", "nspawn").trim() == kind && word("debian", "12").split_whitespace().any(|release| release == debian)
        })
        .map(|folder| folder.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

fn script(name: &str) -> PathBuf {
    root().join("tests/oracle/playbooks").join(name)
}

/// All cases that are for these machines agree.
fn compare(among: &Among<'_>) {
    compare_those(among, |_| true);
}

/// Those of them agree that have such a name.
fn compare_those(among: &Among<'_>, is_meant: impl Fn(&str) -> bool) {
    let mut names = cases(among.machines);
    names.retain(|name| is_meant(name));
    let mut words = vec!["--program", env!("CARGO_BIN_EXE_homelabctl")];
    names.iter().for_each(|name| words.extend(["--only", name]));
    let compared = among.python("python3", &script("compare.py"), &words);
    let said = String::from_utf8_lossy(&compared.stdout);
    let figures: Vec<&str> = said.lines().rev().take(2).collect();
    eprintln!("{}: {}", among.machines, figures.join("\n"));
    assert!(compared.status.success(), "{said}{}", String::from_utf8_lossy(&compared.stderr));
    let count = names.len();
    assert!(count > 0 && figures.contains(&format!("{count} of {count} agree").as_str()), "{figures:?}");
}
