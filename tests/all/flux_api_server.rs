//! What is asked of a cluster before Flux is handed it, against a real kube-apiserver.

use homelabctl::gitops::cluster::preflight::{Level, Wanted, findings, look};
use homelabctl::gitops::cluster::stored_versions::{Judgement, judge, migrate};
use homelabctl::gitops::cluster::{Kinds, api};
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::{Value, json};

use crate::testbed::Bed;
use crate::testbed::kubernetes::{ApiServer, Etcd};

const NAME: &str = "things.lab.example";
const DEFINITION: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/things.lab.example";

async fn client(api: &ApiServer<'_>, config: &str) -> kube::Client {
    let kubeconfig = Kubeconfig::from_yaml(config).unwrap();
    let mut config = kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
    config.cluster_url = api.url().parse().unwrap();
    kube::Client::try_from(config).unwrap()
}

fn definition(versions: &[(&str, bool)]) -> Value {
    let schema = json!({"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}});
    let versions: Vec<_> =
        versions.iter().map(|(name, storage)| json!({"name": name, "served": true, "storage": storage, "schema": schema})).collect();
    json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": NAME},
        "spec": {"group": "lab.example", "scope": "Namespaced", "versions": versions,
            "names": {"plural": "things", "singular": "thing", "kind": "Thing", "listKind": "ThingList"}}})
}

fn thing(version: &str, name: &str, field: &str) -> Value {
    json!({"apiVersion": format!("lab.example/{version}"), "kind": "Thing", "metadata": {"name": name, "namespace": "default"}, "spec": {field: 1}})
}

/// Applies an object, which may have to wait until its new kind is served.
async fn apply(client: &kube::Client, object: &Value) -> Value {
    for _ in 0..120 {
        match api::apply(client, object, false).await {
            Err(error) if error.is_absent() => tokio::time::sleep(std::time::Duration::from_millis(250)).await,
            answer => return answer.unwrap(),
        }
    }
    panic!("{object} is not served");
}

#[test]
fn versions_that_go_and_a_cluster_without_nodes() {
    let bed = Bed::new().unwrap();
    bed.enter().unwrap();
    let etcd = Etcd::start(&bed, 1).unwrap();
    let server = ApiServer::start(&bed, &etcd).unwrap();
    // of this thread alone: only it is in the bed's network
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let admin = client(&server, &std::fs::read_to_string(server.file("admin.conf")).unwrap()).await;
        stored_versions(&admin).await;
        preflight(&server, &admin).await;
    });
}

async fn stored_versions(client: &kube::Client) {
    apply(client, &definition(&[("v1beta1", true), ("v1", false)])).await;
    let first = apply(client, &thing("v1beta1", "a", "old")).await;
    apply(client, &definition(&[("v1beta1", false), ("v1", true)])).await;
    let target = definition(&[("v1", true)]);

    // what is there is refused until it is migrated
    let refused = api::apply(client, &target, false).await.unwrap_err();
    assert!(refused.to_string().contains("storedVersions"), "{refused}");
    let present = api::get(client, DEFINITION).await.unwrap();
    let Judgement::Migrate(migration) = judge(present.as_ref(), &target) else { panic!("{present:?}") };
    assert!(migration.is_stored);
    let done = migrate(client, &migration).await.unwrap();
    assert_eq!((done.seen, done.written.len()), (1, 1));

    let path = Kinds::new().path_of(client, &thing("v1", "a", "old")).await.unwrap();
    let written = api::get(client, &path).await.unwrap().unwrap();
    assert_eq!((&written["spec"], &written["metadata"]["generation"]), (&json!({"old": 1}), &json!(1)));
    assert_eq!(written["metadata"]["uid"], first["metadata"]["uid"]);
    let owners = written["metadata"]["managedFields"].as_array().unwrap();
    assert!(owners.iter().all(|owner| owner["apiVersion"] == "lab.example/v1"), "{owners:?}");
    // a second time nothing is left to be written, and Kubernetes says so too: the object stays as it was
    migrate(client, &migration).await.unwrap();
    let again = api::get(client, &path).await.unwrap().unwrap();
    assert_eq!(again["metadata"]["resourceVersion"], written["metadata"]["resourceVersion"]);

    // now the newer definition is taken, and who owned the old field still does: it goes when it is no longer applied
    apply(client, &target).await;
    assert_eq!(judge(api::get(client, DEFINITION).await.unwrap().as_ref(), &target), Judgement::Fine);
    let applied = apply(client, &thing("v1", "a", "new")).await;
    assert_eq!(applied["spec"], json!({"new": 1}));
}

async fn preflight(server: &ApiServer<'_>, admin: &kube::Client) {
    let wanted = Wanted { flux: semver::Version::new(2, 9, 4), namespace: "flux-system".into(), toleration_keys: Vec::new() };
    let told = |look| findings(&look, &wanted).into_iter().map(|finding| (finding.level, finding.to_string())).collect::<Vec<_>>();
    let seen = told(look(admin, "flux-system").await);
    let expected = [
        "the cluster has no nodes; Flux's pods wait until one has joined",
        "there is no CoreDNS in kube-system; Flux's controllers find neither each other nor the repository without it",
    ];
    assert_eq!(seen, expected.map(|text| (Level::Warn, text.to_owned())));

    // somebody without any right
    let nobody = client(server, &server.kubeconfig("nobody", &["nobodies"]).unwrap()).await;
    let seen = told(look(&nobody, "flux-system").await);
    assert!(seen[0].1.starts_with("you may not do everything in this cluster; "), "{seen:?}");
    let forbidden = seen.iter().filter(|(level, text)| *level == Level::Unknown && text.contains("is forbidden")).count();
    assert_eq!((seen.len(), forbidden), (7, 6), "{seen:#?}");
}
