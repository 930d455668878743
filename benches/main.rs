//! `make bench`: what connecting and reading facts costs, beside the ssh program and Ansible on the same machines in the
//! same run, and what the program alone costs with up to a thousand hosts. Writes `docs/benchmarks.md`.
//!
//! Needs root, as the test bed does. `homelabctl` is expected beside this program.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]
#![allow(clippy::print_stdout, clippy::print_stderr)]

#[path = "../tests/support/ssh_server/mod.rs"]
mod ssh_server;
#[path = "../tests/testbed/mod.rs"]
mod testbed;

mod contestants;
mod controller;
mod measure;
mod nodes;
mod report;
mod servers;

use std::path::PathBuf;

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
    /// Where the results go
    #[arg(long, default_value = "docs/benchmarks.md")]
    output: PathBuf,
    /// The numbers of simulated hosts
    #[arg(long, value_delimiter = ',', default_value = "100,300,1000")]
    hosts: Vec<usize>,
}

#[derive(Subcommand)]
enum Part {
    /// The simulated servers, in a process of their own; they end with its standard input
    #[command(hide = true)]
    Servers { count: usize, answer: PathBuf },
}

fn main() {
    let arguments = Arguments::parse();
    if let Some(Part::Servers { count, answer }) = &arguments.part {
        return servers::serve(*count, answer);
    }
    let script = measure::FactsScript::new();
    let nodes = nodes::measure(&arguments, &script);
    let controller = controller::measure(&arguments, &script);
    let text = report::text(&arguments, &script, &nodes, &controller);
    print!("{text}");
    std::fs::create_dir_all(arguments.output.parent().unwrap()).unwrap();
    std::fs::write(&arguments.output, text).unwrap();
}
