//! `homelabctl disk select`

use std::sync::Arc;

use clap::Args;

use super::super::super::args::{ConnectionArgs, OutputArgs};
use super::super::super::environment::Environment;
use super::super::super::run::Run;
use super::super::super::session::{Session, Shared};
use super::super::super::targets::Ready;
use super::list::line_of;
use super::{as_root, asked};
use crate::diagnostics::{Diagnostics, ExitCode};
use crate::disk::{Named, Proposal, disks, examine_each, propose};
use crate::inventory::{Inventory, where_it_stands};
use crate::node::facts::{BlockDevices, Extent};
use crate::plan::{Facts, Stop};
use crate::report::{Answer, DiskProposal, HostAnswer, Outcome};
use crate::yaml::{Node, Value};

/// Propose the lines that give each worker's disk to Longhorn
///
/// For each host what stands in its host_vars then: the one disk that can be taken, by the name that it keeps; several as comments to
/// choose from; a comment that says why there is none. A host whose variables name a disk already gets comments only. Nothing is written.
#[derive(Debug, Args)]
pub struct SelectArgs {
    /// Which hosts: `all`, a host, a group, `web*`, `a,b`, `masters:!m3`
    #[arg(default_value = "workers", value_name = "PATTERN")]
    pub pattern: String,
    #[command(flatten)]
    pub connection: ConnectionArgs,
}

pub fn run(args: &SelectArgs, output: &OutputArgs, environment: &Environment) -> ExitCode {
    let connection = &as_root(&args.connection);
    let run = Run { command: "disk select", pattern: &args.pattern, connection, output, all_facts: false, diff: false, environment };
    run.on_each_host_of(Diagnostics::new(), |inventory| {
        let inventory = Arc::clone(inventory);
        move |shared, ready| {
            let named = named(&inventory, &ready.host.name);
            select(shared, ready, named)
        }
    })
}

/// What a host's variables say already; of both the list counts, as in the playbook `longhorn-disks`.
fn named(inventory: &Inventory, host: &str) -> Option<Named> {
    let host = inventory.host(host)?;
    let last = |name| inventory.settings(host).map(|setting| setting.variable).filter(|variable| &*variable.name == name).last();
    let variable = last("longhorn_disks").or_else(|| last("longhorn_disk"))?;
    let mut names = Vec::new();
    texts(&variable.value, &mut names);
    Some(Named { variable: variable.name.to_string(), at: where_it_stands(&variable.place), names })
}

fn texts(node: &Node, found: &mut Vec<String>) {
    match &node.value {
        Value::List(nodes) => nodes.iter().for_each(|node| texts(node, found)),
        Value::Map(pairs) => pairs.iter().for_each(|(_, node)| texts(node, found)),
        Value::Int(number) => found.push(number.to_string()),
        Value::Str(text) => found.push(text.to_string()),
        _ => {}
    }
}

async fn select(shared: Arc<Shared>, ready: Ready, named: Option<Named>) -> HostAnswer {
    let mut session = match Session::open(ready, shared).await {
        Ok(session) => session,
        Err(answer) => return answer,
    };
    let host = Arc::clone(&session.host);
    match asked(&mut session, |facts| proposal(facts, &host, named.as_ref())).await {
        Ok(proposal) => {
            let answer = HostAnswer::good(host, Outcome::Unchanged, Answer::Proposal(proposal));
            HostAnswer { round_trips: session.round_trips(), ..answer }
        }
        Err(answer) => answer,
    }
}

fn proposal(facts: &Facts<'_>, host: &str, named: Option<&Named>) -> Result<DiskProposal, Stop> {
    let devices = facts.get(BlockDevices)?.unwrap_or_default();
    let paths: Vec<&str> = disks(&devices).map(|disk| disk.path.as_str()).collect();
    let examined = examine_each(facts, &paths, Extent::Sampled)?;
    let pairs: Vec<_> = disks(&devices).zip(&examined).collect();
    let Proposal { lines, disk } = propose(host, &pairs, named);
    Ok(DiskProposal { lines, disk, disks: pairs.into_iter().map(|(disk, examined)| line_of(disk, examined)).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostics::Source;
    use crate::inventory::Given;
    use crate::inventory::testing::read_all;

    fn of(text: &str) -> Option<(String, String, Vec<String>)> {
        let (inventory, _) = read_all(&[Given::Text(Source::new("hosts.ini", text))]).unwrap();
        named(&inventory, "w1").map(|Named { variable, at, names }| (variable, at, names))
    }

    #[test]
    fn the_list_counts_before_the_one_disk_and_each_text_may_be_a_name() {
        assert_eq!(of("w1\n"), None);
        let one = of("w1 longhorn_disk=ata-1\n[workers]\nw1\n[workers:vars]\nlonghorn_disk=ata-0\n");
        assert_eq!(one, Some(("longhorn_disk".into(), "hosts.ini:1".into(), vec!["ata-1".into()])));
        let list = of(
            "[workers]\nw1 longhorn_disk=ata-1\n[workers:vars]\nlonghorn_disks=[{'serial': 'lh1'}, {'by_id': 'ata-2', 'mount': '/srv/2'}]\n",
        );
        assert_eq!(list, Some(("longhorn_disks".into(), "hosts.ini:4".into(), ["lh1", "ata-2", "/srv/2"].map(str::to_owned).into())));
    }
}
