//! A project as an Ansible user has it, used as it is: ansible.cfg, vaulted group_vars, templates, a jump chain, new host keys.

use std::fmt::Write as _;

use crate::program::{Program, filters};
use crate::testbed::{Bed, Sudo};

/// What `ansible-vault encrypt_string` made of the sudo password, with the vault password `correct horse`.
const SUDO: &str = "s3cret sudo";
const VAULTED: &str = include_str!("../records/vault/sudo.txt");

#[test]
fn a_project_is_used_without_a_flag() {
    let bed = Bed::new().unwrap();
    let chain = bed.jump_chain().unwrap();
    let machines = bed.start_all(vec![bed.machine("m1").sudo(Sudo::Password(SUDO.into()))]).unwrap();
    let m1 = &machines[0];
    let program = Program::new();
    for dir in ["home/.ssh", "inventory", "inventory/group_vars", "inventory/host_vars"] {
        std::fs::create_dir(program.path(dir)).unwrap();
    }
    // jump hosts are ssh's own business: its files say how to get there
    let key = bed.key_path().display().to_string();
    program.file("home/.ssh/config", &format!("Host *\n  IdentityFile {key}\n  HashKnownHosts no\n"));
    let known = [&chain.first, &chain.second].map(|machine| machine.known_hosts_lines()).concat();
    program.file("home/.ssh/known_hosts", &known);

    program.file("vault-password", "correct horse\n");
    program.file(
        "ansible.cfg",
        &format!(
            "[defaults]\ninventory = inventory\nprivate_key_file = {key}\nhost_key_checking = False\n\
             vault_password_file = vault-password\nforks = 7\n[ssh_connection]\npipelining = True\n"
        ),
    );
    let mut hosts = String::from("[direct]\nm1\n[behind]\ntarget\n[nodes:children]\ndirect\nbehind\n[behind:vars]\n");
    let hop = |machine: &crate::testbed::Machine| format!("{}@{}:{}", machine.user, machine.address, machine.port);
    writeln!(hosts, "jumps={},{}", hop(&chain.first), hop(&chain.second)).unwrap();
    writeln!(hosts, "ansible_ssh_common_args='-J {{{{ jumps }}}} -o ServerAliveInterval=30'").unwrap();
    program.file("inventory/hosts", &hosts);
    program.file("inventory/group_vars/all.yml", &format!("ansible_user: '{{{{ login }}}}'\nlogin: {}\n", m1.user));
    program.file(
        "inventory/group_vars/direct.yml",
        &format!("ansible_become: yes\nansible_become_pass: '{{{{ vault_sudo }}}}'\nvault_sudo: !vault |\n{}", indented(VAULTED)),
    );
    for machine in [m1, &chain.target] {
        let text = format!("ansible_host: {}\nansible_port: \"{{{{ {} }}}}\"\n", machine.address, machine.port);
        program.file(&format!("inventory/host_vars/{}.yml", machine.name), &text);
    }

    let run = |arguments: &[&str]| bed.inside(|| program.run(arguments)).unwrap();
    let ran = run(&["exec", "nodes", "--", "sh", "-c", "id -un; hostname"]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    assert_eq!(ran.stdout, format!("m1 | rc 0\n  root\n  m1\ntarget | rc 0\n  {}\n  target\n", m1.user));
    assert!(!ran.all().contains(SUDO), "{}", ran.all());
    // the new keys are recorded, and each is named once
    let recorded = std::fs::read_to_string(program.path("home/.ssh/known_hosts")).unwrap();
    for machine in [m1, &chain.target] {
        assert!(recorded.contains(&format!("[{}]:{}", machine.address, machine.port)) || recorded.contains(&machine.address), "{recorded}");
    }
    assert_eq!(ran.stderr.matches("is recorded: ssh-ed25519 SHA256:").count(), 2, "{}", ran.all());
    let ran = run(&["ping", "nodes"]);
    assert_eq!((ran.code, ran.stderr.contains("recorded")), (Some(0), false), "{}", ran.all());

    // a key that has changed is refused, whatever ansible.cfg says
    let other = chain.first.known_hosts_lines();
    let key = other.split_whitespace().skip(1).take(2).collect::<Vec<_>>().join(" ");
    program.file("home/.ssh/known_hosts", &format!("{known}[{}]:{} {key}\n{} {key}\n", m1.address, m1.port, m1.address));
    let ran = run(&["ping", "m1"]);
    assert_eq!(ran.code, Some(4), "{}", ran.all());

    // a wrong vault password is one error, and nothing is contacted
    program.file("vault-password", "wrong horse\n");
    let ran = run(&["ping", "nodes"]);
    assert_eq!(ran.code, Some(64), "{}", ran.all());
    let _filters = filters();
    insta::assert_snapshot!("wrong_vault_password", ran.all());
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}
