//! `state`: present, latest, fixed and build-dep.

use super::change::{Call, changing, simulated};
use super::command::Command;
use super::wanted::{Version, Wanted, installed, wanted};
use super::words_of;
use crate::modules::halt::Halt;
use crate::modules::outcome::{all, both, planned};
use crate::modules::{Decision, Task};
use crate::node::facts::{AptPolicy, Automatic, Installed, InstalledPackage, Offer};
use crate::node::steps::{Fate, MarkManual};
use crate::plan::{Expect, Facts, Plan};

/// Whether apt-get says that it would do something.
pub(super) fn does_something(said: &str) -> bool {
    !said.lines().any(|line| line.starts_with("0 upgraded, 0 newly installed, 0 to remove"))
}

/// What is installed, and what can be.
struct Status {
    is_installed: bool,
    fits: bool,
    offered: Offered,
}

/// What can be installed.
enum Offered {
    Nothing,
    /// Whatever provides the name.
    Provided,
    Version(String),
}

pub(super) fn install(task: &Task<'_>, facts: &Facts<'_>, packages: &[String]) -> Result<Decision, Halt> {
    let args = task.args;
    let wanted = wanted(packages, facts)?;
    if args.str("state") == Some("build-dep") {
        return build_dep(task, facts, &wanted);
    }
    let wanted = each_once(wanted)?;
    let latest = args.str("state") == Some("latest");
    let only_upgrade = args.is("only_upgrade");
    // both in one question
    let marks = all(wanted.iter().filter(|one| one.is_name()).map(|one| facts.get(Automatic::new(&one.name))));
    let (is, _) = both(installed(&wanted, facts), marks)?;
    let looks = |one: &Wanted, is: &Option<InstalledPackage>| match is {
        // a misspelt name is told, whatever is to become of it
        None => true,
        Some(is) => latest || !is.whole || !one.version.allows(&is.version) || one.version.is_open(),
    };
    let release = args.str("default_release").unwrap_or_default();
    let offer = |name: &str| facts.get(AptPolicy::new(name).from_release(release));
    let offers = wanted.iter().zip(&is).map(|(one, is)| if one.is_name() && looks(one, is) { offer(&one.name) } else { Ok(None) });
    let offers = all(offers)?;
    let mut chosen: Vec<(String, String, Option<String>)> = Vec::new();
    let mut before = Vec::new();
    for ((one, is), offer) in wanted.iter().zip(&is).zip(offers) {
        let Some(status) = status(one, is.as_ref(), offer, looks(one, is), facts)? else { continue };
        if !status.is_installed && only_upgrade {
            continue;
        }
        if !status.fits && matches!(status.offered, Offered::Nothing) {
            return Err(Halt::fail(format!("no available installation candidate for {}", one.text)));
        }
        let needs = !status.is_installed || latest || !status.fits;
        let word = match (&status.offered, &one.version) {
            (Offered::Nothing, _) => continue,
            (Offered::Version(version), _) if needs => format!("{}={version}", one.name),
            (Offered::Provided, Version::Fits(version) | Version::AtLeast(version)) if needs => format!("{}={version}", one.name),
            (Offered::Provided, Version::Any) if needs => one.name.clone(),
            // a newer one fits the pattern as well
            (_, Version::Fits(pattern)) => format!("{}={pattern}", one.name),
            _ => continue,
        };
        let version = match status.offered {
            Offered::Version(version) => Some(version),
            _ => None,
        };
        before.push((one.name.clone(), is.as_ref().map(|is| is.version.clone()), version.clone()));
        chosen.push((one.name.clone(), word, version));
    }
    let comes = |one: &&Wanted| one.is_name() && (!only_upgrade || before.iter().any(|(name, ..)| *name == one.name));
    let names: Vec<String> = wanted.iter().filter(comes).map(|one| one.name.clone()).collect();
    if chosen.is_empty() {
        return marked(facts, &wanted, &is);
    }
    let command = words(task, &chosen.iter().map(|(_, word, _)| word.clone()).collect::<Vec<_>>());
    let fates = chosen.iter().map(|(name, _, version)| (name.clone(), Fate::Installed(version.clone()))).collect();
    let expect = chosen
        .iter()
        .filter_map(|(name, _, version)| Some(Expect::field(&Installed::new(name), "version", version.clone()?).and("whole", true)));
    let call = Call {
        failure: (failure(&command, false), failure(&command, true)),
        title: format!("install {}", words_of(&chosen.iter().map(|(_, word, _)| word.as_str()).collect::<Vec<_>>())),
        manual: names,
        command,
        fates,
        expect: expect.collect(),
        shown: before,
    };
    changing(task, facts, call)
}

fn failure(command: &Command, dry: bool) -> String {
    format!("'{}' failed: ", command.text(dry))
}

fn words(task: &Task<'_>, packages: &[String]) -> Command {
    let args = task.args;
    let mut command = Command::new(args, &["-y"]);
    command.flag(args.is("only_upgrade"), "--only-upgrade");
    command.flag(args.str("state") == Some("fixed"), "--fix-broken");
    command.flag(args.is("force"), "--force-yes");
    command.flag(args.is("autoremove"), "--auto-remove");
    command.flag(args.is("fail_on_autoremove"), "--no-remove");
    command.simulate();
    command.flag(true, "install");
    packages.iter().for_each(|word| command.package(word));
    finish(task, &mut command);
    command
}

fn finish(task: &Task<'_>, command: &mut Command) {
    let args = task.args;
    if let Some(release) = args.str("default_release") {
        command.at_end(true, &format!("-t '{release}'"), &["-t", release]);
    }
    if let Some(recommends) = args.bool("install_recommends") {
        let option = format!("APT::Install-Recommends={}", if recommends { "yes" } else { "no" });
        command.at_end(true, &format!("-o {option}"), &["-o", &option]);
    }
    for (option, word) in [
        ("allow_unauthenticated", "--allow-unauthenticated"),
        ("allow_downgrade", "--allow-downgrades"),
        ("allow_change_held_packages", "--allow-change-held-packages"),
    ] {
        command.at_end(args.is(option), word, &[word]);
    }
}

/// A package that is named twice is one; but not if it is to have two versions.
fn each_once(wanted: Vec<Wanted>) -> Result<Vec<Wanted>, Halt> {
    let mut once: Vec<Wanted> = Vec::new();
    for one in wanted {
        match once.iter_mut().find(|other| other.name == one.name) {
            None => once.push(one),
            Some(other) if other.version == Version::Any => *other = one,
            Some(other) if one.version == Version::Any || other.version == one.version => {}
            Some(other) => return Err(Halt::fail(format!("{} is asked for twice: as {} and as {}", one.name, other.text, one.text))),
        }
    }
    Ok(once)
}

/// What is installed and offered of one; `None` where its answer is not needed.
fn status(
    one: &Wanted,
    is: Option<&InstalledPackage>,
    offer: Option<Offer>,
    looked: bool,
    facts: &Facts<'_>,
) -> Result<Option<Status>, Halt> {
    let fits = is.is_some_and(|is| is.whole && one.version.allows(&is.version));
    if !looked {
        return Ok(Some(Status { is_installed: is.is_some(), fits, offered: Offered::Nothing }));
    }
    let unknown = || Halt::fail(format!("No package matching '{}' is available", one.name));
    let offer = match offer {
        Some(offer) => offer,
        None if is.is_some() => Offer::default(),
        None => return Err(unknown()),
    };
    if offer.versions.is_empty() && is.is_none() {
        if offer.providers.is_empty() {
            return Err(unknown());
        }
        let providers = all(offer.providers.iter().map(|name| facts.get(Installed::new(name))))?;
        let provided = providers.iter().flatten().any(|is| is.whole);
        let offered = if provided { Offered::Nothing } else { Offered::Provided };
        return Ok(Some(Status { is_installed: provided, fits: provided, offered }));
    }
    let best = match &one.version {
        // the newest that fits, whatever is preferred otherwise
        Version::Fits(_) => offer.versions.iter().find(|version| one.version.allows(version)).cloned(),
        Version::AtLeast(_) => offer.candidate.filter(|version| one.version.allows(version)),
        Version::Any => offer.candidate,
    };
    let offered = match best {
        Some(best) if is.is_none_or(|is| !is.whole || is.version != best) => Offered::Version(best),
        _ => Offered::Nothing,
    };
    Ok(Some(Status { is_installed: is.is_some(), fits, offered }))
}

/// Nothing is to be installed; but what is there for others' sake only is wanted for its own now.
fn marked(facts: &Facts<'_>, wanted: &[Wanted], is: &[Option<InstalledPackage>]) -> Result<Decision, Halt> {
    let there = wanted.iter().zip(is).filter(|(_, is)| is.is_some()).map(|(one, _)| &one.name);
    let marks = all(there.map(|name| facts.get(Automatic::new(name)).map(|mark| mark.map(|_| name.clone()))))?;
    let names: Vec<String> = marks.into_iter().flatten().collect();
    if names.is_empty() {
        return Ok(Decision::unchanged());
    }
    let mut change = Plan::change([MarkManual { names: names.clone() }.into()]);
    for name in &names {
        let text = |text: &str| Some(text.to_owned());
        change = change.differs(format!("package {name}"), text("there for others' sake"), text("wanted for its own sake"));
        change = change.expect(Expect::absent(&Automatic::new(name)));
    }
    // as in Ansible, that is not called a change
    Ok(planned(change).quietly())
}

fn build_dep(task: &Task<'_>, facts: &Facts<'_>, wanted: &[Wanted]) -> Result<Decision, Halt> {
    let args = task.args;
    if wanted.is_empty() {
        return Ok(Decision::unchanged());
    }
    let mut command = Command::new(args, &["-y"]);
    command.flag(args.is("only_upgrade"), "--only-upgrade");
    command.flag(false, "--fix-broken");
    command.flag(args.is("force"), "--force-yes");
    command.flag(args.is("fail_on_autoremove"), "--no-remove");
    command.simulate();
    command.flag(true, "build-dep");
    wanted.iter().for_each(|one| command.package(&one.text));
    finish(task, &mut command);
    let failure = (failure(&command, false), failure(&command, true));
    let names: Vec<&str> = wanted.iter().map(|one| one.text.as_str()).collect();
    simulated(task, facts, command, format!("install what it takes to build {}", words_of(&names)), failure, does_something)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_packages_are_not_none() {
        assert!(does_something("Calculating...\n10 upgraded, 0 newly installed, 0 to remove and 0 not upgraded.\n"));
        assert!(!does_something("Calculating...\n0 upgraded, 0 newly installed, 0 to remove and 3 not upgraded.\n"));
    }
}
