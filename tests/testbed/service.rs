//! A program of the host that runs among a bed's machines: in its network, with its end.

use super::bed::Bed;
use super::error::{Doing, Error, Result};
use super::process::{children, lossy};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How often is looked whether what is waited for has come.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A running program. Dropping it kills it, and so does the end of the bed, however that comes.
pub struct Service {
    name: String,
    log: PathBuf,
    /// Stands outside of the bed's process namespace and waits for the program.
    nsenter: Child,
    /// The program, as the host counts; 0 when it was killed.
    pid: u32,
}

impl Service {
    /// Starts `program`; what it says is appended to `log`, which has to be in the bed's directory.
    ///
    /// # Errors
    /// It cannot be started, or ends at once.
    pub fn start(bed: &Bed, program: &Path, arguments: &[String], log: &Path) -> Result<Service> {
        let mut command = bed.command_with_its_end(program);
        command.args(arguments);
        Service::of(command, program, log)
    }

    /// The same of a command that was made with [`Bed::command_with_its_end`] for `program`.
    pub(super) fn of(mut command: Command, program: &Path, log: &Path) -> Result<Service> {
        let file = || File::options().append(true).create(true).open(log).doing(|| format!("cannot open {}", log.display()));
        let name = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
        command.stdin(Stdio::null()).stdout(file()?).stderr(file()?);
        let nsenter = command.spawn().doing(|| format!("cannot start {name}"))?;
        let mut service = Service { name, log: log.to_owned(), nsenter, pid: 0 };
        // nsenter has a child, the program, as soon as it has joined the namespaces
        let below = service.nsenter.id();
        let mut found = None;
        service.wait_until(Duration::from_secs(20), || {
            found = children(below).into_iter().next();
            Ok(found.is_some())
        })?;
        service.pid = found.unwrap_or(0);
        Ok(service)
    }

    /// Waits until `is_so`, for `at_most`.
    ///
    /// # Errors
    /// The time is over, or the program ended: with the end of what it said.
    pub fn wait_until(&mut self, at_most: Duration, mut is_so: impl FnMut() -> Result<bool>) -> Result<()> {
        let deadline = Instant::now() + at_most;
        while !is_so()? {
            let ended = self.nsenter.try_wait().doing(|| format!("cannot wait for {}", self.name))?;
            if ended.is_some() || Instant::now() > deadline {
                let said = fs::read(&self.log).unwrap_or_default();
                let tail = lossy(&said[said.len().saturating_sub(3000)..]);
                let status = ended.map_or_else(|| format!("not ready after {at_most:?}"), |status| status.to_string());
                return Err(Error::Program { program: self.name.clone(), status, output: tail });
            }
            thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        !matches!(self.nsenter.try_wait(), Ok(None))
    }

    /// Kills it and waits for its end. Without effect on one that has ended.
    pub fn kill(&mut self) {
        // as long as nsenter waits for it, the number is nobody else's
        let is_there = matches!(self.nsenter.try_wait(), Ok(None));
        if let Some(pid) = Pid::from_raw(self.pid as i32).filter(|_| self.pid != 0 && is_there) {
            let _ = kill_process(pid, Signal::KILL);
        }
        self.pid = 0;
        let _ = self.nsenter.wait();
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if self.pid == 0 {
            let _ = self.nsenter.kill(); // it has started nothing, or that has ended
        }
        self.kill();
    }
}
