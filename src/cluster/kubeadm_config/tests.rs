use serde_json::Value;

use super::*;
use crate::cluster::settings::testing::settings;

const TOKEN: &str = "abcdef.0123456789abcdef";

fn machine(taints: Option<&[&str]>) -> Machine {
    let taints = taints.map(|taints| taints.iter().map(|&taint| taint.into()).collect());
    Machine { name: "m1".into(), address: [192, 168, 2, 11].into(), taints }
}

/// The documents of a file, read as YAML, which kubeadm takes them for.
fn documents(file: &ConfigFile) -> Vec<Value> {
    let source = crate::diagnostics::Source::new("kubeadm.yaml", file.text());
    let (documents, problems) = crate::yaml::load_all(&source).unwrap();
    assert!(problems.0.is_empty(), "{problems}");
    documents.iter().map(crate::cluster::settings::read::free).collect()
}

#[test]
fn what_init_reads() {
    let settings = settings(
        "certificate_names: [kube.lan]\nfeature_gates: {KubeProxyIPVS: true}\nextra_arguments: {etcd: {quota-backend-bytes: 8589934592}, \
         api_server: {v: 2}, kubelet: {v: 4}}\nkubelet: {maxPods: 200}\nignore_preflight_errors: [SystemVerification]",
    );
    let file = init(&settings, &machine(None), &Secret::new(TOKEN), &Secret::new("00ff"));
    insta::assert_snapshot!(file.text());
}

#[test]
fn what_a_control_plane_and_a_worker_read_to_join() {
    let settings = settings("");
    let joining = Joining { token: Secret::new(TOKEN), ca_hash: "sha256:00".into(), certificate_key: Some(Secret::new("00ff")) };
    let control_plane = join(&settings, &machine(Some(&["dedicated=gpu:NoSchedule", "slow:NoExecute"])), &joining);
    let worker = join(&settings, &machine(None), &Joining { certificate_key: None, ..joining });
    insta::assert_snapshot!(format!("{}\n{}", control_plane.text(), worker.text()));
}

#[test]
fn the_least_settings_and_the_other_modes() {
    let stored = |over: &str| super::stored(&settings(over)).text().to_owned();
    insta::assert_snapshot!(stored("") + &stored("kube_proxy: {mode: nftables}\nkubelet: {evictionHard: {memory.available: 200Mi}}"));
}

#[test]
fn no_taints_are_another_thing_than_kubeadms_own() {
    let settings = settings("");
    let of = |taints: Option<&[&str]>| {
        let file = init(&settings, &machine(taints), &Secret::new(TOKEN), &Secret::new("00ff"));
        documents(&file)[0]["nodeRegistration"].get("taints").cloned()
    };
    assert_eq!(of(None), None);
    assert_eq!(of(Some(&[])), Some(serde_json::json!([])));
}

/// 32 random bytes are digits only, or look like `1e5`, once in a while; to YAML that would be a number.
#[test]
fn a_key_that_looks_like_a_number_stays_a_text() {
    let settings = settings("");
    for key in
        ["1".repeat(64), format!("1e{}", "0".repeat(62)), format!("0{}", "7".repeat(63)), "0x10".into(), "true".into(), "1:30".into()]
    {
        let file = init(&settings, &machine(None), &Secret::new(TOKEN), &Secret::new(key.as_str()));
        assert_eq!(documents(&file)[0]["certificateKey"], Value::from(key.as_str()));
        let joining = Joining {
            token: Secret::new("123456.1234567890123456"),
            ca_hash: "sha256:00".into(),
            certificate_key: Some(Secret::new(key.as_str())),
        };
        let file = join(&settings, &machine(None), &joining);
        assert_eq!(documents(&file)[0]["controlPlane"]["certificateKey"], Value::from(key.as_str()));
        assert_eq!(documents(&file)[0]["discovery"]["tlsBootstrapToken"], Value::from("123456.1234567890123456"));
    }
}

#[test]
fn arguments_are_lists_of_names_and_values() {
    let settings = settings("extra_arguments: {api_server: {v: 2, audit-log-maxage: 30}}\nfeature_gates: {B: false, A: true}");
    let documents = documents(&stored(&settings));
    let arguments = serde_json::json!([
        { "name": "audit-log-maxage", "value": "30" }, { "name": "feature-gates", "value": "A=true,B=false" }, { "name": "v", "value": "2" },
    ]);
    assert_eq!(documents[0]["apiServer"]["extraArgs"], arguments);
    assert_eq!(documents[0]["scheduler"]["extraArgs"], serde_json::json!([{ "name": "feature-gates", "value": "A=true,B=false" }]));
}

#[test]
fn nothing_shows_a_secret_by_accident() {
    let settings = settings("");
    let joining = Joining { token: Secret::new(TOKEN), ca_hash: "sha256:00".into(), certificate_key: Some(Secret::new("00ff00ff")) };
    let file = join(&settings, &machine(None), &joining);
    let shown = format!("{joining:?} {file:?}");
    assert!(!shown.contains(TOKEN) && !shown.contains("00ff00ff"), "{shown}");
}

#[test]
fn an_endpoint_of_version_6_is_in_brackets() {
    let mut settings = settings("");
    settings.endpoint.host = "fd00::50".into();
    assert_eq!(endpoint(&settings), "[fd00::50]:6443");
}
