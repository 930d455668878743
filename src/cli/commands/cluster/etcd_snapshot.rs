//! `homelabctl cluster etcd-snapshot`

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use jiff::Timestamp;
use serde_json::{Map, json};

use super::super::super::args::{ConnectionArgs, OutputArgs, Unresolved};
use super::super::super::environment::Environment;
use super::super::super::interrupt::Interrupt;
use super::super::super::run::listening;
use super::super::super::session::{Session, Shared};
use super::super::super::show;
use super::super::super::targets::Ready;
use super::{as_root, begin, going};
use crate::cluster::etcd_snapshot::{Snapshot, verify};
use crate::cluster::membership::Role;
use crate::cluster::settings::Settings;
use crate::diagnostics::{Diagnostic, Diagnostics, ExitCode};
use crate::node::etcd_snapshot::{Announced, Source, script};
use crate::node::record::to_reason;
use crate::report::{Answer, ClusterSheet, Event, HostAnswer, Outcome, Problem, Secrets};
use crate::transport::{Flow, Output};

/// Take a snapshot of etcd's data, fetch it, and see that it is whole
///
/// The control planes are asked one after the other until one gives it. The file holds all of the cluster's Secrets: only you may read it.
/// `docs/etcd-snapshots.md` says how it is restored.
#[derive(Debug, Args)]
pub struct SnapshotArgs {
    /// Which control planes may be asked: `all`, a host, a group, `a,b`, `masters:!m3`
    #[arg(default_value = "all", value_name = "PATTERN")]
    pub pattern: String,
    /// Where it is written: a file that is not there yet [default: etcd-NAME-TIME.db in this directory]
    #[arg(long, value_name = "FILE")]
    pub to: Option<PathBuf>,
    #[command(flatten)]
    pub connection: ConnectionArgs,
}

/// A large one over a slow line.
const LIMIT: Duration = Duration::from_secs(3600);
/// How much of what is complained about is kept, in bytes.
const COMPLAINT: usize = 4096;

pub fn run(args: &SnapshotArgs, output: &OutputArgs, environment: &Environment) -> ExitCode {
    listening(output, environment, |interrupt, secrets, began| prepared(args, output, environment, interrupt, secrets, began))
}

fn prepared(
    args: &SnapshotArgs,
    output: &OutputArgs,
    environment: &Environment,
    interrupt: &Interrupt,
    secrets: &Secrets,
    began: Instant,
) -> Result<ExitCode, Unresolved> {
    let connection = &as_root(&args.connection);
    let run = going("cluster etcd-snapshot", &args.pattern, connection, output, environment);
    let to = |settings: &Settings, problems: &mut Diagnostics| {
        let time = Timestamp::now().strftime("%Y-%m-%dT%H-%M-%SZ").to_string();
        let usual = || PathBuf::from(format!("etcd-{}-{time}.db", settings.name));
        let to = environment.working_dir.join(args.to.clone().unwrap_or_else(usual));
        if fs::symlink_metadata(&to).is_ok() {
            let error = Diagnostic::error(format!("{} is there already", to.display()));
            problems.push(error.hint("nothing is written over: name another file with `--to`"));
        }
        to
    };
    let (_cluster, prepared, to) = begin(&run, interrupt, secrets, |role| role == Role::ControlPlane, to)?;
    let mut is_there = false;
    let conduct = async |shared: Arc<Shared>, ready: Vec<Ready>, _: usize| {
        let mut outcomes = Vec::new();
        for ready in ready {
            let answer = from_one(&shared, ready, &to, &environment.shorten(&to)).await;
            is_there = answer.answer.is_some();
            outcomes.push(answer.outcome);
            shared.reporter.tell(Event::HostFinished(HostAnswer { elapsed_ms: show::millis(began), ..answer }));
            if is_there || shared.cancelled.is_cancelled() {
                break;
            }
        }
        outcomes
    };
    // one that did not give it is told of, and no harm where another did
    let code = |outcomes: &[Outcome]| outcomes.last().is_some_and(|last| last.is_good()).then_some(ExitCode::Done);
    Ok(run.go(prepared, interrupt, secrets.clone(), began, conduct, code))
}

async fn from_one(shared: &Arc<Shared>, ready: Ready, to: &Path, shown: &str) -> HostAnswer {
    let mut session = match Session::open(ready, Arc::clone(shared)).await {
        Ok(session) => session,
        Err(answer) => return answer,
    };
    let host = Arc::clone(&session.host);
    let part = with_ending(to, ".part");
    let fetched = fetch(&mut session, &part).await;
    let round_trips = session.round_trips();
    let ended = match fetched {
        Ok(snapshot) => fs::rename(&part, to).map(|()| snapshot).map_err(|error| {
            let problem = Problem::new(format!("{} cannot be named {}: {error}", part.display(), to.display()));
            HostAnswer::bad(Arc::clone(&host), Outcome::Failed, problem)
        }),
        Err(answer) => Err(answer),
    };
    match ended {
        Ok(snapshot) => {
            let answer = HostAnswer::good(host, Outcome::Unchanged, Answer::Cluster(sheet(&session.host, &snapshot, to, shown)));
            HostAnswer { round_trips, ..answer }
        }
        Err(answer) => {
            // only what this run has made; nothing is there under the name that was asked for
            let _ = fs::remove_file(&part);
            HostAnswer { round_trips, ..answer }
        }
    }
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

fn sheet(host: &str, snapshot: &Snapshot, to: &Path, shown: &str) -> ClusterSheet {
    let Snapshot { size, sha256 } = snapshot;
    let lines = vec![
        format!("{shown}: a whole snapshot of etcd, {} MB, from {host}", size.div_ceil(1_000_000)),
        format!("sha256 {sha256}"),
        "it holds all Secrets of the cluster; to restore it: docs/etcd-snapshots.md".to_owned(),
    ];
    let cluster: Map<_, _> =
        [("file".to_owned(), json!(to.display().to_string())), ("size".to_owned(), json!(size)), ("sha256".to_owned(), json!(sha256))]
            .into_iter()
            .collect();
    ClusterSheet { lines, cluster }
}

/// Takes a snapshot and writes it to `part`, which is made; whole and verified, or not at all.
async fn fetch(session: &mut Session, part: &Path) -> Result<Snapshot, HostAnswer> {
    let host = Arc::clone(&session.host);
    let failed = |why: String| HostAnswer::bad(Arc::clone(&host), Outcome::Failed, Problem::new(why));
    let mut options = OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o600).open(part);
    let file = file.map_err(|error| failed(format!("{} cannot be made here: {error}", part.display())))?;
    let mut coming = Coming { file, head: Vec::new(), announced: None, size: 0, complaint: Vec::new(), error: None };
    let name = format!("{:016x}", rand::random::<u64>());
    let text = script(&Source::KUBEADM, &name).map_err(|error| failed(error.to_string()))?;
    let status = session.run("taking a snapshot of etcd", &text, &mut coming, LIMIT).await;
    if let Some(error) = coming.error {
        return Err(failed(format!("{} cannot be written: {error}", part.display())));
    }
    let status = status.map_err(|why| session.not_read(why))?;
    if status != 0 {
        return Err(failed(format!("no snapshot was taken: {}", to_reason(&coming.complaint))));
    }
    let announced = coming.announced.ok_or_else(|| failed("the machine sent no snapshot".to_owned()))?;
    let snapshot = coming.file.sync_all().and_then(|()| File::open(part)).map_err(|error| error.to_string()).and_then(verify);
    let snapshot = snapshot.map_err(|why| failed(format!("the snapshot that came is of no use: {why}")))?;
    if (snapshot.size, &snapshot.sha256) != (announced.size, &announced.sha256) {
        return Err(failed("the snapshot that came is not the one that was sent: its digest is another".to_owned()));
    }
    Ok(snapshot)
}

/// Bytes on their way into a file, behind a line that announces them.
struct Coming {
    file: File,
    head: Vec<u8>,
    announced: Option<Announced>,
    size: u64,
    complaint: Vec<u8>,
    error: Option<io::Error>,
}

impl Output for Coming {
    fn stdout(&mut self, bytes: &[u8]) -> Flow {
        let mut bytes = bytes;
        if self.announced.is_none() {
            let (line, rest) = match bytes.iter().position(|byte| *byte == b'\n') {
                Some(at) => bytes.split_at(at + 1),
                None => (bytes, &[][..]),
            };
            self.head.extend_from_slice(line);
            if self.head.len() > 200 {
                return Flow::Stop;
            }
            if !self.head.ends_with(b"\n") {
                return Flow::GoOn;
            }
            self.announced = Announced::read(&String::from_utf8_lossy(&self.head));
            if self.announced.is_none() {
                return Flow::Stop;
            }
            bytes = rest;
        }
        self.size += bytes.len() as u64;
        if self.announced.as_ref().is_some_and(|announced| self.size > announced.size) {
            return Flow::Stop;
        }
        match self.file.write_all(bytes) {
            Ok(()) => Flow::GoOn,
            Err(error) => {
                self.error = Some(error);
                Flow::Stop
            }
        }
    }

    fn stderr(&mut self, bytes: &[u8]) -> Flow {
        let room = COMPLAINT.saturating_sub(self.complaint.len());
        self.complaint.extend(bytes.iter().take(room));
        Flow::GoOn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_in_pieces_is_put_behind_its_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        let coming = |pieces: &[&[u8]]| {
            let mut coming = Coming {
                file: File::create(&path).unwrap(),
                head: Vec::new(),
                announced: None,
                size: 0,
                complaint: Vec::new(),
                error: None,
            };
            let flows: Vec<Flow> = pieces.iter().map(|piece| coming.stdout(piece)).collect();
            (flows.last().copied().unwrap(), fs::read(&path).unwrap())
        };
        let line = format!("5 {}\n", "a".repeat(64));
        let (start, end) = line.as_bytes().split_at(3);
        assert_eq!(coming(&[start, end, b"ab", b"\ncd"]), (Flow::GoOn, b"ab\ncd".to_vec()));
        assert_eq!(coming(&[&[line.as_bytes(), b"abc"].concat(), b"de"]), (Flow::GoOn, b"abcde".to_vec()));
        assert_eq!(coming(&[line.as_bytes(), b"abcdef"]).0, Flow::Stop, "more than was announced");
        assert_eq!(coming(&[b"Welcome\n"]).0, Flow::Stop);
        assert_eq!(with_ending(Path::new("/a/b.db"), ".part"), Path::new("/a/b.db.part"));
    }
}
