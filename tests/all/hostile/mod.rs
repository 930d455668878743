//! Hosts that lie, hang, flood and break off: the client ends in time with the right word for it, and what other hosts of
//! the same run say comes whole.

mod answers;
mod channels;
mod connecting;
mod dead;
mod opening;

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use homelabctl::transport::ssh::{Client, ConnectError, Nobody, Settings, SshConnection, Target};
use homelabctl::transport::ssh_config::{ConfigFiles, Local, Lookup, SshConfig};
use homelabctl::transport::{Become, Collected, Connection, Shell, ShellError};
use russh::keys::ssh_key::LineEnding;
use tokio::time::{sleep, timeout};

use crate::ssh_server::{Options, SshServer, new_key, program};

/// What connecting, opening a shell and a script may take in these tests.
pub const LIMIT: Duration = Duration::from_secs(6);
/// How much later than its limit the client may end: the machine is busy.
const SLACK: Duration = Duration::from_secs(4);

/// One run of ours: a key, known hosts, and a client.
pub struct Controller {
    dir: tempfile::TempDir,
    client: Client,
    files: AtomicUsize,
}

impl Controller {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let key = new_key();
        key.write_openssh_file(dir.path().join("key").as_path(), LineEnding::LF).unwrap();
        let settings = Settings { connect_timeout: LIMIT, ..Settings::default() };
        Self { dir, client: Client::new(settings, Arc::new(Nobody)), files: AtomicUsize::new(0) }
    }

    /// For tests that need a longer silence than the others.
    pub fn patient() -> Self {
        Self { client: Client::new(Settings::default(), Arc::new(Nobody)), ..Self::new() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Where that server is, and that its key is known.
    pub fn target(&self, server: &SshServer) -> Target {
        self.target_with(server, &server.known_hosts_line())
    }

    /// Where that server is, with what known_hosts says of it.
    pub fn target_with(&self, server: &SshServer, known: &str) -> Target {
        // a file of its own: a client reads each file once
        let file = self.path(&format!("known_hosts_{}", self.files.fetch_add(1, Ordering::SeqCst)));
        std::fs::write(&file, known).unwrap();
        let options = [
            format!("UserKnownHostsFile={}", file.display()),
            "GlobalKnownHostsFile=/dev/null".into(),
            "StrictHostKeyChecking=yes".into(),
            "IdentitiesOnly=yes".into(),
        ];
        let key = [self.path("key").display().to_string()];
        let local = Local { home: self.dir.path().display().to_string(), user: "tester".into(), ..Local::default() };
        let (config, _) = SshConfig::load(&ConfigFiles::default(), &local).unwrap();
        let port = Some(server.address.port());
        let lookup = Lookup { host: "127.0.0.1", port, options: &options, identity_files: &key, ..Lookup::default() };
        Target::resolve(&config, &lookup, &local, &mut |_| false).unwrap()
    }

    pub async fn connect(&self, server: &SshServer) -> Result<Connection, ConnectError> {
        self.connect_to(self.target(server), None).await
    }

    pub async fn connect_to(&self, target: Target, password: Option<&str>) -> Result<Connection, ConnectError> {
        let connection: SshConnection = self.client.connect(target, password.map(|p| p.to_owned().into())).await?;
        Ok(Connection::Ssh(Box::new(connection)))
    }

    pub async fn shell(&self, server: &SshServer) -> (Connection, Shell) {
        let connection = self.connect(server).await.unwrap();
        let shell = connection.shell(&Become::No, LIMIT).await.unwrap();
        (connection, shell)
    }

    /// Awaits what is done with a hostile host while three good ones answer at the same time.
    pub async fn among_good_hosts<T>(&self, hostile: impl Future<Output = T>) -> T {
        let good = join_all((0..3).map(|index| self.good_host(index)));
        let (result, _) = tokio::join!(hostile, good);
        result
    }

    async fn good_host(&self, index: usize) {
        let server = SshServer::start(Options { program: program::real_shell(), ..Options::default() }).await;
        let (_connection, mut shell) = self.shell(&server).await;
        for round in 0..5 {
            let mut output = Collected::up_to(1 << 20);
            let script =
                format!("i=0; while [ $i -lt 2000 ]; do echo \"host {index} line $i\"; i=$((i+1)); done; echo {round} >&2; exit 7");
            let status = shell.run(&script, &mut output, 4 * LIMIT).await.unwrap();
            let lines: String = (0..2000).map(|line| format!("host {index} line {line}\n")).collect();
            assert_eq!((status, String::from_utf8(output.stdout).unwrap()), (7, lines));
            assert_eq!(String::from_utf8(output.stderr).unwrap(), format!("{round}\n"));
            sleep(Duration::from_millis(100)).await;
        }
    }
}

/// Runs a script with little patience.
pub async fn run(shell: &mut Shell, output: &mut Collected) -> Result<u8, ShellError> {
    shell.run("true", output, LIMIT).await
}

/// Awaits something that must end within its own limit, whatever the far side does.
pub async fn in_time<T>(work: impl Future<Output = T>) -> Result<T, String> {
    let started = Instant::now();
    timeout(LIMIT + SLACK, work).await.map_err(|_| format!("still going after {:?}", started.elapsed()))
}

/// Waits until the server has no connection left: a client that gave up must not hold on to it.
pub async fn let_go(server: &SshServer) -> Result<(), String> {
    for _ in 0..100 {
        if server.counts.open.get() == 0 {
            return Ok(());
        }
        sleep(Duration::from_millis(50)).await;
    }
    Err(format!("{} connections are still open", server.counts.open.get()))
}

/// `Err` with those words unless it holds.
pub fn check(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise()) }
}

/// All rows of a table at once, each with its name, among good hosts; all that fail are shown.
pub async fn all_of_them(controller: &Controller, rows: Vec<(&'static str, impl Future<Output = Result<(), String>>)>) {
    let tries = rows.into_iter().map(|(name, row)| async move { row.await.map_err(|why| format!("{name}: {why}")) });
    let results = controller.among_good_hosts(join_all(tries)).await;
    let failed: Vec<String> = results.into_iter().filter_map(Result::err).collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

pub fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(work)
}
