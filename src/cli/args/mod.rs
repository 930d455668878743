//! The command line: what was typed ([`Cli`]), and what it means ([`Chosen`](resolved::Chosen)).
//!
//! The doc comments of the typed side are the help texts.

mod connection;
mod output;
mod resolved;

use clap::{Parser, Subcommand};

pub use connection::{ConnectionArgs, LimitArgs, SourceArgs};
pub use output::{OutputArgs, OutputFormat};
pub(in crate::cli) use resolved::{Chosen, choose, of_loaded, register};
pub use resolved::{Unresolved, without_effect};

use super::commands::{
    bootstrap::BootstrapArgs, check::CheckArgs, cluster::ClusterArgs, completions::CompletionsArgs, disk::DiskArgs, doc::DocArgs,
    exec::ExecArgs, facts::FactsArgs, inventory::InventoryArgs, man::ManArgs, ping::PingArgs, playbooks::PlaybooksArgs,
    preflight::PreflightArgs, provision::ProvisionArgs, schema::SchemaArgs,
};

/// Reach machines by SSH, learn the truth about them, and change them
///
/// From a handful of bare machines with SSH to a highly available, GitOps-managed Kubernetes cluster. Nothing is needed
/// on the machines but a POSIX shell.
#[derive(Debug, Parser)]
#[command(name = "homelabctl", version, propagate_version = true, max_term_width = 100, arg_required_else_help = true)]
#[command(after_long_help = EXIT_CODES)]
pub struct Cli {
    #[command(flatten)]
    pub output: OutputArgs,
    #[command(subcommand)]
    pub command: Command,
}

const EXIT_CODES: &str = "\
Exit status:
  0    everything is as it should be, or was made so
  1    it failed elsewhere than on a host
  2    a host failed or refused
  3    something was changed, or would be: only with --detailed-exitcode
  4    a host could not be reached, or what happened on it is unknown
  64   the command line or a file is wrong; nothing was contacted
  130  interrupted";

/// One for each file of `commands`.
#[derive(Debug, Subcommand)]
pub enum Command {
    Ping(PingArgs),
    Facts(FactsArgs),
    Exec(ExecArgs),
    Check(CheckArgs),
    Preflight(PreflightArgs),
    Provision(Box<ProvisionArgs>),
    Playbooks(PlaybooksArgs),
    Doc(DocArgs),
    Schema(SchemaArgs),
    Inventory(InventoryArgs),
    Disk(DiskArgs),
    Cluster(Box<ClusterArgs>),
    Bootstrap(Box<BootstrapArgs>),
    Completions(CompletionsArgs),
    Man(ManArgs),
}
