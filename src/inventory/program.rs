//! Running a program of this machine that says something about the inventory: with a bound on its time and its output.

use std::io::{self, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use crate::diagnostics::reason;
use rustix::process::{Pid, Signal, kill_process};

/// How long its pipes may stay open once it has ended: a child of its may hold them.
const LINGER: Duration = Duration::from_secs(2);

/// What a program said.
#[derive(Debug)]
pub struct Said {
    /// On its standard output.
    pub stdout: Vec<u8>,
    /// On its standard error; empty if that went to the terminal.
    pub stderr: Vec<u8>,
}

/// Why a program did not end well.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// It could not be started.
    #[error("it cannot be started: {}", reason(.0))]
    NotStarted(#[source] io::Error),
    /// It ended with another status than 0.
    #[error("it ended with {status}")]
    Failed {
        /// `status 3`, `signal 9`.
        status: String,
        /// What it said about it.
        stderr: Vec<u8>,
    },
    /// It took too long, and was ended.
    #[error("it did not end within {0} s")]
    Late(u64),
    /// It printed too much, and was ended.
    #[error("it printed more than {0} MiB")]
    TooMuch(usize),
}

/// A program and its bounds.
#[derive(Debug, Clone, Copy)]
pub struct Program<'a> {
    /// Its file.
    pub path: &'a Path,
    /// Its arguments.
    pub arguments: &'a [&'a str],
    /// It may take so long.
    pub limit: Duration,
    /// It may print so many bytes.
    pub most: usize,
    /// Whether it may use the terminal: it may ask for something.
    pub interactive: bool,
}

impl Program<'_> {
    /// Runs it to its end.
    ///
    /// # Errors
    /// As [`ProgramError`] says; then nothing of it runs any more.
    pub fn run(&self) -> Result<Said, ProgramError> {
        let began = Instant::now();
        // a name without a directory would be looked for in PATH
        let path = if self.path.components().count() > 1 { self.path.to_owned() } else { Path::new(".").join(self.path) };
        let mut command = Command::new(path);
        command.args(self.arguments).stdout(Stdio::piped());
        if self.interactive {
            command.stdin(Stdio::inherit()).stderr(Stdio::inherit());
        } else {
            command.stdin(Stdio::null()).stderr(Stdio::piped());
        }
        let mut child = spawn(&mut command).map_err(ProgramError::NotStarted)?;
        let stdout = child.stdout.take().map(|pipe| drain(pipe, self.most));
        let stderr = child.stderr.take().map(|pipe| drain(pipe, self.most));
        let status = loop {
            match child.try_wait() {
                Ok(Some(status)) => break status,
                Ok(None) if began.elapsed() < self.limit => {}
                Ok(None) => {
                    end(&mut child);
                    return Err(ProgramError::Late(self.limit.as_secs()));
                }
                Err(error) => {
                    end(&mut child);
                    return Err(ProgramError::NotStarted(error));
                }
            }
            // a program that printed too much waits for somebody to read
            if [&stdout, &stderr].into_iter().flatten().any(|pipe| pipe.full.try_recv().is_ok()) {
                end(&mut child);
                return Err(ProgramError::TooMuch(self.most >> 20));
            }
            thread::sleep(Duration::from_millis(if began.elapsed() < Duration::from_millis(100) { 1 } else { 10 }));
        };
        let [stdout, stderr] = [stdout, stderr].map(|pipe| pipe.map_or(Ok(Vec::new()), |pipe| pipe.all(self.most)));
        let (stdout, stderr) = (stdout?, stderr?);
        if status.success() {
            return Ok(Said { stdout, stderr });
        }
        use std::os::unix::process::ExitStatusExt as _;
        let status = match (status.code(), status.signal()) {
            (Some(code), _) => format!("status {code}"),
            (None, Some(signal)) => format!("signal {signal}"),
            (None, None) => "an unknown status".to_owned(),
        };
        Err(ProgramError::Failed { status, stderr })
    }
}

/// A file that was written a moment ago by another thread may still be open for writing in a child that is being started.
fn spawn(command: &mut Command) -> io::Result<Child> {
    for _ in 0..20 {
        match command.spawn() {
            Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy => thread::sleep(Duration::from_millis(5)),
            other => return other,
        }
    }
    command.spawn()
}

/// A pipe that a thread reads.
struct Pipe {
    done: Receiver<Vec<u8>>,
    full: Receiver<()>,
}

fn drain(pipe: impl Read + Send + 'static, most: usize) -> Pipe {
    let ((done, done_out), (full, full_out)) = (mpsc::channel(), mpsc::channel());
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let mut pipe = pipe;
        let _ = pipe.by_ref().take(u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1)).read_to_end(&mut bytes);
        if bytes.len() > most {
            let _ = full.send(());
        }
        let _ = done.send(bytes);
    });
    Pipe { done: done_out, full: full_out }
}

impl Pipe {
    fn all(self, most: usize) -> Result<Vec<u8>, ProgramError> {
        match self.done.recv_timeout(LINGER) {
            Ok(bytes) if bytes.len() > most => Err(ProgramError::TooMuch(most >> 20)),
            Ok(bytes) => Ok(bytes),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => Err(ProgramError::Late(LINGER.as_secs())),
        }
    }
}

/// Ends a program and all that it started. It shares our process group, so that Ctrl-C reaches it: its children are found one
/// by one.
fn end(child: &mut Child) {
    let mut all = vec![child.id()];
    let mut at = 0;
    while let Some(&pid) = all.get(at).filter(|_| all.len() < 1000) {
        at += 1;
        let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
        all.extend(children.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
    }
    for pid in all {
        if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, Signal::KILL);
        }
    }
    let _ = child.wait();
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn run(text: &str, limit: Duration, most: usize) -> Result<Said, ProgramError> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("program");
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        Program { path: &path, arguments: &["--list"], limit, most, interactive: false }.run()
    }

    const LONG: Duration = Duration::from_secs(30);

    #[test]
    fn what_it_says_and_how_it_ends() {
        let said = run("#!/bin/sh\necho \"$1\"\necho no >&2\n", LONG, 1000).unwrap();
        assert_eq!((said.stdout.as_slice(), said.stderr.as_slice()), (&b"--list\n"[..], &b"no\n"[..]));
        let Err(ProgramError::Failed { status, stderr }) = run("#!/bin/sh\necho why >&2\nexit 3\n", LONG, 1000) else { panic!() };
        assert_eq!((status.as_str(), stderr.as_slice()), ("status 3", &b"why\n"[..]));
        let Err(ProgramError::Failed { status, .. }) = run("#!/bin/sh\nkill -9 $$\n", LONG, 1000) else { panic!() };
        assert_eq!(status, "signal 9");
        assert!(matches!(run("#!/nonexistent\n", LONG, 1000), Err(ProgramError::NotStarted(_))));
    }

    #[test]
    fn one_that_hangs_or_floods_is_ended_with_its_children() {
        let began = Instant::now();
        let marker = format!("{}", 100_000 + std::process::id());
        let hangs = format!("#!/bin/sh\nsleep {marker} &\nsleep {marker}\n");
        assert!(matches!(run(&hangs, Duration::from_millis(300), 1000), Err(ProgramError::Late(_))));
        assert!(matches!(
            run("#!/bin/sh\nwhile :; do echo xxxxxxxxxxxxxxxxxxxxxxxxx; done\n", LONG, 1 << 20),
            Err(ProgramError::TooMuch(1))
        ));
        assert!(began.elapsed() < LONG);
        let still = std::fs::read_dir("/proc")
            .unwrap()
            .filter_map(Result::ok)
            .any(|entry| std::fs::read_to_string(entry.path().join("cmdline")).is_ok_and(|line| line == format!("sleep\0{marker}\0")));
        assert!(!still, "its children run on");
    }

    #[test]
    fn a_child_that_holds_the_pipe_does_not_hold_us() {
        assert!(matches!(run("#!/bin/sh\nsleep 20 &\necho x\n", LONG, 1000), Err(ProgramError::Late(_))));
    }
}
