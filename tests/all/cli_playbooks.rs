//! `homelabctl playbooks` and `homelabctl doc`, and the playbooks that come with the program by their short names.

use crate::program::{Program, filters};

const HOSTS: &str = "[masters]\nm1 ansible_host=127.0.0.1 ansible_port=9\n[workers]\nw2 ansible_host=127.0.0.1 ansible_port=9\n";

#[test]
fn the_playbooks_that_come_with_it_are_listed_shown_and_made_ones_own() {
    let program = Program::new();
    let _filters = filters();
    insta::assert_snapshot!("playbooks_list", program.run(&["playbooks", "list"]).stdout);
    let shown = program.run(&["playbooks", "show", "tuning"]);
    assert_eq!(shown.code, Some(0));
    let file = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/playbooks/tuning.yaml")).unwrap();
    assert_eq!(shown.stdout, file);

    let wrong = program.run(&["playbooks", "show", "tunning"]);
    assert_eq!((wrong.code, wrong.stdout.as_str()), (Some(64), ""));
    assert!(wrong.stderr.contains("did you mean `tuning`?"), "{}", wrong.stderr);

    insta::assert_snapshot!("playbooks_eject", program.run(&["playbooks", "eject", "site"]).stdout);
    assert_eq!(std::fs::read_to_string(program.path("playbooks/tuning.yaml")).unwrap(), file);
    program.file("playbooks/tuning.yaml", "- hosts: workers\n  tasks: []\n");
    let again = program.run(&["playbooks", "eject", "tuning"]);
    assert_eq!((again.code, again.stdout.as_str()), (Some(64), ""));
    insta::assert_snapshot!("playbooks_eject_again", again.stderr);
    insta::assert_snapshot!("playbooks_list_own", program.run(&["playbooks", "list"]).stdout);
}

#[test]
fn they_are_without_mistakes_and_run_by_their_short_names() {
    let program = Program::new();
    program.file("hosts.ini", HOSTS);
    for name in ["site", "base", "tuning", "tuning.yaml"] {
        let ran = program.run(&["check", name, "-i", "hosts.ini"]);
        assert!(ran.code == Some(0) && ran.stderr.is_empty() && ran.stdout.contains("no mistakes"), "{}", ran.all());
    }
    // without a name: the built-in site, until the project has its own
    let listed = program.run(&["provision", "--list-tasks", "-i", "hosts.ini"]);
    assert!(listed.stdout.contains("site.yaml") && listed.stdout.contains("Kernel modules"), "{}", listed.all());
    program.run(&["playbooks", "eject", "tuning"]);
    let own = program.run(&["provision", "tuning", "--list-hosts", "-i", "hosts.ini", "--limit", "w2"]);
    assert!(own.stdout.contains("playbook: playbooks/tuning.yaml") && own.stdout.contains("hosts (1)"), "{}", own.all());
    let passed_over = program.run(&["check", "-i", "hosts.ini"]);
    assert!(passed_over.stderr.contains("`playbooks/tuning.yaml` is not what runs"), "{}", passed_over.all());
    program.file("site.yml", "- hosts: w2\n  tasks: []\n");
    assert!(program.run(&["check", "-i", "hosts.ini"]).stdout.starts_with("site.yml: 1 play"));
    let unknown = program.run(&["provision", "tunning", "-i", "hosts.ini"]);
    assert!(unknown.code == Some(64) && unknown.stderr.contains("did you mean `tuning`?"), "{}", unknown.all());
}

#[test]
fn those_of_the_cluster_are_without_mistakes() {
    let program = Program::new();
    program.file("hosts.ini", HOSTS);
    std::fs::create_dir(program.path("group_vars")).unwrap();
    for cni in ["cilium", "flannel"] {
        let settings = format!(
            "cluster:\n  name: a\n  version: v1.36.0\n  endpoint: {{host: kube.lan, served_by: external}}\n  cni: {{name: {cni}}}\n  kube_proxy: {{mode: nftables}}\n"
        );
        program.file("group_vars/all.yml", &settings);
        for name in ["containerd", "kubernetes", "kube-proxy", "cni", "verify"] {
            let ran = program.run(&["check", name, "-i", "hosts.ini"]);
            assert!(ran.code == Some(0) && ran.stdout.contains("no mistakes"), "{}", ran.all());
        }
    }
}

#[test]
fn a_relative_file_of_the_settings_is_beside_the_inventory() {
    let program = Program::new();
    std::fs::create_dir_all(program.path("inv/group_vars")).unwrap();
    program.file("inv/hosts.ini", "[masters]\nm1 ansible_connection=local\n");
    let settings = "cluster: {name: a, version: v1.36.0, endpoint: {host: kube.lan, served_by: external}, cni: {name: manifest, manifest: net.yaml}}\n";
    program.file("inv/group_vars/all.yml", settings);
    program.file("inv/net.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: default}\n");
    let read = program.run(&["provision", "cni", "--check", "-i", "inv/hosts.ini"]);
    // it was read, and then the machine is no control plane
    assert!(read.stderr.contains("manifest_objects(DIR/inv/net.yaml): there is no /etc/kubernetes/admin.conf"), "{}", read.all());
    std::fs::remove_file(program.path("inv/net.yaml")).unwrap();
    let missing = program.run(&["provision", "cni", "--check", "-i", "inv/hosts.ini"]);
    assert!(missing.stderr.contains("there is no file `net.yaml`"), "{}", missing.all());
}

#[test]
fn every_module_has_a_page() {
    let program = Program::new();
    let list = program.run(&["doc"]).stdout;
    assert!(list.lines().count() > 60, "{list}");
    for line in list.lines() {
        let name = line.split_whitespace().next().unwrap();
        let page = program.run(&["doc", name]);
        assert!(page.code == Some(0) && page.stdout.starts_with(&format!("# {name}\n")), "{}", page.all());
    }
    insta::assert_snapshot!("doc_swap", program.run(&["doc", "swap"]).stdout);
    let wrong = program.run(&["doc", "sysctrl"]);
    assert!(wrong.code == Some(64) && wrong.stderr.contains("did you mean"), "{}", wrong.all());
    let missing = program.run(&["doc", "community.general.ufw"]);
    assert!(missing.code == Some(64) && missing.stderr.contains("this program has not"), "{}", missing.all());
}
