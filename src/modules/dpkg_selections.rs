//! `ansible.builtin.dpkg_selections`

use super::halt::{Halt, settled};
use super::outcome::planned;
use super::{Decision, Kind, Module, Opt, Spec, Task};
use crate::node::facts::Selection;
use crate::node::steps::SelectPackage;
use crate::plan::{Expect, Facts, Plan, Stop};

/// What dpkg is to do with a package when it handles all that were selected.
#[derive(Debug)]
pub struct DpkgSelections;

static SPEC: Spec = Spec {
    options: &[
        Opt::new("name", Kind::Str).required().about("The package"),
        Opt::new("selection", Kind::Str)
            .required()
            .choices(&["install", "hold", "deinstall", "purge"])
            .about("What is to be done with it: `hold` keeps it at its version, `install` lets it be upgraded"),
    ],
    about: "What dpkg is to do with a package when all that were selected are handled: most often, whether it is held at its version",
    notes: &["`homelab.package_hold` holds several packages at once and says which of them are not there."],
    example: "- name: Kubernetes stays at its version\n  ansible.builtin.dpkg_selections:\n    name: kubelet\n    selection: hold\n",
    ..Spec::new("ansible.builtin", "dpkg_selections")
};

impl Module for DpkgSelections {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn plan(&self, task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Stop> {
        settled(plan(task, facts))
    }
}

fn plan(task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Halt> {
    let (name, selection) = (task.args.str("name").unwrap_or_default(), task.args.str("selection").unwrap_or_default());
    let unknown = || Halt::fail(format!("Failed to find package '{name}' to perform selection '{selection}'."));
    if !super::apt::is_name(name) {
        return Err(unknown());
    }
    let fact = Selection::new(name);
    let is = facts.get(fact.clone())?.ok_or_else(unknown)?;
    let decision = if is == selection {
        Decision::unchanged()
    } else {
        let step = SelectPackage { name: name.into(), selection: selection.into() };
        let change = Plan::change([step.into()]).differs(format!("selection of {name}"), Some(is.clone()), Some(selection.to_owned()));
        planned(change.expect(Expect::is(&fact, &selection.to_owned())))
    };
    Ok(decision.with("before", is).with("after", selection))
}
