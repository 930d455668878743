//! Whether images can be had, and how many: registries stand in for the real ones, under their names and by HTTPS, and are asked by what
//! each machine has.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Stdio};

use serde_json::{Value, json};

use super::project::Project;
use crate::testbed::Bed;

/// The bed's own end of its network.
const ADDRESS: &str = "10.77.0.1";
const NAMES: [&str; 4] = ["registry.k8s.io", "quay.io", "registry-1.docker.io", "auth.docker.io"];

/// tests/support/registry.py, as long as it is held.
struct Registries {
    server: Child,
    behaviour: PathBuf,
    log: PathBuf,
}

impl Registries {
    /// With a key and its certificate.
    fn start(bed: &Bed, certificate: &str) -> Self {
        let file = |name: &str| bed.dir().join(name);
        let [key, behaviour, log] = ["registries.pem", "registries.json", "registries.log"].map(file);
        for (path, text) in [(&key, certificate), (&behaviour, "{}"), (&log, "")] {
            std::fs::write(path, text).unwrap();
        }
        let program = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/registry.py");
        let mut command = bed.command("python3");
        command.args([program, ADDRESS]).args([&key, &behaviour, &log]);
        let mut server = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut said = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut said).unwrap();
        assert_eq!(said, "ready\n");
        Self { server, behaviour, log }
    }

    fn behave(&self, as_told: &Value) {
        std::fs::write(&self.behaviour, as_told.to_string()).unwrap();
        std::fs::write(&self.log, "").unwrap();
    }

    /// Who was asked for what since then.
    fn asked(&self) -> BTreeSet<String> {
        std::fs::read_to_string(&self.log).unwrap().lines().map(str::to_owned).collect()
    }
}

impl Drop for Registries {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

#[test]
fn registries_that_do_not_answer_and_what_docker_leaves_are_seen_from_each_machine() {
    let bed = Bed::new().unwrap();
    // curl; wget; openssl alone
    let machines = bed.start_all(vec![bed.machine("m1"), bed.machine("w1"), bed.machine("w2").without_downloaders()]).unwrap();
    machines[1].root_says("rm /usr/bin/curl").unwrap();
    let names = NAMES.map(|name| format!("DNS:{name}")).join(",");
    let made = format!(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=registries \
         -addext subjectAltName={names} -keyout /root/key -out /root/certificate 2>&1 && cat /root/key /root/certificate"
    );
    let pem = machines[0].root_says(&made).unwrap();
    let certificate = &pem[pem.find("-----BEGIN CERTIFICATE").unwrap()..];
    for machine in &machines {
        let trust = format!(
            "cd /etc/ssl/certs && echo '{certificate}' >registries.pem && cat registries.pem >>ca-certificates.crt \
             && ln -s registries.pem $(openssl x509 -noout -hash -in registries.pem).0 && echo '{ADDRESS} {}' >>/etc/hosts",
            NAMES.join(" ")
        );
        machine.root_says(&trust).unwrap();
    }
    let registries = Registries::start(&bed, &pem[pem.find("-----BEGIN").unwrap()..]);
    let project = Project::new(bed, machines);
    let endpoint = "endpoint: {host: 10.77.0.200, served_by: external}";
    project.settings(&[endpoint], &BTreeSet::new());
    // which has no program to go on asking with
    let unknown = "unknown w2: how many images docker.io lets the node pull could not be read: \
                   there is nothing to ask with: neither curl nor wget";

    // all is well: they want to know who asks, and Docker lets enough through, or tells of no limit
    for left in [json!(76), Value::Null] {
        registries.behave(&json!({ "pulls": left }));
        assert_eq!(project.findings().by("ImagePull"), [unknown]);
        assert!(registries.asked().contains("registry-1.docker.io HEAD /v2/ratelimitpreview/test/manifests/latest"));
    }
    registries.behave(&json!({"pulls": 4}));
    assert_eq!(project.findings().by("ImagePull"), [unknown, "warning m1 w1: docker.io lets the node pull 4 more images for now"]);
    // that nobody can say is no reason to stop
    registries.behave(&json!({"manifest": 503}));
    let not_understood = "unknown m1 w1: how many images docker.io lets the node pull could not be read: \
                          not understood: the registry answers with status 503";
    assert_eq!(project.findings().by("ImagePull"), [not_understood, unknown]);

    // no registry, none for now, and none of that name
    project.machines[1].root_says("sed -i 's/ quay.io / /' /etc/hosts").unwrap();
    let broken = json!({"registry.k8s.io": 404, "quay.io": 429, "manifest": 429});
    registries.behave(&broken);
    assert_eq!(
        project.findings().by("ImagePull"),
        [
            "error m1 w1: registry.k8s.io does not answer: there is no registry behind that address (404 for /v2/)",
            "error m1: quay.io does not answer: it lets no more through for now",
            "error w1: quay.io does not answer: wget: unable to resolve host address 'quay.io'",
            unknown,
            "warning m1 w1: docker.io lets the node pull 0 more images for now",
        ]
    );

    // a mirror stands before all of them, and Docker is not asked what it leaves
    project.settings(&[endpoint, &format!("registry_mirrors: {{_default: ['http://{ADDRESS}:5000']}}")], &BTreeSet::new());
    registries.behave(&broken);
    assert_eq!(project.findings().by("ImagePull"), [""; 0]);
    let asked = registries.asked();
    assert!(asked.contains(&format!("{ADDRESS} GET /v2/")) && !asked.iter().any(|line| line.contains("HEAD")), "{asked:?}");
}
