//! The keeper: the first process of a bed's namespaces, and the bed's clean-up (see `keeper.sh`).

use super::error::{Doing, Error, Result};
use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, thread};

/// A running keeper. Its namespaces end with it.
pub struct Keeper {
    child: Child,
    /// The pipe that says that the owner lives. Close-on-exec, so no other child of the owner holds it.
    alive: Option<ChildStdin>,
}

impl Keeper {
    /// Starts the keeper of the bed in `dir`; returns when its network and mounts are there.
    pub fn start(dir: &Path, cgroup: &str) -> Result<Keeper> {
        let log = fs::File::create(dir.join("keeper.log")).doing(|| format!("cannot write into {}", dir.display()))?;
        let mut child = Command::new("unshare")
            .args(["--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation", "private", "--"])
            .arg("sh")
            .arg(dir.join("keeper.sh"))
            .arg(dir)
            .arg(cgroup)
            .process_group(0) // Ctrl-C goes to the owner only: the keeper has to outlive it by a moment
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .doing(|| "cannot start unshare".into())?;
        let alive = child.stdin.take();
        let mut line = String::new();
        let stdout = child.stdout.take().expect("it is piped");
        BufReader::new(stdout).read_line(&mut line).doing(|| "cannot read from the keeper".into())?;
        if line.trim() != "ready" {
            let status = child.wait().doing(|| "cannot wait for the keeper".into())?.to_string();
            let output = fs::read_to_string(dir.join("keeper.log")).unwrap_or_default();
            return Err(Error::Program { program: "the bed's keeper".into(), status, output });
        }
        Ok(Keeper { child, alive })
    }

    /// A file under /proc for one of the keeper's namespaces: `net`, `mnt`, `pid_for_children`.
    pub fn namespace(&self, name: &str) -> PathBuf {
        // unshare itself is in the namespaces that it made (but for the process namespace, which is its child's).
        PathBuf::from(format!("/proc/{}/ns/{name}", self.child.id()))
    }

    /// A command that runs inside all of the bed's namespaces. What it starts ends with the bed.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("nsenter");
        for (flag, name) in [("--mount", "mnt"), ("--net", "net"), ("--pid", "pid_for_children")] {
            command.arg(format!("{flag}={}", self.namespace(name).display()));
        }
        command.arg("--").arg(program);
        command
    }

    /// Ends the bed and waits until it is gone.
    pub fn end(&mut self) {
        drop(self.alive.take());
        let deadline = Instant::now() + Duration::from_secs(20);
        while Instant::now() < deadline {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            thread::sleep(Duration::from_millis(5));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
