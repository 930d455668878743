//! Snapshots of a real etcd: taken by what runs on a control plane, and restored as docs/etcd-snapshots.md says.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use homelabctl::cluster::etcd_snapshot::verify;
use homelabctl::node::etcd_snapshot::{Announced, Source, script};
use homelabctl::node::script::quote;

use crate::testbed::Bed;
use crate::testbed::kubernetes::{Authority, Etcd, program};

/// Runs the script as a control plane's shell does.
fn taken(source: &Source<'_>, name: &str, shell: &str) -> Output {
    let etcdctl = program("etcdctl").unwrap();
    let text = script(source, name).unwrap();
    Command::new("sh")
        .args([
            "-c",
            &format!("exec {shell} -c {}", quote(&format!("k=n1 s={}; ( eval \"$s\" ) </dev/null", quote(&text).unwrap())).unwrap()),
        ])
        .env("PATH", format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", etcdctl.parent().unwrap().display()))
        .output()
        .unwrap()
}

fn left(data: &Path) -> Vec<String> {
    let names = fs::read_dir(data).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.contains("snapshot-")).collect()
}

#[test]
fn a_snapshot_is_taken_checked_and_restored() {
    let bed = Bed::new().unwrap();
    bed.enter().unwrap();
    let mut etcd = Etcd::start(&bed, 1).unwrap();
    assert!(etcd.ctl_in_time(&["put", "kept", "before"]).unwrap().status.success());
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let authority = Authority::new("etcd-ca").unwrap();
    let own = authority.sign("m1", &[], &["127.0.0.1"]).unwrap();
    for (name, text) in [("ca.crt", &authority.certificate), ("server.crt", &own.certificate), ("server.key", &own.key)] {
        fs::write(path(name), text).unwrap();
    }
    let data = etcd.data(0);
    let manifest = format!("spec:\n  containers:\n  - command:\n    - etcd\n    - --data-dir={}\n", data.display());
    fs::write(path("etcd.yaml"), manifest).unwrap();
    let url = etcd.client_urls().remove(0);
    let (certificates, manifest) = (dir.path().to_str().unwrap(), path("etcd.yaml"));
    let source = Source { endpoint: &url, certificates, manifest: &manifest };
    let mut bytes = Vec::new();
    for shell in ["dash", "bash", "'busybox' ash"] {
        fs::write(data.join("homelabctl-snapshot-old.db"), "cut off").unwrap();
        Command::new("touch").args(["-d", "2 days ago"]).arg(data.join("homelabctl-snapshot-old.db")).status().unwrap();
        let output = taken(&source, "1", shell);
        assert!(output.status.success(), "{shell}: {output:?}");
        assert_eq!(left(&data), [""; 0], "{shell}: nothing stays on the machine");
        let at = output.stdout.iter().position(|byte| *byte == b'\n').unwrap();
        let announced = Announced::read(std::str::from_utf8(&output.stdout[..at]).unwrap()).unwrap();
        bytes = output.stdout[at + 1..].to_vec();
        let snapshot = verify(&bytes[..]).unwrap();
        assert_eq!((snapshot.size, snapshot.sha256), (announced.size, announced.sha256), "{shell}");
    }
    assert!(verify(&bytes[..bytes.len() - 512]).is_err());
    fs::write(path("snapshot.db"), &bytes).unwrap();

    // what is written later is lost with the data, and what was there comes back
    assert!(etcd.ctl_in_time(&["put", "kept", "after"]).unwrap().status.success());
    etcd.kill(0);
    let output = taken(&source, "2", "dash");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && output.stdout.is_empty() && said.contains("etcd does not answer: "), "{output:?}");
    assert_eq!(left(&data), [""; 0]);
    fs::rename(&data, path("old")).unwrap();
    let restored = Command::new(program("etcdutl").unwrap())
        .args(["snapshot", "restore", &path("snapshot.db"), "--name", "m0", "--data-dir"])
        .arg(&data)
        .args(["--initial-cluster", &format!("m0={}", etcd.peer_url(0)), "--initial-advertise-peer-urls", &etcd.peer_url(0)])
        .args(["--bump-revision", "1000000000", "--mark-compacted"])
        .output()
        .unwrap();
    assert!(restored.status.success(), "{restored:?}");
    etcd.resume(0).unwrap();
    let kept = etcd.ctl_in_time(&["get", "kept", "--print-value-only"]).unwrap();
    assert_eq!(String::from_utf8_lossy(&kept.stdout).trim(), "before");

    // where no etcd of kubeadm's runs
    let full = Source { manifest: &path("none.yaml"), ..source };
    assert!(String::from_utf8_lossy(&taken(&full, "3", "dash").stderr).contains("none.yaml"));
}
