//! Plays on simulated machines.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use tokio_util::sync::CancellationToken;

use super::*;
use crate::inventory::{Given, Inventory, Pattern};
use crate::node::simulated::{Simulated, World};
use crate::playbook::{self, Playbook, Request};
use crate::report::{Event, Outcome, TaskAnswer, TaskOutcome};
use crate::template::{Engine as Template, Surroundings};
use crate::yaml::Keys;

mod ahead;
mod conditions;
mod hidden;
mod includes;
mod language;
mod parts;
mod play_level;

/// Simulated machines that outlive a run.
#[derive(Clone, Default)]
struct Fleet(Arc<Mutex<BTreeMap<String, World>>>, Arc<Mutex<Vec<String>>>);

struct Connected(Fleet);

impl Machines for Connected {
    type Machine = Simulated;

    fn run(&self) -> String {
        "a simulated run".to_owned()
    }

    async fn connect(&self, host: &str, via: &Via) -> Result<Reached<Simulated>, NotReached> {
        let how: Vec<String> = via.iter().map(|(name, value)| format!(" {name}={value}")).collect();
        self.0.1.lock().unwrap().push(format!("{host}{}", how.concat()));
        if host.starts_with("gone") {
            return Err(NotReached { why: "no route to host".to_owned(), hint: None });
        }
        let world = self.0.0.lock().unwrap().remove(host).unwrap_or_else(|| World::new(1));
        let mut machine = Simulated::new(world);
        machine.begin_run("nonce", 0).unwrap();
        Ok(Reached { machine, user: "root".to_owned(), become_user: None })
    }

    fn grown(&self, _: &Arc<Inventory>) {}

    async fn lock(&self, _: &str, _: &Via, _: &mut Simulated) -> Result<(), NotReached> {
        Ok(())
    }
}

/// What a run told.
struct Ran {
    tasks: Vec<TaskAnswer>,
    notices: Vec<String>,
    ends: Vec<HostEnd>,
    /// Each connection: the host, and what lies over its variables.
    connected: Vec<String>,
}

impl Ran {
    /// `host task: outcome`, one a line.
    fn lines(&self) -> String {
        let line = |task: &TaskAnswer| {
            let ignored = if task.ignored { " (ignored)" } else { "" };
            format!("{} {}: {:?}{ignored}", task.host, task.task, task.outcome).to_lowercase()
        };
        self.tasks.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    fn result(&self, task: &str) -> &serde_json::Value {
        self.tasks.iter().find(|answer| answer.task == task).and_then(|answer| answer.result.as_ref()).unwrap()
    }

    fn outcomes(&self, task: &str) -> Vec<TaskOutcome> {
        self.tasks.iter().filter(|answer| answer.task == task).map(|answer| answer.outcome).collect()
    }
}

fn run(files: &[(&str, &str)], hosts: &str, options: Options) -> Ran {
    run_with(files, hosts, options, Arc::new(|_| Reply::Nobody))
}

fn run_with(files: &[(&str, &str)], hosts: &str, options: Options, person: Person) -> Ran {
    run_on(files, hosts, options, person, Fleet::default())
}

/// A playbook that was read, and what its run needs; events come to the last.
type Prepared = (tempfile::TempDir, Playbook, Setting, Arc<Mutex<Vec<Event>>>);

fn prepared(files: &[(&str, &str)], hosts: &str, person: Person) -> Prepared {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let keys = Arc::new(Keys::default());
    let template = Arc::new(Template::new(Surroundings {
        env: BTreeMap::new(),
        dir: dir.path().to_owned(),
        home: PathBuf::from("/root"),
        decrypt: Arc::new(|_| Err((String::new(), String::new()))),
        from_yaml: None,
        programs: true,
    }));
    let inventory = Arc::new(crate::inventory::testing::read_all(&[Given::Argument(hosts.to_owned())]).unwrap().0);
    let vars = inventory.extra_variables();
    let request = Request { dir: dir.path(), roles: &[], collections: &[], engine: &template, vars: &vars, keys: &keys, home: dir.path() };
    let (book, problems) = playbook::load(&dir.path().join("site.yml"), &request);
    assert!(!problems.has_errors(), "{problems}");
    let told = Arc::new(Mutex::new(Vec::new()));
    let hears = Arc::clone(&told);
    let setting = Setting {
        inventory,
        inventory_sources: Vec::new(),
        limit: None,
        keys,
        template,
        config_file: None,
        roles: Vec::new(),
        collections: Vec::new(),
        dir: dir.path().to_owned(),
        reread: Box::new(|| Ok(crate::inventory::testing::read_all(&[Given::Argument("m1,m9,".to_owned())]).unwrap().0)),
        select: Box::new(|inventory, pattern| {
            Ok(Pattern::new("hosts", pattern).of_play(inventory).into_iter().map(|host| Arc::clone(&host.name)).collect())
        }),
        ask: Box::new(|_| None),
        person,
        tell: Box::new(move |event| hears.lock().unwrap().push(event)),
    };
    (dir, book, setting, told)
}

fn run_on(files: &[(&str, &str)], hosts: &str, options: Options, person: Person, fleet: Fleet) -> Ran {
    let (_dir, book, setting, told) = prepared(files, hosts, person);
    let options = Options { forks: options.forks.max(10), results: true, ..options };
    let engine = Engine::new(Connected(fleet.clone()), setting, options, CancellationToken::new());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let ends = runtime.block_on(engine.run(&[book]));
    let mut ran = Ran { tasks: Vec::new(), notices: Vec::new(), ends, connected: fleet.1.lock().unwrap().clone() };
    for event in told.lock().unwrap().drain(..) {
        match event {
            Event::TaskFinished(answer) => ran.tasks.push(answer),
            Event::Notice { message, .. } => ran.notices.push(message),
            _ => {}
        }
    }
    ran
}

fn site(text: &str) -> Ran {
    run(&[("site.yml", text)], "m1,m2,", Options::default())
}

#[test]
fn conditions_loops_and_registers() {
    let ran = site(
        r#"
- hosts: all
  gather_facts: false
  vars: {things: [1, 2, 3]}
  tasks:
    - name: add
      set_fact: {total: "{{ total | default(0) + item }}"}
      loop: "{{ things }}"
      when: item != 2
    - name: right
      assert: {that: [total == 4, inventory_hostname in groups.all]}
    - name: only m1
      debug: {msg: here}
      when: inventory_hostname == 'm1'
    - name: fails
      fail: {msg: sorry}
      ignore_errors: true
      register: failure
    - name: seen
      assert: {that: [failure is failed, failure.msg == 'sorry']}
"#,
    );
    let expected = "\
m1 add: unchanged
m2 add: unchanged
m1 right: unchanged
m2 right: unchanged
m1 only m1: unchanged
m2 only m1: skipped
m1 fails: failed (ignored)
m2 fails: failed (ignored)
m1 seen: unchanged
m2 seen: unchanged";
    assert_eq!(ran.lines(), expected);
    assert!(ran.ends.iter().all(|end| end.outcome == Outcome::Unchanged));
}

#[test]
fn blocks_rescue_always_and_handlers() {
    let ran = site(
        r#"
- hosts: all
  gather_facts: false
  tasks:
    - block:
        - name: breaks
          fail: {msg: oops}
          when: inventory_hostname == 'm2'
        - name: after
          file: {path: /srv/a, state: directory}
          notify: tell
      rescue:
        - name: mends
          assert: {that: [ansible_failed_result.msg == 'oops', ansible_failed_task.name == 'breaks']}
      always:
        - name: anyway
          debug: {msg: x}
    - name: last
      fail: {msg: end}
      when: inventory_hostname == 'm2'
  handlers:
    - name: answers
      debug: {msg: told}
      listen: tell
"#,
    );
    let expected = "\
m1 breaks: skipped
m2 breaks: failed
m1 after: changed
m2 mends: unchanged
m1 anyway: unchanged
m2 anyway: unchanged
m1 last: skipped
m2 last: failed
m1 answers: unchanged";
    assert_eq!(ran.lines(), expected);
    assert_eq!(ran.ends.iter().map(|end| end.outcome).collect::<Vec<_>>(), [Outcome::Changed, Outcome::Failed]);
    assert!(ran.ends[1].problem.as_ref().unwrap().message.ends_with("\"last\": end"), "{:?}", ran.ends[1].problem);
}

#[test]
fn what_is_included_when_its_turn_comes() {
    let files = [
        (
            "site.yml",
            "- hosts: all\n  gather_facts: false\n  tasks:\n    - include_tasks: more.yml\n      vars: {word: '{{ item }}'}\n      loop: [a, b]\n    \
             - include_role: {name: r}\n",
        ),
        ("more.yml", "- name: says {{ word }}\n  debug: {msg: x}\n"),
        ("roles/r/defaults/main.yml", "x: 1\n"),
        ("roles/r/tasks/main.yml", "- name: in the role\n  assert: {that: [x == 1, role_name == 'r']}\n"),
    ];
    let ran = run(&files, "m1,", Options::default());
    let names: Vec<&str> = ran.tasks.iter().map(|task| task.task.as_str()).collect();
    assert_eq!(names, ["include_tasks", "says a", "include_tasks", "says b", "include_role", "in the role"]);
    assert!(ran.tasks.iter().all(|task| task.outcome == TaskOutcome::Unchanged), "{}", ran.lines());
}

#[test]
fn a_hundred_tasks_that_change_nothing_cost_one_round_trip() {
    let tasks: String = (0..100).map(|n| format!("    - file: {{path: /srv/d{n}, state: absent}}\n")).collect();
    let text = format!("- hosts: all\n  gather_facts: false\n  tasks:\n{tasks}");
    let ran = run(&[("site.yml", &text)], "m1,", Options::default());
    assert_eq!(ran.tasks.len(), 100);
    assert!(ran.tasks.iter().all(|task| task.outcome == TaskOutcome::Unchanged), "{}", ran.lines());
    assert_eq!(ran.ends[0].round_trips, 1);
}

#[test]
fn check_mode_changes_nothing_and_says_what_it_cannot_know() {
    let text = "\
- hosts: all
  gather_facts: false
  tasks:
    - name: directory
      file: {path: /srv/a, state: directory}
    - name: below it
      file: {path: /srv/a/b, state: directory}
    - name: opaque
      command: make-something
      register: made
    - name: depends
      set_fact: {x: '{{ made.stdout }}'}
    - name: depends too
      debug: {msg: '{{ x }}'}
";
    let ran = run(&[("site.yml", text)], "m1,", Options { check: true, ..Options::default() });
    let outcomes: Vec<TaskOutcome> = ran.tasks.iter().map(|task| task.outcome).collect();
    use TaskOutcome::{Changed, Pending};
    assert_eq!(outcomes, [Changed, Changed, Pending, Pending, Pending], "{}", ran.lines());
}

#[test]
fn batches_run_once_and_errors_that_end_it_for_all() {
    let text = "\
- hosts: all
  gather_facts: false
  serial: 1
  tasks:
    - name: each
      debug: {msg: x}
    - name: once
      set_fact: {seen: '{{ ansible_play_batch }}'}
      run_once: true
- hosts: all
  gather_facts: false
  any_errors_fatal: true
  tasks:
    - name: fatal
      fail: {msg: x}
      when: inventory_hostname == 'm1'
    - name: never
      debug: {msg: x}
";
    let ran = run(&[("site.yml", text)], "m1,m2,", Options::default());
    assert_eq!(ran.outcomes("each").len(), 2);
    assert_eq!(ran.outcomes("once").len(), 2);
    assert_eq!(ran.outcomes("never"), []);
    assert!(ran.ends.iter().all(|end| end.outcome == Outcome::Failed));
}

#[test]
fn hosts_that_are_not_reached_take_no_further_part() {
    let text = "- hosts: all\n  gather_facts: false\n  tasks:\n    - file: {path: /srv/a, state: directory}\n    - name: next\n      debug: {msg: x}\n";
    let ran = run(&[("site.yml", text)], "m1,gone1,", Options::default());
    assert_eq!(ran.ends.iter().map(|end| end.outcome).collect::<Vec<_>>(), [Outcome::Changed, Outcome::Unreachable]);
    assert_eq!(ran.outcomes("next"), [TaskOutcome::Unchanged]);
}

#[test]
fn tags_and_where_the_run_begins() {
    let text = "\
- hosts: all
  gather_facts: false
  tasks:
    - {name: a, debug: {msg: x}, tags: [one]}
    - {name: b, debug: {msg: x}, tags: [two, always]}
    - {name: c, debug: {msg: x}}
";
    let names = |options: Options| {
        run(&[("site.yml", text)], "m1,", options).tasks.iter().map(|task| task.task.clone()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(names(Options::default()), "a b c");
    assert_eq!(names(Options { tags: vec!["one".into()], ..Options::default() }), "a b");
    assert_eq!(names(Options { skip_tags: vec!["two".into()], ..Options::default() }), "a c");
    assert_eq!(names(Options { start_at_task: Some("b".into()), ..Options::default() }), "b c");
}

#[test]
fn until_it_holds_and_what_no_log_hides() {
    let ran = site(
        r#"
- hosts: m1
  gather_facts: false
  tasks:
    - name: tries
      set_fact: {n: "{{ n | default(0) | int + 1 }}"}
      register: tried
      until: n == 3
      retries: 5
      delay: 0
    - name: counted
      assert: {that: tried.attempts == 3}
    - name: hidden
      debug: {msg: "{{ tried }}"}
      no_log: true
"#,
    );
    assert_eq!(ran.lines(), "m1 tries: unchanged\nm1 counted: unchanged\nm1 hidden: unchanged");
    assert!(ran.result("hidden").get("censored").is_some() && ran.notices.is_empty());
}
