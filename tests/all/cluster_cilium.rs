//! Cilium by its chart, as the playbook `cni` puts it up: what the chart is asked for, what helm makes of that, whether a real API takes
//! it, and where helm comes from. In `make test` a record stands for helm; with the real one, and what helm does of it later, by hand.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use homelabctl::cluster::cni::cilium;
use homelabctl::diagnostics::Source;
use homelabctl::yaml::objects::read;
use serde_json::{Value, json};

use crate::program::{Program, Ran};
use crate::testbed::Bed;
use crate::testbed::kubernetes::{ApiServer, Etcd, program};

const RECORDS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/records/cilium");
const NETWORKS: [(&str, &str); 2] =
    [("ipv4", "network: {pods: 10.244.0.0/16}"), ("ipv6", "network: {pods: 'fd00:10:244::/56', services: 'fd00:10:96::/112'}")];

fn record(name: &str) -> String {
    std::fs::read_to_string(Path::new(RECORDS).join(name)).unwrap()
}

/// A project with one control plane, which is the machine that the program runs on, as a control plane has it.
struct Project {
    program: Program,
    chart: PathBuf,
}

impl Project {
    fn new(network: &str, cni: &str) -> Self {
        let kubectl = program("kubectl").unwrap();
        let program = Program::new();
        let path = format!("{}:{}:/usr/sbin:/usr/bin:/sbin:/bin", program.path("own").display(), kubectl.parent().unwrap().display());
        let program = program.variable("PATH", &path);
        std::fs::create_dir(program.path("own")).unwrap();
        std::fs::create_dir(program.path("group_vars")).unwrap();
        program.file("hosts.ini", "[masters]\nm1 ansible_connection=local ansible_become=false\n");
        let settings = format!(
            "cluster:\n  name: a\n  version: v1.34.2\n  endpoint: {{host: kube.lan, served_by: external}}\n  {network}\n  cni: {cni}\n"
        );
        program.file("group_vars/all.yml", &settings);
        Self { program, chart: crate::testbed::kubernetes::program("cilium-chart").unwrap() }
    }

    /// A program of that name which comes before others.
    fn own(&self, name: &str, text: &str) {
        self.program.file(&format!("own/{name}"), text);
        let path = self.program.path(&format!("own/{name}"));
        assert!(Command::new("chmod").arg("755").arg(path).status().unwrap().success());
    }

    /// A helm that says what was recorded, and keeps what it was asked.
    fn own_helm(&self, record: &str) {
        let asked = self.program.path("asked").display().to_string();
        self.own(
            "helm",
            &format!(
                "#!/bin/sh\n[ \"$1\" != version ] || {{ echo v3.19.0+g0; exit 0; }}\nprintf '%s\\n' \"$@\" >{asked}\ncat >{asked}.values\ncat {RECORDS}/{record}\n"
            ),
        );
    }

    /// What the recorded helm was asked with: its arguments, and the values.
    fn asked(&self) -> (Value, Value) {
        let read = |name: &str| std::fs::read_to_string(self.program.path(name)).unwrap();
        let chart = self.chart.display().to_string();
        let words: Vec<Value> = read("asked").lines().map(|word| word.replace(&chart, "CHART").into()).collect();
        (words.into(), serde_json::from_str(&read("asked.values")).unwrap())
    }

    /// The playbook `cni`, where /etc and /run are its own; with the API's kubeconfig, or on a machine that is no control plane.
    fn spawn(&self, api: Option<&ApiServer<'_>>, more: &[&str]) -> Child {
        let admin = api.map_or("/nowhere".into(), |api| api.file("admin.conf").display().to_string());
        let inner = format!(
            "mount -t tmpfs none /run && mkdir /run/upper /run/work &&
            mount -t overlay -o lowerdir=/etc,upperdir=/run/upper,workdir=/run/work none /etc && rm -rf /etc/kubernetes /etc/cni &&
            if [ -e {admin} ]; then mkdir /etc/kubernetes && cp {admin} /etc/kubernetes/admin.conf; fi &&
            exec {} provision cni -i hosts.ini -e cilium_chart={} \"$@\"",
            env!("CARGO_BIN_EXE_homelabctl"),
            self.chart.display(),
        );
        let mut command = self.program.command("/usr/bin/unshare");
        command.args(["--mount", "/bin/sh", "-c", &inner, "sh"]).args(more);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    fn run(&self, api: Option<&ApiServer<'_>>, more: &[&str]) -> Ran {
        self.program.ran(self.spawn(api, more).wait_with_output().unwrap())
    }

    /// The same, while somebody plays the controllers: whatever has pods has them ready.
    fn run_with_controllers(&self, api: &ApiServer<'_>) -> Ran {
        let mut child = self.spawn(Some(api), &[]);
        while child.try_wait().unwrap().is_none() {
            for (path, status) in [
                (
                    "daemonsets/cilium",
                    json!({"desiredNumberScheduled": 1, "updatedNumberScheduled": 1, "numberAvailable": 1, "numberReady": 1, "currentNumberScheduled": 1, "numberMisscheduled": 0}),
                ),
                (
                    "daemonsets/cilium-envoy",
                    json!({"desiredNumberScheduled": 1, "updatedNumberScheduled": 1, "numberAvailable": 1, "numberReady": 1, "currentNumberScheduled": 1, "numberMisscheduled": 0}),
                ),
                ("deployments/cilium-operator", json!({"replicas": 1, "updatedReplicas": 1, "availableReplicas": 1, "readyReplicas": 1})),
            ] {
                let path = format!("/apis/apps/v1/namespaces/kube-system/{path}");
                let (200, said) = api.ask("GET", &path, None).unwrap() else { continue };
                let mut object: Value = serde_json::from_str(&said).unwrap();
                let mut status = status;
                status["observedGeneration"] = object["metadata"]["generation"].clone();
                if object["status"] != status {
                    object["status"] = status;
                    api.ask("PUT", &format!("{path}/status"), Some(&object)).unwrap();
                }
            }
            std::thread::sleep(std::time::Duration::from_millis(200));
        }
        self.program.ran(child.wait_with_output().unwrap())
    }
}

/// What of `values` is no value of the chart, by its path.
fn unknown_to_chart(path: &str, values: &Value, chart: &Value, found: &mut Vec<String>) {
    let Some(values) = values.as_object() else { return };
    for (name, value) in values {
        let path = format!("{path}/{name}");
        match chart.get(name) {
            None => found.push(path),
            Some(of_chart) => unknown_to_chart(&path, value, of_chart, found),
        }
    }
}

#[test]
fn values_are_the_charts_own_and_what_helm_makes_of_them_fits() {
    let chart = std::fs::read_to_string(program("cilium-chart").unwrap().join("values.yaml")).unwrap();
    let (chart, _) = homelabctl::yaml::load(&Source::new("values.yaml", chart.as_str())).unwrap();
    let chart = homelabctl::yaml::objects::json(&chart.unwrap());
    for (name, network) in NETWORKS {
        let project = Project::new(network, "{name: cilium}");
        project.own_helm(&format!("{name}.yaml"));
        let ran = project.run(None, &["--check"]);
        assert!(ran.stderr.contains("there is no /etc/kubernetes/admin.conf"), "{}", ran.all());
        let (words, values) = project.asked();
        if std::env::var_os("HOMELABCTL_WRITE_DOCS").is_some() {
            let values = serde_json::to_string_pretty(&values).unwrap();
            std::fs::write(format!("{RECORDS}/{name}.values.json"), values + "\n").unwrap();
            std::fs::write(format!("{RECORDS}/arguments.json"), format!("{words}\n")).unwrap();
            continue;
        }
        let recorded = |name: &str| serde_json::from_str::<Value>(&record(name)).unwrap();
        assert_eq!(values, recorded(&format!("{name}.values.json")), "`make oracle` records them again, and what helm makes of them");
        assert_eq!(words, recorded("arguments.json"));

        let mut unknown = Vec::new();
        unknown_to_chart("", &values, &chart, &mut unknown);
        assert_eq!(unknown, Vec::<String>::new(), "helm takes any value, and the chart does nothing with these");
        let wrong = json!({"ipam": {"operator": {"clusterPoolIPv4PodCIDR": []}}, "ipv4": {"enabled": true}, "tunnel": "vxlan"});
        unknown_to_chart("", &wrong, &chart, &mut unknown);
        assert_eq!(unknown, ["/ipam/operator/clusterPoolIPv4PodCIDR", "/tunnel"]);

        look_at(name, &read(name, &record(&format!("{name}.yaml"))).unwrap());
    }
}

/// The objects by themselves.
fn look_at(name: &str, objects: &[Value]) {
    let text = |object: &Value, pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let pods = if name == "ipv4" { "10.244.0.0/16" } else { "fd00:10:244::/56" };
    assert_eq!(cilium::refused(objects, &pods.parse().unwrap()), None);
    for object in objects {
        let (kind, named) = (text(object, "/kind"), text(object, "/metadata/name"));
        assert!(!matches!(kind.as_str(), "Secret" | "Job" | "CronJob" | "CustomResourceDefinition"), "{kind} {named}");
        let of_cluster = matches!(kind.as_str(), "Namespace" | "ClusterRole" | "ClusterRoleBinding");
        assert_eq!(object.pointer("/metadata/namespace").is_none(), of_cluster, "{kind} {named}: kubectl would put it into `default`");
    }
    let map = objects.iter().find(|object| text(object, "/metadata/name") == "cilium-config").unwrap();
    let set = |name: &str| map["data"][name].as_str().unwrap_or_default();
    let of = |v4: &'static str, v6: &'static str| if name == "ipv4" { v4 } else { v6 };
    for (setting, value) in [
        ("kube-proxy-replacement", "false"),
        ("ipam", "cluster-pool"),
        ("cluster-pool-ipv4-cidr", of("10.244.0.0/16", "")),
        ("cluster-pool-ipv4-mask-size", of("24", "")),
        ("cluster-pool-ipv6-cidr", of("", "fd00:10:244::/56")),
        ("cluster-pool-ipv6-mask-size", of("", "64")),
        ("enable-ipv4", of("true", "false")),
        ("enable-ipv6", of("false", "true")),
        ("routing-mode", "tunnel"),
        ("tunnel-protocol", "vxlan"),
        ("underlay-protocol", of("ipv4", "ipv6")),
        ("enable-bpf-masquerade", "false"),
        ("enable-hubble", "false"),
    ] {
        assert_eq!(set(setting), value, "{setting}");
    }
    // who asks the API is told where it is: kube-proxy's address of it needs the network that is not there yet
    let mut told = BTreeMap::new();
    for object in objects.iter().filter(|object| matches!(text(object, "/kind").as_str(), "DaemonSet" | "Deployment")) {
        for container in object.pointer("/spec/template/spec/containers").and_then(Value::as_array).unwrap() {
            let env = container["env"].as_array().unwrap();
            let of = |name: &str| env.iter().find(|env| env["name"] == name).map(|env| env["value"].clone()).unwrap_or_default();
            told.insert(text(container, "/name"), (of("KUBERNETES_SERVICE_HOST"), of("KUBERNETES_SERVICE_PORT")));
        }
    }
    let endpoint = (json!("kube.lan"), json!("6443"));
    assert_eq!(told, ["cilium-agent", "cilium-envoy", "cilium-operator"].map(|name| (name.to_owned(), endpoint.clone())).into());
}

/// What it is called in a run's output.
fn called(object: &Value) -> String {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let namespace = object.pointer("/metadata/namespace").and_then(Value::as_str).map_or(String::new(), |name| format!("{name}/"));
    format!("{} {namespace}{}", text("/kind"), text("/metadata/name"))
}

fn make_namespace(api: &ApiServer<'_>, name: &str) {
    let (status, said) = api.ask("POST", "/api/v1/namespaces", Some(&json!({"metadata": {"name": name}}))).unwrap();
    assert_eq!(status, 201, "{said}");
}

#[test]
fn a_real_api_takes_what_is_made_of_it_and_the_next_run_finds_nothing_to_do() {
    let bed = Bed::new().unwrap();
    bed.enter().unwrap();
    let etcd = Etcd::start(&bed, 1).unwrap();
    let api = ApiServer::start(&bed, &etcd).unwrap();
    make_namespace(&api, "cilium-secrets");
    for (name, network) in NETWORKS.into_iter().rev() {
        let project = Project::new(network, "{name: cilium}");
        project.own_helm(&format!("{name}.yaml"));
        let ran = project.run(Some(&api), &["--check", "--diff"]);
        assert_eq!(ran.code, Some(0), "{}", ran.all());
        for object in read(name, &record(&format!("{name}.yaml"))).unwrap() {
            let is_made = |line: &str| line.contains(&format!("{} ", called(&object))) && line.contains("made");
            let is_there = called(&object) == "Namespace cilium-secrets";
            assert!(is_there || ran.stdout.lines().any(is_made), "{}\n{}", called(&object), ran.all());
        }
    }
    let project = Project::new(NETWORKS[0].1, "{name: cilium}");
    project.own_helm("ipv4.yaml");
    let ran = project.run_with_controllers(&api);
    assert!(ran.code == Some(0) && ran.stdout.contains("DaemonSet kube-system/cilium "), "{}", ran.all());
    let (status, said) = api.ask("GET", "/apis/apps/v1/namespaces/kube-system/daemonsets/cilium", None).unwrap();
    let set: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((status, &set["metadata"]["labels"]["app.kubernetes.io/managed-by"]), (200, &json!("Helm")));
    for arguments in [&["--detailed-exitcode"][..], &["--check", "--detailed-exitcode"]] {
        let again = project.run(Some(&api), arguments);
        assert!(again.code == Some(0) && again.stdout.contains("tasks are as they should be"), "{}", again.all());
    }
}

/// An archive as helm's, with a program that says so when it is called.
fn archive(project: &Project, version: &str) -> String {
    std::fs::create_dir_all(project.program.path("www/linux-amd64")).unwrap();
    let text = format!("#!/bin/sh\necho brought >>{}\ncat >/dev/null\ncat {RECORDS}/ipv4.yaml\n", project.program.path("ran").display());
    project.program.file("www/linux-amd64/helm", &text);
    let make = format!(
        "chmod 755 linux-amd64/helm && tar -czf helm-{version}-linux-amd64.tar.gz linux-amd64 && sha256sum helm-{version}-linux-amd64.tar.gz | cut -c1-64"
    );
    let output = Command::new("sh").args(["-c", &make]).current_dir(project.program.path("www")).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn a_helm_that_is_missing_or_too_old_is_brought_and_none_that_is_not_the_published_one() {
    let bed = Bed::new().unwrap();
    bed.enter().unwrap();
    let project = Project::new(NETWORKS[0].1, "{name: cilium}");
    project.own("uname", "#!/bin/sh\n[ \"$*\" != -sm ] || { echo Linux x86_64; exit; }\nexec /usr/bin/uname \"$@\"\n");
    let digest = archive(&project, "v3.19.0");
    let mut server = Command::new("python3")
        .args(["-c", "import http.server, functools; H = functools.partial(http.server.SimpleHTTPRequestHandler, directory='www'); s = http.server.ThreadingHTTPServer(('127.0.0.1', 0), H); print(s.server_port, flush=True); s.serve_forever()"])
        .current_dir(project.program.path(""))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut port = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(server.stdout.take().unwrap()), &mut port).unwrap();
    let source = format!("helm_source=http://127.0.0.1:{}", port.trim());
    let brought = || std::fs::read_to_string(project.program.path("ran")).unwrap_or_default().lines().count();

    // what it should be is the published one, and this is another
    let ran = project.run(None, &["-e", &source]);
    assert!(ran.code == Some(2) && ran.stderr.contains("The checksum for what was fetched did not match"), "{}", ran.all());
    assert!(ran.stderr.contains("helm_program=FILE") && ran.stderr.contains("it is not there") && brought() == 0, "{}", ran.all());

    // a dry run too needs it to know anything
    let sum = format!("helm_sha256={digest}");
    let ran = project.run(None, &["-e", &source, "-e", &sum, "--check"]);
    assert!(brought() == 1 && ran.stderr.contains("there is no /etc/kubernetes/admin.conf"), "{}", ran.all());
    // it stays
    server.kill().unwrap();
    server.wait().unwrap();
    project.own("helm", "#!/bin/sh\necho v3.9.4+gdbc6d8e\n");
    let ran = project.run(None, &["-e", &source, "-e", &sum]);
    assert!(brought() == 2, "{}", ran.all());
    // one that is new enough needs no other
    project.own_helm("ipv4.yaml");
    project.run(None, &[]);
    assert_eq!((brought(), project.asked().0[0].clone()), (2, json!("template")));
}

/// The real helm: `make e2e`.
#[test]
#[ignore = "helm's program takes minutes to build"]
fn kubernetes_cilium_by_the_real_helm_which_takes_it_over() {
    let bed = Bed::new().unwrap();
    bed.enter().unwrap();
    let helm = program("helm").unwrap();
    let called_helm = |words: &[String], values: &str, environment: &[(&str, String)]| {
        let mut child = Command::new(&helm)
            .args(words)
            .envs(environment.iter().map(|(name, value)| (*name, value.as_str())))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), values.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.success(), text(&output.stdout), text(&output.stderr))
    };
    let chart = program("cilium-chart").unwrap().display().to_string();
    let words: Vec<String> = serde_json::from_str(&record("arguments.json")).unwrap();
    let words: Vec<String> = words.iter().map(|word| word.replace("CHART", &chart)).collect();
    for (name, _) in NETWORKS {
        let values = record(&format!("{name}.values.json"));
        let made = called_helm(&words, &values, &[]);
        assert_eq!(made, (true, record(&format!("{name}.yaml")), String::new()), "{name}");
        assert_eq!(called_helm(&words, &values, &[]), made, "{name}: not the same at each call");
    }

    let etcd = Etcd::start(&bed, 1).unwrap();
    let api = ApiServer::start(&bed, &etcd).unwrap();
    let project = Project::new(NETWORKS[0].1, "{name: cilium}");
    std::os::unix::fs::symlink(&helm, project.program.path("own/helm")).unwrap();
    let ran = project.run_with_controllers(&api);
    assert_eq!(ran.code, Some(0), "{}", ran.all());

    let environment =
        [("KUBECONFIG", api.file("admin.conf").display().to_string()), ("HOME", project.program.path("home").display().to_string())];
    let install: Vec<String> = ["install", "cilium", &chart, "--namespace=kube-system", "--values=-"].map(str::to_owned).into();
    let values = record("ipv4.values.json");
    // what has not our marks is not taken over
    let map = "/api/v1/namespaces/kube-system/configmaps/cilium-config";
    let (_, said) = api.ask("GET", map, None).unwrap();
    let mut object: Value = serde_json::from_str(&said).unwrap();
    let marks = object["metadata"]["annotations"].take();
    api.ask("PUT", map, Some(&object)).unwrap();
    let (taken, _, why) = called_helm(&install, &values, &environment);
    assert!(!taken && why.contains("invalid ownership metadata"), "{why}");
    let (_, said) = api.ask("GET", map, None).unwrap();
    let mut object: Value = serde_json::from_str(&said).unwrap();
    object["metadata"]["annotations"] = marks;
    api.ask("PUT", map, Some(&object)).unwrap();

    let (taken, said, why) = called_helm(&install, &values, &environment);
    assert!(taken && said.contains("STATUS: deployed"), "{said}{why}");
    // and what is helm's now is as we have it
    let again = project.run(Some(&api), &["--check", "--detailed-exitcode"]);
    assert!(again.code == Some(0) && again.stdout.contains("tasks are as they should be"), "{}", again.all());
}
