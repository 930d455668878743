//! The binary in surroundings of its own: a home, state, and a PATH without ssh, ansible or git.

use std::ffi::OsStr;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

/// Programs that a shell on this machine, taken as a host, has.
const TOOLS: &[&str] = &["sh", "cat", "head", "id", "printf", "echo", "sleep", "base64", "true", "false", "seq", "touch"];

/// A directory that holds everything, and the binary to run in it.
pub struct Program {
    dir: tempfile::TempDir,
    variables: Vec<(String, String)>,
}

/// What a run left.
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Program {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        for name in ["home", "state", "bin"] {
            std::fs::create_dir(dir.path().join(name)).unwrap();
        }
        for tool in TOOLS {
            let real = ["/usr/bin", "/bin"].map(|place| Path::new(place).join(tool)).into_iter().find(|path| path.exists()).unwrap();
            symlink(real, dir.path().join("bin").join(tool)).unwrap();
        }
        Self { dir, variables: Vec::new() }
    }

    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.into(), value.into()));
        self
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a file beside which the program runs.
    pub fn file(&self, name: &str, text: &str) -> &Self {
        std::fs::write(self.path(name), text).unwrap();
        self
    }

    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("HOME", self.path("home"))
            .env("XDG_STATE_HOME", self.path("state"))
            .env("PATH", self.path("bin"))
            .env("TERM", "xterm-256color")
            .envs(self.variables.iter().cloned())
            .current_dir(self.dir.path())
            .stdin(Stdio::null());
        command
    }

    pub fn spawn(&self, arguments: &[&str]) -> Child {
        let mut command = self.command(env!("CARGO_BIN_EXE_homelabctl"));
        command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    pub fn run(&self, arguments: &[&str]) -> Ran {
        self.ran(self.spawn(arguments).wait_with_output().unwrap())
    }

    /// The same on a terminal; what it drew is in `stdout`.
    pub fn run_on_terminal(&self, line: &str) -> Ran {
        let line = line.replace("homelabctl", env!("CARGO_BIN_EXE_homelabctl"));
        let output = self.command("/usr/bin/script").args(["-qec", &line, "/dev/null"]).output().unwrap();
        self.ran(output)
    }

    /// A shell on a terminal, which runs `line`; what comes on its standard input is typed.
    pub fn type_on_terminal(&self, line: &str) -> Child {
        let line = line.replace("homelabctl", env!("CARGO_BIN_EXE_homelabctl"));
        let mut command = self.command("/usr/bin/script");
        command.args(["-qefc", &line, "/dev/null"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// With what differs from run to run replaced.
    pub fn ran(&self, output: Output) -> Ran {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().replace(&self.dir.path().display().to_string(), "DIR");
        Ran { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// The logs of all runs so far.
    pub fn logs(&self) -> Vec<PathBuf> {
        let Ok(entries) = std::fs::read_dir(self.path("state/homelabctl/runs")) else { return Vec::new() };
        entries.map(|entry| entry.unwrap().path()).collect()
    }

    /// The text of the only log.
    pub fn log(&self) -> String {
        let logs = self.logs();
        assert_eq!(logs.len(), 1, "{logs:?}");
        std::fs::read_to_string(&logs[0]).unwrap()
    }
}

impl Ran {
    /// Everything that was seen, for a snapshot.
    pub fn all(&self) -> String {
        format!(
            "exit {}\n-- stdout\n{}-- stderr\n{}",
            self.code.map_or("by a signal".into(), |code| code.to_string()),
            self.stdout,
            self.stderr
        )
    }
}

/// Times and the names of logs, for snapshots.
pub fn filters() -> insta::internals::SettingsBindDropGuard {
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"\bin \d+(\.\d)? m?s\b", "in TIME");
    settings.add_filter(r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ-\d+\.jsonl", "TIME-PID.jsonl");
    settings.add_filter(r"\b[\d.]+ ms a round trip", "TIME a round trip");
    settings.add_filter(r#""(connect_ms|round_trip_ms|elapsed_ms)": [\d.]+"#, r#""$1": N"#);
    settings.bind_to_scope()
}
