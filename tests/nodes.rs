//! `make nodes`: throwaway machines to play with. Prints an inventory and the command lines that reach it, and waits for
//! Ctrl-C; or runs one command among the machines and ends with its status. Everything is gone afterwards.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, clippy::print_stderr, missing_docs)]

#[path = "testbed/mod.rs"]
mod testbed;

use clap::{Parser, ValueEnum};
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::ExitCode;
use testbed::kubernetes::Packages;
use testbed::{Bed, Kind, Machine, Sudo, Suite};

/// Starts throwaway machines (needs root) and prints an inventory of them.
#[derive(Parser)]
struct Arguments {
    /// How many machines; the first half are masters unless `--masters` says how many, the others workers
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u32).range(1..=99))]
    count: u32,
    /// How many of them are masters
    #[arg(long)]
    masters: Option<u32>,
    /// Containers start in a second or two, User-mode Linux in half a minute, with a kernel of its own
    #[arg(long, value_enum, default_value_t = KindName::Nspawn)]
    kind: KindName,
    /// The Debian release: 12 or 13
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u32).range(12..=13))]
    debian: u32,
    /// Give each User-mode Linux machine a blank SCSI disk of this size in MiB
    #[arg(long)]
    disk: Option<u32>,
    /// Machines that can become Kubernetes nodes (User-mode Linux, 2 GiB each), and Kubernetes' packages for them; the address of
    /// those is in $HOMELABCTL_PACKAGES for a command
    #[arg(long, conflicts_with = "debian")]
    kubernetes: bool,
    /// sudo wants this password
    #[arg(long)]
    sudo_password: Option<String>,
    /// Run the command after `--` in the machines' network, with the inventory's path in $HOMELABCTL_INVENTORY, that of
    /// a known_hosts file in $HOMELABCTL_KNOWN_HOSTS, and `nspawn 12` or the like in $HOMELABCTL_MACHINES, and end
    #[arg(long, requires = "command")]
    run: bool,
    #[arg(last = true, requires = "run")]
    command: Vec<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum KindName {
    Nspawn,
    Uml,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(code) => code,
        Err(e) => {
            eprintln!("error: {e}");
            let mut cause = std::error::Error::source(&e);
            while let Some(e) = cause {
                eprintln!("  because: {e}");
                cause = e.source();
            }
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> testbed::Result<ExitCode> {
    let bed = Bed::new()?;
    let machines = start(&bed, arguments)?;
    let packages = if arguments.kubernetes { Some(Packages::serve(&bed)?) } else { None };
    let text = inventory(&machines);
    let (inventory, known_hosts) = (bed.dir().join("inventory.ini"), bed.dir().join("known_hosts"));
    fs::write(&inventory, &text).expect("the bed's directory can be written to");
    fs::write(&known_hosts, machines.iter().map(Machine::known_hosts_lines).collect::<String>())
        .expect("the bed's directory can be written to");

    if let [program, rest @ ..] = &arguments.command[..] {
        let mut command = bed.command(program);
        let kind = if arguments.kubernetes || matches!(arguments.kind, KindName::Uml) { "uml" } else { "nspawn" };
        command.args(rest).env("HOMELABCTL_INVENTORY", &inventory).env("HOMELABCTL_KNOWN_HOSTS", &known_hosts);
        command.env("HOMELABCTL_MACHINES", format!("{kind} {}", arguments.debian));
        command.envs(packages.iter().map(|packages| ("HOMELABCTL_PACKAGES", &packages.url)));
        let status = command.status().expect("nsenter can be run");
        return Ok(ExitCode::from(status.code().and_then(|c| u8::try_from(c).ok()).unwrap_or(1)));
    }
    println!("{text}");
    if let Some(packages) = &packages {
        println!("Kubernetes' packages: {url}/, their key: {url}/Release.key", url = packages.url);
    }
    explain(&bed, &machines, &inventory, &known_hosts);
    wait_for_ctrl_c();
    eprintln!("removing the machines");
    Ok(ExitCode::SUCCESS)
}

fn start(bed: &Bed, arguments: &Arguments) -> testbed::Result<Vec<Machine>> {
    let masters = arguments.masters.unwrap_or(arguments.count.div_ceil(2));
    let specs = (1..=arguments.count).map(|i| {
        let name = if i <= masters { format!("m{i}") } else { format!("w{}", i - masters) };
        let mut spec = bed.machine(&name);
        if let KindName::Uml = arguments.kind {
            spec = spec.kind(Kind::Uml);
        }
        if arguments.kubernetes {
            spec = spec.kubernetes_node();
        }
        if arguments.debian == 13 {
            spec = spec.suite(Suite::Trixie);
        }
        if let Some(size) = arguments.disk {
            spec = spec.disk(&format!("D{i:04}"), size);
        }
        match &arguments.sudo_password {
            Some(password) => spec.sudo(Sudo::Password(password.clone())),
            None => spec,
        }
    });
    bed.start_all(specs.collect())
}

/// A plain INI inventory with the groups that the playbooks know.
fn inventory(machines: &[Machine]) -> String {
    let mut text = String::new();
    for (group, letter) in [("masters", 'm'), ("workers", 'w')] {
        writeln!(text, "[{group}]").unwrap();
        text.extend(machines.iter().filter(|m| m.name.starts_with(letter)).map(Machine::inventory_line));
    }
    text
}

fn explain(bed: &Bed, machines: &[Machine], inventory: &Path, known_hosts: &Path) {
    let enter = format!("nsenter --net={} --", bed.network().display());
    let (inventory, known_hosts, key) = (inventory.display(), known_hosts.display(), bed.key_path());
    println!("The machines can be reached from their own network only. As root:");
    println!("  {enter} homelabctl -i {inventory} ping all");
    if let Some(m) = machines.first() {
        println!("  {enter} ssh -i {} -o UserKnownHostsFile={known_hosts} {}@{}", key.display(), m.user, m.address);
    }
    println!("Ctrl-C ends and removes everything.");
}

/// Returns on Ctrl-C or SIGTERM. Whatever else ends this process removes the machines as well, only without a word.
fn wait_for_ctrl_c() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be built");
    runtime.block_on(async {
        let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).expect("a handler can be set");
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
    });
}
