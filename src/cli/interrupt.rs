//! Ctrl-C: the first one ends a run cleanly, the second one at once; where nothing runs, so does the first.
//!
//! The listener has a thread and a runtime of its own. Once tokio has taken a signal over, it does nothing by itself any
//! more, and there is much to interrupt outside of a run: a question before it, a pipe that nobody reads after it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::screen;
use super::terminal::Terminal;
use crate::diagnostics::ExitCode;

/// What a signal does now. Clones are the same.
#[derive(Debug, Clone)]
pub(super) struct Interrupt {
    /// Cancelled by the first signal during a run.
    pub(super) cancelled: CancellationToken,
    /// Gets its modes back before the process ends.
    pub(super) terminal: Terminal,
    /// Whether a run is under way that has not been told to end.
    running: Arc<AtomicBool>,
}

impl Interrupt {
    /// Listens to SIGINT and SIGTERM from now on, as long as the process lives.
    ///
    /// # Errors
    /// The system does not let us listen; it has been told, and this is how the program ends.
    pub(super) fn listen() -> Result<Self, ExitCode> {
        Self::heard().map_err(|error| {
            screen::complain(&format!("error: listening for Ctrl-C: {error}"));
            ExitCode::Failed
        })
    }

    fn heard() -> io::Result<Self> {
        let interrupt = Self::unheard();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        // on this thread: no signal is missed after the call
        let (mut int, mut term) = {
            let _inside = runtime.enter();
            (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)
        };
        let listener = interrupt.clone();
        std::thread::Builder::new().name("signals".into()).spawn(move || {
            runtime.block_on(async {
                loop {
                    let got = tokio::select! { got = int.recv() => got, got = term.recv() => got };
                    if got.is_none() {
                        return;
                    }
                    listener.signal();
                }
            });
        })?;
        Ok(interrupt)
    }

    /// One that hears no signal.
    fn unheard() -> Self {
        Self { cancelled: CancellationToken::new(), terminal: Terminal::default(), running: Arc::default() }
    }

    /// A run begins: it looks at `cancelled` and ends cleanly.
    pub(super) fn run_begins(&self) {
        self.running.store(true, Ordering::SeqCst);
    }

    /// The run has ended; nothing looks at `cancelled` any more.
    pub(super) fn run_ended(&self) {
        self.running.store(false, Ordering::SeqCst);
    }

    /// Ends the run cleanly, if there is one that has not been told so yet.
    pub(super) fn cancel(&self) -> bool {
        let first = self.running.swap(false, Ordering::SeqCst);
        if first {
            self.cancelled.cancel();
        }
        first
    }

    fn signal(&self) {
        if !self.cancel() {
            self.terminal.restore_for_good();
            end();
        }
    }
}

#[expect(clippy::exit, reason = "the person has asked twice, or nothing is under way: nothing is waited for any more")]
fn end() {
    std::process::exit(i32::from(ExitCode::Interrupted as u8));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_one_during_a_run_is_clean() {
        let interrupt = Interrupt::unheard();
        assert!(!interrupt.cancel(), "nothing runs yet");
        interrupt.run_begins();
        assert!(!interrupt.cancelled.is_cancelled());
        assert!(interrupt.clone().cancel() && interrupt.cancelled.is_cancelled());
        assert!(!interrupt.cancel());
        let interrupt = Interrupt::unheard();
        interrupt.run_begins();
        interrupt.run_ended();
        assert!(!interrupt.cancel(), "nothing runs any more");
    }
}
