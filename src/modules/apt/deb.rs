//! `deb`: packages from files on the machine.

use std::cmp::Ordering;

use super::change::unfinished;
use super::command::{Command, dpkg_options, patience};
use super::{version, words_of};
use crate::modules::expand_one;
use crate::modules::halt::Halt;
use crate::modules::outcome::{all, planned};
use crate::modules::{Decision, Task};
use crate::node::facts::{DebFile, Installed};
use crate::node::steps::{Apt, AptProgram, Fate, Step};
use crate::plan::{Expect, Facts, Plan};

pub(super) fn install(task: &Task<'_>, facts: &Facts<'_>, debs: &str) -> Result<Decision, Halt> {
    let args = task.args;
    if args.str("state").is_some_and(|state| state != "present") {
        return Err(Halt::fail("deb only supports state=present"));
    }
    if debs.contains("://") {
        return Err(Halt::fail("`deb` is not fetched from a server here: bring it with `get_url`, and name the file"));
    }
    let paths = all(debs.split(',').map(|path| expand_one(task, facts, path)))?;
    let files = all(paths.iter().map(|path| facts.get(DebFile::new(path))))?;
    let mut wanted = Vec::new();
    for (path, file) in paths.iter().zip(files) {
        let none = || Halt::fail(format!("Unable to install package: E:Could not open file {path} - open (2: No such file or directory)"));
        wanted.push((path, file.ok_or_else(none)?));
    }
    let is = all(wanted.iter().map(|(_, file)| facts.get(Installed::new(&file.name))))?;
    let mut change = Plan::change(Vec::<Step>::new());
    let mut going = Vec::new();
    for ((path, file), is) in wanted.iter().zip(is) {
        let order = is.as_ref().map(|is| version::compare(&file.version, &is.version));
        if is.as_ref().is_some_and(|is| is.whole) && order == Some(Ordering::Equal) {
            continue;
        }
        if order == Some(Ordering::Less) && !args.is("force") && !args.is("allow_downgrade") {
            return Err(Halt::fail("A later version is already installed"));
        }
        change = change.differs(format!("package {}", file.name), is.map(|is| is.version), Some(file.version.clone()));
        change = change.expect(Expect::field(&Installed::new(&file.name), "version", file.version.clone()).and("whole", true));
        going.push((path.as_str(), file));
    }
    if going.is_empty() {
        return Ok(Decision::unchanged());
    }
    unfinished(task, facts, &mut change)?;
    if let Some(step) = depends(task, facts, &going)? {
        change.steps.push(step.into());
    }
    change.steps.push(dpkg(task, &going).into());
    Ok(planned(change))
}

/// What has to be installed for them first: apt-get says what it would take.
fn depends(task: &Task<'_>, facts: &Facts<'_>, going: &[(&str, &crate::node::facts::DebPackage)]) -> Result<Option<Apt>, Halt> {
    let args = task.args;
    if args.is("force") {
        return Ok(None);
    }
    let mut asked = Command::new(args, &["-y", "--allow-downgrades"]);
    asked.flag(true, "install");
    going.iter().for_each(|(path, _)| asked.package(path));
    if let Some(recommends) = args.bool("install_recommends") {
        let option = format!("APT::Install-Recommends={}", if recommends { "yes" } else { "no" });
        asked.at_end(true, &option, &["-o", &option]);
    } else {
        asked.at_end(true, "", &["-o", "APT::Install-Recommends=no"]);
    }
    let would = facts.get(asked.simulation())?.unwrap_or_default();
    if would.status != 0 {
        let missing = would.stdout.lines().find_map(|line| line.split_once("Depends: ")).and_then(|(_, rest)| rest.split(" but ").next());
        return Err(Halt::fail(match missing {
            Some(missing) => format!("Dependency is not satisfiable: {missing}\n"),
            None => format!("Unable to install package: {}", would.stderr),
        }));
    }
    let others = would.prospects().into_iter().filter(|one| !going.iter().any(|(_, file)| file.name == one.name));
    let others: Vec<(String, String)> = others.filter_map(|one| Some((one.name, one.after?))).collect();
    if others.is_empty() {
        return Ok(None);
    }
    let mut command = Command::new(args, &["-y"]);
    command.flag(true, "install");
    others.iter().for_each(|(name, version)| command.package(&format!("{name}={version}")));
    let failure = format!("'{}' failed: ", command.text(false));
    let names: Vec<&str> = others.iter().map(|(name, _)| name.as_str()).collect();
    let title = format!("install {}", words_of(&names));
    let fates = others.iter().map(|(name, version)| (name.clone(), Fate::Installed(Some(version.clone())))).collect();
    Ok(Some(command.step(args, title, failure, fates)))
}

fn dpkg(task: &Task<'_>, going: &[(&str, &crate::node::facts::DebPackage)]) -> Apt {
    let args = task.args;
    let mut words: Vec<String> = dpkg_options(args).iter().map(|option| format!("--{option}")).collect();
    words.extend(args.is("force").then(|| "--force-all".to_owned()));
    words.push("-i".into());
    words.extend(going.iter().map(|(path, _)| (*path).to_owned()));
    let names: Vec<&str> = going.iter().map(|(_, file)| file.name.as_str()).collect();
    Apt {
        program: AptProgram::Dpkg,
        failure: format!("dpkg {} failed", words.join(" ")),
        words,
        fates: going.iter().map(|(_, file)| (file.name.clone(), Fate::Installed(Some(file.version.clone())))).collect(),
        manual: Vec::new(),
        policy_rc_d: args.int("policy_rc_d").and_then(|status| u8::try_from(status).ok()),
        patience: patience(args),
        title: format!("install {} from a file", words_of(&names)),
        only_archives: false,
    }
}
