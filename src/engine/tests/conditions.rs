//! Conditions, and what is known of one item of a loop when the next one's turn comes.

use super::*;
use crate::node::simulated::{Fault, Strike};

#[test]
fn a_condition_is_followed_to_its_end() {
    let book = r#"
- hosts: all
  gather_facts: false
  vars:
    x: 1
    cond: "{{ other }}"
    other: x == 2
    third: cond
    of: {never: x == 2, always: "{{ true_too }}", unsafe: !unsafe "x == 1"}
    true_too: x == 1
    circle: circle
    word: "off"
  tasks:
    - {name: a name, debug: , when: cond}
    - {name: braces, debug: , when: "{{ cond }}"}
    - {name: names, debug: , when: third}
    - {name: key, debug: , when: of.never}
    - {name: other key, debug: , when: of.always}
    - {name: word, debug: , when: word}
    - {name: circle, debug: , when: circle, ignore_errors: true}
    - {name: unsafe, debug: , when: of.unsafe, ignore_errors: true}
    - {name: unsafe in braces, debug: , when: "{{ of.unsafe }}", ignore_errors: true}
"#;
    let ran = run(&[("site.yml", book)], "m1,", Options::default());
    let expected = "\
m1 a name: skipped
m1 braces: skipped
m1 names: skipped
m1 key: skipped
m1 other key: unchanged
m1 word: skipped
m1 circle: failed (ignored)
m1 unsafe: failed (ignored)
m1 unsafe in braces: failed (ignored)";
    assert_eq!(ran.lines(), expected);
    assert!(ran.result("unsafe in braces")["msg"].as_str().unwrap().contains("untrusted template or expression"));
}

#[test]
fn a_text_that_a_machine_gave_is_no_yes() {
    let book = r#"
- hosts: all
  gather_facts: false
  tasks:
    - {debug: {msg: "{{ item }}"}, loop: ["disabled", "1 == 0", "no", "yes", ""], register: r}
    - {name: each, debug: , when: item.msg, loop: "{{ r.results }}", register: r, ignore_errors: true}
    - {name: until, debug: {msg: "{{ 'not yet' }}"}, register: u, until: u.msg, retries: 1, delay: 0, ignore_errors: true}
    - {name: empty, assert: {that: "{{ none_at_all }}"}, vars: {none_at_all: }, ignore_errors: true}
"#;
    let ran = run(&[("site.yml", book)], "m1,", Options::default());
    let results = ran.result("each")["results"].as_array().unwrap();
    let skipped: Vec<bool> = results.iter().map(|result| result.get("skipped").is_some()).collect();
    let failed: Vec<bool> = results.iter().map(|result| result["failed"] == true).collect();
    assert_eq!(failed, [true, true, false, false, false], "{results:?}");
    assert_eq!(skipped, [false, false, true, false, true], "{results:?}");
    let words = "Conditional result (True) was derived from value of type 'str'. Conditionals must have a boolean result.";
    assert_eq!((&results[0]["msg"], &results[1]["msg"]), (&words.into(), &words.into()));
    assert_eq!((ran.outcomes("until"), ran.outcomes("empty")), (vec![TaskOutcome::Failed], vec![TaskOutcome::Failed]));
}

#[test]
fn debug_evaluates_what_the_playbook_wrote_and_names_only() {
    let book = r#"
- hosts: all
  gather_facts: false
  vars:
    mine: "lookup('pipe', 'echo ran')"
    over: "{{ mine }}"
    unsafe: !unsafe "lookup('pipe', 'echo ran')"
    of: {key: [7]}
  tasks:
    - {debug: {msg: "{{ 'lookup(\"pipe\", \"echo ran\")' }}"}, register: r}
    - {name: mine, debug: {var: "{{ over }}"}}
    - {name: machine, debug: {var: "{{ r.msg }}"}, ignore_errors: true}
    - {name: unsafe, debug: {var: "{{ unsafe }}"}, ignore_errors: true}
    - {name: bare, debug: {var: !unsafe "lookup('pipe', 'echo ran')"}, ignore_errors: true}
    - {name: name, debug: {var: "{{ 'of' ~ \".key[0]\" }}"}}
"#;
    let ran = run(&[("site.yml", book)], "m1,", Options::default());
    assert_eq!(ran.result("mine")["lookup('pipe', 'echo ran')"], "ran", "{}", ran.lines());
    assert_eq!(ran.result("name")["of.key[0]"], 7);
    for task in ["machine", "unsafe", "bare"] {
        let said = ran.result(task)["msg"].as_str().unwrap_or_default();
        assert!(said.contains("untrusted template or expression"), "{task}: {}", ran.result(task));
    }
}

#[test]
fn a_label_does_not_hide_that_a_machine_was_lost() {
    let item = "loop: [a, b], register: r, loop_control: {label: '{{ r.nope }}'}";
    let book = format!("- hosts: all\n  gather_facts: false\n  tasks:\n    - {{name: gone, ping: , delegate_to: gone1, {item}}}\n");
    let ran = run(&[("site.yml", &book)], "m1,", Options::default());
    assert_eq!(ran.outcomes("gone"), [TaskOutcome::Unreachable]);
    let task = format!("file: {{path: '/srv/{{{{ item }}}}', state: directory}}, {item}");
    let book = format!("- hosts: all\n  gather_facts: false\n  tasks:\n    - {{name: lost, {task}}}\n");
    let mut unknown = 0;
    for after in 0..20 {
        let mut world = World::new(1);
        world.will_strike(Strike { fault: Fault::ConnectionLost { noticed: true }, after });
        let fleet = Fleet(Arc::new(Mutex::new([("m1".to_owned(), world)].into())), Arc::default());
        let ran = run_on(&[("site.yml", &book)], "m1,", Options::default(), Arc::new(|_| Reply::Nobody), fleet);
        if ran.outcomes("lost") == [TaskOutcome::Unknown] {
            unknown += 1;
            assert_ne!(ran.result("lost")["results"].as_array().unwrap().last().unwrap()["msg"], "", "{}", ran.result("lost"));
        }
    }
    assert!(unknown > 0);
}

#[test]
fn what_an_item_before_will_come_to_is_unknown_in_a_dry_run() {
    let book = r#"
- hosts: all
  gather_facts: false
  tasks:
    - {debug: {msg: before}, register: r}
    - {name: each, command: "make {{ item }}", loop: [1, 2], register: r, when: item == 1 or r.msg == 'other'}
    - {name: after, debug: , when: "r.results[0].rc == 0"}
"#;
    let ran = run(&[("site.yml", book)], "m1,", Options { check: true, ..Options::default() });
    assert_eq!(ran.lines(), "m1 debug: unchanged\nm1 each: pending\nm1 after: pending");
    let results = ran.result("each")["results"].as_array().unwrap();
    assert!(results.iter().all(|result| result.get("skipped").is_none()), "{results:?}");
}

#[test]
fn a_template_file_says_ansibles_words_whatever_the_task_is_called() {
    let book =
        "- hosts: all\n  gather_facts: false\n  tasks:\n    - {name: titled, template: {src: bad.j2, dest: /srv/x}, ignore_errors: true}\n";
    let ran = run(&[("site.yml", book), ("bad.j2", "{{ nope }}\n")], "m1,", Options::default());
    assert_eq!(ran.result("titled")["msg"], "'nope' is undefined");
}
