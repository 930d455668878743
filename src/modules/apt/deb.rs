//! `deb`: packages from files on the machine, or from one on a server, which comes in a first part.

use std::cmp::Ordering;

use sha2::{Digest as _, Sha256};

use super::change::unfinished;
use super::command::{Command, dpkg_options, patience};
use super::{version, words_of};
use crate::modules::expand_one;
use crate::modules::halt::Halt;
use crate::modules::http::{asker, request_to};
use crate::modules::outcome::{all, planned};
use crate::modules::{Decision, Task};
use crate::node::facts::{DebAt, DebFile, DebPackage, Installed, InstalledPackage, Served};
use crate::node::steps::{Apt, AptProgram, Fate, Fetch, Remove, RemoveWhat, Step};
use crate::node::web::masked;
use crate::plan::{Expect, Facts, Plan};

pub(super) fn install(task: &Task<'_>, facts: &Facts<'_>, debs: &str) -> Result<Decision, Halt> {
    let args = task.args;
    if args.str("state").is_some_and(|state| state != "present") {
        return Err(Halt::fail("deb only supports state=present"));
    }
    let is_served = is_address(debs);
    let wanted = match (is_served, task.check) {
        (true, true) => vec![(place(debs), at(facts, debs)?)],
        (true, false) => match facts.get(DebFile::new(place(debs)))? {
            Some(file) => vec![(place(debs), file)],
            // nothing was brought: it is as it should be
            None => return Ok(Decision::unchanged()),
        },
        (false, _) => on_machine(task, facts, debs)?,
    };
    let is = all(wanted.iter().map(|(_, file)| facts.get(Installed::new(&file.name))))?;
    let mut change = Plan::change(Vec::<Step>::new());
    let mut going = Vec::new();
    for ((path, file), is) in wanted.iter().zip(is) {
        let order = is.as_ref().map(|is| version::compare(&file.version, &is.version));
        if is_there(is.as_ref(), file) {
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
    // what a file that has yet to come depends on is not known
    if !(is_served && task.check)
        && let Some(step) = depends(task, facts, &going)?
    {
        change.steps.push(step.into());
    }
    change.steps.push(dpkg(task, &going).into());
    if is_served {
        change.steps.push(Remove { path: place(debs), what: RemoveWhat::File }.into());
    }
    Ok(planned(change))
}

fn is_there(is: Option<&InstalledPackage>, file: &DebPackage) -> bool {
    is.is_some_and(|is| is.whole && version::compare(&file.version, &is.version) == Ordering::Equal)
}

fn on_machine(task: &Task<'_>, facts: &Facts<'_>, debs: &str) -> Result<Vec<(String, DebPackage)>, Halt> {
    let paths = all(debs.split(',').map(|path| expand_one(task, facts, path)))?;
    let files = all(paths.iter().map(|path| facts.get(DebFile::new(path))))?;
    let none =
        |path: &str| Halt::fail(format!("Unable to install package: E:Could not open file {path} - open (2: No such file or directory)"));
    paths.into_iter().zip(files).map(|(path, file)| file.ok_or_else(|| none(&path)).map(|file| (path, file))).collect()
}

/// Whether it is on a server.
pub(super) fn is_address(debs: &str) -> bool {
    debs.contains("://")
}

/// Where a file from there stands while it is installed; `apt-get clean` throws away what a cut has left.
fn place(url: &str) -> String {
    let digest: String = Sha256::digest(url).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("/var/cache/apt/archives/partial/homelabctl-{digest}.deb")
}

/// The package that a server has.
fn at(facts: &Facts<'_>, url: &str) -> Result<DebPackage, Halt> {
    let failed = |why: String| Halt::fail(format!("Failure downloading {}, {why}", masked(url)));
    if url.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(failed("the address has a blank in it".into()));
    }
    match facts.get(DebAt::new(url))? {
        Some(Served::Is(package)) => Ok(package),
        Some(Served::NoPackage(why)) => Err(Halt::fail(format!("Unable to install package: {why}"))),
        Some(Served::Failed(why)) => Err(failed(why)),
        None => Err(failed("nothing is there".into())),
    }
}

/// The step that brings it, unless what is in it is installed.
pub(super) fn brought(task: &Task<'_>, facts: &Facts<'_>, url: &str) -> Result<Option<Fetch>, Halt> {
    let package = at(facts, url)?;
    if is_there(facts.get(Installed::new(&package.name))?.as_ref(), &package) {
        return Ok(None);
    }
    let mut request = Box::new(request_to(url, task, facts, "GET")?);
    if let Some(refusal) = asker(&mut request, None, facts)? {
        return Err(Decision::from(refusal).into());
    }
    let (owner, group) = ("root".into(), "root".into());
    Ok(Some(Fetch {
        request,
        path: place(url),
        only_newer: false,
        checksum: None,
        checksum_list: None,
        backup: false,
        owner,
        group,
        mode: 0o644,
    }))
}

/// What has to be installed for them first: apt-get says what it would take.
fn depends(task: &Task<'_>, facts: &Facts<'_>, going: &[(&str, &DebPackage)]) -> Result<Option<Apt>, Halt> {
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

fn dpkg(task: &Task<'_>, going: &[(&str, &DebPackage)]) -> Apt {
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::modules::apt::Apt as Module;
    use crate::modules::bench::{Bench, Seen};
    use crate::node::simulated::World;
    use crate::node::steps::Step;

    fn bench() -> Bench {
        let mut world = World::new(1);
        for path in ["/var", "/var/cache", "/var/cache/apt", "/var/cache/apt/archives", "/var/cache/apt/archives/partial", "/usr/bin"] {
            world.add_directory(path, 0o755);
        }
        world.add_file("/usr/bin/wget", b"", 0o755);
        world.serve("http://h/a.deb", b"Package: hl-tool\nVersion: 1.1\n".to_vec());
        world.serve("http://h/odd.deb", b"a page".to_vec());
        Bench::new(world)
    }

    fn from(url: &str) -> Value {
        json!({"deb": url})
    }

    #[test]
    fn a_package_on_a_server_is_brought_if_it_is_another() {
        let mut bench = bench();
        let Seen::Changed(decision, change, _) = bench.run(&Module, &from("http://h/a.deb")) else { panic!() };
        assert!(decision.part && matches!(change.steps.as_slice(), [Step::Fetch(fetch)] if fetch.path.ends_with(".deb")));
        for (version, is_there) in [("1.0", false), ("1.1", true), ("1.2", false)] {
            let mut bench = self::bench();
            bench.machine.world().add_package("hl-tool", version, true);
            let seen = bench.run(&Module, &from("http://h/a.deb"));
            assert_eq!(matches!(seen, Seen::Unchanged(_)), is_there, "{version} {seen:?}");
        }
    }

    #[test]
    fn a_dry_run_says_what_it_would_be() {
        let mut bench = bench();
        bench.check = true;
        let args = Bench::args(&Module, &from("http://h/a.deb"));
        let (decision, _) = bench.plan(&Module, &args).unwrap();
        let crate::modules::Act::Plan(crate::plan::Plan::Change(change)) = &decision.act else { panic!("{decision:?}") };
        assert!(!decision.part && change.diff.iter().any(|one| one.what == "package hl-tool" && one.after.as_deref() == Some("1.1")));
    }

    #[test]
    fn what_is_no_package_or_not_there_fails() {
        for (url, why) in [
            ("http://h/none.deb", "Failure downloading http://h/none.deb, HTTP Error 404"),
            ("http://h/odd.deb", "Unable to install package"),
        ] {
            let Seen::Failed(said) = bench().run(&Module, &from(url)) else { panic!("{url}") };
            assert!(said.starts_with(why), "{said}");
        }
    }
}
