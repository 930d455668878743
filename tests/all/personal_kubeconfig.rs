//! A personal certificate, asked of a real kube-apiserver by what runs on a control plane, and used by the real kubectl.

use std::fs;
use std::process::Command;
use std::thread;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use homelabctl::cluster::kubeconfig::{Asking, GROUP, binding, merge};
use homelabctl::node::personal_certificate::{Signed, script};
use homelabctl::node::script::quote;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::testbed::Bed;
use crate::testbed::kubernetes::{ApiServer, Etcd, program};

const REQUESTS: &str = "/apis/certificates.k8s.io/v1/certificatesigningrequests";

/// What kube-controller-manager does with a request that is approved.
fn sign(api: &ApiServer<'_>, name: &str, key: &str, user: &str) {
    for _ in 0..240 {
        let (status, text) = api.ask("GET", &format!("{REQUESTS}/{name}"), None).unwrap();
        let mut object: Value = serde_json::from_str(&text).unwrap();
        if status == 200 && object["status"]["conditions"][0]["type"] == "Approved" {
            assert_eq!(
                (&object["spec"]["expirationSeconds"], &object["spec"]["signerName"]),
                (&json!(3600), &json!("kubernetes.io/kube-apiserver-client"))
            );
            let signed = api.authority().sign_pem(key, user, &[GROUP]).unwrap();
            object["status"]["certificate"] = STANDARD.encode(signed.certificate).into();
            let (status, said) = api.ask("PUT", &format!("{REQUESTS}/{name}/status"), Some(&object)).unwrap();
            assert_eq!(status, 200, "{said}");
            return;
        }
        thread::sleep(Duration::from_millis(250));
    }
    panic!("nobody has approved {name}");
}

#[test]
fn a_person_gets_a_certificate_and_works_with_it() {
    let bed = Bed::new().unwrap();
    bed.enter().unwrap();
    let etcd = Etcd::start(&bed, 1).unwrap();
    let api = ApiServer::start(&bed, &etcd).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let admin: Value = serde_json::from_str(&fs::read_to_string(api.file("admin.conf")).unwrap()).unwrap();
    let of = |part: &str, kind: &str, key: &str| admin[part][0][kind][key].as_str().unwrap().to_owned();
    let text = format!(
        "apiVersion: v1\nclusters:\n- cluster:\n    certificate-authority-data: {}\n    server: {}\n  name: k\ncontexts:\n- context:\n    \
         cluster: k\n    user: u\n  name: c\ncurrent-context: c\nkind: Config\nusers:\n- name: u\n  user:\n    client-certificate-data: {}\n    \
         client-key-data: {}\n",
        of("clusters", "cluster", "certificate-authority-data"),
        api.url(),
        of("users", "user", "client-certificate-data"),
        of("users", "user", "client-key-data"),
    );
    fs::write(dir.path().join("admin.conf"), text).unwrap();
    let kubectl = program("kubectl").unwrap();
    let path = format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", kubectl.parent().unwrap().display());

    let mut config: Option<String> = None;
    for (round, shell) in ["dash", "bash", "busybox ash"].into_iter().enumerate() {
        let (name, asking) = (format!("homelabctl-{round}"), Asking::new("pat").unwrap());
        let key = asking.key().expose_secret().to_owned();
        let request = asking.object(&name, 3600).to_string();
        let text = script(dir.path().to_str().unwrap(), &name, &request, GROUP, &binding().to_string()).unwrap();
        let inner =
            format!("mount -t tmpfs none /run && k=n1 s={} && exec {shell} -c '( eval \"$0\" ) </dev/null' \"$s\"", quote(&text).unwrap());
        let mut child = Command::new("unshare");
        child.args(["--mount", "dash", "-c", &inner]).env("PATH", &path);
        let child = child.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
        sign(&api, &name, &key, "pat");
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{shell}: {output:?}");
        let signed = Signed::read(&String::from_utf8_lossy(&output.stdout)).unwrap();
        let pem = |text: &str| String::from_utf8(STANDARD.decode(text).unwrap()).unwrap();
        let access = asking.answered(signed.server, pem(&signed.authority), pem(&signed.certificate)).unwrap();
        config = Some(merge(config.as_deref(), "lab", &access).unwrap().text);
        let (status, _) = api.ask("GET", &format!("{REQUESTS}/{name}"), None).unwrap();
        assert_eq!(status, 404, "{shell}: the request is gone");
    }
    let file = dir.path().join("config");
    fs::write(&file, config.unwrap()).unwrap();
    let asked = |words: &[&str]| {
        let mut command = Command::new(&kubectl);
        command.args(["--kubeconfig", file.to_str().unwrap(), "--cache-dir", dir.path().to_str().unwrap(), "--context", "lab"]).args(words);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{words:?}: {output:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    assert_eq!(asked(&["auth", "can-i", "*", "*"]).trim(), "yes");
    assert!(asked(&["auth", "whoami"]).contains("pat"));

    // the binding takes the rights of all of them away
    let (status, _) = api.ask("DELETE", &format!("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/{GROUP}"), None).unwrap();
    assert_eq!(status, 200);
    let output = Command::new(&kubectl)
        .args(["--kubeconfig", file.to_str().unwrap(), "--cache-dir", dir.path().to_str().unwrap(), "get", "nodes"])
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("Forbidden"), "{output:?}");
}
