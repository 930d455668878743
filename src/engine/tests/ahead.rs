//! How often a machine is asked, and what a dry run knows.

use super::*;

/// Machines of these names with files on them.
fn fleet(hosts: &[&str], files: &[(&str, &str)]) -> Fleet {
    let world = || {
        let mut world = World::new(1);
        for (path, content) in files {
            if let Some((above, _)) = path.rsplit_once('/') {
                world.add_directory(above, 0o755);
            }
            world.add_file(path, content.as_bytes(), 0o644);
        }
        world
    };
    Fleet(Arc::new(Mutex::new(hosts.iter().map(|host| ((*host).to_owned(), world())).collect())), Arc::default())
}

fn asked(files: &[(&str, &str)], hosts: &[&str], there: &[(&str, &str)], options: Options) -> Ran {
    run_on(files, &format!("{},", hosts.join(",")), options, Arc::new(|_| Reply::Nobody), fleet(hosts, there))
}

fn trips(ran: &Ran) -> Vec<u32> {
    ran.ends.iter().map(|end| end.round_trips).collect()
}

fn play(tasks: &str) -> String {
    format!("- hosts: all\n  gather_facts: false\n  tasks:\n{tasks}")
}

#[test]
fn what_a_task_gives_costs_one_more_for_all_that_depend_on_it() {
    let dependent: String =
        (0..20).map(|n| format!("    - file: {{path: /srv/x{n}, state: absent}}\n      when: not there.stat.exists\n")).collect();
    let text = play(&format!("    - stat: {{path: /srv/a}}\n      register: there\n{dependent}"));
    let ran = asked(&[("site.yml", &text)], &["m1"], &[], Options::default());
    assert_eq!(ran.tasks.iter().filter(|task| task.outcome == TaskOutcome::Unchanged).count(), 21, "{}", ran.lines());
    assert_eq!(trips(&ran), [2]);
}

#[test]
fn loops_of_any_kind_and_what_is_set_on_the_way_cost_nothing_more() {
    let text = play(
        "    - file: {path: '/srv/{{ item }}', state: absent}
      loop: '{{ range(50) | list }}'
    - set_fact: {base: /srv/base}
    - file: {path: '{{ base }}/{{ item.0 }}{{ item.1 }}', state: absent}
      with_nested: [[a, b], [1, 2]]
    - file: {path: '{{ base }}/{{ item.key }}', state: absent}
      with_dict: {x: 1}
      when: item.value == 1
    - file: {path: '{{ base }}/{{ item }}', state: absent}
      with_sequence: count=3
    - block:
        - file: {path: /srv/in, state: absent}
      rescue:
        - file: {path: /srv/rescued, state: absent}
      always:
        - file: {path: /srv/always, state: absent}
    - include_tasks: more.yml
      vars: {name: included}
    - include_role: {name: r}
    - meta: flush_handlers
    - debug: {msg: done}
    - file: {path: /srv/last, state: absent}
",
    );
    let files = [
        ("site.yml", text.as_str()),
        ("more.yml", "- file: {path: '/srv/{{ name }}', state: absent}\n"),
        ("roles/r/tasks/main.yml", "- file: {path: /srv/role, state: absent}\n"),
    ];
    let hosts = ["m1", "m2", "m3", "m4", "m5", "m6"];
    let ran = asked(&files, &hosts, &[], Options::default());
    assert!(ran.tasks.iter().all(|task| task.outcome == TaskOutcome::Unchanged), "{}", ran.lines());
    assert_eq!(trips(&ran), [1; 6]);
}

#[test]
fn a_template_a_notification_and_a_result_that_is_read() {
    let text = play(
        "    - template: {src: t.j2, dest: /srv/t, mode: '0644'}
      notify: reload
      register: written
    - file: {path: /srv/more, state: absent}
      when: not written.changed
    - file: {path: /srv/other, state: absent}
  handlers:
    - name: reload
      fail: {msg: no}
",
    );
    let ran = asked(&[("site.yml", &text), ("t.j2", "hello\n")], &["m1"], &[("/srv/t", "hello\n")], Options::default());
    assert!(ran.tasks.iter().all(|task| task.outcome == TaskOutcome::Unchanged), "{}", ran.lines());
    assert_eq!(trips(&ran), [2], "one for all, and one for what depends on the result");
}

#[test]
fn what_is_delegated_is_read_ahead_where_it_is_done() {
    let tasks: String = (0..5).map(|n| format!("    - stat: {{path: /srv/{n}}}\n      delegate_to: m9\n")).collect();
    let ran = asked(&[("site.yml", &play(&tasks))], &["m1", "m2", "m9"], &[], Options::default());
    assert!(trips(&ran).iter().all(|trips| *trips <= 1), "{:?}", trips(&ran));
}

#[test]
fn a_change_that_is_foretold_leaves_alone_what_it_cannot_move() {
    let text = play(
        "    - {name: changes, copy: {content: new, dest: /srv/a/f, mode: '0644'}}
    - {name: stays, copy: {content: same, dest: /etc/b, mode: '0644'}}
    - {name: mode, file: {path: /srv/a, mode: '0700'}}
    - {name: below, copy: {content: same, dest: /srv/a/g, mode: '0644'}}
    - {name: looks, stat: {path: /etc/b}, register: b}
    - {name: knows, assert: {that: b.stat.exists}}
    - {name: the same again, copy: {content: new, dest: /srv/a/f, mode: '0644'}}
",
    );
    let there = [("/srv/a/f", "old"), ("/etc/b", "same"), ("/srv/a/g", "same")];
    let check = Options { check: true, ..Options::default() };
    let ran = asked(&[("site.yml", &text)], &["m1"], &there, check);
    let expected = "\
m1 changes: changed
m1 stays: unchanged
m1 mode: changed
m1 below: unchanged
m1 looks: unchanged
m1 knows: unchanged
m1 the same again: unchanged";
    assert_eq!(ran.lines(), expected);
}

#[test]
fn what_an_unknown_task_may_have_done_is_not_known() {
    let text = play(
        "    - {name: opaque, command: make-something, register: made}
    - {name: depends, copy: {content: '{{ made.stdout }}', dest: /srv/f, mode: '0600'}}
    - {name: after it, file: {path: /srv/f, mode: '0644'}}
    - {name: elsewhere, file: {path: /etc/b, mode: '0644'}}
",
    );
    let check = Options { check: true, ..Options::default() };
    let ran = asked(&[("site.yml", &text)], &["m1"], &[("/srv/f", "x"), ("/etc/b", "y")], check);
    assert!(ran.tasks.iter().all(|task| task.outcome == TaskOutcome::Pending), "{}", ran.lines());
}

#[test]
fn what_a_delegated_task_did_in_a_dry_run_can_be_looked_at() {
    let text = "\
- hosts: m1
  gather_facts: false
  tasks:
    - {name: foretold, file: {path: /srv/d, state: directory}}
    - {name: acts, file: {path: /srv/e, state: directory}, delegate_to: m2, check_mode: false}
    - {name: knows, file: {path: /etc/b, mode: '0644'}}
    - {name: is not done yet, file: {path: /srv/d, state: directory}}
    - {name: would act, file: {path: /srv/f, state: directory}, delegate_to: m2}
    - {name: does not know, file: {path: /etc/b, mode: '0644'}}
";
    let check = Options { check: true, ..Options::default() };
    let ran = asked(&[("site.yml", text)], &["m1", "m2"], &[("/etc/b", "y")], check);
    let outcomes: Vec<TaskOutcome> = ran.tasks.iter().map(|task| task.outcome).collect();
    use TaskOutcome::{Changed, Pending, Unchanged};
    assert_eq!(outcomes, [Changed, Changed, Unchanged, Pending, Changed, Pending], "{}", ran.lines());
}

#[test]
fn a_task_that_is_only_tried_out_foretells_nothing_for_the_real_ones() {
    let text = play(
        "    - {name: tried, file: {path: /srv/d, state: directory}, check_mode: true}
    - {name: not there, stat: {path: /srv/d}, register: d}
    - {name: so, assert: {that: not d.stat.exists}}
    - {name: made, file: {path: /srv/d, state: directory}}
",
    );
    let ran = asked(&[("site.yml", &text)], &["m1"], &[], Options::default());
    assert_eq!(ran.lines(), "m1 tried: changed\nm1 not there: unchanged\nm1 so: unchanged\nm1 made: changed");
}

#[test]
fn forty_hosts_and_a_hundred_tasks() {
    let tasks: String =
        (0..100).map(|n| format!("    - file: {{path: '/srv/{{{{ inventory_hostname }}}}/d{n}', state: absent}}\n")).collect();
    let names: Vec<String> = (0..40).map(|n| format!("n{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let ran = asked(&[("site.yml", &play(&tasks))], &names, &[], Options { forks: 40, ..Options::default() });
    assert_eq!(trips(&ran), [1; 40]);
    assert_eq!(ran.tasks.len(), 4000);
}
