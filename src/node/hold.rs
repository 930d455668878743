//! Holding a machine's lock from here: the beats, and what the holder says.

use std::time::Duration;

use tokio::io::{AsyncWrite, AsyncWriteExt, duplex};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::lock::{BEAT, BEAT_BYTE, Claim, Holder, Patience, RELEASE_BYTE, hold};
use crate::transport::{Flow, Output, Shell};

/// How often a beat is sent while the machine is not ours yet: an answer is heard with the next beat.
const FIRST_BEATS: Duration = Duration::from_millis(100);

/// A machine that is ours until this is dropped, or [`Held::lost`].
#[derive(Debug)]
pub struct Held {
    stop: watch::Sender<Wanted>,
    task: JoinHandle<String>,
}

/// Why a machine could not be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HoldError {
    /// Another run has it.
    #[error("{} works on this machine from {} since {}", .0.who, .0.from, .0.since)]
    Locked(Claim),
    /// Another run has it, and its claim cannot be read.
    #[error("another run of homelabctl works on this machine")]
    LockedBySomebody,
    /// A step of an earlier run does not end.
    #[error("a step of an earlier run of homelabctl still runs on this machine")]
    StillBusy,
    /// There can be no lock there.
    #[error("there can be no lock on this machine: {0}")]
    Cannot(String),
    /// The connection was lost.
    #[error("the connection was lost while locking the machine: {0}")]
    Lost(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Quick,
    Steady,
    End,
}

/// Takes a machine's lock through a shell of root's that does nothing else; `told` hears what has to be waited for.
///
/// # Errors
/// The machine cannot be had; nothing was changed. [`HoldError::Locked`] with the same nonce: this run has it already, by another
/// name.
pub async fn take(
    shell: Shell,
    directory: &str,
    claim: &Claim,
    patience: Patience,
    mut told: impl FnMut(&Holder) + Send,
) -> Result<Held, HoldError> {
    let script = hold(directory, claim, patience).map_err(|nul| HoldError::Cannot(nul.to_string()))?;
    let (stop, wanted) = watch::channel(Wanted::Quick);
    let (lines, mut heard) = mpsc::unbounded_channel();
    let nonce = claim.nonce.clone();
    let limit = patience.silence.max(BEAT) * 2;
    let task = tokio::spawn(async move {
        let (writer, mut beats) = duplex(1);
        tokio::spawn(beat(writer, wanted));
        let mut output = Lines { nonce, rest: Vec::new(), lines };
        match shell.run_with_input(&script, &mut beats, &mut output, limit).await {
            Ok(_) => "it was given up".to_owned(),
            Err(error) => error.to_string(),
        }
    });
    let held = Held { stop, task };
    while let Some(said) = heard.recv().await {
        told(&said);
        match said {
            // whoever has it is this very run
            Holder::Contended(Some(theirs)) if theirs.nonce == claim.nonce => return Err(HoldError::Locked(theirs)),
            Holder::Contended(_) | Holder::Waiting(_) => {}
            Holder::Held => {
                let _ = held.stop.send(Wanted::Steady);
                return Ok(held);
            }
            Holder::Locked(Some(claim)) => return Err(HoldError::Locked(claim)),
            Holder::Locked(None) => return Err(HoldError::LockedBySomebody),
            Holder::StillBusy => return Err(HoldError::StillBusy),
            Holder::Cannot(why) => return Err(HoldError::Cannot(why)),
        }
    }
    Err(HoldError::Lost(held.ended().await))
}

impl Held {
    /// Waits until the machine is not ours any more, and says why. It is when the connection is lost.
    pub async fn lost(&mut self) -> String {
        (&mut self.task).await.unwrap_or_else(|error| error.to_string())
    }

    /// Gives the machine back and waits until that is done.
    pub async fn release(self) {
        let _ = self.stop.send(Wanted::End);
        self.ended().await;
    }

    async fn ended(mut self) -> String {
        self.lost().await
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // its channel is closed, so the holder's input ends
        self.task.abort();
    }
}

/// Sends a byte every few seconds until it is to end.
async fn beat(mut to: impl AsyncWrite + Unpin, mut wanted: watch::Receiver<Wanted>) {
    loop {
        let now = *wanted.borrow_and_update();
        let pause = match now {
            Wanted::Quick => FIRST_BEATS,
            Wanted::Steady => BEAT,
            Wanted::End => {
                let _ = to.write_all(&[RELEASE_BYTE]).await;
                return;
            }
        };
        if to.write_all(&[BEAT_BYTE]).await.is_err() {
            return;
        }
        // whoever wanted it is gone: so is the claim
        if let Ok(Err(_)) = timeout(pause, wanted.changed()).await {
            return;
        }
    }
}

/// The holder's lines.
#[derive(Debug)]
struct Lines {
    nonce: String,
    rest: Vec<u8>,
    lines: mpsc::UnboundedSender<Holder>,
}

impl Output for Lines {
    fn stdout(&mut self, bytes: &[u8]) -> Flow {
        self.rest.extend_from_slice(bytes);
        while let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            if let Some(said) = Holder::read(&self.nonce, &String::from_utf8_lossy(&line)) {
                let _ = self.lines.send(said);
            }
        }
        // a claim is a line; what has no end is no claim
        if self.rest.len() > 64 << 10 { Flow::Stop } else { Flow::GoOn }
    }

    fn stderr(&mut self, _: &[u8]) -> Flow {
        Flow::GoOn
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::{Become, Connection};

    fn claim(nonce: &str) -> Claim {
        Claim { nonce: nonce.into(), who: "pat".into(), from: "laptop".into(), since: "2026-01-01T00:00:00Z".into() }
    }

    async fn shell() -> Shell {
        Connection::Local.shell(&Become::No, Duration::from_secs(20)).await.unwrap()
    }

    #[tokio::test]
    async fn a_machine_is_held_given_back_and_lost_with_its_holder() {
        let directory = tempfile::tempdir().unwrap();
        let locks = directory.path().join("locks").to_str().unwrap().to_owned();
        let quick = Patience { run: Duration::from_secs(1), ..Patience::default() };
        let first = take(shell().await, &locks, &claim("n1"), quick, |_| ()).await.unwrap();
        let refused = take(shell().await, &locks, &claim("n2"), quick, |_| ()).await.unwrap_err();
        assert_eq!(refused, HoldError::Locked(claim("n1")));
        first.release().await;
        let second = take(shell().await, &locks, &claim("n3"), quick, |_| ()).await.unwrap();
        // as when the controller is killed: nothing is said
        drop(second);
        let third = take(shell().await, &locks, &claim("n4"), Patience { run: Duration::from_secs(5), ..quick }, |_| ()).await;
        assert!(third.is_ok(), "{third:?}");
        assert!(matches!(take(shell().await, "/proc/none/locks", &claim("n5"), quick, |_| ()).await, Err(HoldError::Cannot(_))));
    }
}
