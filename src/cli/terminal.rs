//! Questions on the person's terminal, which can be given up at any moment.
//!
//! The terminal is never read by a call that waits for ever: whoever asks holds the lock of the progress lines, and a
//! run that was interrupted could not end.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};
use secrecy::zeroize::Zeroize as _;
use secrecy::{ExposeSecret as _, SecretString};
use tokio_util::sync::CancellationToken;

use super::prompt::{read_line, secret};

/// How long a question may go on after it was given up.
const SLICE: Duration = Duration::from_millis(50);
/// How often a question with two answers is asked.
const TRIES: usize = 3;

/// The terminal that this process belongs to. Clones know of each other's questions.
#[derive(Debug, Clone, Default)]
pub(super) struct Terminal {
    silenced: Arc<Mutex<Option<Silenced>>>,
}

/// How a question ended that Ctrl-C does not end.
#[derive(Debug)]
pub(super) enum Typed {
    /// With Enter.
    Line(SecretString),
    /// With Ctrl-C.
    Interrupted,
    /// Its time was over.
    Over,
}

/// A terminal that shows nothing of what is typed, and its modes before.
#[derive(Debug)]
struct Silenced {
    terminal: File,
    before: Termios,
}

impl Terminal {
    /// Asks for a secret, of which nothing is shown; `None` if there is no terminal. It ends soon after `stop`.
    ///
    /// # Errors
    /// [`io::ErrorKind::Interrupted`] after Ctrl-C or `stop`, [`io::ErrorKind::UnexpectedEof`] if there is none to read.
    pub(super) fn secret(&self, question: &str, stop: &CancellationToken) -> io::Result<Option<SecretString>> {
        let Some(mut terminal) = Stoppable::open(stop) else { return Ok(None) };
        let _hush = Hush::begin(self, terminal.file.try_clone()?)?;
        terminal.write_all(worded(question).as_bytes())?;
        let answer = read_keys(&mut terminal);
        let newline = terminal.write_all(b"\n");
        answer.and_then(|answer| newline.map(|()| Some(answer)))
    }

    /// Asks for a line that may be seen; otherwise as [`Terminal::secret`].
    pub(super) fn line(&self, question: &str, stop: &CancellationToken) -> io::Result<Option<SecretString>> {
        let Some(mut terminal) = Stoppable::open(stop) else { return Ok(None) };
        terminal.write_all(worded(question).as_bytes())?;
        read_line(&mut terminal).map(Some)
    }

    /// Whether there is one.
    pub(super) fn is_there(&self) -> bool {
        Stoppable::open(&CancellationToken::new()).is_some()
    }

    /// Shows a text, if there is a terminal.
    pub(super) fn say(&self, text: &str) {
        if let Some(mut terminal) = Stoppable::open(&CancellationToken::new()) {
            let _ = terminal.write_all(text.as_bytes());
        }
    }

    /// What is typed up to Enter, and Ctrl-C as an answer; with `wait` Enter means nothing, and it ends after that time.
    pub(super) fn typed(&self, question: &str, echo: bool, wait: Option<Duration>, stop: &CancellationToken) -> io::Result<Option<Typed>> {
        let Some(mut terminal) = Stoppable::open(stop) else { return Ok(None) };
        let _hush = Hush::begin_with(self, terminal.file.try_clone()?, echo)?;
        terminal.write_all(question.as_bytes())?;
        terminal.until = wait.map(|wait| Instant::now() + wait);
        let answer = loop {
            match read_keys(&mut terminal) {
                Ok(_) if wait.is_some() => {}
                other => break other,
            }
        };
        terminal.until = None;
        let _ = terminal.write_all(b"\n");
        match answer {
            Ok(line) => Ok(Some(Typed::Line(line))),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => Ok(Some(Typed::Over)),
            Err(error) if error.kind() == io::ErrorKind::Interrupted && !stop.is_cancelled() => Ok(Some(Typed::Interrupted)),
            Err(error) => Err(error),
        }
    }

    /// One key, Ctrl-C among them.
    pub(super) fn key(&self, question: &str, stop: &CancellationToken) -> io::Result<Option<u8>> {
        let Some(mut terminal) = Stoppable::open(stop) else { return Ok(None) };
        let _hush = Hush::begin(self, terminal.file.try_clone()?)?;
        terminal.write_all(question.as_bytes())?;
        let mut key = [0];
        terminal.read_exact(&mut key)?;
        terminal.write_all(b"\n")?;
        Ok(key.first().copied())
    }

    /// Asks for yes or no; otherwise as [`Terminal::secret`].
    pub(super) fn confirm(&self, question: &str, stop: &CancellationToken) -> io::Result<Option<bool>> {
        let Some(mut terminal) = Stoppable::open(stop) else { return Ok(None) };
        confirm_on(&mut terminal, question).map(Some)
    }

    /// Gives the terminal its modes back, because the process ends now: no later question takes them away.
    pub(super) fn restore_for_good(&self) {
        let mut silenced = self.silenced();
        if let Some(Silenced { terminal, before }) = silenced.as_mut() {
            restore(terminal, before);
            let _ = terminal.write_all(b"\n");
        }
        // a question that is about to be asked waits here until the process is gone
        std::mem::forget(silenced);
    }

    fn silenced(&self) -> MutexGuard<'_, Option<Silenced>> {
        self.silenced.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// While it lives, the terminal shows nothing of what is typed.
struct Hush<'a>(&'a Terminal);

impl<'a> Hush<'a> {
    fn begin(on: &'a Terminal, terminal: File) -> io::Result<Self> {
        Self::begin_with(on, terminal, false)
    }

    /// With `echo` what is typed is seen, and only Ctrl-C is a key as any other.
    fn begin_with(on: &'a Terminal, terminal: File, echo: bool) -> io::Result<Self> {
        let mut silenced = on.silenced();
        let before = tcgetattr(&terminal)?;
        let mut silent = before.clone();
        // Ctrl-C comes as a byte too, so that it is this question that ends
        silent.local_modes -= LocalModes::ICANON | LocalModes::ISIG;
        if !echo {
            silent.local_modes -= LocalModes::ECHO;
        }
        silent.special_codes[SpecialCodeIndex::VMIN] = 1;
        silent.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(&terminal, OptionalActions::Flush, &silent)?;
        *silenced = Some(Silenced { terminal, before });
        Ok(Self(on))
    }
}

impl Drop for Hush<'_> {
    fn drop(&mut self) {
        if let Some(Silenced { terminal, before }) = self.0.silenced().take() {
            restore(&terminal, &before);
        }
    }
}

fn restore(terminal: &File, before: &Termios) {
    // not after the output is drained: a terminal that is held by Ctrl-S never drains
    let _ = tcsetattr(terminal, OptionalActions::Now, before);
}

/// A terminal whose reads and writes end when the question is given up.
struct Stoppable<'a> {
    file: File,
    stop: &'a CancellationToken,
    /// When it ends by itself.
    until: Option<Instant>,
}

impl<'a> Stoppable<'a> {
    fn open(stop: &'a CancellationToken) -> Option<Self> {
        let nonblocking = OFlags::NONBLOCK.bits().cast_signed();
        let file = OpenOptions::new().read(true).write(true).custom_flags(nonblocking).open("/dev/tty").ok()?;
        Some(Self { file, stop, until: None })
    }

    fn when_ready<T>(&mut self, flags: PollFlags, mut act: impl FnMut(&mut File) -> io::Result<T>) -> io::Result<T> {
        let slice = Timespec { tv_sec: 0, tv_nsec: SLICE.subsec_nanos().into() };
        loop {
            if self.stop.is_cancelled() {
                return Err(io::ErrorKind::Interrupted.into());
            }
            if self.until.is_some_and(|until| Instant::now() >= until) {
                return Err(io::ErrorKind::TimedOut.into());
            }
            match poll(&mut [PollFd::new(&self.file, flags)], Some(&slice)) {
                Ok(0) | Err(rustix::io::Errno::INTR) => continue,
                Ok(_) => {}
                Err(error) => return Err(error.into()),
            }
            match act(&mut self.file) {
                // somebody else was faster, or the system cannot poll terminals
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => std::thread::sleep(SLICE),
                // a signal, which is none of our business: the listener will say whether to stop
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => return other,
            }
        }
    }
}

impl Read for Stoppable<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.when_ready(PollFlags::IN, |file| file.read(buffer))
    }
}

impl Write for Stoppable<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.when_ready(PollFlags::OUT, |file| file.write(bytes))
    }

    // `write_all` of the standard library goes on after `Interrupted`: here it means the end
    fn write_all(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let written = self.write(bytes)?;
            bytes = bytes.get(written..).unwrap_or_default();
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A question as it is shown; a host's own ends as the host likes.
fn worded(question: &str) -> String {
    let question = question.trim_end();
    let question = question.strip_suffix(':').unwrap_or(question).trim_end();
    let end = if question.ends_with(['?', '!', '.', '>', '#']) { " " } else { ": " };
    format!("{question}{end}")
}

fn confirm_on(terminal: &mut (impl Read + Write), question: &str) -> io::Result<bool> {
    terminal.write_all(format!("{} (yes/no) ", question.trim_end()).as_bytes())?;
    for _ in 1..TRIES {
        match yes_or_no(read_line(terminal)?.expose_secret()) {
            Some(answer) => return Ok(answer),
            None => terminal.write_all(b"please answer yes or no: ")?,
        }
    }
    // whoever cannot be understood has not agreed
    Ok(yes_or_no(read_line(terminal)?.expose_secret()).unwrap_or(false))
}

fn yes_or_no(answer: &str) -> Option<bool> {
    match answer.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Some(true),
        "n" | "no" => Some(false),
        _ => None,
    }
}

/// What is typed up to Enter.
fn read_keys(keys: &mut impl Read) -> io::Result<SecretString> {
    let mut typed = Vec::new();
    let mut key = [0];
    loop {
        match keys.read(&mut key) {
            Ok(0) => {
                typed.zeroize();
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            Ok(_) => {}
            Err(error) => {
                typed.zeroize();
                return Err(error);
            }
        }
        match key {
            [b'\r' | b'\n'] => return secret(typed),
            [3] => {
                typed.zeroize();
                return Err(io::ErrorKind::Interrupted.into());
            }
            [4] if typed.is_empty() => return Err(io::ErrorKind::UnexpectedEof.into()),
            // backspace takes a whole character
            [8 | 127] => while typed.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {},
            [21] => typed.zeroize(),
            [byte] => typed.push(byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(typed: &str) -> Result<String, io::ErrorKind> {
        read_keys(&mut typed.as_bytes()).map(|secret| secret.expose_secret().to_owned()).map_err(|error| error.kind())
    }

    #[test]
    fn keys_that_mean_something() {
        assert_eq!(keys("abc\rrest").as_deref(), Ok("abc"));
        assert_eq!(keys("abx\x7fcä\x7f\n").as_deref(), Ok("abc"));
        assert_eq!(keys("wrong\x15right\n").as_deref(), Ok("right"));
        assert_eq!(keys("\x7f\n").as_deref(), Ok(""));
        assert_eq!(keys("ab\x03"), Err(io::ErrorKind::Interrupted));
        assert_eq!(keys("\x04"), Err(io::ErrorKind::UnexpectedEof));
        assert_eq!(keys("ab"), Err(io::ErrorKind::UnexpectedEof));
    }

    #[test]
    fn a_question_ends_once() {
        assert_eq!(worded("pat@m1's password: "), "pat@m1's password: ");
        assert_eq!(worded("SSH password"), "SSH password: ");
        assert_eq!(worded("BECOME password [the SSH password]"), "BECOME password [the SSH password]: ");
        assert_eq!(worded("Which code? "), "Which code? ");
    }

    /// What was typed, and what was shown.
    struct Typed(&'static [u8], Vec<u8>);

    impl Read for Typed {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0.read(buffer)
        }
    }

    impl Write for Typed {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.1.write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn confirmed(typed: &'static str) -> (Option<bool>, String) {
        let mut terminal = Typed(typed.as_bytes(), Vec::new());
        let answer = confirm_on(&mut terminal, "go on connecting?").ok();
        (answer, String::from_utf8(terminal.1).unwrap())
    }

    #[test]
    fn yes_and_no_in_many_ways() {
        for (typed, answer) in [("y\n", true), ("YES\n", true), (" Yes \r\n", true), ("N\n", false), ("no\n", false)] {
            assert_eq!(confirmed(typed), (Some(answer), "go on connecting? (yes/no) ".to_owned()), "{typed:?}");
        }
    }

    #[test]
    fn anything_else_is_asked_again_and_never_a_yes() {
        let (answer, shown) = confirmed("yse\n\nyes\n");
        assert_eq!((answer, shown.matches("please answer yes or no: ").count()), (Some(true), 2));
        assert_eq!(confirmed("yse\nye\nyep\nyes\n").0, Some(false));
        assert_eq!(confirmed("yse\n").0, None, "nobody there any more");
    }
}
