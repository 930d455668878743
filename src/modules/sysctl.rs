//! `ansible.posix.sysctl`

use serde_json::{Map, Value};

use super::edited_file::{Edited, EditedFile};
use super::halt::{Halt, settled};
use super::outcome::{both, planned};
use super::{Act, Decision, Kind, Module, Opt, RequiredIf, Spec, Task, paths};
use crate::node::apply::Carried;
use crate::node::facts::{Setting, Stat, Sysctl as Parameter, SysctlState, as_shown};
use crate::node::steps::{LoadSysctls, NOT_SET, SetSysctl, Step};
use crate::node::{Change, Plan};
use crate::plan::{Expect, Facts, Stop};

/// A line of sysctl.conf(5), and the kernel parameter that it sets.
///
/// As in Ansible: the file is written anew with `key=value` lines, of several lines for a key the first stays. Otherwise than
/// there a line of another key that cannot be set is told and is no failure, a key that the kernel does not have and
/// `ignoreerrors` allows for is no change in every run, and what keeps a value from holding after a reboot is told.
#[derive(Debug)]
pub struct Sysctl;

static SPEC: Spec = Spec {
    options: &[
        Opt::new("name", Kind::Str).aliases(&["key"]).required().about("Name of the kernel parameter"),
        Opt::new("value", Kind::Str).aliases(&["val"]).about("Its value; yes and no become 1 and 0"),
        Opt::new("state", Kind::Str).default("present").choices(&["present", "absent"]).about("Whether the file has a line for it"),
        Opt::new("reload", Kind::Bool).default("true").about("Whether all that the file sets is set now, where anything changed"),
        Opt::new("sysctl_set", Kind::Bool).default("false").about("Whether the running kernel is looked at and set, too"),
        Opt::new("ignoreerrors", Kind::Bool).default("false").about("Whether it does not matter if the kernel has no such parameter"),
        Opt::new("sysctl_file", Kind::Path).default("/etc/sysctl.conf").about("The file"),
    ],
    required_if: &[RequiredIf { option: "state", value: "present", then: &["value"], any: false }],
    about: "Keeps a kernel parameter in sysctl.conf and sets it",
    notes: &[
        "Where the file is not read at boot, as /etc/sysctl.conf on Debian 13, or where a file that is read later sets another value, \
         a warning says so: the value would not hold after a reboot. `homelab.sysctl` refuses that instead.",
        "Where another line of the file cannot be set, Ansible's task fails; here that line is told, and only a failure of the task's own \
         parameter fails it.",
        "With `ignoreerrors` a parameter that the kernel does not have is a change in every run of Ansible; here it is one only where \
         the file changes.",
        "`homelab.sysctl` is the better choice for new playbooks.",
    ],
    example: "- name: packets are routed\n  ansible.posix.sysctl:\n    name: net.ipv4.ip_forward\n    value: '1'\n    sysctl_file: \
              /etc/sysctl.d/90-router.conf\n",
    ..Spec::new("ansible.posix", "sysctl")
};

impl Module for Sysctl {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn plan(&self, task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Stop> {
        settled(plan(task, facts))
    }

    fn result(&self, _task: &Task<'_>, _facts: &Facts<'_>, carried: Option<&Carried>) -> Result<Map<String, Value>, Stop> {
        Ok(not_set(carried))
    }
}

/// What the steps said could not be set, as warnings.
pub(super) fn not_set(carried: Option<&Carried>) -> Map<String, Value> {
    let outputs = carried.map(|carried| carried.outputs.as_slice()).unwrap_or_default();
    let said = outputs.iter().map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).collect::<String>();
    let lines: Vec<Value> = said.lines().filter(|line| line.starts_with(NOT_SET)).map(Into::into).collect();
    if lines.is_empty() { Map::new() } else { Map::from_iter([("warnings".to_owned(), Value::Array(lines))]) }
}

/// A value as it is compared: white space separates.
pub(super) fn same(one: &str, other: &str) -> bool {
    one.split_whitespace().eq(other.split_whitespace())
}

fn plan(task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Halt> {
    let args = task.args;
    let (name, is_present) = (args.str("name").unwrap_or_default().trim(), args.str("state") != Some("absent"));
    if name.is_empty() {
        return Err(Halt::fail("name cannot be blank"));
    }
    let given = args.str("value").unwrap_or_default();
    if is_present && given.is_empty() {
        return Err(Halt::fail("value cannot be blank"));
    }
    let value = match given.to_lowercase().as_str() {
        "yes" | "on" | "1" | "true" | "y" | "t" | "1.0" => "1".to_owned(),
        "no" | "off" | "0" | "false" | "n" | "f" | "0.0" => "0".to_owned(),
        _ => given.trim().to_owned(),
    };
    let path = paths::path(args.str("sysctl_file").unwrap_or_default(), task, facts)?;
    let parameter = Parameter::new(name);
    let asked = facts.get((parameter.clone(), Stat::new(LINK)));
    let (file, (state, link)) = match (EditedFile::look_at(task, facts, &path, "Destination"), asked) {
        (Ok(file), asked) => (file, asked?),
        (Err(Halt::Stop(stop)), asked) => return Err(both::<(), _>(Err(stop), asked).err().map_or_else(|| Halt::fail(""), Halt::Stop)),
        (Err(halt), _) => return Err(halt),
    };
    let text = match String::from_utf8(file.content.clone().unwrap_or_default()) {
        Ok(text) => text.replace("\r\n", "\n").replace('\r', "\n"),
        Err(_) => return Err(Halt::fail(format!("{path} is not UTF-8"))),
    };
    let state = state.unwrap_or(SysctlState { value: None, configured: None, settings: Vec::new(), not_read: Vec::new() });
    // what the file is called where it is read
    let is_linked = link.is_some_and(|link| link.target.is_some_and(|target| target.ends_with("sysctl.conf")));
    let read_as = if path == "/etc/sysctl.conf" && is_linked { LINK } else { path.as_str() };
    let job = Job { task, facts, name, value, is_present, parameter, state, read_as: read_as.to_owned() };
    job.plan(&path, file, &text)
}

/// By this link Debian 12 has /etc/sysctl.conf read.
const LINK: &str = "/etc/sysctl.d/99-sysctl.conf";

struct Job<'a> {
    task: &'a Task<'a>,
    facts: &'a Facts<'a>,
    name: &'a str,
    value: String,
    is_present: bool,
    parameter: Parameter,
    state: SysctlState,
    read_as: String,
}

impl Job<'_> {
    fn plan(self, path: &str, file: EditedFile, text: &str) -> Result<Decision, Halt> {
        let args = self.task.args;
        let has_key = self.state.value.is_some();
        let kernel = self.state.value.clone().unwrap_or_default();
        // what the kernel does not have cannot be other than it should be
        let differs = !same(&kernel, &self.value) && (has_key || !args.is("ignoreerrors"));
        let is = value_in(text, self.name);
        let (write, mut changed) = match (&is, self.is_present) {
            (None, true) => (true, true),
            (None, false) => (false, false),
            (Some(is), false) => (!is.is_empty(), !is.is_empty()),
            (Some(is), true) if *is != self.value => (true, true),
            (Some(_), true) => (false, args.is("reload") && differs),
        };
        let set = args.is("sysctl_set") && self.is_present && differs;
        changed |= set;
        let content = if write { written(text, self.name, self.is_present.then_some(&self.value)) } else { text.to_owned() };
        let after = self.state.clone().with_file(self.name, &self.read_as, &content);
        let warning = self.is_present.then(|| self.does_not_hold(path, &after)).flatten();
        let mut change: Change = Plan::change([]);
        if set {
            change.steps.push(SetSysctl { name: self.name.into(), value: self.value.clone() }.into());
        }
        if write {
            let edited = Edited { content: content.into_bytes(), changed: true, message: String::new(), found: None };
            file.write_into(self.task, self.facts, edited, &mut change)?;
        }
        let loads = changed && args.is("reload");
        if loads {
            let key = self.is_present.then(|| self.name.to_owned());
            change.steps.push(LoadSysctls { file: path.to_owned(), key, ignore_missing: args.is("ignoreerrors") }.into());
        }
        if self.task.check && self.is_present && !has_key && !args.is("ignoreerrors") && (set || loads) {
            let why = format!("there is no kernel parameter {} now: setting it fails unless something loads its module before", self.name);
            let touches = vec![crate::plan::Touch::Files(path.to_owned()), crate::plan::Touch::Sysctls];
            return Ok(Decision { act: Act::Pending(why, touches), ..Decision::unchanged() });
        }
        let is_set = self.is_present && has_key && (set || loads);
        let moves = is_set && !same(&kernel, &self.value);
        if moves || (change.diff.is_empty() && !change.steps.is_empty()) {
            change = change.differs(format!("sysctl {}", self.name), self.state.value.clone(), Some(self.value.clone()));
        }
        self.foretell(&mut change, after, is_set);
        let decision = planned(change);
        Ok(match warning {
            Some(warning) => decision.warns(warning),
            None => decision,
        })
    }

    /// Why the value would be another after a reboot.
    fn does_not_hold(&self, path: &str, after: &SysctlState) -> Option<String> {
        let name = self.name;
        let ours: Vec<&Setting> = after.settings.iter().filter(|setting| setting.file == self.read_as).collect();
        match after.winner() {
            _ if ours.is_empty() => Some(format!(
                "{path} is not read at boot here, so {name} will be what it was after a reboot: use a file in /etc/sysctl.d that ends in .conf"
            )),
            Some(winner) if !winner.value.as_deref().is_some_and(|value| same(value, &self.value)) => {
                let sets =
                    winner.value.as_deref().map_or_else(|| format!("leaves {name} alone"), |value| format!("sets {name} to {value}"));
                Some(format!("{} (line {}) {sets} at boot: it is read later than {path}", winner.file, winner.line))
            }
            _ => None,
        }
    }

    fn foretell(&self, change: &mut Change, after: SysctlState, is_set: bool) {
        if change.steps.is_empty() {
            return;
        }
        let value = if is_set { Some(as_shown(&self.value)) } else { self.state.value.clone() };
        // the file's other lines do what they do, and the kernel may have its own mind about a value
        let nothing = value.is_none() && after.settings.is_empty() && after.not_read.is_empty();
        let steps_set = change.steps.iter().any(|step| matches!(step, Step::LoadSysctls(_) | Step::SetSysctl(_)));
        let expect = if nothing { Expect::absent(&self.parameter) } else { Expect::is(&self.parameter, &SysctlState { value, ..after }) };
        change.expect.push(if steps_set || nothing { expect.loosely() } else { expect });
    }
}

/// The last value that a file has for a key, as it is written there.
fn value_in(text: &str, name: &str) -> Option<String> {
    settings(text).filter_map(|(_, setting)| setting).filter(|(key, _)| *key == name).last().map(|(_, value)| value.to_owned())
}

/// Each line without the white space around it, and what it sets.
fn settings(text: &str) -> impl Iterator<Item = (&str, Option<(&str, &str)>)> {
    text.lines().map(str::trim).map(|line| {
        let setting = line.split_once('=').filter(|_| !line.starts_with(['#', ';']));
        (line, setting.map(|(key, value)| (key.trim(), value.trim())))
    })
}

/// The file as Ansible writes it: of each key the first line, in the form `key=value`.
fn written(text: &str, name: &str, value: Option<&String>) -> String {
    let (mut seen, mut lines): (Vec<&str>, Vec<String>) = (Vec::new(), Vec::new());
    for (line, setting) in settings(text) {
        match setting {
            None => lines.push(line.to_owned()),
            Some((key, _)) if seen.contains(&key) => {}
            Some((key, is)) => {
                seen.push(key);
                if key == name {
                    lines.extend(value.map(|value| format!("{key}={value}")));
                } else {
                    lines.push(format!("{key}={is}"));
                }
            }
        }
    }
    if !seen.contains(&name) {
        lines.extend(value.map(|value| format!("{name}={value}")));
    }
    lines.into_iter().map(|line| line + "\n").collect()
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::*;
    use crate::modules::bench::{Bench, Seen};
    use crate::node::simulated::{Random, World};

    pub(crate) fn state(random: &mut Random) -> (Bench, Value) {
        let mut world = World::new(random.number());
        world.add_directory("/etc/sysctl.d", 0o755);
        for key in ["a.b", "c.d"] {
            if !random.once_in(4) {
                world.add_sysctl(key, random.pick(&["0", "1", "4\t5"]).unwrap());
            }
        }
        let text = random.pick(&["", "# a\n a.b = 1\nc.d=2\na.b=3\n", "a.b=1\nx.y=1\n", ";\n\nno\nc.d=4 5"]).unwrap();
        match random.below(3) {
            0 => world.add_file("/etc/sysctl.conf", text.as_bytes(), 0o644),
            1 => world.add_file("/etc/sysctl.d/90-a.conf", text.as_bytes(), 0o600),
            _ => {}
        }
        if random.once_in(3) {
            world.add_file("/etc/sysctl.d/99-z.conf", b"a.b=7\n", 0o644);
        }
        if random.once_in(30) {
            world.add_directory("/etc/sysctl.d/90-a.conf", 0o755);
        }
        let mut args = json!({"name": *random.pick(&["a.b", "a/b", "c.d", "c.d"]).unwrap(), "value": *random.pick(&["1", "yes", "4 5", "0"]).unwrap()});
        let options: &[(&str, Value)] = &[
            ("state", json!("absent")),
            ("reload", json!(false)),
            ("sysctl_set", json!(true)),
            ("ignoreerrors", json!(true)),
            ("sysctl_file", json!("/etc/sysctl.d/90-a.conf")),
        ];
        for (name, value) in options {
            if random.once_in(3) {
                args[*name] = value.clone();
            }
        }
        if random.once_in(20) {
            args["name"] = " ".into();
        }
        (Bench::new(world), args)
    }

    #[test]
    fn the_file_is_written_as_ansible_writes_it() {
        let text = " # c\n\na.b = 1\nnothing\nc.d=  2 3 \na.b=9\n;x=1\n";
        assert_eq!(written(text, "a.b", Some(&"5".to_owned())), "# c\n\na.b=5\nnothing\nc.d=2 3\n;x=1\n");
        assert_eq!(written(text, "a.b", None), "# c\n\nnothing\nc.d=2 3\n;x=1\n");
        assert_eq!(written("", "n", Some(&"1".to_owned())), "n=1\n");
        assert_eq!((value_in(text, "a.b").as_deref(), value_in(text, "x")), (Some("9"), None));
    }

    #[test]
    fn what_keeps_a_value_from_holding_is_told() {
        let mut world = World::new(1);
        world.add_directory("/etc/sysctl.d", 0o755);
        world.add_sysctl("a.b", "0");
        let warnings = |world: &World, args: Value| match Bench::new(world.clone()).run(&Sysctl, &args) {
            Seen::Changed(decision, ..) | Seen::Unchanged(decision) => decision.result.get("warnings").map(ToString::to_string),
            other => panic!("{other:?}"),
        };
        let default = warnings(&world, json!({"name": "a.b", "value": "1"})).unwrap();
        assert!(default.contains("not read at boot"), "{default}");
        assert_eq!(warnings(&world, json!({"name": "a.b", "value": "1", "sysctl_file": "/etc/sysctl.d/10-a.conf"})), None);
        world.add_file("/etc/sysctl.d/99-z.conf", b"# z\na/b = 7\n", 0o644);
        let late = warnings(&world, json!({"name": "a.b", "value": "1", "sysctl_file": "/etc/sysctl.d/10-a.conf"})).unwrap();
        assert!(late.contains("/etc/sysctl.d/99-z.conf (line 2) sets a.b to 7"), "{late}");
    }

    #[test]
    fn another_line_that_cannot_be_set_is_told_and_no_failure() {
        let mut world = World::new(1);
        world.add_sysctl("a.b", "0");
        world.add_file("/etc/sysctl.conf", b"x.y=1\n", 0o644);
        let mut bench = Bench::new(world);
        let args = json!({"name": "a.b", "value": "1"});
        let Seen::Changed(_, _, carried) = bench.run(&Sysctl, &args) else { panic!() };
        let warnings = bench.result(&Sysctl, &args, Some(&carried))["warnings"].to_string();
        assert!(warnings.contains("not set: x.y"), "{warnings}");
        let Seen::StepFailed(why) = bench.run(&Sysctl, &json!({"name": "e.f", "value": "1"})) else { panic!() };
        assert!(why.contains("is its module loaded?"), "{why}");
    }
}
