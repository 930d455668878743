//! A real etcd: one to five processes on loopback, and etcdctl to ask them.

use super::{http, program};
use crate::testbed::error::{Doing, Error, Result};
use crate::testbed::process::lossy;
use crate::testbed::{Bed, Service};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};
use std::{fs, io, thread};

/// How long a member may take to answer. Alone on a quiet machine it takes less than a second.
const ANSWERS_WITHIN: Duration = Duration::from_secs(120);

/// The next free port. A bed has a network of its own, so only what one bed runs has to differ.
static NEXT_PORT: AtomicU16 = AtomicU16::new(20_000);

/// A cluster of members. Dropping it kills them.
pub struct Etcd<'bed> {
    bed: &'bed Bed,
    dir: PathBuf,
    etcd: PathBuf,
    etcdctl: PathBuf,
    members: Vec<Member>,
}

/// A process, or one that was killed: its data stays.
struct Member {
    name: String,
    client: u16,
    peer: u16,
    /// Of the cluster that it is started into: `new`, or `existing` for one that was added.
    state: &'static str,
    cluster: String,
    service: Option<Service>,
}

/// What etcd says of a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its id, a number that etcdctl takes in hexadecimal digits.
    pub id: u64,
    /// Empty until it was started.
    pub name: String,
    /// Where the others reach it.
    pub peer_urls: Vec<String>,
    /// Where it is asked; empty until it was started.
    pub client_urls: Vec<String>,
    /// It has no vote.
    pub is_learner: bool,
}

impl<'bed> Etcd<'bed> {
    /// Starts a new cluster; returns when each member answers and there is a leader. The calling thread must have
    /// [entered](Bed::enter) the bed.
    ///
    /// # Errors
    /// A member does not start, or takes too long: with what it said.
    pub fn start(bed: &'bed Bed, members: usize) -> Result<Etcd<'bed>> {
        let (etcd, etcdctl) = (program("etcd")?, program("etcdctl")?);
        let first = NEXT_PORT.load(Ordering::Relaxed);
        let dir = bed.dir().join(format!("etcd-{first}"));
        let mut cluster = Etcd { bed, dir, etcd, etcdctl, members: Vec::new() };
        for _ in 0..members {
            let member = cluster.new_member("new");
            cluster.members.push(member);
        }
        let all = cluster.initial_cluster();
        for member in &mut cluster.members {
            member.cluster.clone_from(&all);
        }
        // a member answers when there is a leader, so none is waited for before all are there
        for number in 0..members {
            cluster.launch(number)?;
        }
        for number in 0..members {
            cluster.wait_for(number)?;
        }
        Ok(cluster)
    }

    /// Where the members are asked, those too that do not run.
    pub fn client_urls(&self) -> Vec<String> {
        self.members.iter().map(|member| format!("http://127.0.0.1:{}", member.client)).collect()
    }

    /// Where a member, counted from 0, has its data.
    pub fn data(&self, number: usize) -> PathBuf {
        self.members.get(number).map_or_else(PathBuf::new, |member| self.dir.join(&member.name).join("data"))
    }

    /// Where the others reach a member, counted from 0.
    pub fn peer_url(&self, number: usize) -> String {
        self.members.get(number).map_or_else(String::new, |member| format!("http://127.0.0.1:{}", member.peer))
    }

    /// Runs etcdctl; it asks all members that run, unless `arguments` say otherwise.
    ///
    /// # Errors
    /// etcdctl cannot be run. What etcd refuses is a status in the output.
    pub fn ctl(&self, arguments: &[&str]) -> Result<Output> {
        let urls: Vec<String> = self.running().map(|member| format!("http://127.0.0.1:{}", member.client)).collect();
        let mut command = self.etcdctl();
        if !arguments.iter().any(|argument| argument.starts_with("--endpoints")) {
            command.arg(format!("--endpoints={}", urls.join(",")));
        }
        command.args(["--dial-timeout=5s", "--command-timeout=20s"]).args(arguments);
        command.output().doing(|| "cannot run etcdctl".into())
    }

    /// The same until etcd takes it: it answers nothing while it looks for another leader. The last answer, when that takes too long.
    ///
    /// # Errors
    /// etcdctl cannot be run.
    pub fn ctl_in_time(&self, arguments: &[&str]) -> Result<Output> {
        let deadline = Instant::now() + ANSWERS_WITHIN;
        loop {
            let output = self.ctl(arguments)?;
            if output.status.success() || Instant::now() > deadline {
                return Ok(output);
            }
            thread::sleep(Duration::from_millis(500));
        }
    }

    /// What the members say of themselves, in the order of their names.
    ///
    /// # Errors
    /// None of them answers, or there is no quorum.
    pub fn list(&self) -> Result<Vec<Listed>> {
        let output = self.ctl_in_time(&["member", "list", "--write-out=json"])?;
        if !output.status.success() {
            let said = lossy(&output.stderr);
            return Err(Error::Program { program: "etcdctl member list".into(), status: output.status.to_string(), output: said });
        }
        let said: Value =
            serde_json::from_slice(&output.stdout).map_err(io::Error::other).doing(|| "etcdctl's answer is no JSON".into())?;
        let urls = |value: &Value| value.as_array().into_iter().flatten().filter_map(|url| Some(url.as_str()?.to_owned())).collect();
        let mut members: Vec<Listed> = said["members"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|member| Listed {
                id: member["ID"].as_u64().unwrap_or(0),
                name: member["name"].as_str().unwrap_or_default().into(),
                peer_urls: urls(&member["peerURLs"]),
                client_urls: urls(&member["clientURLs"]),
                is_learner: member["isLearner"].as_bool().unwrap_or(false),
            })
            .collect();
        members.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(members)
    }

    /// Adds a learner to the cluster, without starting it. Its number. All members have to run.
    ///
    /// # Errors
    /// etcd refuses: a second learner, say.
    pub fn add_learner(&mut self) -> Result<usize> {
        let mut member = self.new_member("existing");
        let peer = format!("--peer-urls=http://127.0.0.1:{}", member.peer);
        let deadline = Instant::now() + ANSWERS_WITHIN;
        let output = loop {
            let output = self.ctl(&["member", "add", &member.name, &peer, "--learner"])?;
            // it takes no member before each has been connected to all others for five seconds
            let is_early = lossy(&output.stderr).contains("unhealthy cluster");
            if !is_early || Instant::now() > deadline {
                break output;
            }
            thread::sleep(Duration::from_millis(500));
        };
        if !output.status.success() {
            let said = lossy(&output.stderr);
            return Err(Error::Program { program: "etcdctl member add".into(), status: output.status.to_string(), output: said });
        }
        member.cluster = format!("{},{}=http://127.0.0.1:{}", self.initial_cluster(), member.name, member.peer);
        self.members.push(member);
        Ok(self.members.len() - 1)
    }

    /// Asks one member, counted from 0, through etcd's gateway from JSON. The answer, or the words that etcd refuses with.
    ///
    /// # Errors
    /// It does not answer within a minute, or what it says is no JSON.
    pub fn ask(&self, number: usize, path: &str, question: &Value) -> Result<std::result::Result<Value, String>> {
        let port = self.members.get(number).map_or(0, |member| member.client);
        let doing = || format!("member {number} of etcd cannot be asked {path}");
        let (status, said) = http::post(port, path, question).doing(doing)?;
        let said: Value = serde_json::from_str(&said).map_err(io::Error::other).doing(doing)?;
        Ok(if status == 200 { Ok(said) } else { Err(said["message"].as_str().unwrap_or_default().to_owned()) })
    }

    /// Asks one member, counted from 0, once for a learner, which is not started. Its number, or the words that etcd refuses with.
    ///
    /// # Errors
    /// As [`ask`](Self::ask).
    pub fn propose_learner(&mut self, asked: usize) -> Result<std::result::Result<usize, String>> {
        let mut member = self.new_member("existing");
        let peer = format!("http://127.0.0.1:{}", member.peer);
        let question = json!({"peerURLs": [&peer], "isLearner": true});
        let added = match self.ask(asked, "/v3/cluster/member/add", &question)? {
            Ok(added) => added,
            Err(refused) => return Ok(Err(refused)),
        };
        // who was removed is none of those that a new member is told of
        let listed = added["members"].as_array().into_iter().flatten().filter_map(|member| member["peerURLs"][0].as_str());
        let is_listed: Vec<&str> = listed.collect();
        let others = self.members.iter().filter(|member| is_listed.contains(&&*format!("http://127.0.0.1:{}", member.peer)));
        let others = others.map(|member| format!("{}=http://127.0.0.1:{},", member.name, member.peer));
        member.cluster = format!("{}{}={peer}", others.collect::<String>(), member.name);
        self.members.push(member);
        Ok(Ok(self.members.len() - 1))
    }

    /// Lets a member, counted from 0, end by itself, as one does that was removed; kills it after a while.
    pub fn let_end(&mut self, number: usize) {
        if let Some(mut service) = self.members.get_mut(number).and_then(|member| member.service.take()) {
            let _ = service.wait_until(Duration::from_secs(15), || Ok(false));
        }
    }

    /// Kills a member, counted from 0. Its data stays.
    pub fn kill(&mut self, number: usize) {
        if let Some(member) = self.members.get_mut(number) {
            member.service = None;
        }
    }

    /// Starts a member that was killed or [added](Self::add_learner); returns when it answers. Without a quorum it never does.
    ///
    /// # Errors
    /// It does not start, or takes too long: with what it said.
    pub fn resume(&mut self, number: usize) -> Result<()> {
        self.launch(number)?;
        self.wait_for(number)
    }

    fn new_member(&self, state: &'static str) -> Member {
        let client = NEXT_PORT.fetch_add(2, Ordering::Relaxed);
        let name = format!("m{}", self.members.len());
        Member { name, client, peer: client + 1, state, cluster: String::new(), service: None }
    }

    /// All members, as each wants it said on its command line.
    fn initial_cluster(&self) -> String {
        let peers: Vec<String> = self.members.iter().map(|member| format!("{}=http://127.0.0.1:{}", member.name, member.peer)).collect();
        peers.join(",")
    }

    fn running(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(|member| member.service.is_some())
    }

    fn etcdctl(&self) -> Command {
        let mut command = self.bed.command(&self.etcdctl.to_string_lossy());
        command.env("ETCDCTL_API", "3");
        command
    }

    /// Starts a member as [`resume`](Self::resume) does, and waits for nothing.
    ///
    /// # Errors
    /// It does not start.
    pub fn launch(&mut self, number: usize) -> Result<()> {
        let member = &mut self.members[number];
        let data = self.dir.join(&member.name);
        fs::create_dir_all(&data).doing(|| format!("cannot make {}", data.display()))?;
        let url = |port: u16| format!("http://127.0.0.1:{port}");
        let (client, peer) = (url(member.client), url(member.peer));
        let arguments = [
            format!("--name={}", member.name),
            format!("--data-dir={}", data.join("data").display()),
            format!("--listen-client-urls={client}"),
            format!("--advertise-client-urls={client}"),
            format!("--listen-peer-urls={peer}"),
            format!("--initial-advertise-peer-urls={peer}"),
            format!("--initial-cluster={}", member.cluster),
            format!("--initial-cluster-state={}", member.state),
            "--logger=zap".into(),
            // the data goes with the bed; a machine that is busy with other tests is no reason to look for another leader
            "--unsafe-no-fsync".into(),
            "--heartbeat-interval=200".into(),
            "--election-timeout=2000".into(),
        ];
        member.service = Some(Service::start(self.bed, &self.etcd, &arguments, &data.join("log"))?);
        Ok(())
    }

    fn wait_for(&mut self, number: usize) -> Result<()> {
        let member = &mut self.members[number];
        let (port, state) = (member.client, member.state);
        let Some(service) = &mut member.service else { return Ok(()) };
        // a learner serves no linearizable reads, which is what /health is
        let path = if state == "new" { "/health" } else { "/livez" };
        service.wait_until(ANSWERS_WITHIN, || Ok(http::get(port, path).is_ok_and(|(status, _)| status == 200)))
    }
}
