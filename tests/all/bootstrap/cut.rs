//! The program is killed after each of its requests in turn: the next run brings it all to the same end.

use std::ops::RangeInclusive;
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::lab::{Lab, Said};
use crate::testbed::{Bed, children};

use crate::testbed::flux::is_ready;
use crate::testbed::github::git::git;
use crate::testbed::kubernetes::Gate;

/// How long it may take until a cluster is as before, and until a program is there to be killed.
const AT_MOST: Duration = Duration::from_secs(60);
const FLUX: &str = "/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/flux-system/kustomizations/flux-system";
const SECRETS: &str = "/api/v1/namespaces/flux-system/secrets";

/// Whose answer the program does not live to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Server {
    Github,
    Kubernetes,
}

struct Cuts<'bed> {
    lab: Lab<'bed>,
    gate: Gate,
    /// What a run that nobody cuts commits.
    tree: String,
    /// How many requests it has.
    to_github: usize,
    to_kubernetes: usize,
}

fn wait(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + AT_MOST;
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}: not so after {AT_MOST:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

impl<'bed> Cuts<'bed> {
    fn new(bed: &'bed Bed) -> Self {
        let lab = Lab::new(bed);
        let gate = lab.api.gate().unwrap();
        let mut cuts = Self { lab, gate, tree: String::new(), to_github: 0, to_kubernetes: 0 };
        // as with everybody after it, the API has served Flux's kinds once
        let whole = cuts.whole();
        println!("{}{}", whole.out, whole.err);
        (cuts.to_github, cuts.to_kubernetes) = (cuts.lab.hub.log().len(), cuts.gate.log().len());
        cuts.tree = cuts.git(&["rev-parse", "main^{tree}"]);
        cuts.settled("not cut");
        cuts
    }

    fn git(&self, arguments: &[&str]) -> String {
        git(&self.lab.hub.dir("wbyc/lab"), arguments, b"").unwrap()
    }

    fn whole(&self) -> Said {
        let said = super::lab::said(self.lab.command(ARGUMENTS).env("KUBECONFIG", self.gate.kubeconfig()));
        assert_eq!(said.code, 0, "{}{}", said.out, said.err);
        said
    }

    /// No repository, and a cluster that has never seen Flux: without a controller manager a namespace would end never, so it is
    /// etcd that forgets.
    fn forget(&self) {
        let key = |key: &str| STANDARD.encode(key);
        let range = json!({ "key": key("/registry/"), "range_end": key("/registry0"), "keys_only": true });
        wait("the cluster forgets Flux", || {
            let answer = self.lab.etcd.ask(0, "/v3/kv/range", &range).unwrap().unwrap();
            let keys = answer["kvs"].as_array().unwrap().iter().map(|one| one["key"].as_str().unwrap());
            let is_flux = |key: &&str| {
                let key = String::from_utf8(STANDARD.decode(key).unwrap()).unwrap();
                key.contains("flux-system") || key.contains(".toolkit.fluxcd.io")
            };
            let gone: Vec<Value> = keys.filter(is_flux).map(|key| json!({ "requestDeleteRange": { "key": key } })).collect();
            let is_gone = gone.is_empty();
            for some in gone.chunks(100) {
                self.lab.etcd.ask(0, "/v3/kv/txn", &json!({ "success": some })).unwrap().unwrap();
            }
            is_gone && self.lab.flux.running().is_empty() && self.lab.api.ask("GET", FLUX, None).unwrap().0 == 404
        });
        self.lab.hub.with(|state| state.repos.clear());
        let _ = std::fs::remove_dir_all(self.lab.hub.dir("wbyc/lab"));
    }

    /// A run that ends with its request of this number, if it has so many. Whether it had.
    fn cut(&self, server: Server, request: usize) -> bool {
        let (send, pid) = channel::<u32>();
        let kill = move || {
            let below = pid.recv_timeout(AT_MOST).unwrap();
            wait("there is a program to kill", || {
                let found = children(below);
                for pid in &found {
                    kill_process(Pid::from_raw(i32::try_from(*pid).unwrap()).unwrap(), Signal::KILL).unwrap();
                }
                !found.is_empty()
            });
        };
        match server {
            Server::Github => self.lab.hub.at(request, kill),
            Server::Kubernetes => self.gate.at(request, kill),
        }
        let said = self.begin(&send);
        // what it did not come to is not left to the next one
        match server {
            Server::Github => self.lab.hub.at(usize::MAX, || {}),
            Server::Kubernetes => self.gate.at(usize::MAX, || {}),
        }
        said
    }

    fn begin(&self, pid: &Sender<u32>) -> bool {
        let mut command = self.lab.command(ARGUMENTS);
        command.env("KUBECONFIG", self.gate.kubeconfig()).stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        let mut child = command.spawn().unwrap();
        pid.send(child.id()).unwrap();
        let status = child.wait().unwrap();
        assert!(status.code().is_none_or(|code| code == 0 || code > 128), "{status}: it was to be killed, or to be done");
        !status.success()
    }

    /// All is as after a run that nobody cut, and one more has nothing to do.
    fn settled(&self, when: &str) {
        let head = self.git(&["rev-parse", "main"]);
        // the repository was empty: a seed and one commit
        assert_eq!(self.git(&["rev-list", "--count", "--all"]), "2", "{when}");
        assert_eq!(self.git(&["rev-parse", "main^{tree}"]), self.tree, "{when}");
        let kustomization = self.lab.object(FLUX);
        assert!(is_ready(&kustomization), "{when}: {kustomization:#}");
        assert_eq!(kustomization["status"]["lastAppliedRevision"], format!("main@sha1:{head}"), "{when}");
        let keys = self.keys();
        assert_eq!(keys.len(), 1, "{when}: {keys:?}");
        let secrets = self.lab.object(SECRETS);
        let secret = match secrets["items"].as_array().unwrap().as_slice() {
            [secret] => secret,
            others => panic!("{when}: {} secrets", others.len()),
        };
        let public = STANDARD.decode(secret["data"]["identity.pub"].as_str().unwrap()).unwrap();
        assert!(keys.iter().all(|key| key["key"].as_str().unwrap().trim() == String::from_utf8_lossy(&public).trim()), "{when}: {keys:?}");
        assert!(keys.iter().all(|key| key["read_only"] == true), "{when}: {keys:?}");
        assert_eq!(self.lab.hub.with(|state| state.repos.len()), 1, "{when}");

        self.lab.hub.log();
        let third = self.whole();
        let is_quiet = third.out.contains("every file is as it shall be") && third.out.contains("objects as they shall be");
        assert!(is_quiet && third.out.contains("deploy key           present, read-only"), "{when}: {}{}", third.out, third.err);
        let log = self.lab.hub.log();
        assert!(log.iter().all(|line| line.starts_with("GET ")), "{when}: {log:?}");
        assert_eq!(self.git(&["rev-parse", "main"]), head, "{when}");
        assert_eq!(self.keys(), keys, "{when}");
        let after = self.lab.object(SECRETS);
        assert_eq!(after["items"][0]["metadata"]["resourceVersion"], secret["metadata"]["resourceVersion"], "{when}");
    }

    fn keys(&self) -> Vec<Value> {
        self.lab.hub.with(|state| state.repos["wbyc/lab"].keys.clone())
    }

    /// From nothing: cut, run again, looked at.
    fn round(&self, server: Server, request: usize) -> bool {
        self.forget();
        self.lab.hub.log();
        self.gate.log();
        let is_cut = self.cut(server, request);
        let last = match server {
            Server::Github => self.lab.hub.log().pop(),
            Server::Kubernetes => self.gate.log().pop(),
        };
        let when = format!("{server:?}, cut after request {request}, {}", last.unwrap_or_default());
        let begun = Instant::now();
        let next = self.whole();
        let lines: Vec<&str> = next.out.lines().filter(|line| line.starts_with("  ")).collect();
        println!("{when}: the next run took {:.1} s\n{}", begun.elapsed().as_secs_f64(), lines.join("\n"));
        self.settled(&when);
        is_cut
    }

    fn requests(&self, server: Server) -> RangeInclusive<usize> {
        1..=match server {
            Server::Github => self.to_github,
            Server::Kubernetes => self.to_kubernetes,
        }
    }
}

const ARGUMENTS: &[&str] = &["--owner=wbyc", "--repository=lab", "--personal", "--path=clusters/lab", "--yes"];

/// Some of them, others each day, spread over the whole run: where the one server is asked much, the other is asked little.
#[test]
fn killed_after_some_requests_the_next_run_converges() {
    let bed = Bed::new().unwrap();
    let cuts = Cuts::new(&bed);
    let seed = usize::try_from(jiff::Timestamp::now().as_second() / 86_400).unwrap();
    println!("seed {seed}");
    for (server, some) in [(Server::Github, 4), (Server::Kubernetes, 4)] {
        let count = *cuts.requests(server).end();
        for part in 0..some {
            let (from, to) = (count * part / some, count * (part + 1) / some);
            let request = from + 1 + seed.wrapping_mul(7919) % (to - from);
            // how often something is asked that is waited for is not the same each time
            assert!(cuts.round(server, request) || part + 1 == some, "{server:?} {request} of {count}: nothing was cut");
        }
    }
}

#[test]
#[ignore = "a quarter of an hour"]
fn flux_e2e_killed_after_each_request_the_next_run_converges() {
    let bed = Bed::new().unwrap();
    let cuts = Cuts::new(&bed);
    let mut cut = 0;
    for server in [Server::Github, Server::Kubernetes] {
        for request in cuts.requests(server) {
            cut += usize::from(cuts.round(server, request));
        }
    }
    println!("{cut} cuts");
    assert!(cut + 10 > cuts.to_github + cuts.to_kubernetes, "{cut} cuts of {} and {} requests", cuts.to_github, cuts.to_kubernetes);
}
