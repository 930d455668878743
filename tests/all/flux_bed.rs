//! The test bed's Flux: the real controllers follow a repository of the bed's GitHub, over SSH, by what our library renders; and the
//! real CLI hands a cluster over to them.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use homelabctl::gitops::github::deploy_key;
use homelabctl::gitops::manifests::{Bundle, Options, Sync, Version, Wanted, components, sync};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::testbed::Bed;
use crate::testbed::flux::{self, DEFAULT, Flux, NEEDED, Trouble, condition};
use crate::testbed::github::endpoints::{commit_file, head};
use crate::testbed::github::git::git;
use crate::testbed::github::{Https, Hub, Ssh, TOKEN};
use crate::testbed::kubernetes::{ApiServer, Etcd, program};

/// How long anything may take. On a quiet machine it takes some seconds.
const AT_MOST: Duration = Duration::from_secs(120);

const REPOSITORY: &str = "ssh://git@github.com/wbyc/lab";
const FOLDER: &str = "clusters/lab/flux-system";

/// What a program said, which has to be content.
fn said(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {said}");
    said
}

fn kubectl(flux: &Flux, arguments: &[&str]) -> String {
    said(flux.command(&program("kubectl").unwrap()).args(arguments))
}

fn revision(dir: &Path) -> String {
    format!("main@sha1:{}", head(dir, "main").unwrap())
}

fn config_map(name: &str) -> String {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "default"}}).to_string()
}

#[test]
fn githubs_repositories_are_reached_under_its_own_names() {
    let bed = Bed::new().unwrap();
    bed.enter().unwrap();
    let hub = Hub::start();
    hub.filled("wbyc/lab", "README.md", "hello\n");
    hub.filled("wbyc/other", "README.md", "hello\n");
    let ssh = Ssh::start(&bed, &hub).unwrap();
    let https = Https::start(&bed, &hub).unwrap();
    let path = |name: &str| bed.dir().join(name).display().to_string();
    std::fs::write(path("known_hosts"), ssh.known_hosts()).unwrap();
    let git = |key: &str, arguments: &[&str]| {
        let mut command = bed.command_with_its_end(Path::new("git"));
        let ssh = format!("ssh -i {} -o UserKnownHostsFile={} -o IdentitiesOnly=yes", path(key), path("known_hosts"));
        command.env("GIT_SSH_COMMAND", ssh).env("GIT_SSL_CAINFO", https.authority()).env("GIT_TERMINAL_PROMPT", "0");
        for who in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{who}_NAME"), "me").env(format!("GIT_{who}_EMAIL"), "me@example.org");
        }
        let output = command.args(arguments).output().unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    for (key, right) in [("reads", true), ("writes", false), ("nobodys", true)] {
        said(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-C", "", "-f"]).arg(path(key)));
        let public = std::fs::read_to_string(path(&format!("{key}.pub"))).unwrap();
        if key != "nobodys" {
            hub.add_key("wbyc/other", key, public.trim(), right);
        }
    }
    let (url, clone) = ("ssh://git@github.com/wbyc/other", path("clone"));
    let push = ["-C", &clone, "push", "--quiet", "origin", "HEAD:refs/heads/by-key"];
    for (key, arguments, refused) in [
        ("nobodys", &["clone", url, &clone][..], Some("Permission denied (publickey)")),
        ("reads", &["clone", "--quiet", url, &clone], None),
        ("reads", &["ls-remote", REPOSITORY], Some("ERROR: Repository not found.")),
        ("reads", &push, Some("ERROR: The key you are authenticating with has been marked as read only.")),
        ("writes", &push, None),
    ] {
        let (is_done, said) = git(key, arguments);
        assert!(is_done == refused.is_none() && said.contains(refused.unwrap_or_default()), "{key} {arguments:?}: {said}");
    }
    assert!(head(&hub.dir("wbyc/other"), "by-key").is_some());

    let clone = path("by-token");
    let of = |token: &str, name: &str| format!("https://git:{token}@github.com/wbyc/{name}");
    let empty = ["-C", &clone, "commit", "--quiet", "--allow-empty", "-m", "Nothing"];
    let push = ["-C", &clone, "push", "--quiet", "origin", "HEAD:main"];
    for (arguments, refused) in [
        (&["clone", &of("ghp_wrong", "lab.git"), &clone][..], Some("Authentication failed")),
        (&["clone", "https://github.com/wbyc/lab", &clone], Some("could not read Username")),
        (&["clone", &of(TOKEN, "none"), &clone], Some("not found")),
        (&["clone", "--quiet", &of(TOKEN, "lab.git"), &clone], None),
        (&empty, None),
        (&push, None),
    ] {
        let (is_done, said) = git("none", arguments);
        assert!(is_done == refused.is_none() && said.contains(refused.unwrap_or_default()), "{arguments:?}: {said}");
    }
    assert_eq!(count(&hub.dir("wbyc/lab")), 2);
}

#[test]
fn the_real_controllers_follow_a_repository_over_ssh() {
    let bed = Bed::new().unwrap();
    bed.enter().unwrap();
    let etcd = Etcd::start(&bed, 1).unwrap();
    let api = ApiServer::start(&bed, &etcd).unwrap();
    let hub = Hub::start();
    let dir = hub.empty("wbyc/lab");
    let ssh = Ssh::start(&bed, &hub).unwrap();
    let flux = Flux::start(&bed, &api, NEEDED).unwrap();
    let is_there = |path: &str| api.ask("GET", path, None).unwrap().0 == 200;
    assert!(flux.running().is_empty());

    // what a bootstrap writes: by our library, put up by hand
    let bundle = Bundle::from_folder(Version::parse(flux::VERSION).unwrap(), &flux::bundle().unwrap()).unwrap();
    let made = components(&Options::check(Wanted::of(flux::VERSION)).unwrap(), &bundle).unwrap();
    let follows = sync::manifest(&Sync::of(REPOSITORY, "clusters/lab")).unwrap();
    let list = sync::resources(&[sync::COMPONENTS_FILE, sync::SYNC_FILE]).unwrap();
    for (name, text) in [(sync::COMPONENTS_FILE, &made), (sync::SYNC_FILE, &follows), ("kustomization.yaml", &list)] {
        commit_file(&dir, "main", &format!("{FOLDER}/{name}"), text.as_bytes(), "Flux");
        std::fs::write(bed.dir().join(name), text).unwrap();
    }
    let file = |name: &str| bed.dir().join(name).display().to_string();
    let begun = Instant::now();
    kubectl(&flux, &["apply", "--server-side", "--field-manager=flux", "-f", &file(sync::COMPONENTS_FILE)]);
    let key = deploy_key::generate().unwrap();
    hub.add_key("wbyc/lab", "flux", &key.public, true);
    let text = |text: &str| Value::from(STANDARD.encode(text));
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "flux-system"}, "data": {
        "identity": text(key.private.expose_secret()), "identity.pub": text(&key.public), "known_hosts": text(ssh.known_hosts())}});
    assert_eq!(api.ask("POST", "/api/v1/namespaces/flux-system/secrets", Some(&secret)).unwrap().0, 201);
    kubectl(&flux, &["wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"]);
    kubectl(&flux, &["apply", "--server-side", "--field-manager=flux", "-f", &file(sync::SYNC_FILE)]);
    let object = flux.wait_applied(&revision(&dir), AT_MOST).unwrap();
    println!("Kustomization Ready {:?} after the first request", begun.elapsed());
    assert!(object["status"]["inventory"]["entries"].as_array().unwrap().len() > 30);
    assert_eq!(ssh.log().first().unwrap(), "git-upload-pack wbyc/lab");
    kubectl(&flux, &["rollout", "status", "-n", "flux-system", "deployment", "--timeout=60s"]);
    assert_eq!(flux.running(), ["kustomize-controller", "source-controller"]);

    // what is committed comes, when it is asked for
    let ask = |at: &str| {
        let at = format!("reconcile.fluxcd.io/requestedAt={at}");
        kubectl(&flux, &["annotate", "--overwrite", "-n", "flux-system", "gitrepository/flux-system", &at]);
    };
    commit_file(&dir, "main", "clusters/lab/map.yaml", config_map("from-git").as_bytes(), "a map");
    ask("1");
    flux.wait_applied(&revision(&dir), AT_MOST).unwrap();
    assert!(is_there("/api/v1/namespaces/default/configmaps/from-git"));

    // without its key it is refused, and with it again followed
    let keys = hub.with(|state| std::mem::take(&mut state.repos.get_mut("wbyc/lab").unwrap().keys));
    ask("2");
    let refused = flux.wait_refused("GitOperationFailed", AT_MOST).unwrap();
    let why = condition(&refused, "Ready").unwrap()["message"].as_str().unwrap();
    assert!(why.contains("unable to authenticate"), "{why}");
    hub.with(|state| state.repos.get_mut("wbyc/lab").unwrap().keys = keys);
    commit_file(&dir, "main", "clusters/lab/other.yaml", config_map("again").as_bytes(), "another map");
    ask("3");
    flux.wait_applied(&revision(&dir), AT_MOST).unwrap();

    // a Deployment that may not get ready has a Pod that says so, and its program ends
    let get = |path: &str| serde_json::from_str::<Value>(&api.ask("GET", path, None).unwrap().1).unwrap();
    let pods = || get("/api/v1/namespaces/flux-system/pods?labelSelector=app%3Dsource-controller")["items"].as_array().unwrap().clone();
    let until = |what: &str, is_so: &dyn Fn() -> bool| {
        let deadline = Instant::now() + AT_MOST;
        while !is_so() {
            assert!(Instant::now() < deadline, "{what}: {:?} {:?}", flux.running(), pods());
            std::thread::sleep(Duration::from_millis(100));
        }
    };
    let ready = || get("/apis/apps/v1/namespaces/flux-system/deployments/source-controller")["status"]["readyReplicas"].as_u64();
    for (trouble, pointer, word) in [
        (Trouble::ImagePull, "/status/containerStatuses/0/state/waiting/reason", "ImagePullBackOff"),
        (Trouble::CrashLoop, "/status/containerStatuses/0/state/waiting/reason", "CrashLoopBackOff"),
        (Trouble::Pending, "/status/conditions/0/reason", "Unschedulable"),
    ] {
        flux.hold("source-controller", trouble);
        until(word, &|| pods().first().is_some_and(|pod| pod.pointer(pointer) == Some(&word.into())));
        until(word, &|| ready().is_none() && flux.running() == ["kustomize-controller"]);
        assert_eq!(pods().len(), 1);
    }
    flux.release("source-controller");
    until("released", &|| pods().is_empty() && ready() == Some(1) && flux.running().len() == 2);
}

/// The real CLI, as its users call it.
fn bootstrap(flux: &Flux, token: &str, more: &[&str]) -> Command {
    let mut command = flux.command(&flux::cli().unwrap());
    command.env("GITHUB_TOKEN", token).args([
        "bootstrap",
        "github",
        "--owner=wbyc",
        "--repository=lab",
        "--personal",
        "--path=clusters/lab",
    ]);
    command.arg("--timeout=2m").args(more);
    command
}

fn count(dir: &Path) -> usize {
    git(dir, &["rev-list", "--count", "main"], b"").unwrap().parse().unwrap()
}

/// By a deploy key, and by a token: it makes the repository, commits, installs, and the controllers follow; the second run makes no commit.
#[test]
#[ignore = "the Flux CLI takes minutes to build"]
fn flux_e2e_the_real_cli_hands_a_cluster_over_on_the_bed() {
    let by_token = (&["--token-auth"][..], "https://github.com/wbyc/lab.git", NEEDED);
    for (more, url, controllers) in [(&[][..], REPOSITORY, DEFAULT), by_token] {
        let bed = Bed::new().unwrap();
        bed.enter().unwrap();
        let etcd = Etcd::start(&bed, 1).unwrap();
        let api = ApiServer::start(&bed, &etcd).unwrap();
        let hub = Hub::start();
        let ssh = Ssh::start(&bed, &hub).unwrap();
        let _https = Https::start(&bed, &hub).unwrap();
        let flux = Flux::start(&bed, &api, controllers).unwrap();
        let gate = api.gate().unwrap();
        let run = |what: &str| {
            hub.log();
            let begun = Instant::now();
            let mut command = bootstrap(&flux, TOKEN, more);
            if !more.is_empty() {
                command.env("KUBECONFIG", gate.kubeconfig()); // which costs a second or two
            }
            let told = said(&mut command);
            let (github, kubernetes) = (hub.log().len(), gate.log().len());
            println!("{what} {more:?}: {:?}; requests: {github} to GitHub's API, {kubernetes} by the gate", begun.elapsed());
            told
        };
        let told = run("flux bootstrap github");
        assert!(told.contains("all components are healthy"), "{told}");
        let dir = hub.dir("wbyc/lab");
        let object = flux.wait_applied(&revision(&dir), AT_MOST).unwrap();
        assert_eq!(object["spec"]["path"], "./clusters/lab");
        let (_, source) =
            api.ask("GET", "/apis/source.toolkit.fluxcd.io/v1/namespaces/flux-system/gitrepositories/flux-system", None).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&source).unwrap()["spec"]["url"], url);
        assert_eq!(hub.with(|state| state.repos["wbyc/lab"].keys.len()), usize::from(more.is_empty()));
        assert_eq!(ssh.log().is_empty(), !more.is_empty());

        assert_eq!(flux.running().len(), controllers.len());
        let commits = count(&dir);
        run("again");
        assert_eq!((commits, count(&dir)), (2, 2));

        let cli = flux::cli().unwrap();
        let says = |arguments: &[&str]| said(flux.command(&cli).args(arguments));
        let told = says(&["check"]);
        assert!(told.contains("all checks passed") && told.contains("bootstrapped: true"), "{told}");
        let told = says(&["get", "all", "-A"]);
        assert!(told.contains("gitrepository/flux-system") && told.contains("Applied revision: main@sha1:"), "{told}");
        let told = says(&["tree", "ks", "flux-system"]);
        assert!(
            told.contains("GitRepository/flux-system/flux-system") && told.contains("Deployment/flux-system/source-controller"),
            "{told}"
        );
        if !more.is_empty() {
            // a token that is no longer known is refused, and a new one taken
            hub.with(|state| state.token = "ghp_new".into());
            let _ = flux.command(&cli).args(["reconcile", "source", "git", "flux-system", "--timeout=5s"]).output().unwrap();
            flux.wait_refused("GitOperationFailed", AT_MOST).unwrap();
            // the CLI may fail over the answer to the old one; the new one is in the secret then
            let _ = bootstrap(&flux, "ghp_new", more).output().unwrap();
            says(&["reconcile", "source", "git", "flux-system"]);
        }
    }
}
