//! Our client against real sshds: being let in, host keys, sudo, channels, cuts.

mod channels;
mod cuts;
mod host_keys;
mod login;
mod sudo;
mod ways;

use std::fmt::Write;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use homelabctl::transport::ssh::{Client, ConnectError, Person, Settings, Target};
use homelabctl::transport::ssh_config::{ConfigFiles, Local, Lookup, SshConfig};
use homelabctl::transport::{Become, Collected, Connection, Shell, ShellError};
use secrecy::SecretString;

use crate::testbed::{Bed, Machine};

pub const LIMIT: Duration = Duration::from_secs(20);

/// A user's home with its `.ssh`, and a client that reads it.
pub struct Home {
    dir: tempfile::TempDir,
    pub person: Arc<Scripted>,
    pub client: Client,
    pub options: Vec<String>,
    pub agent: Option<PathBuf>,
}

/// Somebody who answers every question from a list, and remembers what was asked.
#[derive(Debug, Default)]
pub struct Scripted {
    pub answers: Mutex<Vec<String>>,
    pub asked: Mutex<Vec<String>>,
}

impl Person for Scripted {
    fn secret<'a>(&'a self, question: &'a str, _: bool) -> homelabctl::transport::ssh::Answer<'a, Option<SecretString>> {
        self.asked.lock().unwrap().push(question.to_owned());
        let answer = self.answers.lock().unwrap().pop().map(SecretString::from);
        Box::pin(std::future::ready(answer))
    }

    fn confirm<'a>(&'a self, question: &'a str) -> homelabctl::transport::ssh::Answer<'a, Option<bool>> {
        self.asked.lock().unwrap().push(question.to_owned());
        let answer = self.answers.lock().unwrap().pop().map(|answer| answer == "yes");
        Box::pin(std::future::ready(answer))
    }
}

impl Home {
    pub fn new() -> Self {
        let person = Arc::new(Scripted::default());
        let client = Client::new(Settings::default(), person.clone());
        let home = Self { dir: tempfile::tempdir().unwrap(), person, client, options: Vec::new(), agent: None };
        std::fs::create_dir(home.path(".ssh")).unwrap();
        home
    }

    /// The same user's next run: nothing is remembered.
    pub fn next_run(self) -> Self {
        let client = Client::new(Settings::default(), self.person.clone());
        Self { client, ..self }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        std::process::Command::new("chmod").arg("600").arg(&path).status().unwrap();
        path
    }

    /// Writes an ssh_config with an entry for each machine, by its name, and known_hosts with their keys.
    pub fn knows(&self, machines: &[&Machine]) -> &Self {
        let mut config = String::new();
        let mut known = String::new();
        for m in machines {
            let key = m.key_path.display();
            writeln!(config, "Host {}\n HostName {}\n Port {}\n User {}\n IdentityFile {key}", m.name, m.address, m.port, m.user).unwrap();
            known += &m.known_hosts_lines();
        }
        self.write(".ssh/config", &config);
        self.write(".ssh/known_hosts", &known);
        self
    }

    pub fn also(&self, config: &str) -> &Self {
        let old = std::fs::read_to_string(self.path(".ssh/config")).unwrap_or_default();
        self.write(".ssh/config", &format!("{config}\n{old}"));
        self
    }

    pub fn target(&self, name: &str) -> Target {
        let local = Local {
            home: self.dir.path().display().to_string(),
            user: "tester".into(),
            uid: 0,
            host_name: "controller".into(),
            env: self.agent.iter().map(|a| ("SSH_AUTH_SOCK".to_owned(), a.display().to_string())).collect(),
        };
        let files = ConfigFiles { user: Some(self.path(".ssh/config")), system: None, must_exist: false };
        let (config, _) = SshConfig::load(&files, &local).unwrap();
        let lookup = Lookup { host: name, options: &self.options, ..Lookup::default() };
        let target = Target::resolve(&config, &lookup, &local, &mut |_| false).unwrap();
        assert!(target.host.user_known_hosts_files.iter().all(|f| f.starts_with(self.dir.path())), "{target:?}");
        target
    }

    pub async fn connect(&self, name: &str, password: Option<&str>) -> Result<Connection, ConnectError> {
        let connection = self.client.connect(self.target(name), password.map(|p| p.to_owned().into())).await?;
        Ok(Connection::Ssh(Box::new(connection)))
    }
}

/// Runs async code on a thread inside the bed's network.
pub fn inside<T: Send>(bed: &Bed, work: impl AsyncFnOnce() -> T + Send) -> T {
    bed.inside(|| block_on(work())).unwrap()
}

pub fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(work)
}

pub async fn says(shell: &mut Shell, script: &str) -> Result<String, ShellError> {
    let mut output = Collected::up_to(1 << 20);
    shell.run(script, &mut output, LIMIT).await?;
    Ok(String::from_utf8(output.stdout).unwrap().trim().to_owned())
}

pub async fn shell(connection: &Connection, become_: &Become) -> Shell {
    connection.shell(become_, LIMIT).await.unwrap()
}

pub fn keygen(args: &[&str], path: &Path) {
    let done = std::process::Command::new("ssh-keygen").arg("-q").args(args).arg("-f").arg(path).output().unwrap();
    assert!(done.status.success(), "{done:?}");
}

/// The whole chain of an error, as a person sees it.
pub fn chain(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", chain(source)),
        None => error.to_string(),
    }
}
