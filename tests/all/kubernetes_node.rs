//! A bare machine of the bed becomes a node with nothing but the real programs' own commands: what the bed has to offer for that is
//! there. (What homelabctl does of it is tested elsewhere.)

use crate::testbed::kubernetes::{Packages, images};
use crate::testbed::{Bed, Machine};
use std::fmt::Write;
use std::time::Instant;

/// Kubernetes' packages, containerd for them, and what kubeadm asks of a kernel.
fn prepared(packages: &Packages) -> String {
    format!(
        r#"set -e
curl -fsSo /etc/apt/keyrings/kubernetes.asc {url}/Release.key
echo 'deb [signed-by=/etc/apt/keyrings/kubernetes.asc] {url}/ /' >/etc/apt/sources.list.d/kubernetes.list
apt-get -qq update
apt-get -qq --no-install-recommends install kubelet kubeadm kubectl >/dev/null
modprobe -a overlay br_netfilter ip_vs ip_vs_rr nf_conntrack
sysctl -qw net.ipv4.ip_forward=1 net.bridge.bridge-nf-call-iptables=1
mkdir -p /etc/containerd
cat >/etc/containerd/config.toml <<'C'
version = 2
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "registry.k8s.io/pause:3.10.1"
cni.bin_dir = "/opt/cni/bin"
containerd.runtimes.runc.runtime_type = "io.containerd.runc.v2"
containerd.runtimes.runc.options.SystemdCgroup = true
C
systemctl --quiet enable --now containerd kubelet
"#,
        url = packages.url
    )
}

const CONFIGURATION: &str = r"apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
timeouts: {controlPlaneComponentHealthCheck: 20m0s, kubeletHealthCheck: 10m0s, etcdAPICall: 5m0s, tlsBootstrap: 10m0s}
nodeRegistration: {imagePullPolicy: Never}
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: v1.34.2
networking: {podSubnet: 10.244.0.0/16}
etcd:
  local:
    extraArgs: [{name: heartbeat-interval, value: '300'}, {name: election-timeout, value: '3000'}]
---
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
cgroupDriver: systemd
---
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: ipvs
";

/// What the script prints; said on the terminal with the time that it took.
fn says(machine: &Machine, what: &str, script: &str) -> String {
    let began = Instant::now();
    let said = machine.root_says(&format!("export KUBECONFIG=/etc/kubernetes/admin.conf\n{script}"));
    eprintln!("{what}: {:?}", began.elapsed());
    said.unwrap()
}

/// Asks until `question` is answered with `answer`, for twenty minutes or until it says `failed`: each question is a connection of its own.
fn until(machine: &Machine, question: &str, answer: &str) {
    let began = Instant::now();
    loop {
        let output = machine.root_command(&format!("export KUBECONFIG=/etc/kubernetes/admin.conf\n{question}")).unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        if said.trim() == answer {
            eprintln!("{question}: {answer} after {:?}", began.elapsed());
            return;
        }
        let mut state = format!("{question}: {output:?}\n");
        if said.contains("failed") || began.elapsed().as_secs() > 1200 {
            let more = machine.root_command("export KUBECONFIG=/etc/kubernetes/admin.conf; kubectl get pods -A -o wide; kubectl describe nodes; crictl ps -a; journalctl -u init -u kubelet -n 50 --no-pager");
            write!(state, "{}", String::from_utf8_lossy(&more.unwrap().stdout)).unwrap();
            panic!("{state}");
        }
        std::thread::sleep(std::time::Duration::from_secs(5));
    }
}

#[test]
#[ignore = "builds all of Kubernetes the first time, and takes ten minutes: `make e2e`"]
fn kubernetes_node_of_a_bare_machine() {
    let bed = Bed::new().unwrap();
    let packages = Packages::serve(&bed).unwrap();
    let machine = bed.machine("cp1").kubernetes_node().start().unwrap();
    // the images are there before anything is
    let count =
        std::fs::read_dir(images().unwrap()).unwrap().filter(|e| e.as_ref().unwrap().path().extension().is_some_and(|e| e == "tar"));
    let imported = "containerd >/dev/null 2>&1 & for i in $(seq 100); do ctr version >/dev/null 2>&1 && break; sleep 0.2; done
        ctr -n k8s.io images ls -q | grep -vc '^sha256:'; kill $!";
    assert_eq!(machine.root_says(imported).unwrap(), count.count().to_string());

    says(&machine, "packages", &prepared(&packages));
    assert_eq!(machine.root_says("kubelet --version; systemctl is-enabled kubelet").unwrap(), "Kubernetes v1.34.2\nenabled");
    says(
        &machine,
        "configuration",
        &format!("cat >/root/kubeadm.yaml <<'E'\n{CONFIGURATION}E\nkubeadm config validate --config /root/kubeadm.yaml"),
    );
    // started apart: the shell that asks is given five minutes
    machine
        .root_says(
            "systemd-run --quiet --unit=init kubeadm init --config /root/kubeadm.yaml --ignore-preflight-errors=NumCPU,SystemVerification",
        )
        .unwrap();
    until(&machine, "systemctl is-active init; systemctl show -P Result init", "inactive\nsuccess");

    // flannel, from its own manifest
    let manifest = std::fs::read_to_string(images().unwrap().join("kube-flannel.yml")).unwrap();
    says(&machine, "flannel", &format!("cat >/root/kube-flannel.yml <<'E'\n{manifest}\nE\nkubectl apply -f /root/kube-flannel.yml"));
    let ready = "kubectl get nodes -o jsonpath='{.items[*].status.conditions[?(@.type==\"Ready\")].status}'";
    until(&machine, ready, "True");
    until(&machine, "curl -s http://127.0.0.1:10249/proxyMode", "ipvs");
    says(&machine, "taint", "kubectl taint nodes cp1 node-role.kubernetes.io/control-plane-");
    until(&machine, "kubectl -n kube-system get deployment coredns -o jsonpath='{.status.readyReplicas}'", "2");
    // a pod finds the API by its name, through the Service of CoreDNS
    says(
        &machine,
        "pod",
        "kubectl run asks --image=testbed.invalid/busybox:1 --image-pull-policy=Never --restart=Never -- \
         /bin/sh -c 'nslookup kubernetes.default.svc.cluster.local'",
    );
    until(&machine, "kubectl get pod asks -o jsonpath='{.status.phase}'", "Succeeded");
    assert!(says(&machine, "log", "kubectl logs asks").contains("10.96.0.1"));
}
