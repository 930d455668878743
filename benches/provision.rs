//! A playbook in which nothing has to change, beside the script that a person would write and Ansible on the same machines.

use std::fmt::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::Arguments;
use crate::contestants::Field;
use crate::measure::{FactsScript, homelabctl, median, time};
use crate::testbed::{Bed, Machine};

/// Numbers of tasks and machines.
const CASES: [(usize, usize); 3] = [(10, 1), (100, 1), (10, 6)];
/// More rounds with many tasks take Ansible minutes.
const SLOW_ROUNDS: u16 = 2;

/// One case, and the middle of all rounds.
pub struct Case {
    pub tasks: usize,
    pub machines: usize,
    pub homelabctl: Duration,
    /// The same in a single `ssh HOST sudo sh`.
    pub script: Duration,
    pub ansible: Option<Duration>,
}

/// What task number `n` is in the playbook, and in the script; each says so if it has to change something.
fn task(n: usize) -> (String, String) {
    let dir = format!("/srv/bench/{}", n / 10);
    let root = "root root";
    match n % 10 {
        0 => (
            format!("file: {{path: {dir}, state: directory, owner: root, group: root, mode: '0755'}}"),
            format!("[ -d {dir} ] && [ \"$(stat -c '%a %U %G' {dir})\" = '755 {root}' ] || changed {n}"),
        ),
        1 => (
            format!("copy: {{content: \"settings of {n}\\n\", dest: {dir}/settings, mode: '0644'}}"),
            format!("[ \"$(cat {dir}/settings)\" = 'settings of {n}' ] && [ \"$(stat -c %a {dir}/settings)\" = 644 ] || changed {n}"),
        ),
        2 => (
            format!("template: {{src: t.j2, dest: {dir}/template, mode: '0640'}}\n      vars: {{number: {n}}}"),
            format!(
                "[ \"$(cat {dir}/template)\" = '# of the bench\nnumber = {n}' ] && [ \"$(stat -c %a {dir}/template)\" = 640 ] || changed {n}"
            ),
        ),
        3 => (
            format!("lineinfile: {{path: {dir}/lines, line: 'limit = {n}', create: true, mode: '0644'}}"),
            format!("grep -qxF 'limit = {n}' {dir}/lines && [ \"$(stat -c %a {dir}/lines)\" = 644 ] || changed {n}"),
        ),
        4 => (format!("group: {{name: bench{}, system: true}}", n / 10), format!("getent group bench{} >/dev/null || changed {n}", n / 10)),
        5 => (
            format!("user: {{name: keeper{}, system: true, shell: /usr/sbin/nologin, create_home: false}}", n / 10),
            format!("[ \"$(getent passwd keeper{} | cut -d: -f7)\" = /usr/sbin/nologin ] || changed {n}", n / 10),
        ),
        6 => (
            format!("file: {{src: {dir}/settings, path: {dir}/link, state: link}}"),
            format!("[ \"$(readlink {dir}/link)\" = {dir}/settings ] || changed {n}"),
        ),
        7 => (format!("file: {{path: {dir}/old, state: absent}}"), format!("[ ! -e {dir}/old ] || changed {n}")),
        8 => (
            format!("blockinfile: {{path: {dir}/lines, block: \"a = {n}\\nb = {n}\"}}"),
            format!(
                "[ \"$(sed -n '/^# BEGIN ANSIBLE MANAGED BLOCK$/,/^# END ANSIBLE MANAGED BLOCK$/p' {dir}/lines | sed '1d;$d')\" = 'a = {n}\nb = {n}' ] || changed {n}"
            ),
        ),
        _ => (
            format!("replace: {{path: {dir}/settings, regexp: '^never.*$', replace: 'x'}}"),
            format!("! grep -q '^never' {dir}/settings || changed {n}"),
        ),
    }
}

fn playbook(tasks: usize) -> String {
    let mut text = "- hosts: all\n  become: true\n  gather_facts: false\n  tasks:\n".to_owned();
    (0..tasks).for_each(|n| writeln!(text, "    - {}", task(n).0).unwrap());
    text
}

fn script(tasks: usize) -> String {
    let mut text = "changed() { echo \"changed $1\"; }\n".to_owned();
    (0..tasks).for_each(|n| writeln!(text, "{}", task(n).1).unwrap());
    text
}

/// The command lines of one case.
struct Lines<'f> {
    field: &'f Field<'f>,
    machines: &'f [Machine],
    tasks: usize,
    ansible: Option<&'f Path>,
}

impl Lines<'_> {
    fn homelabctl(&self, arguments: &[&str]) -> Command {
        let mut command = self.field.command(&homelabctl());
        command.args(["provision", &format!("{}.yml", self.tasks), "-i", "hosts"]).args(arguments);
        command
    }

    /// Nothing is to change, or it panics.
    fn ours(&self) -> Duration {
        time(self.homelabctl(&["--detailed-exitcode"]), "homelabctl provision")
    }

    /// All machines at the same time, each by a process of its own.
    fn script(&self) -> Duration {
        let path = self.field.path(&format!("{}.sh", self.tasks));
        let commands: Vec<Command> = self
            .machines
            .iter()
            .map(|machine| {
                let mut ssh = machine.ssh().unwrap();
                ssh.args(["sudo", "sh"]).stdin(std::fs::File::open(&path).unwrap()).stdout(Stdio::piped()).stderr(Stdio::piped());
                ssh
            })
            .collect();
        let began = Instant::now();
        let running: Vec<_> = commands.into_iter().map(|mut command| command.spawn().unwrap()).collect();
        let ended: Vec<_> = running.into_iter().map(|child| child.wait_with_output().unwrap()).collect();
        let wall = began.elapsed();
        for output in ended {
            let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success() && output.stdout.is_empty(), "the script: {said}");
        }
        wall
    }

    fn ansible(&self) -> Option<Duration> {
        let ansible = self.ansible?;
        let sockets = tempfile::tempdir_in("/tmp").unwrap();
        let mut command = self.field.command(&ansible.join("bin/ansible-playbook"));
        command
            .args([&format!("{}.yml", self.tasks), "-i", "hosts", "-f", &self.machines.len().max(5).to_string()])
            .env("ANSIBLE_SSH_CONTROL_PATH_DIR", sockets.path())
            .env("ANSIBLE_SSH_COMMON_ARGS", format!("-F none -o UserKnownHostsFile={}", self.field.path(".ssh/known_hosts").display()))
            .env("ANSIBLE_PIPELINING", "True")
            .stdin(Stdio::null());
        let began = Instant::now();
        let output = command.output().unwrap();
        let wall = began.elapsed();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && said.matches("changed=0 ").count() == self.machines.len(), "ansible-playbook: {said}");
        for socket in std::fs::read_dir(sockets.path()).unwrap() {
            let path = format!("ControlPath={}", socket.unwrap().path().display());
            let _ = Command::new("ssh").args(["-F", "none", "-o", &path, "-O", "exit", "x"]).output();
        }
        Some(wall)
    }
}

pub fn measure(arguments: &Arguments, facts: &FactsScript, ansible: Option<&Path>) -> Vec<Case> {
    let bed = Bed::new().unwrap();
    let most = CASES.iter().map(|(_, machines)| *machines).max().unwrap();
    let machines = bed.start_all((0..most).map(|index| bed.machine(&format!("n{index}"))).collect()).unwrap();
    let mut cases = Vec::new();
    for (tasks, number) in CASES {
        let machines = &machines[..number];
        let field = Field::new(&bed, machines, facts, ansible);
        std::fs::create_dir(field.path("templates")).unwrap();
        std::fs::write(field.path("templates/t.j2"), "# of the bench\nnumber = {{ number }}\n").unwrap();
        std::fs::write(field.path(&format!("{tasks}.yml")), playbook(tasks)).unwrap();
        std::fs::write(field.path(&format!("{tasks}.sh")), script(tasks)).unwrap();
        let lines = Lines { field: &field, machines, tasks, ansible };
        time(lines.homelabctl(&[]), "homelabctl provision");
        let (mut ours, mut theirs, mut ansibles) = (Vec::new(), Vec::new(), Vec::new());
        // the first round warms caches up and does not count
        for round in 0..=arguments.rounds {
            let walls = (lines.ours(), lines.script());
            let ansible = if tasks <= 10 || round <= SLOW_ROUNDS { lines.ansible() } else { None };
            eprintln!("{tasks} tasks, {number} machines, round {round}: homelabctl {:?}, ssh {:?}, ansible {ansible:?}", walls.0, walls.1);
            if round > 0 {
                ours.push(walls.0);
                theirs.push(walls.1);
                ansibles.extend(ansible);
            }
        }
        let ansible = (!ansibles.is_empty()).then(|| median(ansibles));
        cases.push(Case { tasks, machines: number, homelabctl: median(ours), script: median(theirs), ansible });
    }
    cases
}
