//! What the playbooks of the benchmark do, in the words of each program.

use std::fmt::Write;

/// One task, said four times; `{n}` numbers it. Ten kinds, in turn.
pub struct Task {
    /// For homelabctl, ansible-playbook and Mitogen.
    pub playbook: String,
    /// A line of the script that a person would write; it says `changed` if something has to change.
    pub script: String,
    /// For pyinfra.
    pub pyinfra: String,
}

/// What a run that changes everything begins with: nothing of it is there.
pub const UNDO: &str = "systemctl --quiet disable --now bench.service
rm -rf /srv/bench
for name in $(getent passwd | cut -d: -f1 | grep '^keeper[0-9]'); do userdel $name; done
for name in $(getent group | cut -d: -f1 | grep '^bench[0-9]'); do groupdel $name; done";

/// What must be the same after it, whoever did it.
pub const STATE: &str = "cd /srv/bench
find . -printf '%p %y %m %u %g %l\\n' | LC_ALL=C sort
find . -type f -exec sha256sum {} + | LC_ALL=C sort -k 2
getent passwd | grep '^keeper[0-9]' | cut -d: -f1,7
getent group | grep -o '^bench[0-9]*'
systemctl is-active bench.service
systemctl is-enabled bench.service";

/// A service to be started, and a package that is there.
pub const PREPARE: &str =
    "printf '[Service]\\nExecStart=/bin/sleep infinity\\n[Install]\\nWantedBy=multi-user.target\\n' >/etc/systemd/system/bench.service
systemctl daemon-reload
DEBIAN_FRONTEND=noninteractive apt-get -qq install hl-tool >/dev/null";

/// Task number `n`. In `changing` none is about a package: the time would be dpkg's.
fn task(n: usize, changing: bool) -> Task {
    let dir = format!("/srv/bench/{}", n / 10);
    let (playbook, script, pyinfra) = match n % 10 {
        0 => (
            format!("file: {{path: {dir}, state: directory, owner: root, group: root, mode: '0755'}}"),
            format!("[ -d {dir} ] && [ \"$(stat -c '%a %U %G' {dir})\" = '755 root root' ]"),
            format!("files.directory(path='{dir}', user='root', group='root', mode='755')"),
        ),
        1 => (
            format!("copy: {{content: \"settings of {n}\\n\", dest: {dir}/settings, mode: '0644'}}"),
            format!("[ \"$(cat {dir}/settings)\" = 'settings of {n}' ] && [ \"$(stat -c %a {dir}/settings)\" = 644 ]"),
            format!("files.put(src=StringIO('settings of {n}\\n'), dest='{dir}/settings', mode='644')"),
        ),
        2 => (
            format!("template: {{src: t.j2, dest: {dir}/template, mode: '0640'}}\n      vars: {{number: {n}}}"),
            format!("[ \"$(cat {dir}/template)\" = '# of the bench\nnumber = {n}' ] && [ \"$(stat -c %a {dir}/template)\" = 640 ]"),
            format!("files.template(src='templates/t.j2', dest='{dir}/template', mode='640', number={n})"),
        ),
        3 => (
            format!("lineinfile: {{path: {dir}/lines, line: 'limit = {n}', create: true, mode: '0644'}}"),
            format!("grep -qxF 'limit = {n}' {dir}/lines && [ \"$(stat -c %a {dir}/lines)\" = 644 ]"),
            format!("files.line(path='{dir}/lines', line='limit = {n}')"),
        ),
        4 => (
            format!("group: {{name: bench{}, system: true}}", n / 10),
            format!("getent group bench{} >/dev/null", n / 10),
            format!("server.group(group='bench{}', system=True)", n / 10),
        ),
        5 => (
            format!("user: {{name: keeper{}, system: true, shell: /usr/sbin/nologin, create_home: false}}", n / 10),
            format!("[ \"$(getent passwd keeper{} | cut -d: -f7)\" = /usr/sbin/nologin ]", n / 10),
            format!("server.user(user='keeper{}', system=True, shell='/usr/sbin/nologin', ensure_home=False)", n / 10),
        ),
        6 => (
            format!("file: {{src: {dir}/settings, path: {dir}/link, state: link}}"),
            format!("[ \"$(readlink {dir}/link)\" = {dir}/settings ]"),
            format!("files.link(path='{dir}/link', target='{dir}/settings')"),
        ),
        7 => (
            "systemd: {name: bench, state: started, enabled: true}".into(),
            "[ \"$(systemctl is-active bench) $(systemctl is-enabled bench)\" = 'active enabled' ]".into(),
            "systemd.service(service='bench.service', running=True, enabled=True)".into(),
        ),
        8 => (
            format!("blockinfile: {{path: {dir}/lines, block: \"a = {n}\\nb = {n}\"}}"),
            format!(
                "[ \"$(sed -n '/^# BEGIN ANSIBLE MANAGED BLOCK$/,/^# END ANSIBLE MANAGED BLOCK$/p' {dir}/lines | sed '1d;$d')\" = 'a = {n}\nb = {n}' ]"
            ),
            format!("files.block(path='{dir}/lines', content='a = {n}\\nb = {n}', marker='# {{mark}} ANSIBLE MANAGED BLOCK')"),
        ),
        _ if changing => (
            format!("file: {{path: {dir}/other, state: directory, mode: '0700'}}"),
            format!("[ -d {dir}/other ] && [ \"$(stat -c %a {dir}/other)\" = 700 ]"),
            format!("files.directory(path='{dir}/other', mode='700')"),
        ),
        _ => (
            "apt: {name: hl-tool}".into(),
            "[ \"$(dpkg-query -W -f '${Status}' hl-tool)\" = 'install ok installed' ]".into(),
            "apt.packages(packages=['hl-tool'])".into(),
        ),
    };
    Task { playbook, script: format!("{script} || echo changed {n}"), pyinfra }
}

fn all(tasks: usize, changing: bool) -> impl Iterator<Item = Task> {
    (0..tasks).map(move |n| task(n, changing))
}

/// For homelabctl, ansible-playbook and Mitogen.
pub fn playbook(tasks: usize, changing: bool) -> String {
    let mut text = "- hosts: all\n  become: true\n  gather_facts: false\n  tasks:\n".to_owned();
    all(tasks, changing).for_each(|task| writeln!(text, "    - {}", task.playbook).unwrap());
    text
}

/// For `ssh HOST sudo sh`.
pub fn script(tasks: usize) -> String {
    all(tasks, false).map(|task| task.script + "\n").collect()
}

/// For `ssh HOST sudo sh`: makes all of it where nothing of it is there, and looks at nothing.
pub fn making_script(tasks: usize) -> String {
    let one = |n: usize| {
        let (dir, number) = (format!("/srv/bench/{}", n / 10), n / 10);
        match n % 10 {
            0 => format!("install -d -m 755 {dir}"),
            1 => format!("printf 'settings of {n}\\n' >{dir}/settings; chmod 644 {dir}/settings"),
            2 => format!("printf '# of the bench\\nnumber = {n}\\n' >{dir}/template; chmod 640 {dir}/template"),
            3 => format!("echo 'limit = {n}' >>{dir}/lines; chmod 644 {dir}/lines"),
            4 => format!("groupadd --system bench{number}"),
            5 => format!("useradd --system --shell /usr/sbin/nologin --no-create-home keeper{number}"),
            6 => format!("ln -s {dir}/settings {dir}/link"),
            7 => "systemctl --quiet enable --now bench".into(),
            8 => format!("printf '# BEGIN ANSIBLE MANAGED BLOCK\\na = {n}\\nb = {n}\\n# END ANSIBLE MANAGED BLOCK\\n' >>{dir}/lines"),
            _ => format!("mkdir -m 700 {dir}/other"),
        }
    };
    (0..tasks).map(|n| one(n) + " || echo failed\n").collect()
}

/// For pyinfra.
pub fn deploy(tasks: usize, changing: bool) -> String {
    let mut text = "from io import StringIO\nfrom pyinfra.operations import apt, files, server, systemd\n".to_owned();
    all(tasks, changing).for_each(|task| writeln!(text, "{}", task.pyinfra).unwrap());
    text
}
