//! `pause`, `--step`, disks that are formatted: the run waits for a person.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::core::Core;
use super::host::Machines;
use super::items::title;
use super::manner::Manner;
use super::person::{Question, Reply};
use super::play::Engine;
use super::status::{Done, Status};
use crate::modules::{Args, Formatting};
use crate::plan::Refusal;
use crate::playbook::Task;

impl<M: Machines> Engine<M> {
    pub(super) async fn ask(&self, question: Question) -> Reply {
        ask(&self.core, &self.cancelled, question).await
    }

    /// A person's word before disks of that host are formatted.
    pub(super) fn word<'a>(&'a self, host: &'a str) -> Word<'a> {
        Word { core: &self.core, cancelled: &self.cancelled, host }
    }

    /// `--step`: whether a task is to be done.
    pub(super) async fn is_wanted(&self, task: &Task) -> bool {
        let mut asks = self.core.asks.lock().await;
        if !*asks {
            return true;
        }
        match self.ask(Question::Step { task: title(task, None) }).await {
            Reply::Yes | Reply::Text(_) => true,
            Reply::Always => {
                *asks = false;
                true
            }
            Reply::No => false,
            Reply::Abort | Reply::Nobody => {
                self.cancelled.cancel();
                false
            }
        }
    }

    pub(super) async fn pause(&self, task: &Task, args: &Args, manner: &Manner) -> Done {
        let minutes = whole(args, "minutes").map(|minutes| minutes.saturating_mul(60));
        let unit = if minutes.is_some() { "minutes" } else { "seconds" };
        let seconds = whole(args, "seconds").or(minutes).map(|seconds| u64::try_from(seconds).unwrap_or(0).clamp(1, 7 * 86_400));
        let echo = args.bool("echo").unwrap_or(true);
        let done = Done::new(Status::Ok).with("rc", 0).with("echo", echo).with("user_input", "").with("stderr", "");
        if manner.check {
            return done;
        }
        let prompt = args.str("prompt").map(str::to_owned);
        let began = Instant::now();
        let said = match self.ask(Question::Pause { task: title(task, None), prompt, seconds, echo }).await {
            Reply::Text(text) => text,
            Reply::Abort => return Done::failed("user requested abort!"),
            _ => match seconds {
                Some(seconds) => {
                    let left = Duration::from_secs(seconds).saturating_sub(began.elapsed());
                    tokio::select! {
                        () = tokio::time::sleep(left) => {}
                        () = self.cancelled.cancelled() => return Done::failed("interrupted"),
                    }
                    String::new()
                }
                None => {
                    self.core.warn("`pause` without a time waits for a person, and goes on at once where nobody is asked".to_owned());
                    String::new()
                }
            },
        };
        let took = began.elapsed().as_secs_f64();
        let shown = if unit == "minutes" { took / 60.0 } else { took };
        let shown = format!("{:?}", (shown * 100.0).round() / 100.0);
        done.with("stdout", format!("Paused for {shown} {unit}")).with("delta", took.trunc()).with("user_input", said)
    }
}

/// Before a disk is formatted: what `--yes` said, or what a person says now.
#[derive(Clone, Copy)]
pub(super) struct Word<'a> {
    core: &'a Core,
    cancelled: &'a CancellationToken,
    host: &'a str,
}

impl Word<'_> {
    /// # Errors
    /// Why the disk may not be formatted.
    pub async fn before(&self, formatting: &Formatting) -> Result<(), Refusal> {
        if self.core.options.yes {
            return Ok(());
        }
        self.core.consent.of(self.host, formatting, |question| ask(self.core, self.cancelled, question)).await
    }
}

/// Asks the person at the terminal; the run goes on meanwhile.
async fn ask(core: &Core, cancelled: &CancellationToken, question: Question) -> Reply {
    let person = Arc::clone(&core.setting.person);
    let asked = tokio::task::spawn_blocking(move || person(question));
    tokio::select! {
        reply = asked => reply.unwrap_or(Reply::Nobody),
        () = cancelled.cancelled() => Reply::Abort,
    }
}

/// A number of which only the whole part counts.
#[expect(clippy::cast_possible_truncation, reason = "nobody waits so long")]
fn whole(args: &Args, name: &str) -> Option<i64> {
    args.float(name).map(|number| number.trunc() as i64).or_else(|| args.int(name))
}
