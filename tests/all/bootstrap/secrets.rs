//! Secrets are seen nowhere: in no output, no process list, no file of the person's, nothing that is committed.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::lab::{Lab, said};
use crate::testbed::Bed;
use crate::testbed::github::endpoints::commit_file;
use crate::testbed::github::git::git_bytes;
use crate::testbed::github::wire::Answer;
use crate::testbed::github::{How, Hub};
use crate::testbed::kubernetes::program;

const PATH: &str = "clusters/lab";
const WHAT: &[&str] = &["--owner=wbyc", "--repository=lab", "--personal", "--path=clusters/lab", "--image-pull-secret=pull"];

/// Words of which none may be seen, with the name of the secret that they are of.
#[derive(Clone, Default)]
struct Words(BTreeSet<(String, &'static str)>);

impl Words {
    /// The secret itself, and the same in base64, alone and behind a user's name.
    fn add(&mut self, name: &'static str, secret: &str) {
        for text in [secret.to_owned(), format!("user:{secret}"), format!("git:{secret}")] {
            // without what hangs on how long it is
            self.0.insert((STANDARD.encode(text).trim_end_matches('=').to_owned(), name));
        }
        self.0.insert((secret.to_owned(), name));
    }

    /// A private key: each of its lines, and the beginning of it in base64.
    fn add_key(&mut self, name: &'static str, pem: &str) {
        let lines: Vec<&str> = pem.lines().filter(|line| !line.starts_with("-----") && line.len() > 16).collect();
        // the first line of an OpenSSH key is the same in each
        let lines = if pem.contains("OPENSSH") { lines.get(1..).unwrap_or_default() } else { &lines };
        assert!(!lines.is_empty(), "{name} is no key");
        self.0.extend(lines.iter().map(|line| ((*line).to_owned(), name)));
        self.add_middle(name, pem.as_bytes());
    }

    /// Some of it in base64, as it stands in a Secret.
    fn add_middle(&mut self, name: &'static str, bytes: &[u8]) {
        let whole = STANDARD.encode(bytes);
        self.0.insert((whole[whole.len() / 2..][..40].to_owned(), name));
    }

    fn of(&self, text: &str) -> BTreeSet<&'static str> {
        // a diff and JSON break a text up, and say nothing else of it
        self.0.iter().filter(|(word, _)| text.contains(word.as_str())).map(|(_, name)| *name).collect()
    }
}

/// All command lines that have one of these words, as long as it looks.
fn watch(words: &Words, stop: &AtomicBool) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    while !stop.load(Ordering::SeqCst) {
        for entry in std::fs::read_dir("/proc").unwrap().flatten() {
            let is_process = entry.file_name().to_str().is_some_and(|name| name.bytes().all(|b| b.is_ascii_digit()));
            let Ok(line) = std::fs::read(entry.path().join("cmdline")) else { continue };
            let line = String::from_utf8_lossy(&line).replace('\0', " ");
            if is_process && (line.contains("bootstrap-is-seen") || !words.of(&line).is_empty()) {
                found.insert(line);
            }
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    found
}

/// The files below a folder that have one of these words.
fn files(folder: &Path, words: &Words, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() && !path.is_symlink() {
            files(&path, words, found);
        } else if let Ok(text) = std::fs::read(&path) {
            let seen = words.of(&String::from_utf8_lossy(&text));
            found.extend(seen.into_iter().map(|name| format!("{} has {name}", path.display())));
        }
    }
}

/// Every object that there is, whether a branch has it or not.
fn objects(hub: &Hub) -> String {
    let all = git_bytes(&hub.dir("wbyc/lab"), &["cat-file", "--batch-all-objects", "--batch"]).unwrap();
    String::from_utf8_lossy(&all).into_owned()
}

struct Looked<'a> {
    lab: &'a Lab<'a>,
    words: Words,
    wrong: Vec<String>,
}

impl Looked<'_> {
    fn command(&self, token: &str, registry: &str, arguments: &[&str]) -> Command {
        let mut command = self.lab.command(&[WHAT, arguments].concat());
        let kubectl = program("kubectl").unwrap();
        let path = format!("{}:/usr/bin:/bin", kubectl.parent().unwrap().display());
        command.env("GITHUB_TOKEN", token).env("FLUX_REGISTRY_CREDS", registry).env("PATH", path);
        command
    }

    /// Runs it; it is done, or is not, and what it says has no secret in it.
    fn run(&mut self, command: &mut Command, is_done: bool) -> String {
        let arguments: Vec<String> = command.get_args().map(|one| one.to_string_lossy().into_owned()).collect();
        let said = said(command);
        let all = format!("{}{}", said.out, said.err);
        if (said.code == 0) != is_done || said.code < 0 {
            self.wrong.push(format!("{arguments:?} ends with {}: {all}", said.code));
        }
        self.look(&format!("{arguments:?}"), &all);
        all
    }

    /// Looks at what is left in the person's home and in the project too.
    fn end(mut self) {
        let command = self.lab.command(&[]);
        let home = command.get_envs().find(|(name, _)| *name == "HOME").and_then(|(_, value)| value).unwrap();
        for folder in [Path::new(home), &self.lab.dir] {
            files(folder, &self.words, &mut self.wrong);
        }
        assert!(self.wrong.is_empty(), "{}", self.wrong.join("\n"));
    }

    fn look(&mut self, place: &str, text: &str) {
        for name in self.words.of(text) {
            let word = |line: &&str| !self.words.of(line).is_empty();
            let lines: Vec<String> = text.lines().filter(word).map(|line| line.chars().take(300).collect()).collect();
            self.wrong.push(format!("{place} shows {name}: {lines:#?}"));
        }
    }
}

fn random(begin: &str) -> String {
    format!("{begin}{:032x}", rand::random::<u128>())
}

#[test]
fn a_secret_is_seen_nowhere() {
    let bed = Bed::new().unwrap();
    let lab = Lab::new(&bed);
    let (token, password) = (random("ghp_"), random("word"));
    let registry = format!("user:{password}");
    lab.hub.with(|state| state.token.clone_from(&token));
    let mut words = Words::default();
    words.add("the token", &token);
    words.add("the registry's password", &password);
    words.add_key("the kubeconfig's key", &std::fs::read_to_string(lab.api.file("admin.key")).unwrap());
    let (stop, all) = (Arc::new(AtomicBool::new(false)), words.clone());
    let watcher = {
        let stop = Arc::clone(&stop);
        std::thread::spawn(move || watch(&all, &stop))
    };
    let mut looked = Looked { lab: &lab, words, wrong: Vec::new() };

    // a person's own patches: kubectl runs too
    let dir = lab.hub.empty("wbyc/lab");
    let own = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [gotk-components.yaml, gotk-sync.yaml]\n\
               patches:\n- target: {kind: Deployment}\n  patch: |\n    - {op: add, path: /metadata/labels/mine, value: 'yes'}\n";
    commit_file(&dir, "main", &format!("{PATH}/flux-system/kustomization.yaml"), own.as_bytes(), "mine");

    // over SSH, from nothing on; then as it is
    let ways: [&[&str]; 4] = [&[], &["--output=json"], &["--output=jsonl"], &["-vv"]];
    for way in ways {
        let plan = looked.run(&mut looked.command(&token, &registry, &[&["--plan", "--diff"], way].concat()), true);
        assert!(plan.contains("gotk-components.yaml"), "{plan}");
    }
    looked.run(&mut looked.command(&token, &registry, &["--yes", "--diff", "-vv"]), true);
    let secret = lab.object("/api/v1/namespaces/flux-system/secrets/flux-system");
    let identity = String::from_utf8(STANDARD.decode(secret["data"]["identity"].as_str().unwrap()).unwrap()).unwrap();
    looked.words.add_key("Flux's private key", &identity);
    let pull = lab.object("/api/v1/namespaces/flux-system/secrets/pull");
    let kept = STANDARD.decode(pull["data"][".dockerconfigjson"].as_str().unwrap()).unwrap();
    assert_eq!(looked.words.of(&String::from_utf8_lossy(&kept)), BTreeSet::from(["the registry's password"]));
    looked.words.add_middle("the secret to pull images with", &kept);
    for way in ways {
        looked.run(&mut looked.command(&token, &registry, &[&["--yes", "--diff"], way].concat()), true);
    }
    // a host key is missing: the secret with the private key is written anew
    let mut drifted = secret.clone();
    drifted["data"]["known_hosts"] = STANDARD.encode("github.com ssh-rsa AAAA\n").into();
    for way in [&["--plan", "--diff"][..], &["--plan", "--output=json"], &["--yes", "--diff", "-vv"]] {
        assert_eq!(
            lab.api.ask("PUT", "/api/v1/namespaces/flux-system/secrets/flux-system", Some(&without_version(&drifted))).unwrap().0,
            200
        );
        let said = looked.run(&mut looked.command(&token, &registry, way), true);
        assert!(said.contains("known_hosts"), "{said}");
    }

    // by a token, and by another one
    for way in [&["--plan", "--diff", "-vv"][..], &["--plan", "--output=json"], &["--yes", "--diff", "-vv"], &["--yes", "--output=jsonl"]] {
        looked.run(&mut looked.command(&token, &registry, &[&["--token-auth"], way].concat()), true);
    }
    let data = lab.object("/api/v1/namespaces/flux-system/secrets/flux-system")["data"].clone();
    assert_eq!(data["password"], STANDARD.encode(&token));
    let newer = random("ghp_");
    looked.words.add("the newer token", &newer);
    lab.hub.with(|state| state.token.clone_from(&newer));
    for way in [&["--plan", "--diff"][..], &["--plan", "--output=json"], &["--yes", "-vv"]] {
        let said = looked.run(&mut looked.command(&newer, &registry, &[&["--token-auth"], way].concat()), true);
        assert!(said.contains("the token"), "{said}");
    }

    let _ = Command::new("sh").args(["-c", "sleep 0.3; : bootstrap-is-seen"]).status().unwrap();
    stop.store(true, Ordering::SeqCst);
    let (seen, in_lists): (Vec<String>, Vec<String>) = watcher.join().unwrap().into_iter().partition(|line| line.contains("-is-seen"));
    assert!(!seen.is_empty(), "whoever looks at process lists sees none");
    looked.wrong.extend(in_lists.into_iter().map(|line| format!("in a process list: {line}")));
    let committed = objects(&lab.hub);
    assert!(committed.contains("toolkit.fluxcd.io"));
    looked.look("the repository", &committed);
    looked.end();
}

/// As a person's editor writes it: over what is there.
fn without_version(object: &serde_json::Value) -> serde_json::Value {
    let mut object = object.clone();
    object["metadata"].as_object_mut().unwrap().retain(|name, _| name == "name" || name == "namespace");
    object
}

/// GitHub's words have the token in them here, and so has what a kubeconfig's plugin says.
#[test]
fn a_secret_is_in_no_refusal() {
    let bed = Bed::new().unwrap();
    let lab = Lab::new(&bed);
    let (token, password) = (random("ghp_"), random("word"));
    let registry = &format!("user:{password}");
    lab.hub.with(|state| state.token.clone_from(&token));
    let token = token.as_str();
    let mut words = Words::default();
    words.add("the token", token);
    words.add("the registry's password", &password);
    let mut all = Looked { lab: &lab, words, wrong: Vec::new() };
    let looked = &mut all;
    for status in [401, 403, 422, 500] {
        for way in [&["--plan"][..], &["--yes", "--output=json"], &["--yes", "--output=jsonl", "-vv"]] {
            let answer = Answer::new(status, json!({ "message": format!("no, {token}"), "documentation_url": "https://docs.github.com" }));
            looked.lab.hub.fault("/repos/wbyc/lab", 20, How::Answer(answer));
            let said = looked.run(&mut looked.command(token, registry, &[&["--token-auth"], way].concat()), false);
            assert!(said.contains(if status == 500 { "(500)" } else { "no, ***" }), "{status}: {said}");
            looked.lab.hub.with(|state| state.faults.clear());
        }
    }
    // one that GitHub does not know
    let unknown = random("ghp_");
    looked.words.add("a token that GitHub does not know", &unknown);
    looked.run(&mut looked.command(&unknown, registry, &["--plan"]), false);
    // a proxy that is not there
    let proxy = random("word");
    looked.words.add("the proxy's password", &proxy);
    looked.run(
        looked.command(token, registry, &["--plan", "--timeout=5s"]).env("HTTPS_PROXY", format!("http://user:{proxy}@127.0.0.1:9")),
        false,
    );

    let word = random("tok");
    looked.words.add("the kubeconfig's token", &word);
    let file = looked.lab.dir.join("broken.conf");
    let whole = |user: &str| {
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: a\nclusters: [{{name: a, cluster: {{server: 'https://127.0.0.1:9', \
             insecure-skip-tls-verify: true}}}}]\ncontexts: [{{name: a, context: {{cluster: a, user: a}}}}]\nusers:\n- name: a\n  user: {user}\n"
        )
    };
    // plugins that say what nobody understands, or nothing but on the way out
    let script = looked.lab.dir.join("plugin.sh");
    std::fs::write(&script, format!("echo '{{\"token\": {word}'; echo 'it is {word}' >&2; exit $1\n")).unwrap();
    let plugin = |code: u8| {
        let arguments = format!("['{}', '{code}']", script.display());
        format!("{{exec: {{apiVersion: client.authentication.k8s.io/v1, command: sh, interactiveMode: Never, args: {arguments}}}}}")
    };
    let mut broken: Vec<String> = [
        format!("{{token: '{word}'}}"),
        format!("'{word}'"),
        format!("{{token: {{a: '{word}'}}}}"),
        format!("{{token: ['{word}']}}"),
        format!("{{client-key-data: '{word}-%', client-certificate-data: '{word}-%'}}"),
        format!("{{client-key-data: '{}', client-certificate-data: '{}'}}", STANDARD.encode(&word), STANDARD.encode(&word)),
        format!("{{password: '{word}', username: [a]}}"),
        format!("{{exec: '{word}'}}"),
        format!("{{token: \"{word}"),
        format!("{{token: {word}}}}} {word}: ["),
        plugin(0),
        plugin(1),
    ]
    .iter()
    .map(|user| whole(user))
    .collect();
    broken.push(format!("{word}\n"));
    broken.push(format!("- {word}\n"));
    broken.push(whole("{}").replace("users:", &format!("users: {word}\nothers:")));
    for (place, text) in broken.iter().enumerate() {
        std::fs::write(&file, text).unwrap();
        let said = looked.run(looked.command(token, registry, &["--plan"]).arg("--kubeconfig").arg(&file), false);
        let is_told = ["is no kubeconfig (line ", "the context `a` cannot be used", "the cluster's API is not reached"];
        assert!(is_told.iter().any(|words| said.contains(words)), "{place}: {said}");
    }
    for file in [file, script] {
        std::fs::remove_file(file).unwrap();
    }
    all.end();
}
