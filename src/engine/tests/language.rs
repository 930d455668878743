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

#[test]
fn only_what_the_playbook_says_is_evaluated() {
    let book = r#"
- hosts: all
  gather_facts: false
  vars:
    x: 1
    cond: x == 1
    conds: ["x == 1", "{{ x == 1 }}"]
    bad: [true, !unsafe "1 == 1"]
    args: {that: x == 2}
  tasks:
    - set_fact: {said: "{{ '1 == ' ~ 0 }}"}
    - {name: named, debug: , when: cond}
    - {name: braces, debug: , when: "{{ cond }}"}
    - {name: list, assert: {that: "{{ conds }}"}}
    - {name: text, assert: {that: "{{ '1 == ' ~ 1 }}"}, ignore_errors: true}
    - {name: unsafe, assert: {that: "{{ bad }}"}, ignore_errors: true}
    - {name: when, debug: , when: !unsafe "1 == 1", ignore_errors: true}
    - {name: said, debug: , when: said, ignore_errors: true}
    - {name: args, assert: "{{ args }}", ignore_errors: true}
"#;
    let ran = run(&[("site.yml", book)], "m1,", Options::default());
    let expected = "m1 set_fact: unchanged\nm1 named: unchanged\nm1 braces: unchanged\nm1 list: unchanged\nm1 text: failed (ignored)\n\
                    m1 unsafe: failed (ignored)\nm1 when: failed (ignored)\nm1 said: failed (ignored)\nm1 args: failed (ignored)";
    assert_eq!(ran.lines(), expected);
    for task in ["text", "unsafe", "when"] {
        let said = ran.result(task)["msg"].as_str().unwrap();
        assert!(said.contains("untrusted template or expression"), "{task}: {said}");
    }
    assert_eq!(ran.result("args")["msg"], "Assertion failed");
}

#[test]
fn what_a_loop_passes_over_and_what_its_items_are_called() {
    let book = r#"
- hosts: all
  gather_facts: false
  vars: {map: {a: 1}, files: ["{{ nope }}x", f], called: file}
  tasks:
    - {name: one, debug: {var: item}, with_list: "{{ map }}"}
    - {name: found, debug: {msg: "{{ item | basename }}"}, with_first_found: ["{{ nope }}f", {files: "{{ files }}"}]}
    - {name: nested, debug: {msg: "{{ item | basename }}"}, with_first_found: "{{ [{'files': nope}] | zip([{'files': ['f']}]) }}"}
    - {name: number, debug: , with_first_found: [1], ignore_errors: true}
    - {include_tasks: of.yml, loop: [f], loop_control: {loop_var: "{{ called }}"}}
    - name: before
      debug: {msg: "{{ r.msg | default('first') }} {{ item }}"}
      loop: [1, 2]
      register: r
      loop_control: {label: "{{ r.msg }}"}
    - {name: label, debug: , loop: [1], loop_control: {label: "{{ r.nope }}"}, register: r, ignore_errors: true}
"#;
    let files = [("site.yml", book), ("f", "x"), ("of.yml", "- {name: called, debug: {msg: \"{{ file }}\"}}\n")];
    let ran = run(&files, "m1,", Options::default());
    assert_eq!(ran.result("one")["results"][0]["item"], serde_json::json!({ "a": 1 }), "{}", ran.lines());
    assert_eq!((&ran.result("found")["results"][0]["msg"], &ran.result("nested")["results"][0]["msg"]), (&"f".into(), &"f".into()));
    assert!(ran.result("number")["msg"].as_str().unwrap().contains("not 'int'"));
    assert_eq!(ran.result("called")["msg"], "f");
    assert_eq!(ran.result("before")["results"][1]["msg"], "first 1 2");
    let said = ran.result("label")["results"][0]["msg"].as_str().unwrap();
    assert_eq!(said, "Failed to template loop_control.label: object of type 'dict' has no attribute 'nope'");
}

#[test]
fn an_inventory_is_read_again_and_keeps_what_was_added() {
    let ran = site(
        r#"
- hosts: m1,m2
  gather_facts: false
  tasks:
    - {add_host: {name: x, groups: made}}
    - {group_by: {key: grouped}}
    - {name: before, debug: {msg: "{{ groups.all | sort | join(' ') }}"}}
    - meta: refresh_inventory
    - {name: after, debug: {msg: "{{ groups.all | sort | join(' ') }} {{ groups.made }} {{ groups.grouped }}"}}
- hosts: all
  gather_facts: false
  tasks:
    - {name: next, debug: }
"#,
    );
    assert_eq!(ran.result("before")["msg"], "m1 m2 x");
    assert_eq!(ran.result("after")["msg"], "m1 m9 x ['x'] ['m1']");
    assert_eq!(ran.outcomes("next").len(), 3, "{}", ran.lines());
}

#[test]
fn a_role_sees_what_the_role_that_needs_it_was_given_and_says() {
    let says = "- {name: \"{{ role_name }}\", debug: {msg: \"{{ p }} {{ v }} {{ d }}\"}}\n";
    let ran = run(
        &[
            (
                "site.yml",
                "- hosts: m1\n  gather_facts: false\n  vars: {p: play}\n  pre_tasks: [{set_fact: {p: set}}]\n  roles: [{role: outer, p: given}, other]\n",
            ),
            ("roles/outer/meta/main.yml", "dependencies: [inner]\n"),
            ("roles/outer/vars/main.yml", "v: outer\n"),
            ("roles/outer/defaults/main.yml", "d: outer\n"),
            ("roles/outer/tasks/main.yml", "- include_role: {name: within}\n"),
            ("roles/inner/tasks/main.yml", says),
            ("roles/inner/defaults/main.yml", "v: inner\n"),
            ("roles/within/tasks/main.yml", says),
            ("roles/other/vars/main.yml", "v: other\n"),
            ("roles/other/defaults/main.yml", "d: other\n"),
            ("roles/other/tasks/main.yml", says),
        ],
        "m1,",
        Options::default(),
    );
    assert_eq!(ran.result("inner")["msg"], "given outer outer", "{}", ran.lines());
    assert_eq!(ran.result("within")["msg"], "given outer outer");
    assert_eq!(ran.result("other")["msg"], "set other other");
}

#[test]
fn what_the_playbook_says_stays_a_template_where_it_is_registered() {
    let book = r#"
- hosts: all
  gather_facts: false
  tasks:
    - {include_vars: {file: more.yml}, register: got}
    - {set_fact: {text: x == 1, said: "{{ 'x == 1' }}"}, register: set}
    - {name: late, debug: {msg: "{{ got.ansible_facts.late }}"}, vars: {x: 5}}
    - name: trusted
      assert:
        that:
          - set.ansible_facts.text is ansible._protomatter.tagged_with('TrustedAsTemplate')
          - set.ansible_facts.said is not ansible._protomatter.tagged_with('TrustedAsTemplate')
          - said is not ansible._protomatter.tagged_with('TrustedAsTemplate')
"#;
    let ran = run(&[("site.yml", book), ("more.yml", "late: '{{ x }}'\n")], "m1,", Options::default());
    assert_eq!(ran.result("late")["msg"], 5, "{}", ran.lines());
    assert_eq!(ran.outcomes("trusted"), [TaskOutcome::Unchanged], "{}", ran.result("trusted"));
}

#[test]
fn a_name_to_which_no_handler_answers_fails_the_host_that_notifies() {
    let book = r#"
- hosts: all
  gather_facts: false
  tasks:
    - {name: quiet, debug: , notify: handler of x}
    - {name: known, debug: , changed_when: true, notify: handler of x, vars: {who: y}}
    - {name: missed, debug: , changed_when: true, notify: handler of y, ignore_errors: true}
    - {name: never, debug: }
  handlers:
    - {name: "handler of {{ 'x' }}", debug: }
"#;
    let ran = run(&[("site.yml", book)], "m1,", Options::default());
    assert_eq!(ran.lines(), "m1 quiet: unchanged\nm1 known: changed\nm1 missed: failed");
}

#[test]
fn errors_are_cleared_only_where_the_condition_holds() {
    let book = |when: &str| {
        format!(
            "- hosts: all\n  gather_facts: false\n  tasks:\n    - {{fail: , when: inventory_hostname == 'm1'}}\n    - {{meta: clear_host_errors, when: {when}}}\n"
        )
    };
    let ended = |when: &str| {
        let ran = run(&[("site.yml", &book(when))], "m1,m2,", Options::default());
        ran.ends.iter().filter(|end| end.outcome == Outcome::Failed).count()
    };
    assert_eq!((ended("false"), ended("true")), (1, 0));
}

#[test]
fn the_names_of_variables_are_those_of_files_too() {
    let ran = run(
        &[
            (
                "site.yml",
                "- hosts: m1\n  gather_facts: false\n  vars_files: [v.yml]\n  tasks:\n    - {name: seen, debug: {msg: \"{{ 'of_file' in vars }} {{ vars['of_file'] }} {{ query('varnames', '^of_') }}\"}}\n",
            ),
            ("v.yml", "of_file: x\n"),
        ],
        "m1,",
        Options::default(),
    );
    assert_eq!(ran.result("seen")["msg"], "True x ['of_file']", "{}", ran.lines());
}

#[test]
fn a_subset_counts_only_where_facts_are_gathered() {
    let book = |gathers: bool| {
        format!("- hosts: all\n  gather_facts: {gathers}\n  gather_subset: [nonsense]\n  tasks:\n    - {{name: a, debug: }}\n")
    };
    let ran = site(&book(false));
    assert_eq!(ran.outcomes("a"), [TaskOutcome::Unchanged; 2], "{:?}", ran.notices);
    let ran = site(&book(true));
    assert!(ran.tasks.is_empty() && ran.notices.concat().contains("nonsense"), "{:?}", ran.notices);
}
