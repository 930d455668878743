//! Search paths, ways to reach a host, questions to a person, jobs in the background.

use std::collections::VecDeque;

use super::*;

#[test]
fn lookups_and_loops_look_into_the_role_first() {
    let ran = run(
        &[
            (
                "site.yml",
                "- hosts: all\n  gather_facts: false\n  roles: [r]\n  tasks:\n    - {name: play, set_fact: {p: \"{{ lookup('file', 'f') }}\"}}\n",
            ),
            ("files/f", "of the play"),
            ("files/g", "only the play's"),
            ("roles/r/files/f", "of the role"),
            ("roles/r/templates/t.j2", "{% include 'u.j2' %}!"),
            ("roles/r/templates/u.j2", "{{ role_name }}\n"),
            ("roles/r/vars/x.yml", "x: 1\n"),
            (
                "roles/r/tasks/main.yml",
                "- {name: role, set_fact: {r: \"{{ lookup('file', 'f') }}\", g: \"{{ lookup('file', 'g') }}\", t: \"{{ lookup('template', 't.j2') }}\"}}\n- {name: loop, debug: {msg: \"{{ item | basename }}\"}, with_first_found: [none, f]}\n- {name: vars, include_vars: \"{{ item }}\", with_first_found: [none.yml, x.yml]}\n",
            ),
        ],
        "m1,",
        Options::default(),
    );
    assert!(ran.tasks.iter().all(|task| task.outcome == TaskOutcome::Unchanged), "{}", ran.lines());
    let facts = &ran.result("role")["ansible_facts"];
    assert_eq!(facts, &serde_json::json!({ "r": "of the role", "g": "only the play's", "t": "r!" }));
    assert_eq!(ran.result("play")["ansible_facts"]["p"], "of the play");
    assert_eq!(ran.result("loop")["results"][0]["msg"], "f");
}

#[test]
fn a_host_is_reached_as_its_keywords_say() {
    let ran = run(
        &[(
            "site.yml",
            r#"
- hosts: all
  gather_facts: false
  remote_user: op
  tasks:
    - ping:
    - ping:
      port: 2222
    - {ping: , vars: {ansible_user: other}}
    - {ping: , connection: local}
    - {ping: , vars: {ansible_connection: local}}
- hosts: all
  gather_facts: false
  connection: local
  tasks:
    - ping:
    - {ping: , connection: ssh}
"#,
        )],
        "m1,m2,",
        Options { forks: 1, ..Options::default() },
    );
    let mut connected = ran.connected.clone();
    connected.sort();
    let expected = [
        // both hosts' tasks on this machine go through one connection
        "localhost ansible_connection=local",
        "m1",
        "m1 ansible_port=2222 ansible_user=op",
        "m1 ansible_user=op",
        "m1 ansible_user=other",
        "m2",
        "m2 ansible_port=2222 ansible_user=op",
        "m2 ansible_user=op",
        "m2 ansible_user=other",
    ];
    assert_eq!(connected, expected, "{}", ran.lines());
}

/// A person who says these one after the other; what was asked is kept.
fn saying(replies: &[Reply]) -> (Person, Arc<Mutex<Vec<Question>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let (heard, replies) = (Arc::clone(&asked), Mutex::new(VecDeque::from(replies.to_vec())));
    let person: Person = Arc::new(move |question| {
        heard.lock().unwrap().push(question);
        replies.lock().unwrap().pop_front().unwrap_or(Reply::Nobody)
    });
    (person, asked)
}

#[test]
fn each_task_is_asked_about_until_the_person_has_enough() {
    let book = "- hosts: all\n  gather_facts: false\n  tasks:\n    - {name: a, debug: }\n    - {name: b, debug: }\n    - {name: c, debug: }\n    - {name: d, debug: }\n";
    let (person, asked) = saying(&[Reply::Yes, Reply::No, Reply::Always]);
    let ran = run_with(&[("site.yml", book)], "m1,m2,", Options { step: true, ..Options::default() }, person);
    assert_eq!(["a", "b", "c", "d"].map(|task| ran.outcomes(task).len()), [2, 0, 2, 2]);
    assert_eq!(asked.lock().unwrap().len(), 3);
    let (person, _) = saying(&[Reply::Abort]);
    let ran = run_with(&[("site.yml", book)], "m1,", Options { step: true, ..Options::default() }, person);
    assert_eq!(ran.tasks.len(), 0);
}

#[test]
fn a_pause_is_answered_once_for_all_hosts() {
    let book = r#"
- hosts: all
  gather_facts: false
  tasks:
    - pause: {prompt: which, echo: false}
      register: told
    - {name: said, debug: {msg: "{{ told.user_input }}"}}
    - pause: {seconds: 5}
    - {name: never, debug: }
"#;
    let (person, asked) = saying(&[Reply::Text("this".into()), Reply::Abort]);
    let ran = run_with(&[("site.yml", book)], "m1,m2,", Options::default(), person);
    assert_eq!(ran.result("said")["msg"], "this");
    assert_eq!((ran.outcomes("said").len(), ran.outcomes("never").len()), (2, 0));
    let first = Question::Pause { task: "pause".into(), prompt: Some("which".into()), seconds: None, echo: false };
    assert_eq!(asked.lock().unwrap().first(), Some(&first));
    assert!(ran.ends.iter().all(|end| end.outcome == Outcome::Failed), "{:?}", ran.ends);
}

#[test]
fn what_the_engine_does_itself_is_no_job_and_a_job_that_nobody_knows_is_told() {
    let book = r#"
- hosts: all
  gather_facts: false
  tasks:
    - {name: engine, debug: , async: 5, poll: 0, ignore_errors: true}
    - {name: unknown, async_status: {jid: "1.2"}, ignore_errors: true}
    - {name: none, debug: , async: 0}
    - {name: late, pause: {seconds: 30}, timeout: 1, ignore_errors: true, register: late}
    - {name: told, assert: {that: [late is timedout, late is failed]}}
"#;
    let ran = run(&[("site.yml", book)], "m1,", Options::default());
    assert_eq!(
        ran.lines(),
        "m1 engine: failed (ignored)\nm1 unknown: failed (ignored)\nm1 none: unchanged\nm1 late: failed (ignored)\nm1 told: unchanged"
    );
    assert_eq!(ran.result("unknown")["msg"], "could not find job");
}

#[test]
fn variables_over_variables() {
    let ran = run(
        &[
            (
                "site.yml",
                r#"
- hosts: all
  gather_facts: false
  vars: {name: n, d: {a: 1, b: {x: 1}}}
  vars_files: [absent.yml]
  tasks:
    - {name: all, assert: {that: ["vars.name == 'n'", "'d' in vars"]}}
    - include_vars: {file: more.yml, hash_behaviour: merge}
    - {name: merged, debug: {var: d}}
    - include_vars: {dir: vars, name: got}
    - {name: order, debug: {var: got}}
"#,
            ),
            ("more.yml", "d: {b: {y: 2}}\n"),
            ("vars/a.yml", "z: 1\n"),
            ("vars/b.yml", "c: 2\nz: 3\n"),
        ],
        "m1,",
        Options::default(),
    );
    assert_eq!(ran.result("merged")["d"], serde_json::json!({ "a": 1, "b": { "x": 1, "y": 2 } }), "{}", ran.lines());
    assert_eq!(ran.result("order")["got"].to_string(), r#"{"z":3,"c":2}"#);
    assert!(ran.notices.iter().any(|notice| notice.contains("absent.yml")), "{:?}", ran.notices);
}

#[test]
fn a_template_may_choose_the_module() {
    let ran = site(
        r#"
- hosts: all
  gather_facts: false
  tasks:
    - set_fact: {does: "{{ 'ping' if inventory_hostname == 'm1' else 'debug' }}"}
    - {name: chosen, action: {module: "{{ does }}"}}
    - {name: each, action: "{{ item }} msg='hello {{ ansible_host }}'", loop: [debug, fail], ignore_errors: true}
    - {name: never, action: "{{ 'meta' }} end_play", ignore_errors: true}
"#,
    );
    assert_eq!(ran.outcomes("chosen"), [TaskOutcome::Unchanged; 2], "{}", ran.lines());
    let pings = ran.tasks.iter().filter(|task| task.task == "chosen").filter(|task| task.result.as_ref().unwrap().get("ping").is_some());
    assert_eq!(pings.map(|task| &*task.host).collect::<Vec<_>>(), ["m1"]);
    let results = &ran.result("each")["results"];
    assert_eq!((&results[0]["msg"], &results[1]["msg"]), (&"hello m1".into(), &"hello m1".into()));
    assert_eq!((&results[0]["failed"], &results[1]["failed"]), (&false.into(), &true.into()));
    assert!(ran.result("never")["msg"].as_str().unwrap().contains("cannot choose `meta`"));
}

#[test]
fn what_is_ignored_may_hang_on_the_item() {
    let ran = run(
        &[
            (
                "site.yml",
                r#"
- hosts: all
  gather_facts: false
  tasks:
    - {name: both, fail: , loop: [true, true], ignore_errors: "{{ item }}", register: both}
    - {name: each, include_tasks: each.yml, loop: [a, b], loop_control: {extended: true, index_var: at}}
    - {name: one, fail: , loop: [true, false], ignore_errors: "{{ item }}"}
    - {name: not reached, debug: }
"#,
            ),
            ("each.yml", "- {name: item, debug: {msg: '{{ ansible_loop.length }} {{ ansible_loop.nextitem | default(0) }} {{ at }}'}}\n"),
        ],
        "m1,",
        Options::default(),
    );
    let said: Vec<_> =
        ran.tasks.iter().filter(|task| task.task == "item").map(|task| task.result.as_ref().unwrap()["msg"].clone()).collect();
    assert_eq!(said, ["2 b 0", "2 0 1"], "{}", ran.lines());
    assert_eq!(ran.lines().lines().last(), Some("m1 one: failed"), "{}", ran.lines());
}

#[test]
fn a_number_that_is_none_fails_the_task() {
    let ran = site(
        r#"
- hosts: m1
  gather_facts: false
  tasks:
    - {name: long, ping: , timeout: -1, ignore_errors: true}
    - {name: none, ping: , timeout: 0, throttle: "{{ omit }}"}
    - {name: tries, ping: , retries: 1, delay: 0, until: false, register: r, failed_when: r.attempts == 2, ignore_errors: true}
    - {name: limit, ping: , throttle: "{{ 'x' }}", ignore_errors: true}
"#,
    );
    assert_eq!(ran.result("long")["msg"], "Task failed: Timeout -1 is invalid, it must be between 0 and 100000000.");
    assert_eq!(ran.lines(), "m1 long: failed (ignored)\nm1 none: unchanged\nm1 tries: failed (ignored)\nm1 limit: failed");
}
