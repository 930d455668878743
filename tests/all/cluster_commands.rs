//! `homelabctl cluster …` where there is no cluster, and where there are no settings of one.

use serde_json::Value;

use crate::program::{Program, Ran};
use crate::testbed::{Bed, Sudo};

#[test]
fn a_bare_machine_is_told_from_a_cluster_that_is_silent() {
    let bed = Bed::new().unwrap();
    let machine = bed.machine("m1").sudo(Sudo::Free).start().unwrap();
    let program = Program::new();
    std::fs::create_dir(program.path("home/.ssh")).unwrap();
    program.file("home/.ssh/known_hosts", &machine.known_hosts_lines());
    let hosts = format!(
        "[masters]\nm1 ansible_host={} ansible_port={} ansible_user={}\n[workers]\nw1 ansible_host=10.77.255.1\n",
        machine.address, machine.port, machine.user
    );
    let cluster = "[all:vars]\ncluster={'name': 'lab', 'endpoint': {'host': '10.77.255.250', 'served_by': 'external'}}\n";
    program.file("hosts.ini", &format!("{hosts}{cluster}")).file("bare.ini", &hosts);
    let key = bed.key_path();
    let run = |inventory: &str, words: &[&str]| -> Ran {
        let arguments = [&["cluster"], words, &["-i", inventory, "--private-key", key.to_str().unwrap()]].concat();
        bed.inside(|| program.run(&arguments)).unwrap()
    };

    let ran = run("hosts.ini", &["status", "m1"]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    let nobody = "cluster lab: nobody is at 10.77.255.250:6443 (no control plane has an admin.conf, and nobody takes connections there)\n";
    assert!(ran.stdout.starts_with(nobody), "{}", ran.all());
    assert!(ran.stdout.contains("  etcd: unknown (no control plane that was reached has an etcd to ask)\n"), "{}", ran.all());
    let row = ran.stdout.lines().find(|line| line.starts_with("m1")).unwrap();
    assert_eq!(
        row.split("  ").filter(|cell| !cell.is_empty()).map(str::trim).collect::<Vec<_>>(),
        ["m1", "control plane", "bare", "unknown", "stopped", "does not run", "none"]
    );
    // w1 was not looked at, and that is no reason not to begin
    assert!(ran.stdout.ends_with("what `homelabctl provision` would do next:\n  make the cluster on m1 (kubeadm init)\n"), "{}", ran.all());
    let ran = run("hosts.ini", &["status", "m1", "--output", "json"]);
    let document: Value = serde_json::from_str(&ran.stdout).unwrap();
    let sheet = &document["hosts"]["m1"]["answer"]["cluster"]["cluster"];
    assert_eq!((&sheet["api"]["state"], &sheet["hosts"][0]["role"]), (&Value::from("silent"), &Value::from("control_plane")), "{document}");

    let ran = run("hosts.ini", &["etcd-snapshot", "--to", "x.db"]);
    assert_eq!(ran.code, Some(2), "{}", ran.all());
    assert!(ran.stderr.contains("no snapshot was taken: there is no /etc/kubernetes/manifests/etcd.yaml"), "{}", ran.all());
    assert!(!program.path("x.db").exists() && !program.path("x.db.part").exists());
    program.file("x.db", "");
    let ran = run("hosts.ini", &["etcd-snapshot", "--to", "x.db"]);
    assert!(ran.code == Some(64) && ran.stderr.contains("x.db is there already"), "{}", ran.all());
    let ran = run("hosts.ini", &["etcd-snapshot", "w1"]);
    assert!(ran.code == Some(64) && ran.stderr.contains("none of these hosts is a node"), "{}", ran.all());
    let ran = run("bare.ini", &["status"]);
    assert!(ran.code == Some(64) && ran.stderr.contains("the inventory has no variable `cluster`"), "{}", ran.all());
}
