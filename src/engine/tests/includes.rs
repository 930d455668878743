//! What an include gives to what it brings in, and limits that cannot be read.

use super::*;

#[test]
fn defaults_of_groups_reach_what_is_included() {
    let ran = run(
        &[
            (
                "site.yml",
                "- hosts: m1\n  gather_facts: false\n  tasks:\n    - include_tasks:\n        file: x.yml\n        apply: {tags: [t], module_defaults: {group/testgroup: {data: of the group}}}\n    - {name: outside, ping: }\n",
            ),
            ("x.yml", "- {name: inside, ping: }\n"),
        ],
        "m1,",
        Options::default(),
    );
    assert_eq!(ran.result("inside")["ping"], "of the group", "{}", ran.lines());
    assert_eq!(ran.result("outside")["ping"], "pong");
}

#[test]
fn all_items_are_known_to_what_is_included_for_one() {
    let ran = run(
        &[
            (
                "site.yml",
                "- hosts: m1\n  gather_facts: false\n  tasks:\n    - {include_tasks: x.yml, loop: [a, b, c], when: ansible_loop.allitems | length == 3 and item != 'b', loop_control: {extended: true}}\n",
            ),
            ("x.yml", "- {name: said, debug: {msg: \"{{ item }} of {{ ansible_loop.allitems | join }}\"}}\n"),
        ],
        "m1,",
        Options::default(),
    );
    let said: Vec<_> = ran.tasks.iter().filter(|task| task.task == "said").map(|task| &task.result.as_ref().unwrap()["msg"]).collect();
    assert_eq!(said, ["a of abc", "c of abc"]);
}

/// One task with a `throttle` and more keywords, and one after it.
fn throttled(throttle: &str, more: &str, options: Options) -> Ran {
    let text = format!(
        "- hosts: all\n  gather_facts: false\n  tasks:\n    - {{name: before, command: /bin/thing, register: made, ignore_errors: true}}\n    - block:\n        - {{name: a, debug: , throttle: \"{throttle}\", register: r{more}}}\n        - {{name: b, debug: }}\n      rescue:\n        - {{name: c, debug: {{msg: \"{{{{ r.failed }}}}\"}}}}\n"
    );
    run(&[("site.yml", text.as_str())], "m1,m2,", options)
}

#[test]
fn a_limit_that_is_none_fails_as_any_task_does() {
    let of_one = "{{ 'x' if inventory_hostname == 'm1' else 1 }}";
    let ran = throttled(of_one, "", Options::default());
    assert_eq!(ran.outcomes("a"), [TaskOutcome::Failed, TaskOutcome::Unchanged], "{}", ran.lines());
    assert_eq!((ran.outcomes("b").len(), ran.result("c")["msg"].to_string().as_str()), (1, "true"), "{}", ran.lines());
    for more in [", run_once: true", ", any_errors_fatal: true"] {
        let ran = throttled(of_one, more, Options::default());
        assert!(ran.outcomes("a").contains(&TaskOutcome::Failed) && ran.outcomes("b").is_empty(), "{more}: {}", ran.lines());
    }
    let ran = throttled("{{ nothing }}", "", Options::default());
    assert_eq!((ran.outcomes("a"), ran.outcomes("c").len()), (vec![TaskOutcome::Failed; 2], 2), "{}", ran.lines());
}

#[test]
fn a_limit_that_a_real_run_knows_is_pending() {
    let ran = throttled("{{ made.stdout }}", "", Options { check: true, ..Options::default() });
    assert_eq!(ran.outcomes("a"), [TaskOutcome::Pending; 2], "{}", ran.lines());
    assert_eq!((ran.outcomes("b").len(), ran.outcomes("c").len()), (2, 0), "{}", ran.lines());
}
