//! The one way from a run to those who watch it.

use std::io;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};

use indicatif::MultiProgress;
use jiff::Timestamp;

use super::{Event, Secrets, Stamped};

/// Shows events: to a person, to a program, in a file.
pub trait Renderer: Send {
    /// What it writes, as a person would call it: `the results`, `the log`.
    fn writes(&self) -> &'static str;

    /// Shows one event, or remembers it for later.
    ///
    /// # Errors
    /// What it writes to cannot be written.
    fn event(&mut self, event: &Stamped) -> io::Result<()>;

    /// Whether it writes to the terminal at this event: progress lines are taken away meanwhile.
    fn writes_at(&self, event: &Stamped) -> bool;
}

/// Takes events from everywhere. Cheap to clone; never waits.
#[derive(Debug, Clone)]
pub struct Reporter {
    /// `None` closes the desk.
    sender: Sender<Option<Stamped>>,
    progress: Option<MultiProgress>,
}

/// The end of the line: the thread that shows events.
#[derive(Debug)]
pub struct Desk {
    sender: Sender<Option<Stamped>>,
    thread: JoinHandle<Result<(), Unwritten>>,
}

/// What could not be written, and why.
#[derive(Debug, thiserror::Error)]
#[error("writing {what}")]
pub struct Unwritten {
    /// E.g. `the results`.
    pub what: &'static str,
    /// Why.
    #[source]
    pub source: io::Error,
}

/// Starts showing events by these renderers, in this order, without these secrets.
///
/// `progress` holds the lines that a [`Reporter::suspended`] call takes off the screen.
///
/// # Errors
/// The system gives no thread.
pub fn start(secrets: Secrets, renderers: Vec<Box<dyn Renderer>>, progress: Option<MultiProgress>) -> io::Result<(Reporter, Desk)> {
    let (sender, receiver) = mpsc::channel();
    // a thread, not a task: a terminal or a pipe may block, and the hosts must not wait for it
    let thread = thread::Builder::new().name("report".into()).spawn(move || show(&receiver, &secrets, renderers))?;
    let desk = Desk { sender: sender.clone(), thread };
    Ok((Reporter { sender, progress }, desk))
}

impl Reporter {
    /// Tells that something happened, now. After the desk has closed nobody listens.
    pub fn tell(&self, event: Event) {
        let _ = self.sender.send(Some(Stamped::new(Timestamp::now(), event)));
    }

    /// Does something that needs the terminal for itself, e.g. asks for a passphrase.
    pub fn suspended<R>(&self, ask: impl FnOnce() -> R) -> R {
        match &self.progress {
            Some(progress) => progress.suspend(ask),
            None => ask(),
        }
    }
}

impl Desk {
    /// Shows what is still on its way and ends.
    ///
    /// # Errors
    /// The first thing that could not be written. A reader that went away (a closed pipe) is no error.
    pub fn close(self) -> Result<(), Unwritten> {
        let _ = self.sender.send(None);
        self.thread
            .join()
            .unwrap_or_else(|_| Err(Unwritten { what: "the results", source: io::Error::other("a bug: the renderer panicked") }))
    }
}

fn show(receiver: &Receiver<Option<Stamped>>, secrets: &Secrets, mut renderers: Vec<Box<dyn Renderer>>) -> Result<(), Unwritten> {
    let mut first = Ok(());
    while let Ok(Some(Stamped { version, time, event })) = receiver.recv() {
        let event = Stamped { version, time, event: event.redacted(secrets) };
        // one that cannot write is asked no more; the run and the other renderers go on
        renderers.retain_mut(|renderer| match renderer.event(&event) {
            Ok(()) => true,
            Err(source) => {
                if source.kind() != io::ErrorKind::BrokenPipe && first.is_ok() {
                    first = Err(Unwritten { what: renderer.writes(), source });
                }
                false
            }
        });
    }
    first
}

#[cfg(test)]
mod tests {
    use super::super::{Registered, test_screen::Buffer};
    use super::*;
    use std::io::Write as _;

    struct Plain(Buffer, Option<io::ErrorKind>);

    impl Renderer for Plain {
        fn writes(&self) -> &'static str {
            "the results"
        }
        fn event(&mut self, event: &Stamped) -> io::Result<()> {
            if let Some(kind) = self.1 {
                return Err(kind.into());
            }
            writeln!(self.0, "{}", serde_json::to_string(&event.event)?)
        }
        fn writes_at(&self, _: &Stamped) -> bool {
            true
        }
    }

    #[test]
    fn events_arrive_in_order_and_without_secrets() {
        let (buffer, secrets) = (Buffer::default(), Secrets::default());
        assert_eq!(secrets.register("s3cret"), Registered::Hidden);
        let (reporter, desk) = start(secrets, vec![Box::new(Plain(buffer.clone(), None))], None).unwrap();
        reporter.tell(Event::warning("one s3cret"));
        reporter.clone().tell(Event::warning("two"));
        desk.close().unwrap();
        reporter.tell(Event::warning("too late"));
        let text = buffer.text();
        assert!(text.contains("one ***") && text.find("one") < text.find("two") && !text.contains("late"), "{text}");
    }

    #[test]
    fn a_closed_pipe_is_quiet_and_a_full_disk_is_not() {
        for (kind, quiet) in [(io::ErrorKind::BrokenPipe, true), (io::ErrorKind::StorageFull, false)] {
            let other = Buffer::default();
            let renderers: Vec<Box<dyn Renderer>> =
                vec![Box::new(Plain(Buffer::default(), Some(kind))), Box::new(Plain(other.clone(), None))];
            let (reporter, desk) = start(Secrets::default(), renderers, None).unwrap();
            reporter.tell(Event::warning("one"));
            reporter.tell(Event::warning("two"));
            assert_eq!(desk.close().is_ok(), quiet);
            assert_eq!(other.text().lines().count(), 2, "the other renderer goes on");
        }
    }
}
