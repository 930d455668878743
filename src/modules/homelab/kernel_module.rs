//! `homelab.kernel_module`

use serde_json::{Map, Value};

use super::{several, write};
use crate::modules::edited_file::EditedFile;
use crate::modules::halt::{self, Halt, settled};
use crate::modules::outcome::{both, planned};
use crate::modules::{Decision, Kind, Module, Opt, Spec, Task};
use crate::node::facts::{ConfigurationLines, FileLine, Module as KernelModule, ModulePlace, NextKernelModule};
use crate::node::steps::{LoadModule, UnloadModule};
use crate::node::{Change, Plan};
use crate::plan::{Expect, Facts, Stop};

/// Kernel modules are loaded, now and at boot.
///
/// It knows what is built in, refuses what systemd would not load at boot, and says what the next boot's kernel lacks.
#[derive(Debug)]
pub struct HomelabKernelModule;

static SPEC: Spec = Spec {
    options: &[
        Opt::new("name", Kind::Str).about("Name of one module"),
        Opt::new("names", Kind::List(&Kind::Str)).about("Names of several modules"),
        Opt::new("state", Kind::Str).default("present").choices(&["present", "absent"]).about("Whether they are loaded, now and at boot"),
        Opt::new("params", Kind::Dict).about("Parameters of the one module, written to /etc/modprobe.d/homelabctl.conf"),
    ],
    one_of: &[&["name", "names"]],
    exclusive: &[&["params", "names"]],
    required_by: &[("params", &["name"])],
    about: "Loads kernel modules, now and at boot",
    notes: &[
        "At boot they are loaded by /etc/modules-load.d/homelabctl.conf, if no other file does it. A module that is built in needs neither.",
        "A module that is blacklisted is refused: systemd would not load it at boot, although modprobe would now.",
        "If the kernel that boots next (the link /vmlinuz, or the newest of /lib/modules) lacks a module, a warning says so.",
        "Parameters hold for a module when it is loaded: one that is loaded already keeps those it has until the next boot.",
    ],
    example: "- name: what Kubernetes and IPVS need\n  homelab.kernel_module:\n    names: [overlay, br_netfilter, ip_vs, ip_vs_rr]\n",
    ..Spec::new("homelab", "kernel_module")
};

/// What is loaded at boot.
const OWN: &str = "/etc/modules-load.d/homelabctl.conf";
/// With which parameters.
const OPTIONS: &str = "/etc/modprobe.d/homelabctl.conf";
const HEAD: &str = "# Written by homelabctl (homelab.kernel_module)\n";

impl Module for HomelabKernelModule {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn plan(&self, task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Stop> {
        settled(plan(task, facts))
    }
}

/// Dashes and underscores are the same.
fn same(one: &str, other: &str) -> bool {
    one.replace('-', "_") == other.replace('-', "_")
}

/// What stands in files of configuration, without comments.
fn words(line: &FileLine) -> Vec<&str> {
    line.text.split(['#', ';']).next().unwrap_or_default().split_whitespace().collect()
}

fn plan(task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Halt> {
    let args = task.args;
    let names = several(task, "name", "names");
    if names.is_empty() {
        return Err(Halt::fail("`names` is empty"));
    }
    let is_present = args.str("state") != Some("absent");
    let params = params(task)?;
    let places = facts.get((
        names.iter().map(|name| KernelModule::new(*name)).collect::<Vec<_>>(),
        names.iter().map(|name| NextKernelModule::new(*name)).collect::<Vec<_>>(),
    ));
    let lines = facts.get((
        ConfigurationLines::new(["/etc/modules-load.d", "/run/modules-load.d", "/usr/local/lib/modules-load.d", "/usr/lib/modules-load.d"]),
        ConfigurationLines::new([
            "/etc/modprobe.d",
            "/run/modprobe.d",
            "/usr/local/lib/modprobe.d",
            "/usr/lib/modprobe.d",
            "/lib/modprobe.d",
        ]),
    ));
    let own = EditedFile::look_at(task, facts, OWN, "Destination");
    let (own, ((places, next), (loads, options))) = halt::both(own, both(places, lines))?;
    let (loads, options) = (loads.unwrap_or_default(), options.unwrap_or_default());
    let mut change: Change = Plan::change([]);
    let (mut listed, mut unlisted, mut result, mut warnings) = (Vec::new(), Vec::new(), Map::new(), Vec::new());
    for ((name, place), next) in names.iter().zip(places).zip(next) {
        let fact = KernelModule::new(*name);
        let place = place.map(|module| module.state);
        let by = loads.iter().find(|line| line.file != OWN && words(line).first().is_some_and(|word| same(word, name)));
        if !is_present {
            if let Some(line) = by {
                return Err(Halt::refuse(
                    format!("{name} is loaded at boot by {} too (line {})", line.file, line.line),
                    format!("take that line out of {}", line.file),
                ));
            }
            unlisted.push(*name);
            match place {
                Some(ModulePlace::BuiltIn) => {
                    return Err(Halt::refuse(format!("{name} is a part of the kernel: it cannot be unloaded"), "leave it out"));
                }
                Some(ModulePlace::Loaded) => {
                    change.steps.push(UnloadModule { name: (*name).to_owned() }.into());
                    change = change.differs(format!("kernel module {name}"), Some("loaded".into()), None);
                    change.expect.push(Expect::field(&fact, "state", "available").loosely());
                }
                _ => {}
            }
            continue;
        }
        let lacks = next.as_ref().is_some_and(|next| !next.has);
        match place {
            None => {
                let then = next.filter(|next| next.has && !next.runs);
                let hint = then.map_or_else(
                    || "a package of the kernel's modules may bring it".to_owned(),
                    |next| format!("the kernel of the next boot, {}, has it: reboot first", next.kernel),
                );
                return Err(Halt::fail(format!("the running kernel has no module {name}; {hint}")));
            }
            Some(ModulePlace::BuiltIn) => {}
            Some(place) => {
                if let Some((line, how)) = forbidden(&options, name) {
                    return Err(Halt::refuse(
                        format!("{name} {how} in {} (line {}): systemd would not load it at boot", line.file, line.line),
                        format!("take that line out of {}", line.file),
                    ));
                }
                if by.is_none() {
                    listed.push(*name);
                }
                if place == ModulePlace::Available {
                    let parameters = params.iter().map(|(key, value)| format!("{key}={value}")).collect();
                    change.steps.push(LoadModule { name: (*name).to_owned(), parameters }.into());
                    change = change.differs(format!("kernel module {name}"), None, Some("loaded".into()));
                    change.expect.push(Expect::field(&fact, "state", "loaded"));
                }
            }
        }
        let is = if place == Some(ModulePlace::BuiltIn) { "built_in" } else { "loaded" };
        result.insert((*name).to_owned(), is.into());
        if lacks && let Some(next) = next {
            warnings
                .push(format!("the kernel of the next boot, {}, has no module {name}: it will not be there after a reboot", next.kernel));
        }
    }
    // what is to be loaded at boot is written before it is loaded now: a cut in between leaves less to do
    let mut files: Change = Plan::change([]);
    write(task, facts, own, &mut files, |content| listing(content, &listed, &unlisted))?;
    if let (Some(name), true) = (args.str("name"), args.is_given("params") || !is_present) {
        let file = EditedFile::look_at(task, facts, OPTIONS, "Destination")?;
        let wanted: Vec<String> = params.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let wanted = (is_present && !wanted.is_empty()).then(|| format!("options {name} {}\n", wanted.join(" ")));
        write(task, facts, file, &mut files, |content| given(content, name, wanted.as_deref()))?;
    }
    files.diff.extend(change.diff);
    files.steps.extend(change.steps);
    files.expect.extend(change.expect);
    let decision = planned(files).with("modules", result);
    Ok(warnings.into_iter().fold(decision, Decision::warns))
}

/// The line that keeps systemd from loading a module at boot.
fn forbidden<'a>(lines: &'a [FileLine], name: &str) -> Option<(&'a FileLine, &'static str)> {
    lines.iter().find_map(|line| match words(line).as_slice() {
        ["blacklist", word] if same(word, name) => Some((line, "is blacklisted")),
        ["install", word, program, ..] if same(word, name) && ["/bin/true", "/bin/false"].iter().any(|no| program.ends_with(no)) => {
            Some((line, "is replaced by a program that does nothing"))
        }
        _ => None,
    })
}

/// The file with a line for each of these, and none for those.
fn listing(content: &[u8], listed: &[&str], unlisted: &[&str]) -> Vec<u8> {
    let text = String::from_utf8_lossy(content);
    let (mut new, mut missing): (String, Vec<&str>) = (String::new(), listed.to_vec());
    for line in text.split_inclusive('\n') {
        let word = line.split(['#', ';']).next().unwrap_or_default().trim();
        if !word.is_empty() && unlisted.iter().any(|name| same(name, word)) {
            continue;
        }
        missing.retain(|name| !same(name, word));
        new.push_str(line);
    }
    if missing.is_empty() {
        return new.into_bytes();
    }
    if new.is_empty() {
        new.push_str(HEAD);
    } else if !new.ends_with('\n') {
        new.push('\n');
    }
    for name in missing {
        new.push_str(name);
        new.push('\n');
    }
    new.into_bytes()
}

/// The file with that line about the module in the place of all it had.
fn given(content: &[u8], name: &str, wanted: Option<&str>) -> Vec<u8> {
    let text = String::from_utf8_lossy(content);
    let mut new = String::new();
    let mut wanted = wanted;
    for line in text.split_inclusive('\n') {
        let mut words = line.split_whitespace();
        if words.next() == Some("options") && words.next().is_some_and(|word| same(word, name)) {
            new.push_str(wanted.take().unwrap_or_default());
        } else {
            new.push_str(line);
        }
    }
    if let Some(wanted) = wanted {
        if new.is_empty() {
            new.push_str(HEAD);
        } else if !new.ends_with('\n') {
            new.push('\n');
        }
        new.push_str(wanted);
    }
    new.into_bytes()
}

/// The parameters, each with its value as text.
fn params(task: &Task<'_>) -> Result<Vec<(String, String)>, Halt> {
    let one = |(key, value): (&String, &Value)| {
        let text = match value {
            Value::Bool(value) => if *value { "1" } else { "0" }.to_owned(),
            Value::Number(number) => number.to_string(),
            Value::String(text) if !text.is_empty() && !text.contains(char::is_whitespace) => text.clone(),
            _ => return Err(Halt::fail(format!("the value of the parameter {key} is to be a word, a number, true or false"))),
        };
        Ok((key.clone(), text))
    };
    task.args.dict("params").into_iter().flatten().map(one).collect()
}

#[cfg(test)]
pub(in crate::modules) mod tests {
    use serde_json::json;

    use super::*;
    use crate::modules::bench::{Bench, Seen};
    use crate::node::simulated::{Random, World};

    fn world(random: &mut Random) -> World {
        let mut world = World::new(random.number());
        for name in ["br_netfilter", "ip_vs", "dummy"] {
            world.add_module(name);
        }
        world.build_in("overlay");
        world
    }

    pub(in crate::modules) fn state(random: &mut Random) -> (Bench, Value) {
        let mut world = world(random);
        if random.once_in(2) {
            world.load("dummy");
        }
        if random.once_in(6) {
            world.next_kernel_lacks("dummy");
        }
        for (path, text) in [
            ("/etc/modules-load.d/homelabctl.conf", "# x\ndummy\nother"),
            ("/etc/modules-load.d/other.conf", "ip-vs\n"),
            ("/usr/lib/modprobe.d/b.conf", "# blacklist dummy\nblacklist ip_vs\n"),
            ("/etc/modprobe.d/homelabctl.conf", "options dummy n=1\n"),
        ] {
            if random.once_in(3) {
                world.add_directory(path.rsplit_once('/').unwrap().0, 0o755);
                world.add_file(path, text.as_bytes(), 0o644);
            }
        }
        let mut args = match random.below(3) {
            0 => json!({"names": ["overlay", "br-netfilter", "dummy"]}),
            1 => json!({"names": ["ip_vs", "dummy"]}),
            _ => json!({"name": *random.pick(&["dummy", "dummy", "overlay", "none"]).unwrap()}),
        };
        if args.get("name").is_some() && random.once_in(2) {
            args["params"] = random.pick(&[json!({"n": 2}), json!({"n": true, "m": "x"}), json!({"n": [1]})]).unwrap().clone();
        }
        if random.once_in(4) {
            args["state"] = "absent".into();
        }
        (Bench::new(world), args)
    }

    #[test]
    fn what_is_built_in_needs_nothing_and_the_rest_is_loaded_at_boot_too() {
        let mut bench = Bench::new(world(&mut Random::new(1)));
        let Seen::Changed(decision, ..) = bench.run(&HomelabKernelModule, &json!({"names": ["overlay", "br_netfilter"]})) else { panic!() };
        assert_eq!(decision.result["modules"], json!({"overlay": "built_in", "br_netfilter": "loaded"}));
        assert_eq!(bench.machine.world().content(OWN).unwrap(), format!("{HEAD}br_netfilter\n").into_bytes());
    }

    #[test]
    fn what_will_not_be_there_after_a_reboot_is_said_or_refused() {
        let mut world = world(&mut Random::new(1));
        world.next_kernel_lacks("dummy");
        world.add_directory("/etc/modprobe.d", 0o755);
        world.add_file("/etc/modprobe.d/b.conf", b"blacklist ip-vs\n", 0o644);
        let Seen::Changed(decision, ..) = Bench::new(world.clone()).run(&HomelabKernelModule, &json!({"name": "dummy"})) else { panic!() };
        assert!(decision.result["warnings"][0].as_str().unwrap().contains("6.2, has no module dummy"), "{:?}", decision.result);
        let Seen::Refused(why) = Bench::new(world).run(&HomelabKernelModule, &json!({"name": "ip_vs"})) else { panic!() };
        assert!(why.contains("ip_vs is blacklisted in /etc/modprobe.d/b.conf (line 1)"), "{why}");
    }

    #[test]
    fn files_keep_what_is_not_the_modules_own() {
        assert_eq!(listing(b"# a\nx-y # z\nb", &["x_y", "c"], &["b"]), b"# a\nx-y # z\nc\n");
        assert_eq!(
            given(b"options a x=1\n#\noptions a y=1\noptions b z=1", "a", Some("options a q=1\n")),
            b"options a q=1\n#\noptions b z=1"
        );
        assert_eq!(given(b"options a x=1\n", "a", None), b"");
    }
}
