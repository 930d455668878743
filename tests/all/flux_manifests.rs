//! Flux's manifests against what the real Flux CLI writes: by records (`make oracle`), from base files that the test bed makes.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use homelabctl::diagnostics::Source;
use homelabctl::gitops::manifests::{Bundle, Component, Options, Sync, Version, Wanted, components, sync};
use homelabctl::gitops::settings::{Adopted, Installation, Layer, Origin, resolve};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

const VERSION: &str = "v2.9.4";
const TESTBED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/testbed/flux");

/// The release's base files, as far as they can be had.
fn folder() -> PathBuf {
    let ran = Command::new("sh").args([&format!("{TESTBED}/bundle.sh"), VERSION]).stderr(Stdio::inherit()).output().unwrap();
    assert!(ran.status.success());
    PathBuf::from(String::from_utf8(ran.stdout).unwrap().trim_end())
}

fn version() -> Version {
    Version::parse(VERSION).unwrap()
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An archive as a release has it, by the system's own programs.
fn archive(folder: &Path) -> Vec<u8> {
    let ran = Command::new("tar").args(["-czf", "-", "-C"]).arg(folder).arg(".").output().unwrap();
    assert!(ran.status.success());
    ran.stdout
}

/// With a file for source-watcher, which is the test bed's own, as in the CLI that was recorded.
fn bundle_with_watcher() -> Bundle {
    let whole = tempfile::tempdir().unwrap();
    for file in std::fs::read_dir(folder()).unwrap() {
        let path = file.unwrap().path();
        std::fs::copy(&path, whole.path().join(path.file_name().unwrap())).unwrap();
    }
    std::fs::copy(format!("{TESTBED}/source-watcher.yaml"), whole.path().join("source-watcher.yaml")).unwrap();
    let archive = archive(whole.path());
    Bundle::from_archive(version(), &archive, Some(&sha256(&archive))).unwrap()
}

fn records(name: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/records/flux").join(name)).unwrap();
    let read: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(read["version"], VERSION);
    read["records"].as_array().unwrap().clone()
}

fn words(value: &Value) -> Vec<String> {
    value.as_array().unwrap().iter().map(word).collect()
}

fn word(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn wanted(options: &Value) -> Wanted {
    let mut wanted = Wanted::of(VERSION);
    for (name, value) in options.as_object().unwrap() {
        match name.as_str() {
            "components" => wanted.components = words(value),
            "components_extra" => wanted.components_extra = words(value),
            "namespace" => wanted.namespace = word(value),
            "registry" => wanted.registry = word(value),
            "image_pull_secret" => wanted.image_pull_secret = value.as_str().map(str::to_owned),
            "watch_all_namespaces" => wanted.watch_all_namespaces = value.as_bool().unwrap(),
            "network_policy" => wanted.network_policy = value.as_bool().unwrap(),
            "log_level" => wanted.log_level = word(value),
            "cluster_domain" => wanted.cluster_domain = word(value),
            "toleration_keys" => wanted.toleration_keys = words(value),
            other => panic!("{other}"),
        }
    }
    wanted
}

#[test]
fn flux_components_have_the_released_digests() {
    let bundle = Bundle::from_folder(version(), &folder()).unwrap();
    let mut wanted = Wanted::of(VERSION);
    let made = components(&Options::check(wanted.clone()).unwrap(), &bundle).unwrap();
    let released = "97da4654bc11de5637d7f506b0a73707e1e6a1f7a8e9fa8e307063c0b9befa1f";
    assert_eq!((made.len(), sha256(made.as_bytes()).as_str()), (269_825, released));
    wanted.components_extra = vec!["image-reflector-controller".into(), "image-automation-controller".into()];
    let made = components(&Options::check(wanted).unwrap(), &bundle).unwrap();
    let released = "bc5afbba9edc3f180363c5b1402e4a5c1dcaec04560561e8f8321509d43db0b3";
    assert_eq!((made.len(), sha256(made.as_bytes()).as_str()), (324_132, released));
}

#[test]
fn flux_components_are_the_clis_byte_for_byte() {
    let bundle = bundle_with_watcher();
    let (mut same, mut refused, mut wrong) = (0, 0, Vec::new());
    for record in records("components.json") {
        match Options::check(wanted(&record["options"])) {
            Ok(options) => {
                let made = components(&options, &bundle).unwrap();
                if record["bytes"] == made.len() && record["sha256"] == sha256(made.as_bytes()) {
                    same += 1;
                } else {
                    wrong.push(format!("{} bytes: {record}", made.len()));
                }
            }
            // the CLI fails too, or writes a number where Kubernetes wants a name
            Err(_) if record["bytes"].is_null() || record["options"]["image_pull_secret"] == "123" => refused += 1,
            Err(errors) => wrong.push(format!("{errors:?}: {record}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(same >= 40 && refused >= 5, "{same} {refused}");
}

#[test]
fn flux_sync_files_are_the_clis_byte_for_byte() {
    let records = records("sync.json");
    assert!(records.len() > 30);
    for record in records {
        let mut sync_of = Sync::of("ssh://git@github.com/o/r", "clusters/home");
        for (name, value) in record["options"].as_object().unwrap() {
            match name.as_str() {
                "namespace" => sync_of.namespace = word(value),
                "secret" => sync_of.secret = word(value),
                "url" => sync_of.url = word(value),
                "branch" => sync_of.branch = word(value),
                "path" => sync_of.path = word(value),
                "interval" => sync_of.interval = Duration::from_secs_f64(value.as_f64().unwrap()),
                "provider" => sync_of.provider = Some(word(value)),
                "recurse_submodules" => sync_of.recurse_submodules = value.as_bool().unwrap(),
                "sparse_checkout" => sync_of.sparse_checkout = words(value),
                other => panic!("{other}"),
            }
        }
        assert_eq!(sync::manifest(&sync_of).unwrap(), word(&record["sync"]), "{}", record["options"]);
        let files = words(&record["files"]);
        let files: Vec<&str> = files.iter().map(String::as_str).collect();
        assert_eq!(sync::resources(&files).unwrap(), word(&record["kustomization"]), "{files:?}");
    }
}

/// What is read of a file that is there is what it was rendered with: an adopted cluster's file stays as it is.
#[test]
fn flux_components_are_rendered_again_from_what_they_say() {
    let bundle = bundle_with_watcher();
    let mut same = 0;
    for record in records("components.json") {
        let Ok(options) = Options::check(wanted(&record["options"])) else { continue };
        let made = components(&options, &bundle).unwrap();
        let adopted = Adopted::of(Installation { components: Some(("gotk-components.yaml", &made)), ..Installation::default() }).unwrap();
        assert_eq!(adopted.version.as_deref(), Some(VERSION));
        let wanted = Layer { version: adopted.version, owner: Some("o".into()), repository: Some("r".into()), ..Layer::default() };
        let settings = resolve(&[(Origin::Flags, wanted), (Origin::Cluster, adopted.layer)]).unwrap();
        let again = components(&settings.options, &bundle).unwrap();
        assert!(again == made, "{}", record["options"]);
        same += 1;
    }
    assert!(same >= 60, "{same}");
}

/// What the lines say is what YAML's parser reads: nothing but what was asked for differs from the base files.
#[test]
fn flux_components_are_the_base_files_with_what_was_asked_for() {
    let folder = folder();
    let bundle = Bundle::from_folder(version(), &folder).unwrap();
    let mut wanted = Wanted::of(VERSION);
    wanted.image_pull_secret = Some("pull".into());
    wanted.toleration_keys = vec!["a".into()];
    let made = components(&Options::check(wanted.clone()).unwrap(), &bundle).unwrap();
    let objects = |text: &str| homelabctl::yaml::load_all(&Source::new("x.yaml", text)).unwrap().0;
    let mut base = objects(&std::fs::read_to_string(folder.join("policies.yaml")).unwrap());
    base.extend(objects(&std::fs::read_to_string(folder.join("rbac.yaml")).unwrap()));
    for name in &wanted.components {
        base.extend(objects(&std::fs::read_to_string(folder.join(format!("{name}.yaml"))).unwrap()));
    }
    let made = objects(&made);
    assert_eq!((made.len(), base.len()), (32, 31));
    for (made, base) in made.iter().skip(1).zip(&base) {
        let mut changed = Vec::new();
        differences("", made, base, &mut changed);
        for path in changed {
            let known = ["/metadata/labels", "/metadata/name", "/metadata/namespace", "/roleRef/name", "/spec/template/metadata/labels"];
            let known_in_pods = ["/containers/0/args/", "/containers/0/image", "/nodeSelector", "/tolerations", "/imagePullSecrets"];
            let in_pods =
                path.strip_prefix("/spec/template/spec").is_some_and(|rest| known_in_pods.iter().any(|one| rest.starts_with(one)));
            assert!(in_pods || known.iter().any(|one| path.starts_with(one)), "{path}");
        }
    }
}

/// Paths at which two values differ.
fn differences(path: &str, a: &homelabctl::yaml::Node, b: &homelabctl::yaml::Node, found: &mut Vec<String>) {
    if let (Some(a), Some(b)) = (a.as_map(), b.as_map()) {
        for (key, value) in a {
            let key = key.as_str().unwrap();
            match b.iter().find(|(name, _)| name.as_str() == Some(key)) {
                Some((_, other)) => differences(&format!("{path}/{key}"), value, other, found),
                None => found.push(format!("{path}/{key}")),
            }
        }
        let gone = b.iter().filter(|(key, _)| a.iter().all(|(name, _)| name.as_str() != key.as_str()));
        found.extend(gone.map(|(key, _)| format!("{path}/{} is gone", key.as_str().unwrap())));
    } else if let (Some(a), Some(b)) = (a.as_list(), b.as_list()) {
        if a.len() != b.len() {
            found.push(format!("{path} is longer or shorter"));
        }
        for (at, (a, b)) in a.iter().zip(b).enumerate() {
            differences(&format!("{path}/{at}"), a, b, found);
        }
    } else if a.value != b.value {
        found.push(path.to_owned());
    }
}

#[test]
fn flux_base_files_that_were_changed_are_refused() {
    let changed = tempfile::tempdir().unwrap();
    for file in std::fs::read_dir(folder()).unwrap() {
        let path = file.unwrap().path();
        std::fs::copy(&path, changed.path().join(path.file_name().unwrap())).unwrap();
    }
    // the release's archive, without and with a change
    let bundle = Bundle::from_archive(version(), &archive(changed.path()), None).unwrap();
    assert_eq!(bundle, Bundle::from_folder(version(), changed.path()).unwrap());
    for component in Component::ALL {
        let name = format!("{component}.yaml");
        let path = changed.path().join(&name);
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        std::fs::write(&path, text.replacen("fluxcd/", "evil.example/", 1)).unwrap();
        for error in [
            Bundle::from_folder(version(), changed.path()).unwrap_err(),
            Bundle::from_archive(version(), &archive(changed.path()), None).unwrap_err(),
        ] {
            let said = error.to_string();
            let digests = [sha256(text.as_bytes()), sha256(&std::fs::read(&path).unwrap())];
            assert!(said.starts_with(&format!("{name} of Flux {VERSION}")) && digests.iter().all(|one| said.contains(one)), "{said}");
        }
        std::fs::write(&path, text).unwrap();
    }
}
