//! Kubernetes' packages are had from the bed's repository as from the real one: its key, a line for apt, a version.

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
