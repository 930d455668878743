//! `homelabctl cluster`: what the cluster of the inventory is, and what a person takes from it. Nothing here changes a node.

mod etcd_snapshot;
mod kubeconfig;
mod shown;
mod status;

use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::super::ansible_cfg;
use super::super::args::{self, Chosen, ConnectionArgs, OutputArgs, Unresolved};
use super::super::cluster::{address_of, settings};
use super::super::environment::Environment;
use super::super::interrupt::Interrupt;
use super::super::inventory::{load_inventory, select};
use super::super::run::{Prepared, Run};
use super::asking::Asking;
use crate::cluster::membership::Role;
use crate::cluster::settings::{self, Settings};
use crate::diagnostics::{Diagnostic, Diagnostics, ExitCode};
use crate::inventory::Pattern;
use crate::modules::PlayHost;
use crate::report::Secrets;

/// See the cluster that the inventory describes, get into it, and take copies of its data
///
/// The control planes are asked as root, as with --become, by their own admin.conf, which never leaves them.
#[derive(Debug, Args)]
pub struct ClusterArgs {
    #[command(subcommand)]
    pub command: ClusterCommand,
}

/// One for each file here.
#[derive(Debug, Subcommand)]
pub enum ClusterCommand {
    Status(status::StatusArgs),
    Kubeconfig(kubeconfig::KubeconfigArgs),
    EtcdSnapshot(etcd_snapshot::SnapshotArgs),
}

/// etcd and the API may each let one wait for a time-out or two.
const ASKING: Asking = Asking { doing: "asking the cluster", limit: Duration::from_secs(300), most_output: 32 << 20 };

pub fn run(args: &ClusterArgs, output: &OutputArgs, environment: &Environment) -> ExitCode {
    match &args.command {
        ClusterCommand::Status(args) => status::run(args, output, environment),
        ClusterCommand::Kubeconfig(args) => kubeconfig::run(args, output, environment),
        ClusterCommand::EtcdSnapshot(args) => etcd_snapshot::run(args, output, environment),
    }
}

/// A host that is a node by the settings.
#[derive(Debug, Clone)]
struct ClusterHost {
    name: Arc<str>,
    role: Role,
}

/// The cluster of the inventory.
struct Cluster {
    settings: Settings,
    /// All hosts of the inventory.
    all: Vec<PlayHost>,
    /// Its nodes that a pattern and `--limit` leave, in the inventory's order.
    hosts: Vec<ClusterHost>,
    chosen: Chosen,
}

/// How such a command goes to its machines.
fn going<'a>(
    command: &'static str,
    pattern: &'a str,
    connection: &'a ConnectionArgs,
    output: &'a OutputArgs,
    environment: &'a Environment,
) -> Run<'a> {
    Run { command, pattern, connection, output, all_facts: false, diff: false, environment }
}

/// Reads the inventory, and makes ready those nodes that `wanted` and the pattern leave. `more` looks at what else has to be right before
/// anything is contacted.
fn begin<T>(
    run: &Run<'_>,
    interrupt: &Interrupt,
    secrets: &Secrets,
    wanted: impl Fn(Role) -> bool,
    more: impl FnOnce(&Settings, &mut Diagnostics) -> T,
) -> Result<(Cluster, Prepared, T), Unresolved> {
    let mut problems = Diagnostics::new();
    let cluster = cluster_of(run.connection, run.pattern, run.environment, interrupt, secrets, &mut problems, wanted)?;
    let Some(mut cluster) = cluster else { return Err(problems.into()) };
    let more = more(&cluster.settings, &mut problems);
    let prepared = run.prepare_chosen(&mut cluster.chosen, problems, interrupt, secrets)?;
    Ok((cluster, prepared, more))
}

/// Reads the settings, and finds the nodes that `pattern` and `wanted` leave.
fn cluster_of(
    connection: &ConnectionArgs,
    pattern: &str,
    environment: &Environment,
    interrupt: &Interrupt,
    secrets: &Secrets,
    problems: &mut Diagnostics,
    wanted: impl Fn(Role) -> bool,
) -> Result<Option<Cluster>, Unresolved> {
    let cfg = ansible_cfg::read(environment, problems);
    let loaded = load_inventory(&connection.source, &cfg, environment, &interrupt.terminal, secrets, problems)?;
    let Some(settings) = settings(&loaded, problems) else { return Ok(None) };
    let matched: Vec<Arc<str>> = {
        let pattern = Pattern::new("PATTERN", pattern);
        select(&loaded, &pattern, &connection.limit, problems).into_iter().map(|host| Arc::clone(&host.name)).collect()
    };
    let node = |host: &crate::inventory::Host| {
        let role = match settings.role(loaded.inventory.group_names(host))? {
            settings::Role::ControlPlane => Role::ControlPlane,
            settings::Role::Worker => Role::Worker,
        };
        (wanted(role) && matched.contains(&host.name)).then(|| ClusterHost { name: Arc::clone(&host.name), role })
    };
    let hosts: Vec<ClusterHost> = loaded.inventory.all_hosts().into_iter().filter_map(node).collect();
    if hosts.is_empty() && !problems.has_errors() {
        let error = Diagnostic::error("none of these hosts is a node of the cluster that is asked here");
        problems.push(error.hint("the groups `masters` and `workers` make nodes of hosts: `homelabctl inventory graph` shows them"));
    }
    let all = |host: &crate::inventory::Host| PlayHost {
        name: host.name.to_string(),
        groups: loaded.inventory.group_names(host).into_iter().map(str::to_owned).collect(),
        address: address_of(&loaded, host),
        apart: None,
    };
    let all = loaded.inventory.all_hosts().into_iter().map(all).collect();
    let names = hosts.iter().map(|host| Arc::clone(&host.name)).collect();
    let chosen = args::of_loaded(loaded, names, connection, &cfg, environment, problems);
    Ok(Some(Cluster { settings, all, hosts, chosen }))
}

/// Only root may read what kubeadm writes.
fn as_root(connection: &ConnectionArgs) -> ConnectionArgs {
    let mut connection = connection.clone();
    connection.become_user.becomes = true;
    connection
}
