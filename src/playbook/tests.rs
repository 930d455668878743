use super::testing::Project;
use super::{Context, Included, Item, RoleFrom, find_vars, load_handlers, load_role, load_tasks, load_vars};
use crate::diagnostics::{Diagnostics, Source};

mod drawn;

#[test]
fn a_play_with_all_its_parts() {
    let text = r#"
- name: first
  hosts: web:&prod
  become: true
  gather_facts: no
  serial: [1, 30%]
  vars: {port: 80}
  tags: a, b
  environment: {PATH: /bin}
  pre_tasks:
    - ping:
  tasks:
    - name: put it there
      ansible.builtin.copy: src=a dest="/tmp/x y" mode=0644
      args: {owner: root, mode: '0600'}
      when: [x is defined, y]
      notify: restart
      register: put
      loop: [1, 2]
      loop_control: {label: "{{ item }}", loop_var: file}
    - shell: |
        echo a=b chdir=/tmp
          two
      with_items: "{{ list }}"
      changed_when: false
      until: put is success
      retries: 3
      delay: 1
    - name: try
      when: outer
      delegate_to: m1
      block:
        - debug: msg=hi
          become_user: pat
      rescue:
        - local_action: command echo {{ x }}
      always:
        - action: debug msg="end"
          async: 10
          poll: 0
    - template: "{{ options }}"
  post_tasks:
    - meta: flush_handlers
  handlers:
    - name: restart
      service: {name: x, state: restarted}
      listen: [web, all]
"#;
    insta::assert_snapshot!(Project::new(&[("site.yml", text)]).shown());
}

/// What is said of tasks in a play.
fn of_tasks(tasks: &str) -> String {
    let text = format!("- hosts: all\n  tasks:\n{}", tasks.lines().map(|line| format!("    {line}\n")).collect::<String>());
    Project::new(&[("site.yml", &text)]).problems()
}

/// What is said of a playbook.
fn of(text: &str) -> String {
    Project::new(&[("site.yml", text)]).problems()
}

#[test]
fn what_a_task_does() {
    insta::assert_snapshot!(of_tasks(
        r#"- name: nothing
- name: two
  ansible.builtin.copy: {src: a, dest: b}
  ansible.builtin.file: {path: b}
- name: a keyword that nobody knows
  ansible.builtin.copy: {src: a, dest: b}
  whn: x
  dest: c
- name: not even a module
  wehn: x
- action: command ls
  local_action: command ls
- ansible.builtin.copy: [src=a, dest=b]
- ansible.builtin.command: 5
- ansible.builtin.shell: echo "x
- ansible.builtin.copy: {src: a}
  args: text
- action: {src: a}
- action: [x]
- include: other.yml
- hosts: all
  roles: []
- gather_facts: no
  ansible.builtin.ping:
- import_playbook: x.yml
- text
-
- 5: x
  ansible.builtin.ping:
"#
    ));
}

#[test]
fn what_keywords_have_for_values() {
    insta::assert_snapshot!(of_tasks(
        r#"- ansible.builtin.ping:
  become: perhaps
  port: ssh
  delay: soon
  retries: "{{ n }}"
  notify: {a: b}
  debugger: sometimes
  when: "{{ x }}"
  become_user:
- ansible.builtin.ping:
  when:
    - a: b
    - ""
  tags: {a: b}
  vars: [a]
  environment: PATH
  module_defaults: "{{ x }}"
- ansible.builtin.ping:
  vars: {a-b: 1, true: 2, 5: 3}
  register: a.b
  tags: [[a]]
  changed_when:
  listen: x
- ansible.builtin.ping:
  loop: [1]
  with_items: [2]
- ansible.builtin.ping:
  with_itmes: [1]
- ansible.builtin.ping:
  loop: {a: b}
  loop_control: {lable: x, loop_var: a b}
- ansible.builtin.ping:
  loop:
  loop_control: x
  failed_when:
  until:
- ansible.builtin.ping:
  when: [1, null, true]
  loop_control:
"#
    ));
}

#[test]
fn blocks() {
    insta::assert_snapshot!(of_tasks(
        r#"- rescue:
    - ansible.builtin.ping:
- block: []
  rescue: []
- block:
  always:
- block:
    - ansible.builtin.ping:
  register: x
  lop: 1
- block: text
- block:
    ansible.builtin.ping:
- block: []
  always: []
"#
    ));
}

#[test]
fn plays() {
    insta::assert_snapshot!(of(r#"
- name: no hosts
  tasks: []
- hosts:
- hosts: [a, 5]
- hosts: []
- hosts: {a: b}
- hosts: all
  when: x
  task: []
  order: backwards
  gather_facts: perhaps
  max_fail_percentage: many
  serial: [1, half]
  roles: web
  tasks: "{{ tasks }}"
  vars_prompt:
    - prompt: x
    - {name: a, promt: b}
    - text
- hosts: all
  user: a
  remote_user: b
  pre_tasks:
    ping:
  vars_files: {a: b}
- ansible.builtin.ping:
- text
-
"#));
}

#[test]
fn files_that_are_no_playbooks() {
    let mut text = String::new();
    for playbook in
        ["", "---\n", "[]\n", "hosts: all\ntasks: []\n", "a: b\n", "- name: x\n  ping:\n- command: ls\n", "text\n", "- hosts: [\n"]
    {
        text += &format!("{playbook:?}\n{}\n\n", of(playbook));
    }
    insta::assert_snapshot!(text);
    insta::assert_snapshot!("no_file", Project::new(&[]).problems());
    insta::assert_snapshot!("another_file", Project::new(&[("sites.yml", "")]).problems());
}

#[test]
fn imports() {
    let project = Project::new(&[
        (
            "site.yml",
            r#"
- import_playbook: plays/web.yml
  vars: {a: outer}
  when: outer
  tags: outer
- ansible.builtin.import_playbook: ns.coll.deploy
- hosts: all
  vars: {which: b}
  tasks:
    - name: take them in
      import_tasks: tasks/a.yml
      when: imported
      tags: [t1]
      vars: {v: 1}
      become: true
      notify: restart
    - import_tasks:
        file: "tasks/{{ which }}.yml"
    - include_tasks: "tasks/{{ later }}.yml"
      loop: [1]
    - include_tasks: tasks/later.yml
  handlers:
    - import_tasks: handlers/all.yml
      listen: any
"#,
        ),
        ("plays/web.yml", "- hosts: web\n  vars: {a: inner, b: c}\n  tags: inner\n  tasks:\n    - ping:\n- import_playbook: more.yml\n"),
        ("plays/more.yml", "- hosts: more\n  tasks:\n    - import_tasks: x.yml\n"),
        ("plays/x.yml", "- ping:\n"),
        ("galaxy/ansible_collections/ns/coll/playbooks/deploy.yml", "- hosts: deploy\n"),
        ("tasks/a.yml", "- name: in a\n  debug: msg=a\n- import_tasks: sub/c.yml\n"),
        ("tasks/b.yml", "- block:\n    - name: in b\n      debug: msg=b\n"),
        ("tasks/sub/c.yml", "- import_tasks: d.yml\n  tags: t2\n"),
        ("tasks/sub/d.yml", "- name: in d\n  debug: msg=d\n"),
        ("tasks/later.yml", "- name: later\n  debgu: msg=a\n  wen: x\n- include_tasks: later.yml\n  when: more\n"),
        ("handlers/all.yml", "- name: restart\n  service: name=x state=restarted\n"),
    ]);
    insta::assert_snapshot!(project.shown());
}

#[test]
fn imports_that_cannot_be() {
    let project = Project::new(&[
        (
            "site.yml",
            r#"
- import_playbook: sitee.yml
- import_playbook: other.yml
- import_playbook: tasks.yml
- import_playbook: "{{ nowhere }}.yml"
- import_playbook: empty.yml
  become: true
  hosts: all
- hosts: all
  tasks:
    - import_tasks: circle.yml
    - import_tasks: task.yml
    - include_tasks: taks.yml
    - import_tasks: other.yml
    - import_tasks: mapping.yml
    - import_tasks: empty.yml
    - import_tasks: "{{ item }}.yml"
      loop: [1]
    - import_tasks: tasks.yml
      register: x
      args: {apply: {tags: x}}
    - include_tasks:
    - include_tasks: tasks.yml nothing=1
    - include_tasks: tasks.yml
      notify: x
      delegate_to: y
    - include_role: {nam: x}
    - include_role: x
    - import_role: {name: nowhere}
  handlers:
    - import_role: {name: x}
    - {name: flush, meta: flush_handlers}
    - {name: blocks, block: [{debug: }, {block: [{debug: }]}]}
"#,
        ),
        ("other.yml", "- import_playbook: site.yml\n- hosts: all\n  tasks: []\n"),
        ("tasks.yml", "- ping:\n- command: ls\n"),
        ("circle.yml", "- import_tasks: circle2.yml\n"),
        ("circle2.yml", "- import_tasks: circle.yml\n"),
        ("mapping.yml", "tasks:\n  - ping:\n"),
        ("empty.yml", ""),
    ]);
    insta::assert_snapshot!(project.problems());
}

#[test]
fn roles() {
    let project = Project::new(&[
        (
            "site.yml",
            r#"
- hosts: all
  roles:
    - plain
    - role: "{{ kind }}server"
      port: 80
      vars: {x: y}
      tags: web
      when: yes
      become: true
    - {name: ns.coll.deep, param: "{{ a }}"}
  tasks:
    - import_role: {name: plain, tasks_from: other, vars_from: other.yml, handlers_from: other}
      vars: {v: 1}
      tags: imported
    - include_role: {name: included, public: true}
    - include_role: {name: nowhere}
      when: never
"#,
        ),
        ("roles/plain/tasks/main.yml", "- name: in plain\n  import_tasks: sub/x.yml\n- include_tasks: y.yml\n"),
        ("roles/plain/tasks/other.yaml", "- name: in other\n  debug:\n- import_tasks: sub/x.yml\n"),
        ("roles/plain/tasks/sub/x.yml", "- name: in x\n  debug:\n- import_tasks: y.yml\n"),
        ("roles/plain/tasks/sub/y.yml", "- name: in sub/y\n  debug:\n"),
        ("roles/plain/tasks/y.yml", "- name: in y\n  debug:\n"),
        ("roles/plain/handlers/main.yml", "- name: h\n  debug:\n"),
        ("roles/plain/handlers/other.yml", "- name: other h\n  debug:\n"),
        ("roles/plain/vars/other.yml", "o: 1\n"),
        ("roles/plain/defaults/main/b.yml", "a: 2\nb: 2\n"),
        ("roles/plain/defaults/main/a.yml", "a: 1\n"),
        ("roles/plain/defaults/main/c.txt", "- no variables\n"),
        ("roles/plain/vars/main.json", "{\"j\": 1}"),
        (
            "shared/webserver/meta/main.yml",
            "dependencies:\n  - base\n  - {role: base, level: 2, tags: dep}\nallow_duplicates: true\ngalaxy_info: {}\n",
        ),
        (
            "shared/webserver/meta/argument_specs.yml",
            "argument_specs:\n  main:\n    short_description: a web server\n    options: {port: {type: int}}\n",
        ),
        ("shared/webserver/tasks/main.yml", "- name: in webserver\n  debug:\n  become: false\n"),
        ("shared/base/tasks/main.yml", "- name: in base\n  debug:\n"),
        ("galaxy/ansible_collections/ns/coll/roles/deep/meta/main.yml", "dependencies: [beside]\n"),
        ("galaxy/ansible_collections/ns/coll/roles/deep/tasks/main.yml", "- name: in deep\n  debug:\n"),
        ("galaxy/ansible_collections/ns/coll/roles/beside/tasks/main.yml", "- name: in beside\n  debug:\n"),
        ("included/tasks/main.yml", "- name: in included\n  debug:\n- import_role: {name: base}\n"),
    ])
    .vars("kind: web");
    insta::assert_snapshot!(project.shown());
}

#[test]
fn roles_that_cannot_be() {
    let project = Project::new(&[
        (
            "site.yml",
            r#"
- hosts: all
  roles:
    - weserver
    - circle
    - {tags: x}
    - [x]
    - "a,v1"
    - {role: webserver, tag: x, a-b: 1, become: perhaps}
    - "{{ nowhere }}"
    - wrong
    - self
  tasks:
    - import_role: {name: webserver, tasks_from: instal}
    - import_role: {name: webserver, tasks_from: ../../../x}
    - import_role: {name: webserver, taks_from: x, apply: {}}
"#,
        ),
        ("roles/webserver/tasks/main.yml", "debug:\n"),
        ("roles/webserver/tasks/install.yml", "- debug:\n"),
        ("roles/circle/meta/main.yml", "dependencies: [other]\n"),
        ("roles/other/meta/main.yml", "dependencies: [circle]\n"),
        ("roles/wrong/meta/main.yml", "dependencies: x\nalow_duplicates: yes\nallow_duplicates: perhaps\n"),
        ("roles/wrong/defaults/main.yml", "- a\n"),
        ("roles/wrong/vars/main.yml", "a: 1\na: 2\n"),
        ("roles/self/tasks/main.yml", "- import_role: {name: self}\n"),
        ("x.yml", "- debug:\n"),
    ]);
    insta::assert_snapshot!(project.problems());
}

#[test]
fn variables_in_files() {
    let project = Project::new(&[
        (
            "site.yml",
            "- hosts: all\n  vars_files: [a.yml, [none.yml, vars/b.yml], '{{ ansible_os_family }}.yml', nowhere.yml, bad.yml]\n  vars_prompt: {name: pw, private: no}\n  tasks:\n    - import_tasks: '{{ file }}.yml'\n",
        ),
        ("vars/a.yml", "file: tasks\n"),
        ("vars/b.yml", "[{x: 1}, {y: 2}]\n"),
        ("bad.yml", "text\n"),
        ("tasks.yml", "- debug:\n"),
    ]);
    insta::assert_snapshot!(project.shown());
}

#[test]
fn imports_that_multiply_end() {
    let ten = |name: &str| format!("- import_tasks: {name}\n").repeat(10);
    let mut files: Vec<(String, String)> = (0..8).map(|at| (format!("t{at}.yml"), ten(&format!("t{}.yml", at + 1)))).collect();
    files.push(("t8.yml".to_owned(), "- ansible.builtin.ping:\n".to_owned()));
    files.push(("site.yml".to_owned(), "- hosts: all\n  tasks:\n    - import_tasks: t0.yml\n".to_owned()));
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let problems = Project::new(&files).problems();
    assert!(problems.contains("the playbook holds more than 5000 tasks"), "{problems}");
    assert_eq!(problems.matches("error:").count(), 1, "{problems}");
}

#[test]
fn blocks_in_blocks_in_imports_end() {
    let project = Project::new(&[
        ("site.yml", "- hosts: all\n  tasks:\n    - import_tasks: d/t.yml\n"),
        ("t.yml", "- block:\n    - block:\n        - import_tasks: d/t.yml\n"),
    ]);
    std::os::unix::fs::symlink(".", project.dir.path().join("d")).unwrap();
    let problems = project.problems();
    assert!(problems.contains("more than 64 blocks and imports stand in each other here"), "{problems}");
}

/// What is included when its turn comes.
#[test]
fn what_is_included_at_run_time() {
    let project = Project::new(&[
        (
            "site.yml",
            "- hosts: all\n  become: true\n  tasks:\n    - block:\n        - name: include\n          include_tasks: tasks/a.yml\n          vars: {v: 1}\n          tags: own\n          no_log: true\n      when: around\n  roles: [r]\n",
        ),
        ("tasks/a.yml", "- name: in a\n  debug:\n- import_tasks: b.yml\n- import_role: {name: r}\n"),
        ("tasks/b.yml", "- name: in b\n  debug:\n"),
        ("handlers.yml", "- name: h\n  debug:\n  listen: l\n"),
        ("roles/r/tasks/main.yml", "- name: include more\n  include_tasks: more.yml\n"),
        ("roles/r/tasks/more.yml", "- name: in more\n  debug:\n"),
        ("roles/r/tasks/other.yml", "- name: in other\n  debug:\n"),
        ("roles/r/handlers/main.yml", "- name: rh\n  debug:\n"),
    ]);
    let node = |text: &str| crate::yaml::load(&Source::new("given", text)).unwrap().0.unwrap();
    let (playbook, problems) = project.load();
    assert!(problems.0.is_empty(), "{problems}");
    let play = &playbook.plays[0];
    let Item::Block(block) = &play.tasks[0] else { panic!("no block") };
    let (Item::Task(include), Item::Task(more)) = (&block.block[0], &play.role_tasks[0]) else { panic!("no task") };
    let request = project.request();
    let item = vec![(node("item"), node("5"))];
    let context = Context::within(include, play, item);
    let (context, problems) = context.apply(&node("{tags: [applied], become: false, whn: x}"), &request);
    let mut text = format!("{problems}\n");
    let mut show = |(included, problems): (Included, Diagnostics)| {
        text += &project.included(&included);
        text += &format!("{problems}\n");
    };
    show(load_tasks(&node("tasks/a.yml"), &context, &request));
    show(load_tasks(&node("tasks/none.yml"), &context, &request));
    show(load_tasks(&node("more.yml"), &Context::within(more, play, Vec::new()), &request));
    show(load_handlers(&node("handlers.yml"), &context, &request));
    let from = RoleFrom::of(node("{name: r, tasks_from: other}").as_map().unwrap());
    show(load_role(&node("r"), &from, &context, &request));
    insta::assert_snapshot!(project.plain(&text));
    let found = find_vars("a.yml", &play.dir, &request);
    assert_eq!(found.looked, [project.dir.path().join("vars/a.yml"), project.dir.path().join("a.yml")]);
    assert!(load_vars(&project.dir.path().join("tasks/a.yml"), &request).is_ok(), "a list of mappings is taken too");
}

#[test]
fn encrypted_files() {
    let vault = "$ANSIBLE_VAULT;1.1;AES256\n6162\n";
    let project = Project::new(&[
        ("site.yml", "- hosts: all\n  vars_files: [secret.yml]\n  tasks:\n    - import_tasks: t.yml\n"),
        ("secret.yml", vault),
        ("t.yml", vault),
    ]);
    insta::assert_snapshot!(project.problems());
    let (vars, tasks) = (include_str!("../../tests/records/playbook/vars.vault"), include_str!("../../tests/records/playbook/tasks.vault"));
    let site = "- hosts: all\n  vars_files: [secret.yml]\n  tasks:\n    - import_tasks: '{{ file }}.yml'\n";
    let files = [("site.yml", site), ("secret.yml", vars), ("t.yml", tasks)];
    insta::assert_snapshot!("encrypted_without_a_password", Project::new(&files).problems());
    let shown = Project::new(&files).password("correct horse").shown();
    assert!(!shown.contains("xyzzy"), "what was encrypted is shown: {shown}");
    insta::assert_snapshot!("encrypted_and_opened", shown);
}

#[test]
fn wrong_bytes() {
    let project = Project::new(&[("site.yml", "- hosts: all\n  tasks:\n    - import_tasks: t.yml\n    - import_tasks: d\n")]);
    std::fs::write(project.dir.path().join("t.yml"), b"- debug: \xff\n").unwrap();
    std::fs::create_dir(project.dir.path().join("d")).unwrap();
    insta::assert_snapshot!(project.problems());
}
