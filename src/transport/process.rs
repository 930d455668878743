//! A running program with its three streams, wherever it runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::mpsc;

/// What a running program does.
#[derive(Debug)]
pub(crate) enum Event {
    /// It wrote to its standard output.
    Stdout(Vec<u8>),
    /// It wrote to its standard error.
    Stderr(Vec<u8>),
    /// It ended with this status (128 + the signal's number if by a signal).
    Exit(u32),
    /// The far side would not start it.
    NotStarted,
    /// The connection it ran on is gone: how it ended is unknown.
    Lost(String),
}

impl Event {
    /// Whether it goes to nobody.
    pub(crate) fn is_unheard(&self, listening: &AtomicBool) -> bool {
        matches!(self, Self::Stdout(_) | Self::Stderr(_)) && !listening.load(Ordering::SeqCst)
    }
}

/// A program that was started. Dropping it closes its standard input and its channel.
#[derive(Debug)]
pub(crate) struct Process {
    /// What it reads; `None` once it is to read the end.
    pub input: Option<mpsc::Sender<Vec<u8>>>,
    /// What it does, in order within each stream; ends when nothing more can come.
    pub events: mpsc::Receiver<Event>,
    /// Whether somebody reads the events. What it prints while nobody does is dropped: it must not fill the pipes and
    /// hold up what shares the connection.
    pub listening: Arc<AtomicBool>,
}

/// Waits until a process takes more; `None` if it reads no more.
pub(crate) async fn room(input: &Option<mpsc::Sender<Vec<u8>>>) -> Option<mpsc::Permit<'_, Vec<u8>>> {
    input.as_ref()?.reserve().await.ok()
}

/// Pieces that wait for a reader or writer: few, so that a slow side holds the other back instead of filling memory.
pub(crate) const PIECES: usize = 8;
