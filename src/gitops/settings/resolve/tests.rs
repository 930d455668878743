use serde_json::json;

use super::*;
use crate::diagnostics::Source;
use crate::gitops::manifests::{Bundle, Version};
use crate::gitops::settings::{Adopted, Installation, dotenv, file};

fn good() -> Layer {
    Layer { owner: Some("pat".into()), repository: Some("homelab".into()), ..Layer::default() }
}

fn of(change: impl FnOnce(&mut Layer)) -> Result<Settings, Diagnostics> {
    let mut layer = good();
    change(&mut layer);
    resolve(&[(Origin::Flags, layer)])
}

fn adopted(url: &str) -> Layer {
    let source = json!({"metadata": {"namespace": "flux-system"}, "spec": {"interval": "2m0s", "ref": {"branch": "trunk"},
        "secretRef": {"name": "flux-system"}, "url": url, "provider": "generic"}});
    let applied = json!({"spec": {"path": "./clusters/wbyc-k8s"}});
    Adopted::of(Installation { components: None, git_repository: Some(&source), kustomization: Some(&applied) }).unwrap().layer
}

#[test]
fn the_defaults_are_the_flux_clis() {
    let settings = of(|_| {}).unwrap();
    assert_eq!(settings.options, Options::check(Wanted::of("v2.9.4")).unwrap());
    assert_eq!(settings.sync, Sync::of("ssh://git@github.com/pat/homelab", "./"));
    assert_eq!((settings.personal, settings.private, settings.token_auth, settings.timeout.as_secs()), (false, true, false, 300));
    assert_eq!((settings.folder().as_str(), settings.file("a.yaml").as_str()), ("", "a.yaml"));
    let from = |key| settings.where_from(key).unwrap().to_string();
    assert_eq!((from("owner"), from("branch"), from("url")), ("--owner".into(), "default".into(), "computed".into()));
    assert!(settings.where_from("context").is_none() && settings.is_wanted("owner") && !settings.is_wanted("branch"));
    // the default release is one whose digests are known
    let nothing = tempfile::tempdir().unwrap();
    let default = Version::parse(crate::gitops::settings::DEFAULT_VERSION).unwrap();
    Bundle::from_folder(default, nothing.path())
        .map(|_| ())
        .unwrap_or_else(|error| assert!(!error.to_string().contains("not known"), "{error}"));
}

#[test]
fn the_first_that_says_something_wins() {
    let text = "owner: pat\nrepository: homelab\nbranch: trunk\npath: clusters/file\nimage-pull-secret: pull\n";
    let (from_file, _) = file::read(&Source::new("bootstrap/flux.yaml", text)).unwrap();
    let from_dotenv = dotenv::read(".env", "GITHUB_OWNER=other\nGITHUB_TOKEN=ghp_x\nFLUX_VERSION=2.9.4\n").unwrap();
    let environment = dotenv::environment(&[("GITHUB_TOKEN".to_owned(), "ghp_y".to_owned())].into());
    let flags = Layer { branch: Some("flag".into()), image_pull_secret: Some(String::new()), ..Layer::default() };
    let settings = resolve(&[
        (Origin::Flags, flags),
        (Origin::File("bootstrap/flux.yaml".into()), from_file),
        (Origin::Environment, environment),
        (Origin::Dotenv(".env".into()), from_dotenv),
        (Origin::Cluster, adopted("ssh://git@github.com/pat/homelab")),
    ])
    .unwrap();
    assert_eq!((settings.owner.as_str(), settings.sync.branch.as_str(), settings.sync.path.as_str()), ("pat", "flag", "./clusters/file"));
    assert_eq!((settings.token.as_ref().unwrap().expose_secret(), settings.image_pull_secret.as_deref()), ("ghp_y", None));
    assert_eq!((settings.sync.interval.as_secs(), settings.file("x")), (120, "clusters/file/x".to_owned()));
    let from = |key| settings.where_from(key).unwrap().to_string();
    assert_eq!(
        ["owner", "branch", "path", "token", "version", "interval", "registry"].map(from),
        ["bootstrap/flux.yaml", "--branch", "bootstrap/flux.yaml", "GITHUB_TOKEN", ".env: FLUX_VERSION", "the cluster", "default"]
    );
    assert!(!format!("{settings:?}").contains("ghp_"));
}

#[test]
fn an_address_that_leads_there_is_kept() {
    let url = |url: &str, change: fn(&mut Layer)| {
        let mut layer = Layer::default();
        change(&mut layer);
        let settings = resolve(&[(Origin::Flags, layer), (Origin::Cluster, adopted(url))]).unwrap();
        let whence = settings.where_from("url").unwrap().to_string();
        (settings.sync.url.clone(), settings.sync.provider.is_some(), whence)
    };
    let kept = |url: &str| (url.to_owned(), true, "the cluster".to_owned());
    let computed = |url: &str| (url.to_owned(), false, "computed".to_owned());
    let odd = "ssh://git@github.com/Pat/homelab.git";
    assert_eq!(url(odd, |_| {}), kept(odd));
    assert_eq!(url(odd, |layer| layer.owner = Some("pat".into())), kept(odd));
    assert_eq!(url(odd, |layer| layer.token_auth = Some(false)), kept(odd));
    assert_eq!(url(odd, |layer| layer.token_auth = Some(true)), computed("https://github.com/Pat/homelab.git"));
    assert_eq!(url(odd, |layer| layer.repository = Some("other".into())), computed("ssh://git@github.com/Pat/other"));
    let https = "https://github.com/pat/homelab";
    assert_eq!(url(https, |_| {}), kept(https));
    assert_eq!(url(https, |layer| layer.token_auth = Some(false)), computed("ssh://git@github.com/pat/homelab"));
    let elsewhere = "ssh://git@ssh.github.com:443/pat/homelab";
    assert_eq!(url(elsewhere, |_| {}), kept(elsewhere));
    let ghe = url("https://ghe.lan:8443/pat/homelab.git", |layer| layer.hostname = Some("github.com".into()));
    assert_eq!(ghe, computed("https://github.com/pat/homelab.git"));
}

#[test]
fn controllers_that_are_there_are_not_wanted_twice() {
    let all = ["source-controller", "kustomize-controller", "image-reflector-controller"].map(str::to_owned);
    let there = Layer { components: Some(all.to_vec()), ..Layer::default() };
    let extra = ["image-reflector-controller", "source-watcher"].map(str::to_owned).to_vec();
    let flags = Layer { components_extra: Some(extra), ..good() };
    let settings = resolve(&[(Origin::Flags, flags.clone()), (Origin::Cluster, there.clone())]).unwrap();
    assert_eq!(settings.options.components().len(), 4);
    // but who writes both wants to know
    let error = resolve(&[(Origin::Flags, flags), (Origin::File("f".into()), there)]).unwrap_err().to_string();
    assert!(error.contains("image-reflector-controller is named twice"), "{error}");
}

#[test]
fn each_mistake_is_told_with_what_to_do() {
    type Change = fn(&mut Layer);
    let cases: &[(Change, &str, &str)] = &[
        (|l| l.owner = None, "`owner` is missing", "say `--owner`, `owner:` in bootstrap/flux.yaml, or `GITHUB_OWNER` in .env"),
        (|l| l.repository = None, "`repository` is missing", "`--repository`"),
        (|l| l.repository = Some("pat/homelab".into()), "`--repository`: it is the name alone", "say `pat` as `owner`"),
        (|l| l.repository = Some("homelab.git".into()), "without `.git`", "write `homelab`"),
        (|l| l.owner = Some("p t".into()), "`--owner`: `p t` is no name on GitHub", "letters, digits"),
        (|l| l.path = Some("../x".into()), "`--path`: `../x`: it may lead out", "clusters/home"),
        (|l| l.branch = Some("a b".into()), "`--branch`: `a b`: git has no branch", "e.g. main"),
        (|l| l.interval = Some("5".into()), "`--interval`: `5` is no time", "1m0s"),
        (|l| l.interval = Some("0s".into()), "`--interval`: `0s` is no time", "1m0s"),
        (|l| l.interval = Some("10ms".into()), "`--interval`: Flux cannot look", "at least a second"),
        (|l| l.timeout = Some("1 m".into()), "`--timeout`: `1 m` is no time", "10m"),
        (|l| l.hostname = Some("https://github.com".into()), "is no host", "`github.com`"),
        (|l| l.cluster_uid = Some("x".into()), "`x` is no UID", "kubectl get namespace kube-system"),
        (|l| l.secret_name = Some("A".into()), "`--secret-name`: `A` cannot be the name", "small letters"),
        (|l| l.namespace = Some("A".into()), "`--namespace`: `A` cannot be the namespace", "63"),
        (|l| l.version = Some("latest".into()), "`--version`: `latest` is no version", "v2.9.4"),
        (|l| l.components_extra = Some(vec!["helm".into()]), "`--components-extra`: Flux has no component `helm`", "there are"),
        (|l| l.components = Some(vec!["kustomize-controller".into()]), "`--components`: the component source-controller", "add"),
        (|l| l.log_level = Some("warn".into()), "`--log-level`: there is no log level", "debug"),
        (|l| l.sparse_checkout = Some(vec!["apps".into()]), "`--sparse-checkout`: the cluster's folder ./ is not among", "add it"),
        (|l| (l.token_auth, l.read_write_key) = (Some(true), Some(true)), "`--read-write-key`: there is no deploy key", "take one"),
        (|l| l.author_email = Some("<a@b>".into()), "`--author-email`: `<a@b>` cannot stand in a commit", "without"),
        (
            |l| l.registry_creds = Some("a:hunter2".to_owned().into()),
            "`--registry-creds`: `image-pull-secret` is missing",
            "name the secret",
        ),
    ];
    for (change, message, hint) in cases {
        let error = of(change).unwrap_err();
        let said = error.to_string();
        assert!(error.0.len() == 1 && said.contains(message) && said.contains(hint) && !said.contains("hunter2"), "{message}\n{said}");
    }
    for creds in ["hunter2", "a:b:hunter2", ":hunter2", "hunter2:"] {
        let error = of(|layer| {
            layer.registry_creds = Some(creds.to_owned().into());
            layer.image_pull_secret = Some("pull".into());
        });
        let said = format!("{:?}", error.unwrap_err());
        assert!(said.contains("exactly one colon") && !said.contains("hunter2"), "{said}");
    }
}

#[test]
fn all_mistakes_are_told_at_once_at_their_places() {
    let text = "repository: a/b\nbranch: a b\npath: ../x\ninterval: soon\nversion: next\nread-write-key: true\ntoken-auth: true\n";
    let (layer, _) = file::read(&Source::new("bootstrap/flux.yaml", text)).unwrap();
    let error = resolve(&[(Origin::File("bootstrap/flux.yaml".into()), layer)]).unwrap_err();
    let said = error.to_string();
    assert_eq!(error.0.len(), 7, "{said}");
    for line in [1, 2, 3, 4, 5, 6] {
        assert!(said.contains(&format!("--> bootstrap/flux.yaml:{line}:")), "{said}");
    }
}

#[test]
fn registry_credentials_are_taken_apart() {
    let settings = of(|layer| {
        layer.registry_creds = Some("user:hunter2".to_owned().into());
        layer.image_pull_secret = Some("pull".into());
    })
    .unwrap();
    let creds = settings.registry_creds.as_ref().unwrap();
    assert_eq!((creds.user.as_str(), creds.password.expose_secret()), ("user", "hunter2"));
    assert!(!format!("{settings:?}").contains("hunter2"));
}

#[test]
fn what_resolves_can_be_written() {
    use proptest::prelude::*;
    let text = "(a|b|main|\\.\\.|/|\\.| |-|é|\n|clusters|:|1m|s|\\*){0,6}";
    proptest!(|(path in text, branch in text, interval in text, secret in text, only in proptest::collection::vec(text, 0..3))| {
        let settings = of(|layer| {
            (layer.path, layer.branch, layer.interval) = (Some(path), Some(branch), Some(interval));
            (layer.secret_name, layer.sparse_checkout) = (Some(secret), Some(only));
        });
        match settings {
            Ok(settings) => prop_assert!(sync::manifest(&settings.sync).is_ok() && !settings.folder().contains("..")),
            Err(problems) => prop_assert!(problems.0.iter().all(|problem| problem.hint.is_some()), "{}", problems),
        }
    });
}
