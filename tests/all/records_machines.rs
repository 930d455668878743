//! The Python scripts that compare with records, among machines of a test.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use crate::testbed::{Bed, Machine};

/// Scripts of tests/oracle, in the machines' network.
pub struct Among<'a> {
    bed: &'a Bed,
    inventory: PathBuf,
    known_hosts: PathBuf,
    /// Their kind and release: `nspawn 12`.
    pub machines: &'static str,
}

impl<'a> Among<'a> {
    /// Among these, which are of that kind and release.
    pub fn new(bed: &'a Bed, machines: &[Machine], kind: &'static str) -> Self {
        let (inventory, known_hosts) = (bed.dir().join("inventory.ini"), bed.dir().join("known_hosts"));
        fs::write(&inventory, machines.iter().map(Machine::inventory_line).collect::<String>()).unwrap();
        fs::write(&known_hosts, machines.iter().map(Machine::known_hosts_lines).collect::<String>()).unwrap();
        Self { bed, inventory, known_hosts, machines: kind }
    }

    /// Runs a script.
    pub fn python(&self, python: &str, script: &Path, words: &[&str]) -> Output {
        let mut command = self.bed.command(python);
        command.arg(script).args(words).env("HOMELABCTL_MACHINES", self.machines);
        command.env("HOMELABCTL_INVENTORY", &self.inventory).env("HOMELABCTL_KNOWN_HOSTS", &self.known_hosts);
        command.output().unwrap()
    }
}
