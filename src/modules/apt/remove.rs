//! `state: absent`, and what cleans up.

use super::change::{Call, changing, gone, simulated};
use super::command::{Command, patience};
use super::install::does_something;
use super::wanted::{Wanted, installed, wanted};
use super::words_of;
use crate::modules::halt::Halt;
use crate::modules::outcome::{all, both, planned};
use crate::modules::{Act, Decision, Task};
use crate::node::facts::{Package, PackageStatus};
use crate::node::steps::{Apt, AptProgram, Fate, Step};
use crate::plan::{Expect, Facts, Plan};

pub(super) fn remove(task: &Task<'_>, facts: &Facts<'_>, packages: &[String]) -> Result<Decision, Halt> {
    let (args, purge) = (task.args, task.args.is("purge"));
    let wanted = wanted(packages, facts)?;
    let is = installed(&wanted, facts);
    let known = |one: &Wanted| if purge && one.is_name() { facts.get(Package::new(&one.name)) } else { Ok(None) };
    let (is, left) = both(is, all(wanted.iter().map(known)))?;
    let mut going = Vec::new();
    for ((one, is), left) in wanted.iter().zip(&is).zip(left) {
        let fits = is.as_ref().is_some_and(|is| one.version.allows(&is.version));
        if fits || left.is_some_and(|left| left.status == PackageStatus::ConfigFiles) {
            going.push(one);
        }
    }
    if going.is_empty() {
        return Ok(Decision::unchanged());
    }
    let mut command = Command::new(args, &["-q", "-y"]);
    command.flag(purge, "--purge");
    command.flag(args.is("force"), "--force-yes");
    command.flag(args.is("autoremove"), "--auto-remove");
    command.simulate();
    command.flag(args.is("allow_change_held_packages"), "--allow-change-held-packages");
    command.flag(true, "remove");
    going.iter().for_each(|one| command.package(&one.text));
    let quoted: Vec<String> = going.iter().map(|one| format!("'{}'", one.text)).collect();
    let fate = if purge { Fate::Purged } else { Fate::Removed };
    let expect = going.iter().flat_map(|one| {
        let package = purge.then(|| Expect::absent(&Package::new(&one.name)));
        [gone(&one.name)].into_iter().chain(package)
    });
    let failure = format!("'apt-get remove {}' failed: ", quoted.join(" "));
    let how = if purge { "purge" } else { "remove" };
    let call = Call {
        failure: (failure.clone(), failure),
        title: format!("{how} {}", words_of(&going.iter().map(|one| one.name.as_str()).collect::<Vec<_>>())),
        fates: going.iter().map(|one| (one.name.clone(), fate.clone())).collect(),
        expect: expect.collect(),
        manual: Vec::new(),
        shown: Vec::new(),
        command,
    };
    changing(task, facts, call)
}

/// `autoremove` and `autoclean`.
pub(super) fn clean_up(task: &Task<'_>, facts: &Facts<'_>, operation: &str) -> Result<Decision, Halt> {
    let args = task.args;
    let mut command = Command::new(args, &["-y"]);
    command.flag(args.is("purge"), "--purge");
    command.flag(args.is("force"), "--force-yes");
    command.flag(true, operation);
    command.simulate();
    let failure = format!("'apt-get {operation}' failed: ");
    let sign = if operation == "autoclean" { "Del " } else { "The following packages will be REMOVED" };
    simulated(task, facts, command, format!("apt-get {operation}"), (failure.clone(), failure), |said| said.contains(sign))
}

/// `upgrade`
pub(super) fn upgrade(task: &Task<'_>, facts: &Facts<'_>, mode: &str) -> Result<Decision, Halt> {
    let args = task.args;
    let mut command = Command::new(args, &["-y"]);
    for (option, word) in [
        ("force", "--force-yes"),
        ("fail_on_autoremove", "--no-remove"),
        ("allow_unauthenticated", "--allow-unauthenticated"),
        ("allow_downgrade", "--allow-downgrades"),
    ] {
        command.flag(args.is(option), word);
    }
    let verb = if matches!(mode, "dist" | "full") { "dist-upgrade" } else { "upgrade" };
    let how = if verb == "upgrade" { "upgrade --with-new-pkgs " } else { "dist-upgrade " };
    command.flag(true, verb);
    if verb == "upgrade" {
        command.flag(true, "--with-new-pkgs");
    }
    command.flag(args.is("autoremove"), "--auto-remove");
    if let Some(release) = args.str("default_release") {
        command.at_end(true, &format!("-t '{release}'"), &["-t", release]);
    }
    let auto = if args.is("autoremove") { "--auto-remove" } else { "" };
    let failure = format!("'/usr/bin/apt-get {how}{auto}' failed: ");
    simulated(task, facts, command, format!("apt-get {verb}"), (failure.clone(), failure), does_something)
}

/// `clean`: the archives that were kept go; nobody looks whether there are any, as with Ansible.
pub(super) fn clean(task: &Task<'_>) -> Decision {
    planned(Plan::change([cleaning(task).into()]).differs("archives of packages that were kept", Some("perhaps some".into()), None))
}

/// `clean` beside something else: it comes first, and is no change by itself, as with Ansible.
pub(super) fn clean_first(task: &Task<'_>, mut decision: Decision) -> Decision {
    if !task.args.is("clean") || task.check {
        return decision;
    }
    match &mut decision.act {
        Act::Plan(Plan::Change(change)) => {
            change.steps.insert(0, cleaning(task).into());
            change.touches.extend(Step::from(cleaning(task)).touches());
            decision
        }
        Act::Plan(Plan::Unchanged) => Decision { result: decision.result, ..planned(Plan::change([cleaning(task).into()])).quietly() },
        _ => decision,
    }
}

fn cleaning(task: &Task<'_>) -> Apt {
    Apt {
        program: AptProgram::AptGet,
        words: vec!["clean".into()],
        fates: Vec::new(),
        manual: Vec::new(),
        policy_rc_d: None,
        patience: patience(task.args),
        title: "apt-get clean".into(),
        failure: "apt-get clean failed".into(),
        only_archives: true,
    }
}
