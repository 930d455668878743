//! Playbooks on real machines: what changes, that it stays so, what a dry run foretells, what a person sees.

use std::fmt::Write as _;

use serde_json::Value;

use crate::program::{Program, Ran};
use crate::testbed::{Bed, Machine};

const SITE: &str = r#"
- name: nodes
  hosts: nodes
  become: true
  vars:
    base: /srv/site
  tasks:
    - name: directories
      ansible.builtin.file:
        path: "{{ base }}/{{ item }}"
        state: directory
        mode: "0750"
      loop: [etc, data]
    - name: settings
      template:
        src: settings.j2
        dest: "{{ base }}/etc/settings"
        mode: "0640"
      notify: reload
    - name: a line
      lineinfile:
        path: "{{ base }}/etc/lines"
        line: "limit = 524288"
        regexp: "^limit"
        create: true
    - name: a user
      user:
        name: keeper
        system: true
        shell: /usr/sbin/nologin
    - name: who
      command: id -un
      register: who
      changed_when: false
    - name: it is root
      assert:
        that: [who.stdout == 'root', ansible_facts.distribution == 'Debian']
  handlers:
    - name: reload
      shell: echo reloaded >> {{ base }}/data/log
"#;

/// A folder to run in: an inventory of the machines, `site.yml` and what it needs.
pub fn project(bed: &Bed, machines: &[Machine]) -> Program {
    let program = Program::new();
    for dir in ["home/.ssh", "templates"] {
        std::fs::create_dir(program.path(dir)).unwrap();
    }
    program.file("home/.ssh/known_hosts", &machines.iter().map(Machine::known_hosts_lines).collect::<String>());
    let mut hosts = String::from("[nodes]\n");
    for machine in machines {
        writeln!(hosts, "{} ansible_host={} ansible_port={} ansible_user={}", machine.name, machine.address, machine.port, machine.user)
            .unwrap();
    }
    writeln!(hosts, "[nodes:vars]\nansible_ssh_private_key_file={}", bed.key_path().display()).unwrap();
    program.file("hosts", &hosts).file("site.yml", SITE);
    program.file(
        "templates/settings.j2",
        "# {{ inventory_hostname }} of {{ groups.nodes | length }}\n{% for n in [1, 2] %}\nn{{ n }}\n{% endfor %}\n",
    );
    program
}

/// The last event of each host: its outcome and round trips.
pub(crate) fn finished(ran: &Ran) -> Vec<(String, u64)> {
    let events = ran.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let ends = events.filter(|event| event["event"] == "host_finished");
    ends.map(|end| (end["outcome"].as_str().unwrap().to_owned(), end["round_trips"].as_u64().unwrap())).collect()
}

#[test]
fn a_playbook_changes_what_it_says_and_nothing_the_second_time() {
    let bed = Bed::new().unwrap();
    let spec = |name: &str| bed.machine(name).without_python().without_downloaders();
    let machines = bed.start_all(vec![spec("m1"), spec("m2")]).unwrap();
    let program = project(&bed, &machines);
    let run = |arguments: &[&str]| bed.inside(|| program.run(&[&["provision", "-i", "hosts"], arguments].concat())).unwrap();
    let seen = |script: &str| machines.iter().map(|machine| machine.root_says(script).unwrap()).collect::<Vec<_>>();

    // a dry run foretells it and leaves no trace
    let ran = run(&["--check", "--diff", "--detailed-exitcode"]);
    assert_eq!(ran.code, Some(3), "{}", ran.all());
    assert!(ran.stdout.starts_with("would change\n") && ran.stdout.contains("/srv/site/etc "), "{}", ran.all());
    assert_eq!(seen("ls -d /srv/site 2>/dev/null || echo none"), ["none", "none"]);

    let ran = run(&[]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    assert!(ran.stderr.contains("hosts: 2 changed"), "{}", ran.all());
    assert_eq!(seen("cat /srv/site/etc/settings"), ["# m1 of 2\nn1\nn2", "# m2 of 2\nn1\nn2"]);
    assert_eq!(seen("stat -c '%a %U:%G' /srv/site/etc /srv/site/etc/settings | tr '\\n' ' '"), ["750 root:root 640 root:root"; 2]);
    assert_eq!(seen("cat /srv/site/etc/lines /srv/site/data/log"), ["limit = 524288\nreloaded"; 2]);
    assert_eq!(seen("id -u keeper >/dev/null && echo there"), ["there"; 2]);
    // given back after the run
    assert_eq!(seen("cat /run/homelabctl/run.lock 2>/dev/null"), [""; 2]);

    let ran = run(&["--detailed-exitcode", "--output", "jsonl"]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    let ends = finished(&ran);
    assert!(ends.len() == 2 && ends.iter().all(|(outcome, _)| outcome == "unchanged"), "{ends:?} {}", ran.all());
    // what is there and the facts that the play names, what depends on them, and the command
    let ran = run(&[]);
    assert!(ran.stderr.contains("2 as they should be") && ran.stderr.contains(", 3 round trips"), "{}", ran.all());
    assert_eq!(seen("cat /srv/site/data/log"), ["reloaded"; 2], "no handler without a change");

    // what somebody else changed is changed back, and only that
    machines[0].root_says("chmod 777 /srv/site/etc; sed -i s/524288/1/ /srv/site/etc/lines").unwrap();
    let ran = run(&["--check"]);
    assert!(ran.stdout.contains("0777 → 0750") && ran.stderr.contains("1 would change"), "{}", ran.all());
    let ran = run(&[]);
    assert!(ran.code == Some(0) && ran.stderr.contains("1 as they should be, 1 changed"), "{}", ran.all());
    assert_eq!(seen("stat -c %a /srv/site/etc; cat /srv/site/etc/lines"), ["750\nlimit = 524288"; 2]);
}

#[test]
fn a_host_that_fails_and_one_that_is_not_there() {
    let bed = Bed::new().unwrap();
    let machines = bed.start_all(vec![bed.machine("m1"), bed.machine("m2")]).unwrap();
    let program = project(&bed, &machines);
    let text = "\
- hosts: nodes,gone
  gather_facts: false
  become: true
  tasks:
    - name: fails on m2
      command: test -e /etc/only-on-m1
      changed_when: false
    - name: then
      file: {path: /srv/reached, state: directory}
";
    program.file("some.yml", text);
    let hosts = std::fs::read_to_string(program.path("hosts")).unwrap();
    program.file("hosts", &format!("{hosts}\n[gone]\nm9 ansible_host=127.0.0.1 ansible_port=9\n"));
    machines[0].root_says("touch /etc/only-on-m1").unwrap();
    let ran = bed.inside(|| program.run(&["provision", "some.yml", "-i", "hosts"])).unwrap();
    assert_eq!(ran.code, Some(4), "{}", ran.all());
    assert!(ran.stderr.contains("1 changed, 1 failed, 1 unreachable"), "{}", ran.all());
    assert!(ran.stderr.contains("m2  failed: some.yml:5 \"fails on m2\": non-zero return code"), "{}", ran.all());
    let reached = |machine: &Machine| machine.root_says("ls -d /srv/reached 2>/dev/null || echo none").unwrap();
    assert_eq!([reached(&machines[0]), reached(&machines[1])], ["/srv/reached", "none"]);
}
