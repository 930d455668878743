//! Kubernetes' packages are had from the bed's repository as from the real one: its key, a line for apt, a version.

use crate::program::Program;
use crate::testbed::Bed;
use crate::testbed::kubernetes::Packages;

#[test]
#[ignore = "builds all of Kubernetes the first time: `make e2e`"]
fn kubernetes_node_packages_come_from_a_signed_repository() {
    let bed = Bed::new().unwrap();
    let packages = Packages::serve(&bed).unwrap();
    let machine = bed.machine("m1").start().unwrap();
    let url = &packages.url;
    assert!(url.ends_with("/core:/stable:/v1.34/deb"), "{url}");
    // in its own archive are packages that have the names only
    let script = format!(
        "rm /etc/apt/sources.list
        echo 'deb [signed-by=/etc/apt/keyrings/kubernetes.asc] {url}/ /' >/etc/apt/sources.list.d/kubernetes.list
        apt-get -qq update 2>&1 && echo 'taken without a key'
        curl -fsSo /etc/apt/keyrings/kubernetes.asc {url}/Release.key || exit 1
        apt-get -qq update || exit 1
        apt-cache madison kubeadm | tr -s ' '
        apt-get -qq --no-install-recommends install kubectl='1.34.2-*' kubeadm='1.34.2-*' >/dev/null || exit 1
        kubeadm version -o short; kubectl version --client | head -n 1; crictl --version
        ls /usr/lib/systemd/system/kubelet.service.d"
    );
    let said = machine.root_says(&script).unwrap();
    let lines: Vec<&str> = said.lines().filter(|line| !line.starts_with("W:") && !line.starts_with("E:")).collect();
    let offered = format!(" kubeadm | 1.34.2-1.1 | {url} Packages");
    let wanted = [&offered, "v1.34.2", "Client Version: v1.34.2", "crictl version v1.34.0", "10-kubeadm.conf"];
    assert_eq!(lines.iter().map(|line| line.trim_start()).collect::<Vec<_>>(), wanted.map(str::trim_start), "{said}");
}

/// The settings of a cluster at that version, whose packages come from the bed.
fn settings(version: &str, url: &str) -> String {
    format!(
        "cluster:\n  name: bed\n  version: {version}\n  endpoint: {{host: kube.lan, served_by: external}}\n  packages: {{url: '{url}/', key: '{url}/Release.key'}}\n"
    )
}

/// Packages of Debian's that kubelet asks for, without anything in them: the bed has no archive of Debian's.
const STANDING_IN: &str = "
    for name in iptables iproute2; do
        dpkg-query -W -f '${Status}' $name 2>/dev/null | grep -q 'ok installed' && continue
        mkdir -p /tmp/$name/DEBIAN
        printf 'Package: %s\\nVersion: 9\\nArchitecture: all\\nMaintainer: Test <root@localhost>\\nDescription: none\\n' $name >/tmp/$name/DEBIAN/control
        dpkg-deb -b /tmp/$name /tmp/$name.deb >/dev/null && dpkg -i /tmp/$name.deb >/dev/null || exit 1
    done";

/// What containerd.yaml does before.
const SOURCE: &str = "- hosts: masters:workers\n  become: true\n  gather_facts: false\n  tasks:
    - ansible.builtin.deb822_repository:
        {name: kubernetes, uris: '{{ cluster.packages.url }}', suites: /, signed_by: '{{ cluster.packages.key }}'}
    - ansible.builtin.apt: {update_cache: true}\n";

/// What kubernetes.yaml does first.
const PACKAGES: &str = "- hosts: masters\n  become: true\n  gather_facts: false\n  tasks:
    - homelab.kubernetes_packages: {version: '{{ cluster.version }}'}
    - ansible.builtin.systemd: {name: kubelet, enabled: true}\n";

#[test]
#[ignore = "builds all of Kubernetes the first time: `make e2e`"]
fn kubernetes_node_packages_are_installed_at_one_version_and_stay_there() {
    let bed = Bed::new().unwrap();
    let packages = Packages::serve(&bed).unwrap();
    let machine = bed.machine("m1").start().unwrap();
    // in its own archive are packages that have the names only
    machine.root_says(&format!("rm -f /etc/apt/sources.list{STANDING_IN}")).unwrap();
    let program = Program::new();
    std::fs::create_dir_all(program.path("home/.ssh")).unwrap();
    program.file("home/.ssh/known_hosts", &machine.known_hosts_lines());
    std::fs::create_dir_all(program.path("group_vars")).unwrap();
    program.file("hosts.ini", &format!("[masters]\n{}", machine.inventory_line()));
    program.file("source.yml", SOURCE).file("packages.yml", PACKAGES);
    let run = |version: &str, playbook: &str| {
        program.file("group_vars/all.yml", &settings(version, &packages.url));
        bed.inside(|| program.run(&["provision", playbook, "-i", "hosts.ini", "--yes"])).unwrap()
    };
    let without = run("v1.34.2", "packages.yml");
    assert!(without.code == Some(2) && without.all().contains("the package lists have no kubelet at all"), "{}", without.all());
    let source = run("v1.34.2", "source.yml");
    assert_eq!(source.code, Some(0), "{}", source.all());
    let other = run("v1.34.3", "packages.yml");
    assert!(other.code == Some(2) && other.all().contains("have no kubelet 1.34.3, but 1.34.2-1.1"), "{}", other.all());

    let first = run("v1.34.2", "packages.yml");
    assert_eq!(first.code, Some(0), "{}", first.all());
    let is = "dpkg-query -W -f '${Package} ${Version} ${db:Status-Abbrev}\\n' kubelet kubeadm kubectl cri-tools | tr -s ' '
        apt-mark showhold | tr '\\n' ' '; systemctl is-enabled kubelet";
    let said = machine.root_says(is).unwrap();
    let lines: Vec<&str> = said.lines().map(str::trim_end).collect();
    let held = ["cri-tools 1.34.0-1.1 hi", "kubeadm 1.34.2-1.1 hi", "kubectl 1.34.2-1.1 hi", "kubelet 1.34.2-1.1 hi"];
    assert_eq!(lines[..4], held, "{said}");
    // what came along is held, too
    assert_eq!(lines[4], "cri-tools kubeadm kubectl kubelet kubernetes-cni enabled", "{said}");
    let second = run("v1.34.2", "packages.yml");
    assert!(second.code == Some(0) && second.all().contains("tasks are as they should be"), "{}", second.all());

    machine.root_says("mkdir -p /etc/kubernetes && : >/etc/kubernetes/kubelet.conf").unwrap();
    let moved = run("v1.34.1", "packages.yml");
    assert!(moved.code == Some(2) && moved.all().contains("is a node of a cluster and has kubelet 1.34.2-1.1"), "{}", moved.all());
    assert_eq!(machine.root_says(is).unwrap(), said);
}
