//! Large files to real machines: they are never in our memory as a whole, and never seen half-written.

use std::io::Write as _;

use crate::program::{Program, Ran};
use crate::provision_machines::project;
use crate::testbed::Bed;

/// 50 MB, and none of its blocks is like another.
const LENGTH: u64 = 50 << 20;

const PLAY: &str = r#"
- hosts: nodes
  become: true
  gather_facts: false
  tasks:
    - name: one that is there, looked at first and kept
      copy:
        src: large
        dest: /srv/there
        mode: "0640"
        backup: true
        validate: sh -c 'test "$(wc -c <%s)" = 52428800'
    - name: one in a directory that the task makes
      copy:
        src: large
        dest: /srv/new/deep/
        mode: preserve
    - name: text that is large
      copy:
        content: "{{ 'line\n' * 100000 }}"
        dest: /srv/text
"#;

fn large(program: &Program) {
    let mut file = std::io::BufWriter::new(std::fs::File::create(program.path("large")).unwrap());
    for number in 0..LENGTH / 16 {
        writeln!(file, "{number:015}").unwrap();
    }
}

/// With so much memory of its own and no more: less than the file is long.
fn run_in(bed: &Bed, program: &Program, limit: u64) -> Ran {
    let mut command = program.command("/usr/bin/prlimit");
    let arguments = ["provision", "-i", "hosts", "large.yml"];
    command.arg(format!("--data={limit}")).arg(env!("CARGO_BIN_EXE_homelabctl")).args(arguments);
    let output = bed.inside(|| command.output()).unwrap().unwrap();
    program.ran(output)
}

#[test]
fn a_large_file_is_never_whole_in_memory_nor_half_on_the_machine() {
    let bed = Bed::new().unwrap();
    let machines = vec![bed.machine("m1").without_python().start().unwrap()];
    let m = &machines[0];
    let program = project(&bed, &machines);
    program.file("large.yml", PLAY);
    large(&program);
    // a reader that polls: the size and the last line belong to each other
    m.root_says(
        "echo old >/srv/there
        nohup sh -c 'while ! [ -e /srv/stop ]; do tail -c 16 /srv/there; done 2>&1 | sort | uniq -c >/srv/seen' >/dev/null 2>&1 &",
    )
    .unwrap();
    let ran = run_in(&bed, &program, 40 << 20);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    m.root_says("touch /srv/stop; for i in 1 2 3 4 5 6 7 8 9; do [ -s /srv/seen ] && break; sleep 1; done").unwrap();
    let seen = m.root_says("cat /srv/seen").unwrap();
    let words: Vec<&str> = seen.lines().filter_map(|line| line.split_whitespace().nth(1)).collect();
    assert_eq!(words, [format!("{:015}", LENGTH / 16 - 1).as_str(), "old"], "{seen}");

    let here = std::process::Command::new("sha256sum").arg(program.path("large")).output().unwrap();
    let here = String::from_utf8(here.stdout).unwrap();
    let digest = here.split_whitespace().next().unwrap();
    let sums = m.root_says("sha256sum /srv/there /srv/new/deep/large | cut -d' ' -f1 | uniq").unwrap();
    assert_eq!(sums, digest);
    assert_eq!(m.root_says("stat -c %a /srv/there; cat /srv/there.*~; wc -c </srv/text").unwrap(), "640\nold\n500000");
    assert_eq!(m.root_says("find /srv -name '.*' ! -path /srv").unwrap(), "", "nothing of ours is left");

    // what is there is not sent again
    let ran = run_in(&bed, &program, 40 << 20);
    assert!(ran.code == Some(0) && ran.stderr.contains("1 as they should be"), "{}", ran.all());

    // what is refused on the machine leaves nothing there
    program.file("large.yml", &PLAY.replace("52428800", "1"));
    m.root_says("echo old >/srv/there").unwrap();
    let ran = run_in(&bed, &program, 40 << 20);
    assert_eq!(ran.code, Some(2), "{}", ran.all());
    assert_eq!(m.root_says("cat /srv/there; find /srv -name '.*' ! -path /srv").unwrap(), "old");
}
