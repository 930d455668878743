//! What takes a member's vote or its data away, at real members of etcd: never from one that answers.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use homelabctl::node::script::quote;
use homelabctl::node::steps::{EtcdAsked, RemoveMember, ResetNode, Step};

use crate::step_script::script_of;
use crate::testbed::Bed;
use crate::testbed::kubernetes::{Authority, Etcd, program};

/// Carries a step out as a control plane's shell does, with a kubeadm that only says that it was called, and an /etc of its own.
fn carried_out(step: impl Into<Step>, programs: &Path) -> Output {
    let etcdctl = program("etcdctl").unwrap();
    let inner = format!("mount -t tmpfs none /etc && k=n1 s={} && ( eval \"$s\" ) </dev/null", quote(&script_of(step)).unwrap());
    Command::new("unshare")
        .args(["--mount", "dash", "-c", &inner])
        .env("PATH", format!("{}:{}:/usr/sbin:/usr/bin:/sbin:/bin", programs.display(), etcdctl.parent().unwrap().display()))
        .output()
        .unwrap()
}

fn complaint(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_member_that_answers_keeps_its_vote_and_its_data() {
    let bed = Bed::new().unwrap();
    bed.enter().unwrap();
    let mut etcd = Etcd::start(&bed, 3).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let kubeadm = dir.path().join("kubeadm");
    let text = "#!/bin/sh\necho \"$@\" >>DIR/called\n[ ! -e DIR/cut-off ]\n".replace("DIR", &dir.path().display().to_string());
    fs::write(&kubeadm, text).unwrap();
    Command::new("chmod").arg("755").arg(&kubeadm).status().unwrap();
    let called = || fs::read_to_string(dir.path().join("called")).unwrap_or_default();
    let data = dir.path().join("data");
    fs::create_dir_all(data.join("member")).unwrap();
    let data_dir = data.to_str().unwrap().to_owned();
    let authority = Authority::new("etcd-ca").unwrap();
    let own = authority.sign("m1", &[], &["127.0.0.1"]).unwrap();
    for (name, text) in [("ca.crt", &authority.certificate), ("server.crt", &own.certificate), ("server.key", &own.key)] {
        fs::write(dir.path().join(name), text).unwrap();
    }
    let certificates = dir.path().to_str().unwrap();
    let asked = |at: usize| EtcdAsked { endpoint: etcd.client_urls()[at].clone(), certificates: certificates.to_owned() };
    let (first, last) = (asked(0), asked(2));
    let id = etcd.list().unwrap()[2].id;
    let speaker = etcd.data(0);
    let removal = |id: u64| RemoveMember { id, data_dir: speaker.to_str().unwrap().to_owned(), asked: first.clone() };
    let reset = || ResetNode { etcd_data: Some(data_dir.clone()), authority: "sha256:ours".into(), asked: last.clone(), attempt: 1 };

    let refused = carried_out(removal(id), dir.path());
    assert!(!refused.status.success() && complaint(&refused).contains("answers at"), "{refused:?}");
    let refused = carried_out(reset(), dir.path());
    assert!(!refused.status.success() && complaint(&refused).contains("answers for its cluster"), "{refused:?}");
    assert!(data.join("member").exists() && called().is_empty(), "{}", called());
    assert_eq!(etcd.list().unwrap().len(), 3);
    let unknown = carried_out(removal(id ^ 1), dir.path());
    assert!(complaint(&unknown).contains("etcd has no member"), "{unknown:?}");

    etcd.kill(2);
    let removed = carried_out(removal(id), dir.path());
    assert!(removed.status.success(), "{removed:?}");
    assert_eq!(etcd.list().unwrap().len(), 2);
    let kept = speaker.join(format!("homelabctl-before-removal-{id:x}.db"));
    assert!(fs::metadata(&kept).unwrap().len() > 0, "a snapshot is left");
    // started once more, with the data of a member that is none any more, it answers nobody
    let _ = etcd.resume(2);
    // cut off, it leaves whose data that was
    fs::write(data.join("member/db"), "data").unwrap();
    fs::write(dir.path().join("cut-off"), "").unwrap();
    assert!(!carried_out(reset(), dir.path()).status.success());
    assert_eq!(fs::read_to_string(data.join("member/homelabctl-reset")).unwrap(), "sha256:ours\n");
    assert!(data.join("member/db").exists());
    fs::remove_file(dir.path().join("cut-off")).unwrap();
    let gone = carried_out(reset(), dir.path());
    assert!(gone.status.success(), "{gone:?}");
    assert_eq!(
        (data.join("member").exists(), called().as_str()),
        (false, "reset --force --skip-phases remove-etcd-member\n".repeat(2).as_str())
    );
}
