//! `community.general.modprobe`

use serde_json::{Map, Value};

use super::edited_file::{Edited, EditedFile};
use super::halt::{Halt, settled};
use super::outcome::{both, planned};
use super::{Act, Decision, Kind, Module, Opt, Spec, Task};
use crate::node::apply::Output;
use crate::node::facts::{FileLine, LinesIn, Module as KernelModule, ModulePlace};
use crate::node::steps::{LoadModule, UnloadModule};
use crate::node::{Change, Plan};
use crate::plan::{Expect, Facts, Stop};

/// A kernel module is loaded, or is not; now, and with `persistent` at boot.
///
/// As in Ansible: parameters of a module that is loaded are not looked at, and files are named by the module. Otherwise than
/// there a line that is taken out of force is commented and the rest of its file stays as it is.
#[derive(Debug)]
pub struct Modprobe;

static SPEC: Spec = Spec {
    options: &[
        Opt::new("name", Kind::Str).required().about("Name of the module"),
        Opt::new("state", Kind::Str).default("present").choices(&["absent", "present"]).about("Whether it is loaded now"),
        Opt::new("params", Kind::Str).default("''").about("Its parameters, as modprobe takes them; those of a loaded module stay"),
        Opt::new("persistent", Kind::Str)
            .default("disabled")
            .choices(&["disabled", "present", "absent"])
            .about("Whether it is loaded at boot, by files in /etc/modules-load.d and /etc/modprobe.d; disabled leaves them alone"),
    ],
    about: "Loads and unloads a kernel module",
    notes: &[
        "Without `persistent: present` the module is gone after a reboot.",
        "Lines of the files that no longer hold are commented; Ansible also puts an empty line between all lines of such a file.",
        "In check mode a name that is no module's own (an alias) is reported as not known.",
        "`homelab.kernel_module` also says what is built in, what is blacklisted and what the next boot's kernel lacks.",
    ],
    example: "- name: bridges are filtered, now and after a reboot\n  community.general.modprobe:\n    name: br_netfilter\n    persistent: present\n",
    ..Spec::new("community.general", "modprobe")
};

impl Module for Modprobe {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn plan(&self, task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Stop> {
        let mut decision = settled(plan(task, facts))?;
        for (name, option) in [("name", "name"), ("params", "params"), ("state", "state")] {
            decision.result.insert(name.into(), task.args.str(option).unwrap_or_default().into());
        }
        Ok(decision)
    }

    fn failed(&self, _task: &Task<'_>, output: &Output) -> Map<String, Value> {
        let text = |bytes: &[u8]| Value::from(String::from_utf8_lossy(bytes));
        let said = [("rc", output.status.into()), ("stdout", text(&output.stdout)), ("stderr", text(&output.stderr))];
        said.map(|(name, value)| (name.to_owned(), value)).into_iter().collect()
    }
}

/// Where modules are named that are loaded at boot.
pub(super) const MODULES_LOAD: &str = "/etc/modules-load.d";
/// Where their parameters stand.
const MODPROBE: &str = "/etc/modprobe.d";

fn plan(task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Halt> {
    let args = task.args;
    let name = args.str("name").unwrap_or_default();
    let params = args.str("params").unwrap_or_default();
    let wants = args.str("persistent").unwrap_or("disabled");
    let module = KernelModule::new(name);
    let files = if wants == "disabled" { Ok(None) } else { facts.get((LinesIn::new([MODULES_LOAD]), LinesIn::new([MODPROBE]))).map(Some) };
    let (place, files) = both(facts.get(module.clone()), files)?;
    let place = place.map(|module| module.state);
    let is_there = matches!(place, Some(ModulePlace::Loaded | ModulePlace::BuiltIn));
    let mut change: Change = Plan::change([]);
    match args.str("state") {
        Some("absent") if is_there => {
            change.steps.push(UnloadModule { name: name.into() }.into());
            change = change.differs(format!("kernel module {name}"), Some("loaded".into()), None);
            change.expect.push(Expect::field(&module, "state", "available").loosely());
        }
        Some("absent") => {}
        _ if is_there => {}
        // modprobe knows more names than those of modules
        _ if place.is_none() && task.check => {
            let why = format!("the running kernel has no module of the name {name}: only a real run says whether modprobe knows it");
            return Ok(Decision { act: Act::Pending(why, vec![crate::plan::Touch::Modules]), ..Decision::unchanged() });
        }
        _ => {
            let parameters = shell_words(params)?;
            change.steps.push(LoadModule { name: name.into(), parameters }.into());
            change = change.differs(format!("kernel module {name}"), None, Some("loaded".into()));
            if place.is_some() {
                change.expect.push(Expect::field(&module, "state", "loaded"));
            }
        }
    }
    if let Some((modules, options)) = files {
        let lines = Lines { modules: modules.unwrap_or_default(), options: options.unwrap_or_default() };
        persist(task, facts, &lines, wants == "present", &mut change)?;
    }
    Ok(planned(change))
}

/// The lines that may be the module's.
struct Lines {
    modules: Vec<FileLine>,
    options: Vec<FileLine>,
}

/// Whether nothing but a comment is left of a line.
fn ends(rest: &str) -> bool {
    let rest = rest.trim_start_matches(' ');
    rest.is_empty() || rest.starts_with(['#', ';'])
}

/// Whether a line of modules-load.d(5) names the module.
pub(super) fn names(line: &str, name: &str) -> bool {
    line.trim_start_matches(' ').strip_prefix(name).is_some_and(|rest| (rest.is_empty() || rest.starts_with([' ', '#', ';'])) && ends(rest))
}

/// The one parameter that a line of modprobe.d(5) gives the module.
fn parameter<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let rest = line.strip_prefix("options ")?.strip_prefix(name)?.strip_prefix(' ')?;
    let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
    let (word, after) = rest.split_at_checked(end)?;
    let (key, value) = word.split_once('=')?;
    let is_word = !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || c == '_');
    (is_word && !value.is_empty() && ends(after)).then_some(word)
}

fn persist(task: &Task<'_>, facts: &Facts<'_>, lines: &Lines, wanted: bool, change: &mut Change) -> Result<(), Halt> {
    let name = task.args.str("name").unwrap_or_default();
    let named: Vec<&FileLine> = lines.modules.iter().filter(|line| names(&line.text, name)).collect();
    let set: Vec<(&FileLine, &str)> = lines.options.iter().filter_map(|line| Some((line, parameter(&line.text, name)?))).collect();
    let params: Vec<&str> = task.args.str("params").unwrap_or_default().split_whitespace().collect();
    let is_set = params.iter().all(|param| set.iter().any(|(_, is)| is == param)) && set.iter().all(|(_, is)| params.contains(is));
    let (module_file, option_file) = (format!("{MODULES_LOAD}/{name}.conf"), format!("{MODPROBE}/{name}.conf"));
    if wanted && named.is_empty() {
        edit(task, facts, &module_file, change, |_| format!("{name}\n").into_bytes())?;
    }
    if !wanted {
        for file in files_of(named.iter().map(|line| line.file.as_str())) {
            edit(task, facts, &file, change, |content| commented(content, |line| names(line, name)))?;
        }
    }
    if wanted && is_set || !wanted && set.is_empty() {
        return Ok(());
    }
    for file in files_of(set.iter().map(|(line, _)| line.file.as_str())).into_iter().filter(|file| !wanted || *file != option_file) {
        edit(task, facts, &file, change, |content| commented(content, |line| parameter(line, name).is_some()))?;
    }
    if wanted {
        let text: Vec<String> = params.iter().map(|param| format!("options {name} {param}")).collect();
        edit(task, facts, &option_file, change, |_| (text.join("\n") + "\n").into_bytes())?;
    }
    Ok(())
}

/// The text with such lines commented.
pub(super) fn commented(content: &[u8], is_meant: impl Fn(&str) -> bool) -> Vec<u8> {
    let mut new = Vec::with_capacity(content.len() + 1);
    for line in content.split_inclusive(|byte| *byte == b'\n') {
        if is_meant(String::from_utf8_lossy(line).trim_end_matches('\n')) {
            new.push(b'#');
        }
        new.extend_from_slice(line);
    }
    new
}

/// Each file once.
fn files_of<'a>(files: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for file in files {
        if !all.iter().any(|known| known == file) {
            all.push(file.to_owned());
        }
    }
    all
}

/// Writes a file of configuration with another content, and nothing if it has that content.
pub(super) fn edit(
    task: &Task<'_>,
    facts: &Facts<'_>,
    path: &str,
    change: &mut Change,
    content: impl FnOnce(&[u8]) -> Vec<u8>,
) -> Result<(), Halt> {
    let file = EditedFile::look_at(task, facts, path, "Destination")?;
    let is = file.content.clone();
    let new = content(is.as_deref().unwrap_or_default());
    let edited = Edited { changed: is.as_deref() != Some(new.as_slice()), content: new, message: String::new(), found: None };
    file.write_into(task, facts, edited, change)
}

/// Words as Python's `shlex.split` has them.
fn shell_words(text: &str) -> Result<Vec<String>, Halt> {
    let words = crate::template::words::split_all(text).map_err(|error| Halt::fail(format!("params: {}", error.why)))?;
    Ok(words.into_iter().map(|word| word.text).collect())
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::modules::bench::{Bench, Seen};
    use crate::node::simulated::{Random, World};

    pub(crate) fn state(random: &mut Random) -> (Bench, Value) {
        let mut world = World::new(random.number());
        world.add_module("br_netfilter");
        world.add_module("dummy");
        if random.once_in(2) {
            world.load("dummy");
        }
        for (path, text) in [
            ("/etc/modules-load.d/a.conf", " dummy # it\nother\n"),
            ("/etc/modules-load.d/dummy.conf", "dummy\n"),
            ("/etc/modprobe.d/a.conf", "options dummy n=1\noptions dummy m=2 # two\noptions other n=1\n"),
            ("/etc/modprobe.d/dummy.conf", "options dummy n=1\n"),
        ] {
            if random.once_in(3) {
                world.add_directory(path.rsplit_once('/').unwrap().0, 0o755);
                world.add_file(path, text.as_bytes(), 0o644);
            }
        }
        let mut args = json!({"name": *random.pick(&["dummy", "dummy", "br_netfilter", "none"]).unwrap()});
        let options: &[(&str, &[Value])] = &[
            ("state", &[json!("absent"), json!("present")]),
            ("params", &[json!("n=1"), json!("n=1 m=2"), json!("'a b'=\"c\"")]),
            ("persistent", &[json!("present"), json!("absent")]),
        ];
        for (name, values) in options {
            if random.once_in(2) {
                args[*name] = random.pick(values).unwrap().clone();
            }
        }
        if random.once_in(20) {
            args["params"] = "'open".into();
        }
        (Bench::new(world), args)
    }

    #[test]
    fn a_line_is_the_modules_own_or_not() {
        assert!(names("  dummy  # x", "dummy") && names("dummy;x", "dummy") && !names("dummy2", "dummy") && !names("#dummy", "dummy"));
        assert_eq!(parameter("options dummy n=1  ; x", "dummy"), Some("n=1"));
        for line in ["options dummy n=1 m=2", "options dummy2 n=1", " options dummy n=1", "options dummy n", "options dummy n="] {
            assert_eq!(parameter(line, "dummy"), None, "{line}");
        }
    }

    #[test]
    fn what_no_longer_holds_is_commented_and_the_rest_stays() {
        let mut world = World::new(1);
        world.add_module("dummy");
        world.add_directory("/etc/modprobe.d", 0o755);
        world.add_file("/etc/modprobe.d/a.conf", b"# mine\noptions dummy n=2\noptions other n=1", 0o644);
        let mut bench = Bench::new(world);
        let seen = bench.run(&Modprobe, &json!({"name": "dummy", "params": "n=1 m=2", "persistent": "present"}));
        let Seen::Changed(decision, ..) = seen else { panic!("{seen:?}") };
        assert_eq!((&decision.result["params"], &decision.result["state"]), (&json!("n=1 m=2"), &json!("present")));
        let mut content = |path: &str| String::from_utf8(bench.machine.world().content(path).unwrap()).unwrap();
        assert_eq!(content("/etc/modprobe.d/a.conf"), "# mine\n#options dummy n=2\noptions other n=1");
        assert_eq!(content("/etc/modprobe.d/dummy.conf"), "options dummy n=1\noptions dummy m=2\n");
        assert_eq!(content("/etc/modules-load.d/dummy.conf"), "dummy\n");
    }
}
