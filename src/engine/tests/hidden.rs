//! Variables of tasks whose `no_log` is true are not shown afterwards either.

use super::*;

/// What each `debug` of a variable said: `host task: words`.
fn said(ran: &Ran) -> Vec<String> {
    let debug = ran.tasks.iter().filter(|task| task.task.starts_with("see "));
    debug.map(|task| format!("{} {}", task.host, task.problem.as_ref().unwrap().message)).collect()
}

#[test]
fn wherever_they_are_kept() {
    let ran = run(
        &[
            (
                "site.yml",
                r#"
- hosts: m1
  gather_facts: false
  tasks:
    - {set_fact: {there: s1}, delegate_to: m2, delegate_facts: true, no_log: true}
    - {set_fact: {kept: [s2, {deep: s3}], cacheable: true}, no_log: true}
    - {set_fact: {open: shown, cacheable: true}}
    - {action: "{{ 'set_' ~ 'fact' }}", args: {named: s4}, no_log: true}
    - {action: "{{ 'include_' ~ 'vars' }} v.yml", no_log: true}
    - {set_fact: {each: "{{ item.word }}"}, loop: [{word: s6, hide: true}], no_log: "{{ item.hide }}"}
    - {set_fact: {other: "{{ item.word }}"}, loop: [{word: shown, hide: false}], no_log: "{{ item.hide }}"}
    - {name: see kept, debug: {var: kept}}
    - {name: see fact, debug: {var: ansible_facts.kept}}
    - {name: see part, debug: {var: "ansible_facts.kept[1].deep"}}
    - {name: see open, debug: {var: ansible_facts.open}}
    - {name: see named, debug: {var: named}}
    - {name: see file, debug: {var: of_file}}
    - {name: see each, debug: {var: each}}
    - {name: see other, debug: {var: other}}
    - {name: see all, debug: {var: hostvars.m2.there}}
- hosts: m2
  gather_facts: false
  tasks:
    - {name: see there, debug: {var: there}}
"#,
            ),
            ("v.yml", "of_file: s5\n"),
        ],
        "m1,m2,",
        Options::default(),
    );
    let expected = [
        "m1 kept: ***",
        "m1 ansible_facts.kept: ***",
        "m1 ansible_facts.kept[1].deep: ***",
        "m1 ansible_facts.open: \"shown\"",
        "m1 named: ***",
        "m1 of_file: ***",
        "m1 each: ***",
        "m1 other: \"shown\"",
        "m1 hostvars.m2.there: ***",
        "m2 there: ***",
    ];
    assert_eq!(said(&ran), expected, "{}", ran.lines());
}
