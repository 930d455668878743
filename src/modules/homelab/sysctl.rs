//! `homelab.sysctl`

use serde_json::{Map, Value};

use super::write;
use crate::modules::edited_file::EditedFile;
use crate::modules::halt::{self, Halt, settled};
use crate::modules::outcome::planned;
use crate::modules::sysctl::same;
use crate::modules::{Decision, Kind, Module, Opt, Spec, Task};
use crate::node::facts::{Sysctl as Parameter, SysctlState, as_shown, with_slashes};
use crate::node::steps::SetSysctl;
use crate::node::{Change, Plan};
use crate::plan::{Expect, Facts, Stop};

/// Kernel parameters have these values, now and after a reboot.
///
/// Nothing is done where another file would set another value at boot: that is shown and refused.
#[derive(Debug)]
pub struct HomelabSysctl;

static SPEC: Spec = Spec {
    options: &[
        Opt::new("settings", Kind::Dict).about("Several parameters and their values"),
        Opt::new("name", Kind::Str).aliases(&["key"]).about("Name of one parameter"),
        Opt::new("value", Kind::Raw).about("Its value: a text, a number, true or false, or a list of numbers"),
        Opt::new("state", Kind::Str)
            .default("present")
            .choices(&["present", "absent"])
            .about("Whether the file sets them; what is taken out of the file stays as it is until the next boot"),
        Opt::new("file", Kind::Path)
            .default("/etc/sysctl.d/90-homelabctl.conf")
            .about("The file, in /etc/sysctl.d and with a name that ends in .conf"),
    ],
    one_of: &[&["settings", "name"]],
    exclusive: &[&["settings", "name"]],
    required_by: &[("value", &["name"])],
    about: "Gives kernel parameters their values, now and after a reboot",
    notes: &[
        "If a file that is read later at boot sets another value, the task is refused and names the file and the line. Patterns \
         (`net.ipv4.conf.*.rp_filter`) are weaker than a parameter's own line and do not matter.",
        "A parameter that the running kernel does not have is a failure: its module is to be loaded before, with `homelab.kernel_module`.",
        "The value is read back: a kernel that makes another value of it is a failure.",
        "`net.ipv4.conf.default.*` holds for interfaces that come later, and interfaces that are there keep what they have.",
    ],
    example: "- name: watches enough for many containers\n  homelab.sysctl:\n    settings:\n      fs.inotify.max_user_watches: 524288\n      \
              fs.inotify.max_user_instances: 512\n",
    ..Spec::new("homelab", "sysctl")
};

/// What the file begins with.
const HEAD: &str = "# Written by homelabctl (homelab.sysctl): changes of these lines are taken back by its next run\n";

impl Module for HomelabSysctl {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn plan(&self, task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Stop> {
        settled(plan(task, facts))
    }
}

fn plan(task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Halt> {
    let args = task.args;
    let is_present = args.str("state") != Some("absent");
    let wanted = wanted(task, is_present)?;
    let path = args.str("file").unwrap_or_default();
    if !path.strip_prefix("/etc/sysctl.d/").is_some_and(|name| name.ends_with(".conf") && !name.contains('/')) {
        return Err(Halt::fail(format!("{path} is not read at boot: `file` is to be in /etc/sysctl.d and to end in .conf")));
    }
    let parameters: Vec<Parameter> = wanted.iter().map(|(key, _)| Parameter::new(key.as_str())).collect();
    let (file, states) = halt::both(EditedFile::look_at(task, facts, path, "Destination"), facts.get(parameters.clone()))?;
    let text = String::from_utf8(file.content.clone().unwrap_or_default()).map_err(|_| Halt::fail(format!("{path} is not UTF-8")))?;
    let new = edited(&text, &wanted, is_present);
    let mut change: Change = Plan::change([]);
    let (mut before, mut set) = (Map::new(), Vec::new());
    let mut promises = Vec::new();
    for (((key, value), parameter), state) in wanted.iter().zip(&parameters).zip(states) {
        let state = state.unwrap_or(SysctlState { value: None, configured: None, settings: Vec::new(), not_read: Vec::new() });
        let after = state.clone().with_file(key, path, &new);
        if is_present {
            let Some(is) = &state.value else {
                return Err(Halt::fail(format!(
                    "the running kernel has no parameter {key}: load the module that brings it before, with homelab.kernel_module"
                )));
            };
            let_hold(key, value, path, &after)?;
            before.insert(key.clone(), Value::from(is.as_str()));
            if !same(is, value) {
                set.push((SetSysctl { name: key.clone(), value: value.clone() }, is.clone()));
            }
        }
        let will = if is_present { Some(as_shown(value)) } else { state.value.clone() };
        let nothing = will.is_none() && after.settings.is_empty() && after.not_read.is_empty();
        promises.push(if nothing { Expect::absent(parameter) } else { Expect::is(parameter, &SysctlState { value: will, ..after }) });
    }
    write(task, facts, file, &mut change, |_| new.into_bytes())?;
    for (step, is) in set {
        change = change.differs(format!("sysctl {}", step.name), Some(is), Some(step.value.clone()));
        change.steps.push(step.into());
    }
    if !change.steps.is_empty() {
        change.expect.extend(promises);
    }
    let settings: Map<String, Value> = wanted.into_iter().map(|(key, value)| (key, value.into())).collect();
    Ok(planned(change).with("file", path).with("settings", settings).with("before", before))
}

/// Refuses where another file would have the last word at boot.
fn let_hold(key: &str, value: &str, path: &str, after: &SysctlState) -> Result<(), Halt> {
    match after.winner() {
        Some(winner) if !winner.value.as_deref().is_some_and(|set| same(set, value)) => {
            let says = winner.value.as_deref().map_or_else(|| format!("-{}", winner.key), |set| format!("{} = {set}", winner.key));
            let (other, line) = (&winner.file, winner.line);
            Err(Halt::refuse(
                format!("at boot {other} has the last word on {key}: its line {line} says `{says}`, and it is read after {path}"),
                format!("take that line out of {other}, or give `file` a name that comes later, such as /etc/sysctl.d/zz-homelabctl.conf"),
            ))
        }
        _ => Ok(()),
    }
}

/// The parameters, each with its value as text.
fn wanted(task: &Task<'_>, is_present: bool) -> Result<Vec<(String, String)>, Halt> {
    let args = task.args;
    let mut given: Vec<(String, Value)> = Vec::new();
    if let Some(name) = args.str("name") {
        given.push((name.trim().to_owned(), args.get("value").cloned().unwrap_or_default()));
    }
    given.extend(args.dict("settings").into_iter().flatten().map(|(key, value)| (key.trim().to_owned(), value.clone())));
    let mut wanted: Vec<(String, String)> = Vec::new();
    for (key, value) in given {
        if key.is_empty() || key.contains(['*', '?', '[', '=', '\n']) {
            return Err(Halt::fail(format!("{key:?} is no name of a kernel parameter")));
        }
        if let Some((twice, _)) = wanted.iter().find(|(known, _)| with_slashes(known) == with_slashes(&key)) {
            return Err(Halt::fail(format!("{key} and {twice} are the same kernel parameter")));
        }
        let text = text_of(&value)
            .ok_or_else(|| Halt::fail(format!("the value of {key} is to be a text, a number, true, false, or a list of numbers")))?;
        if is_present && text.is_empty() {
            return Err(Halt::fail(format!("{key} needs a value")));
        }
        wanted.push((key, text));
    }
    Ok(wanted)
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::Bool(value) => Some(if *value { "1" } else { "0" }.to_owned()),
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) if !text.contains('\n') => Some(text.trim().to_owned()),
        Value::Array(values) => {
            let words: Option<Vec<String>> = values.iter().map(|value| value.as_i64().map(|number| number.to_string())).collect();
            words.map(|words| words.join(" "))
        }
        Value::Null => Some(String::new()),
        _ => None,
    }
}

/// The file with one line for each of them, in the place of the first that it had.
fn edited(text: &str, wanted: &[(String, String)], is_present: bool) -> String {
    let key_of = |line: &str| {
        let line = line.trim();
        if line.starts_with(['#', ';']) {
            return None;
        }
        let key = line.split_once('=').map_or_else(|| line.strip_prefix('-'), |(key, _)| Some(key))?;
        let key = with_slashes(key.trim().trim_start_matches('-'));
        wanted.iter().position(|(known, _)| with_slashes(known) == key)
    };
    let mut missing: Vec<bool> = vec![is_present; wanted.len()];
    let mut new = String::new();
    for line in text.split_inclusive('\n') {
        let Some((at, (key, value))) = key_of(line).and_then(|at| Some((at, wanted.get(at)?))) else {
            new.push_str(line);
            continue;
        };
        if let Some(missing) = missing.get_mut(at).filter(|missing| **missing) {
            *missing = false;
            let is = line.split_once('=').map(|(_, value)| value.trim());
            // what says the same already stays as it is written
            if is.is_some_and(|is| same(is, value)) && line.ends_with('\n') {
                new.push_str(line);
            } else {
                new.push_str(&format!("{key} = {value}\n"));
            }
        }
    }
    let added: String =
        wanted.iter().zip(missing).filter(|(_, missing)| *missing).map(|((key, value), _)| format!("{key} = {value}\n")).collect();
    if !added.is_empty() {
        if text.is_empty() {
            new.push_str(HEAD);
        } else if !new.is_empty() && !new.ends_with('\n') {
            new.push('\n');
        }
        new.push_str(&added);
    }
    new
}

#[cfg(test)]
pub(in crate::modules) mod tests {
    use serde_json::json;

    use super::*;
    use crate::modules::bench::{Bench, Seen};
    use crate::node::simulated::{Random, World};

    pub(in crate::modules) fn state(random: &mut Random) -> (Bench, Value) {
        let mut world = World::new(random.number());
        for key in ["a.b", "c.d", "c.e"] {
            if !random.once_in(6) {
                world.add_sysctl(key, random.pick(&["0", "1", "4\t5"]).unwrap());
            }
        }
        for (path, text) in [
            ("/etc/sysctl.d/90-homelabctl.conf", "# mine\na.b = 1\nc.d=2\na/b=3"),
            ("/etc/sysctl.d/99-z.conf", "c.d = 1\n"),
            ("/usr/lib/sysctl.d/50-a.conf", "a.* = 9\n-a.b\nc.d=7\n"),
            ("/etc/sysctl.conf", "a.b=8\n"),
        ] {
            if random.once_in(3) {
                world.add_directory(path.rsplit_once('/').unwrap().0, 0o755);
                world.add_file(path, text.as_bytes(), 0o644);
            }
        }
        let mut args = match random.below(3) {
            0 => json!({"settings": {"a.b": 1, "c.d": true}}),
            1 => json!({"settings": {"c/d": [4, 5], "c.e": "1"}}),
            _ => {
                json!({"name": *random.pick(&["a.b", "c.d", "c.e", "x.*"]).unwrap(), "value": random.pick(&[json!(1), json!("0"), json!(null)]).unwrap()})
            }
        };
        if random.once_in(4) {
            args["state"] = "absent".into();
        }
        if random.once_in(6) {
            args["file"] = (*random.pick(&["/etc/sysctl.d/zz.conf", "/etc/sysctl.conf"]).unwrap()).into();
        }
        (Bench::new(world), args)
    }

    #[test]
    fn each_parameter_has_one_line_and_others_stay() {
        let wanted = [("a.b".to_owned(), "1".to_owned()), ("c.d".to_owned(), "2".to_owned())];
        assert_eq!(edited("", &wanted, true), format!("{HEAD}a.b = 1\nc.d = 2\n"));
        assert_eq!(edited("# x\n-a/b=7\ne.f=1\na.b = 3", &wanted, true), "# x\na.b = 1\ne.f=1\nc.d = 2\n");
        assert_eq!(edited("a.b=1\nc.d=2", &wanted, true), "a.b=1\nc.d = 2\n");
        assert_eq!(edited("e.f=1\na.b=1\n-c.d\n", &wanted, false), "e.f=1\n");
    }

    #[test]
    fn nobody_has_the_last_word_unseen() {
        let mut world = World::new(1);
        world.add_sysctl("fs.x", "1");
        world.add_directory("/usr/lib/sysctl.d", 0o755);
        world.add_file("/usr/lib/sysctl.d/99-vendor.conf", b"\nfs/x = 5\n", 0o644);
        let args = json!({"name": "fs.x", "value": 3});
        let Seen::Refused(why) = Bench::new(world.clone()).run(&HomelabSysctl, &args) else { panic!() };
        assert!(why.contains("/usr/lib/sysctl.d/99-vendor.conf") && why.contains("line 2 says `fs/x = 5`"), "{why}");
        let late = json!({"name": "fs.x", "value": 3, "file": "/etc/sysctl.d/zz.conf"});
        assert!(matches!(Bench::new(world.clone()).run(&HomelabSysctl, &late), Seen::Changed(..)));
        let none = json!({"name": "net.bridge.x", "value": 1});
        let Seen::Failed(why) = Bench::new(world).run(&HomelabSysctl, &none) else { panic!() };
        assert!(why.contains("homelab.kernel_module"), "{why}");
    }
}
