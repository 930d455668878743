//! `homelab.package_hold`

use super::halt::{Halt, settled};
use super::outcome::{all, planned};
use super::{Decision, Kind, Module, Opt, Spec, Task};
use crate::node::facts::{Package, PackageState, PackageStatus};
use crate::node::steps::{Manager, Mark, MarkPackages};
use crate::plan::{Expect, Facts, Plan, Stop};

/// Packages that stay at their version, or do not.
#[derive(Debug)]
pub struct PackageHold;

static SPEC: Spec = Spec {
    options: &[
        Opt::new("name", Kind::List(&Kind::Str)).aliases(&["names", "pkg"]).required().about("The packages"),
        Opt::new("state", Kind::Str)
            .choices(&["held", "released"])
            .default("held")
            .about("Whether upgrades leave them alone, or may bring them to another version"),
    ],
    about: "Packages are held at their version, or released, several at once",
    notes: &[
        "A package that is not installed cannot be held: that is refused, and said of which. `apt-mark` says it in passing and ends well, and dpkg remembers a hold of something that it does not have.",
        "A hold binds people and other programs too: apt-get refuses to change a held package unless it is told to (`allow_change_held_packages` of `apt`).",
    ],
    example: "- name: Kubernetes stays at its version\n  homelab.package_hold:\n    name: [kubelet, kubeadm, kubectl]\n",
    ..Spec::new("homelab", "package_hold")
};

impl Module for PackageHold {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn plan(&self, task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Stop> {
        settled(plan(task, facts))
    }
}

fn plan(task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Halt> {
    let names = task.args.list("name").unwrap_or_default();
    let hold = task.args.str("state") != Some("released");
    if let Some(odd) = names.iter().find(|name| !super::apt::is_name(name)) {
        return Err(Halt::fail(format!("'{odd}' is not a name of a package")));
    }
    let is = all(names.iter().map(|name| facts.get(Package::new(*name))))?;
    let is_there = |is: &Option<PackageState>| is.as_ref().is_some_and(|is| is.status == PackageStatus::Installed);
    let missing: Vec<&str> = names.iter().zip(&is).filter(|(_, is)| !is_there(is)).map(|(name, _)| *name).collect();
    if hold && !missing.is_empty() {
        let why = format!("{} cannot be held: not installed", missing.join(", "));
        return Ok(Decision::from(Plan::refuse(why)));
    }
    // what is not there is not held, unless dpkg remembers a hold of it
    let known = names.iter().zip(&is).filter_map(|(name, is)| Some((*name, is.as_ref()?)));
    let others: Vec<&str> = known.filter(|(_, is)| is.held.unwrap_or(false) != hold).map(|(name, _)| name).collect();
    if others.is_empty() {
        return Ok(Decision::unchanged());
    }
    let step = MarkPackages {
        manager: Manager::Apt,
        names: others.iter().map(|name| (*name).to_owned()).collect(),
        mark: if hold { Mark::Hold } else { Mark::Release },
    };
    let word = |held: bool| Some(if held { "held" } else { "released" }.to_owned());
    let mut change = Plan::change([step.into()]);
    for name in others {
        change = change.differs(format!("package {name}"), word(!hold), word(hold));
        change = change.expect(Expect::field(&Package::new(name), "held", hold));
    }
    Ok(planned(change))
}
