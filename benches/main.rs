//! `make bench`: what connecting and reading facts costs, beside the ssh program and Ansible on the same machines in the
//! same run, what the program alone costs with up to a thousand hosts, what a playbook costs that changes nothing, and what it
//! costs to read an inventory. Writes `docs/benchmarks.md`. `bench inventory`, `bench provision` and `bench changes` measure only that, and leave the
//! rest of that file as it is.
//!
//! Needs root, as the test bed does; the inventory does not. `homelabctl` is expected beside this program.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]
#![allow(clippy::print_stdout, clippy::print_stderr)]

#[path = "../tests/support/ssh_server/mod.rs"]
mod ssh_server;
#[path = "../tests/testbed/mod.rs"]
mod testbed;

mod contestants;
mod controller;
mod fleet;
mod inventory;
mod measure;
mod nodes;
mod provision;
mod report;
mod servers;

use std::path::PathBuf;
use std::process::Command;

use clap::{Parser, Subcommand};

/// Measures, and writes docs/benchmarks.md.
#[derive(Parser)]
pub struct Arguments {
    #[command(subcommand)]
    part: Option<Part>,
    /// How often everything is measured, in turn; the middle one counts
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// Leave Ansible out
    #[arg(long)]
    without_ansible: bool,
    /// Where Ansible is installed (a directory with bin/ansible in it), instead of installing it
    #[arg(long, value_name = "DIR", conflicts_with = "without_ansible")]
    ansible: Option<PathBuf>,
    /// Where the results go
    #[arg(long, default_value = "docs/benchmarks.md")]
    output: PathBuf,
    /// The numbers of simulated hosts
    #[arg(long, value_delimiter = ',', default_value = "100,300,1000")]
    hosts: Vec<usize>,
}

#[derive(Subcommand)]
enum Part {
    /// Only reading an inventory
    Inventory,
    /// Only playbooks
    Provision,
    /// Only where the time of a playbook goes in which everything has to change
    Changes,
    /// The simulated servers, in a process of their own; they end with its standard input
    #[command(hide = true)]
    Servers { count: usize, answer: PathBuf },
}

fn main() {
    let arguments = Arguments::parse();
    if let Some(Part::Servers { count, answer }) = &arguments.part {
        return servers::serve(*count, answer);
    }
    let ansible = arguments.ansible();
    let measure_inventory = || report::inventory(&arguments, &inventory::measure(&arguments, ansible.as_deref()));
    let measure_provision =
        || report::provision(&arguments, &provision::measure(&arguments, &measure::FactsScript::new(), ansible.as_deref()));
    let measure_changes = || report::changes(&arguments, &provision::profile::measure(&arguments));
    let before = || std::fs::read_to_string(&arguments.output).unwrap_or_default();
    let text = if let Some(Part::Inventory) = arguments.part {
        report::with_section(&before(), &measure_inventory())
    } else if let Some(Part::Changes) = arguments.part {
        report::with_section(&before(), &measure_changes())
    } else if let Some(Part::Provision) = arguments.part {
        report::with_section(&before(), &measure_provision())
    } else {
        let script = measure::FactsScript::new();
        let nodes = nodes::measure(&arguments, &script, ansible.as_deref());
        let controller = controller::measure(&arguments, &script);
        report::text(&arguments, &script, &nodes, &controller) + &measure_provision() + &measure_changes() + &measure_inventory()
    };
    print!("{text}");
    std::fs::create_dir_all(arguments.output.parent().unwrap()).unwrap();
    std::fs::write(&arguments.output, text).unwrap();
}

impl Arguments {
    /// Where Ansible is, unless it is left out; installs it once.
    fn ansible(&self) -> Option<PathBuf> {
        if self.without_ansible || self.ansible.is_some() {
            return self.ansible.clone();
        }
        let done = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/benches/ansible.sh")).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        Some(PathBuf::from(String::from_utf8(done.stdout).unwrap().trim()))
    }
}
