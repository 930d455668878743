//! The person at the terminal, for what comes up only while connecting.

use std::io;
use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use super::interrupt::Interrupt;
use super::terminal::Terminal;
use crate::report::{Event, Registered, Reporter, SHORTEST, Secrets, escape};
use crate::transport::ssh::{Answer, Person};

/// Asks on the terminal, one question at a time, and hides the answers from all output.
#[derive(Debug)]
pub(super) struct AtTerminal {
    reporter: Reporter,
    secrets: Secrets,
    interrupt: Interrupt,
    one_at_a_time: Arc<Mutex<()>>,
}

/// One of the terminal's ways to ask.
type Way<T> = fn(&Terminal, &str, &CancellationToken) -> io::Result<Option<T>>;

impl AtTerminal {
    pub(super) fn new(reporter: Reporter, secrets: Secrets, interrupt: Interrupt) -> Self {
        Self { reporter, secrets, interrupt, one_at_a_time: Arc::default() }
    }

    async fn ask<T: Send + 'static>(&self, question: &str, way: Way<T>) -> Option<T> {
        let turn = Arc::clone(&self.one_at_a_time).lock_owned().await;
        if self.interrupt.cancelled.is_cancelled() {
            return None;
        }
        // the question also ends when nobody waits for its answer any more
        let stop = self.interrupt.cancelled.child_token();
        let _stopped = stop.clone().drop_guard();
        // it may be a host's own words
        let (question, reporter, terminal) = (escape::line(question), self.reporter.clone(), self.interrupt.terminal.clone());
        let answer = tokio::task::spawn_blocking(move || {
            // the next one has its turn when this one has left the terminal
            let _turn = turn;
            reporter.suspended(|| way(&terminal, &question, &stop))
        });
        match answer.await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {
                self.interrupt.cancel();
                None
            }
            _ => None,
        }
    }
}

impl Person for AtTerminal {
    fn secret<'a>(&'a self, question: &'a str, echo: bool) -> Answer<'a, Option<SecretString>> {
        Box::pin(async move {
            let answer = self.ask(question, if echo { Terminal::line } else { Terminal::secret }).await?;
            if self.secrets.register(answer.expose_secret()) == Registered::TooShort {
                let message = format!("an answer has less than {SHORTEST} characters, so it is not hidden in the output");
                self.reporter.tell(Event::warning(message));
            }
            Some(answer)
        })
    }

    fn confirm<'a>(&'a self, question: &'a str) -> Answer<'a, Option<bool>> {
        Box::pin(self.ask(question, Terminal::confirm))
    }
}
