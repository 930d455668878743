//! A long-lived shell that runs scripts, one round trip each.

use std::sync::atomic::Ordering;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::{Instant, timeout_at};

use super::frame::{Frame, FrameReader};
use super::privilege::{Become, Start, SudoError};
use super::process::{Event, Process, room};
use super::{Nonce, Output};

/// What a login may print before the loop says that it is ready.
const NOISE: usize = 4 << 20;
/// How long output may follow a program's end: over SSH its status can overtake what it wrote (RFC 4254, 6.10).
const LAST_WORDS: Duration = Duration::from_secs(2);
/// How much of a login's last words is looked at, in bytes.
const SAID: usize = 2 << 10;
/// A piece of a script or an upload as it is handed on.
const PIECE: usize = 32 << 10;

/// Why a script's answer is not there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ShellError {
    /// No shell could be started; nothing was run.
    #[error("the login shell did not start ours (status {status}): {said}")]
    NotStarted {
        /// How it ended.
        status: u32,
        /// What it said.
        said: String,
    },
    /// The far side takes no command at all from this user.
    #[error("the host does not run commands for this user")]
    NoCommands,
    /// Sudo gave us no shell; nothing was run.
    #[error(transparent)]
    Sudo(#[from] SudoError),
    /// A channel could not be opened; nothing was run.
    #[error("the host opens no further channel: {0}")]
    NoChannel(String),
    /// There was no answer in time. Whether the script ran, or still runs, is unknown.
    #[error("no answer for {} s", .0.as_secs_f64())]
    TimedOut(Duration),
    /// More was printed than there is room for; the script was cut off. What it did is unknown.
    #[error("the output has no end")]
    TooMuch,
    /// The answer's end is none that our loop prints. What the script did is unknown.
    #[error("the end of the answer cannot be understood")]
    Garbled,
    /// The connection broke. What the script did is unknown.
    #[error("the connection was lost: {0}")]
    Lost(String),
    /// The shell ended under the script (killed, most likely). What the script did is unknown.
    #[error("the shell ended under the script (status {0})")]
    Ended(u32),
    /// What was to be uploaded could not be read here.
    #[error("reading what is to be sent: {0}")]
    Input(String),
}

impl ShellError {
    /// Whether a script may have run: then what it did is unknown, neither failure nor success.
    pub fn outcome_is_unknown(&self) -> bool {
        matches!(self, Self::TimedOut(_) | Self::TooMuch | Self::Garbled | Self::Lost(_) | Self::Ended(_) | Self::Input(_))
    }
}

/// A shell on a machine, at one privilege. Dropping it ends it.
///
/// After an error it is of no further use: open another.
#[derive(Debug)]
pub struct Shell {
    process: Process,
    /// Whether a script's answer was left unread: the streams cannot be told apart any more.
    broken: Option<ShellError>,
    /// Scripts sent so far.
    round_trips: u64,
}

impl Shell {
    /// Waits until the loop runs, and answers sudo if it asks.
    pub(crate) async fn open(mut process: Process, start: &Start, become_: &Become, limit: Duration) -> Result<Self, ShellError> {
        let (mut until, mut ended) = (Instant::now() + limit, None);
        let password = match become_ {
            Become::Sudo { password, .. } => password.as_ref(),
            Become::No => None,
        };
        let ready = format!("\n{} ready\n", start.ready);
        let (mut stdout, mut stderr, mut prompts) = (Vec::new(), Vec::new(), 0);
        loop {
            let event = match (timeout_at(until, process.events.recv()).await, ended) {
                (Ok(event), _) => event,
                (Err(_), Some(_)) => None,
                (Err(_), None) => return Err(not_ready(become_, &stderr, limit)),
            };
            match event {
                Some(Event::Stdout(bytes)) => {
                    // only where it can be new: a login that prints byte by byte must not cost the square of its length
                    let from = stdout.len().saturating_sub(ready.len());
                    stdout.extend_from_slice(&bytes);
                    if memchr::memmem::find(stdout.get(from..).unwrap_or_default(), ready.as_bytes()).is_some() {
                        process.listening.store(false, Ordering::SeqCst);
                        return Ok(Self { process, broken: None, round_trips: 0 });
                    }
                }
                Some(Event::Stderr(bytes)) => {
                    let prompt = start.prompt.as_str().as_bytes();
                    let from = stderr.len().saturating_sub(prompt.len() - 1);
                    stderr.extend_from_slice(&bytes);
                    for _ in memchr::memmem::find_iter(stderr.get(from..).unwrap_or_default(), prompt) {
                        prompts += 1;
                        answer(&process, password, prompts).await?;
                    }
                }
                Some(Event::Exit(status)) => {
                    ended = Some(status);
                    until = until.min(Instant::now() + LAST_WORDS);
                }
                Some(Event::NotStarted) => return Err(ShellError::NoCommands),
                Some(Event::Lost(why)) => return Err(ShellError::Lost(why)),
                None => return Err(not_started(become_, ended.unwrap_or(255), &stderr, &stdout)),
            }
            if stdout.len() + stderr.len() > NOISE {
                return Err(ShellError::TooMuch);
            }
        }
    }

    /// Runs a script with nothing on its standard input, and returns its status (0 to 255).
    ///
    /// # Errors
    /// See [`ShellError`]. With [`ShellError::outcome_is_unknown`] the script may have run.
    pub async fn run(&mut self, script: &str, output: &mut dyn Output, limit: Duration) -> Result<u8, ShellError> {
        self.drive(script, None, output, limit).await
    }

    /// Runs a script that reads all of `input` and ends the shell: on one channel, one upload.
    ///
    /// # Errors
    /// As [`Shell::run`]. `limit` is the longest wait between two signs of progress.
    pub async fn run_with_input(
        mut self,
        script: &str,
        input: &mut (dyn AsyncRead + Unpin + Send),
        output: &mut dyn Output,
        limit: Duration,
    ) -> Result<u8, ShellError> {
        self.drive(script, Some(input), output, limit).await
    }

    /// Whether an answer was left unread: it runs nothing more.
    pub fn is_broken(&self) -> bool {
        self.broken.is_some()
    }

    /// How many scripts it was sent: the round trips since it was opened.
    pub fn round_trips(&self) -> u64 {
        self.round_trips
    }

    async fn drive(
        &mut self,
        script: &str,
        input: Option<&mut (dyn AsyncRead + Unpin + Send)>,
        output: &mut dyn Output,
        limit: Duration,
    ) -> Result<u8, ShellError> {
        if let Some(error) = &self.broken {
            return Err(error.clone());
        }
        // until the answer is whole, whoever drops this future leaves a broken shell behind
        self.broken = Some(ShellError::Lost("an earlier script was interrupted".into()));
        self.round_trips += 1;
        self.process.listening.store(true, Ordering::SeqCst);
        let result = self.exchange(script, input, output, limit).await;
        self.process.listening.store(false, Ordering::SeqCst);
        match result {
            Ok(status) => {
                self.broken = None;
                Ok(status)
            }
            Err(error) => {
                self.broken = Some(error.clone());
                self.process.events.close();
                Err(error)
            }
        }
    }

    async fn exchange(
        &mut self,
        script: &str,
        mut input: Option<&mut (dyn AsyncRead + Unpin + Send)>,
        output: &mut dyn Output,
        limit: Duration,
    ) -> Result<u8, ShellError> {
        let nonce = Nonce::new();
        // in braces: a script that was cut off on its way does not parse, so no part of it runs
        let script = format!("{{\n{script}\n}}");
        let mut to_send = format!("{} {nonce} {}\n{script}", script.len(), u8::from(input.is_some())).into_bytes();
        let mut reader = FrameReader::new(&nonce);
        let (mut until, mut ended) = (Instant::now() + limit, None);
        let (mut begun, mut at_end) = (false, false);
        let Process { input: process_input, events, .. } = &mut self.process;
        loop {
            if at_end {
                // what waits for more than there is sees the end
                *process_input = None;
            }
            // what follows the script is sent once its reader runs: a `head` that reads ahead would swallow it
            let may_read = begun && to_send.is_empty();
            let event = tokio::select! {
                read = read(&mut input), if may_read && input.is_some() => {
                    to_send = read.map_err(|error| ShellError::Input(error.to_string()))?;
                    if to_send.is_empty() {
                        (input, at_end) = (None, true);
                    }
                    continue;
                }
                room = room(process_input), if !to_send.is_empty() => {
                    // a closed input shows in the events, with the reason
                    let Some(room) = room else { to_send.clear(); input = None; continue };
                    let rest = to_send.split_off(to_send.len().min(PIECE));
                    room.send(std::mem::replace(&mut to_send, rest));
                    until = Instant::now() + limit;
                    continue;
                }
                event = timeout_at(until, events.recv()) => match (event, ended) {
                    (Ok(event), _) => event,
                    (Err(_), Some(_)) => None,
                    (Err(_), None) => return Err(ShellError::TimedOut(limit)),
                },
            };
            let frame = match event {
                Some(Event::Stdout(bytes)) => reader.stdout(&bytes, output),
                Some(Event::Stderr(bytes)) => reader.stderr(&bytes, output),
                Some(Event::Exit(status)) => {
                    ended = Some(status);
                    until = until.min(Instant::now() + LAST_WORDS);
                    continue;
                }
                Some(Event::Lost(why)) => return Err(ShellError::Lost(why)),
                Some(Event::NotStarted) | None => {
                    return Err(ended.map_or_else(|| ShellError::Lost("the channel was closed".into()), ShellError::Ended));
                }
            };
            begun = begun || reader.begun();
            match frame {
                Frame::Open => {}
                Frame::Ended(status) => return Ok(status),
                Frame::TooMuch => return Err(ShellError::TooMuch),
                Frame::Garbled => return Err(ShellError::Garbled),
            }
        }
    }
}

/// The next bytes of what is to be sent; empty at its end.
async fn read(input: &mut Option<&mut (dyn AsyncRead + Unpin + Send)>) -> std::io::Result<Vec<u8>> {
    let Some(stream) = input else { return Ok(Vec::new()) };
    let mut bytes = vec![0; PIECE];
    let length = stream.read(&mut bytes).await?;
    bytes.truncate(length);
    Ok(bytes)
}

/// Sends the password after sudo's first prompt; a second prompt means that it was wrong.
async fn answer(process: &Process, password: Option<&SecretString>, prompts: usize) -> Result<(), ShellError> {
    let Some(password) = password else { return Err(SudoError::PasswordNeeded.into()) };
    if prompts > 1 {
        return Err(SudoError::WrongPassword.into());
    }
    let line = format!("{}\n", password.expose_secret()).into_bytes();
    room(&process.input).await.ok_or_else(|| ShellError::Lost("sudo closed its input".into()))?.send(line);
    Ok(())
}

/// Nothing more came in time.
fn not_ready(become_: &Become, stderr: &[u8], limit: Duration) -> ShellError {
    match (become_, last_lines(stderr)) {
        (Become::Sudo { .. }, said) if !said.is_empty() => SudoError::Waits { said }.into(),
        _ => ShellError::TimedOut(limit),
    }
}

/// The last lines of what was said: the first are the login's own noise.
fn last_lines(said: &[u8]) -> String {
    let said = String::from_utf8_lossy(said.get(said.len().saturating_sub(SAID)..).unwrap_or_default());
    let lines: Vec<&str> = said.trim().lines().collect();
    lines.get(lines.len().saturating_sub(4)..).unwrap_or_default().join("\n")
}

fn not_started(become_: &Become, status: u32, stderr: &[u8], stdout: &[u8]) -> ShellError {
    let said = last_lines(if stderr.is_empty() { stdout } else { stderr });
    match become_ {
        Become::Sudo { .. } => SudoError::from_words(status, &said).into(),
        Become::No => ShellError::NotStarted { status, said },
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Collected, Flow, local};
    use super::*;

    const SHELLS: [&str; 3] = ["/bin/dash", "/bin/bash", "busybox ash"];
    const LIMIT: Duration = Duration::from_secs(20);

    async fn open(shell: &str) -> Shell {
        let start = Start::new();
        let command = start.command(&Become::No).unwrap().replace("/bin/sh", shell);
        Shell::open(local::start(&command).unwrap(), &start, &Become::No, LIMIT).await.unwrap()
    }

    async fn run(shell: &mut Shell, script: &str) -> (u8, String, String) {
        let mut output = Collected::up_to(1 << 20);
        let status = shell.run(script, &mut output, LIMIT).await.unwrap();
        (status, String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    }

    #[tokio::test]
    async fn scripts_do_not_see_each_other() {
        for name in SHELLS {
            let mut shell = open(name).await;
            let home = run(&mut shell, "pwd; umask").await;
            assert_eq!(
                run(&mut shell, "cd /; umask 077; set -e; x=1; exec 1>&2; echo hi; exit 7").await,
                (7, "".into(), "hi\n".into()),
                "{name}"
            );
            assert_eq!(run(&mut shell, "false; printf '[%s]' \"$x\"; cat").await, (0, "[]".into(), "".into()), "{name}");
            assert_eq!(run(&mut shell, "pwd; umask").await, home, "{name}");
            assert_eq!(run(&mut shell, "if; then").await.0, 2, "{name}: a syntax error stays in the child");
            assert_eq!(shell.round_trips(), 5);
        }
    }

    #[tokio::test]
    async fn large_and_binary_output_comes_whole() {
        struct Count(u64);
        impl Output for Count {
            fn stdout(&mut self, bytes: &[u8]) -> Flow {
                self.0 += bytes.len() as u64;
                Flow::GoOn
            }
            fn stderr(&mut self, _: &[u8]) -> Flow {
                Flow::Stop
            }
        }
        let mut shell = open(SHELLS[0]).await;
        let mut count = Count(0);
        assert_eq!(shell.run("head -c 100000000 /dev/zero", &mut count, LIMIT).await.unwrap(), 0);
        assert_eq!(count.0, 100_000_000);
        let mut bytes = Collected::up_to(9);
        shell.run(r"printf '\0\377\n\n'", &mut bytes, LIMIT).await.unwrap();
        assert_eq!(bytes.stdout, b"\0\xff\n\n");
    }

    #[tokio::test]
    async fn what_does_not_end_is_cut_and_the_shell_is_done_with() {
        let mut shell = open(SHELLS[0]).await;
        assert_eq!(shell.run("yes", &mut Collected::up_to(1 << 20), LIMIT).await, Err(ShellError::TooMuch));
        assert_eq!(shell.run("true", &mut Collected::up_to(9), LIMIT).await, Err(ShellError::TooMuch));
        let mut shell = open(SHELLS[0]).await;
        let short = Duration::from_millis(50);
        assert_eq!(shell.run("sleep 5", &mut Collected::up_to(9), short).await, Err(ShellError::TimedOut(short)));
        let mut shell = open(SHELLS[0]).await;
        let error = shell.run("kill -9 $$", &mut Collected::up_to(9), LIMIT).await.unwrap_err();
        assert_eq!(error, ShellError::Ended(137));
        assert!(error.outcome_is_unknown());
    }

    #[tokio::test]
    async fn an_upload_is_read_whole_and_ends_the_shell() {
        for name in SHELLS {
            let bytes: Vec<u8> = (0..3_000_000u32).map(|i| (i * 7 % 251) as u8).collect();
            let mut output = Collected::up_to(99);
            let script = "head -c 3000000 | sha256sum";
            let status = open(name).await.run_with_input(script, &mut &bytes[..], &mut output, LIMIT).await.unwrap();
            let digest: String = <sha2::Sha256 as sha2::Digest>::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!((status, String::from_utf8(output.stdout).unwrap()), (0, format!("{digest}  -\n")), "{name}");
        }
    }

    #[tokio::test]
    async fn a_script_that_waits_for_more_than_there_is_sees_the_end() {
        let mut output = Collected::up_to(99);
        let status = open(SHELLS[0]).await.run_with_input("head -c 50 | wc -c", &mut &b"short"[..], &mut output, LIMIT).await.unwrap();
        assert_eq!((status, output.stdout), (0, b"5\n".to_vec()));
    }

    #[tokio::test]
    async fn bytes_left_over_from_an_upload_are_never_run() {
        let dir = tempfile::tempdir().unwrap();
        let trap = dir.path().join("ran");
        let nonce = Nonce::new();
        let evil = format!("8 {nonce} 0\nignored\n{} {nonce} 0\ntouch {}\n", 7 + trap.display().to_string().len(), trap.display());
        let mut output = Collected::up_to(999);
        let status = open(SHELLS[0]).await.run_with_input("exit 3", &mut evil.as_bytes(), &mut output, LIMIT).await.unwrap();
        assert_eq!(status, 3);
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(!trap.exists());
    }

    #[tokio::test]
    async fn a_line_that_is_no_header_ends_the_loop_unread() {
        let dir = tempfile::tempdir().unwrap();
        for name in SHELLS {
            for password in ["hunter2", "100", "", "100 x", "-1"] {
                let mut shell = open(name).await;
                room(&shell.process.input).await.unwrap().send(format!("{password}\n").into_bytes());
                let trap = dir.path().join("ran");
                let error = shell.run(&format!("touch {}", trap.display()), &mut Collected::up_to(999), LIMIT).await.unwrap_err();
                assert_eq!((error, trap.exists()), (ShellError::Ended(1), false), "{name} {password:?}");
            }
        }
    }

    #[tokio::test]
    async fn what_is_left_running_does_not_fill_an_idle_shell() {
        let mut shell = open(SHELLS[0]).await;
        let mut output = Collected::up_to(64 << 20);
        shell.run("( head -c 30000000 /dev/zero | tr '\\0' x; touch done ) & true", &mut output, LIMIT).await.unwrap();
        for _ in 0..200 {
            tokio::time::sleep(Duration::from_millis(20)).await;
            if std::fs::exists("done").unwrap() {
                break;
            }
        }
        let done = std::fs::remove_file("done").is_ok();
        assert!(done, "it is held up by nobody reading");
        assert_eq!(run(&mut shell, "echo hi").await.1, "hi\n");
    }

    #[tokio::test]
    async fn a_script_cut_on_its_way_runs_not_even_in_part() {
        let dir = tempfile::tempdir().unwrap();
        for name in SHELLS {
            let trap = dir.path().join("ran");
            let script = format!("{{\ntouch {}\ntrue\n}}", trap.display());
            for cut in [script.len() - 1, script.len() - 3, script.len() - 8] {
                let shell = open(name).await;
                let part = format!("{} {} 0\n{}", script.len(), Nonce::new(), &script[..cut]);
                room(&shell.process.input).await.unwrap().send(part.into_bytes());
                drop(shell);
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
            assert!(!trap.exists(), "{name}");
        }
    }
}
