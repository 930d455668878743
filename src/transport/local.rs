//! This very machine as a host (`ansible_connection: local`).

use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;
use tokio::sync::mpsc;

use super::process::{Event, PIECES, Process};

/// Starts `sh -c command` here.
///
/// # Errors
/// What the system says if it cannot be started.
pub(crate) fn start(command: &str) -> std::io::Result<Process> {
    let mut child = Command::new("/bin/sh")
        .arg("-c")
        .arg(command)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // a group of its own: Ctrl-C is ours to pass on, as it is on any other machine
        .process_group(0)
        .spawn()?;
    let (input, mut to_write) = mpsc::channel::<Vec<u8>>(PIECES);
    let (events, received) = mpsc::channel(PIECES);
    let listening = Arc::new(AtomicBool::new(true));
    let readers = [
        child.stdout.take().map(|stream| tokio::spawn(read(stream, events.clone(), Event::Stdout, Arc::clone(&listening)))),
        child.stderr.take().map(|stream| tokio::spawn(read(stream, events.clone(), Event::Stderr, Arc::clone(&listening)))),
    ];
    let stdin = child.stdin.take();
    tokio::spawn(async move {
        let Some(mut stdin) = stdin else { return };
        while let Some(bytes) = to_write.recv().await {
            if stdin.write_all(&bytes).await.is_err() {
                return;
            }
        }
    });
    tokio::spawn(async move {
        let status = child.wait().await;
        // all that it wrote comes before its end
        for reader in readers.into_iter().flatten() {
            let _ = reader.await;
        }
        let event = match status {
            Ok(status) => Event::Exit(code(status)),
            Err(error) => Event::Lost(error.to_string()),
        };
        let _ = events.send(event).await;
    });
    Ok(Process { input: Some(input), events: received, listening })
}

/// A shell's number for how a program ended.
fn code(status: ExitStatus) -> u32 {
    use std::os::unix::process::ExitStatusExt;
    let number = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(255);
    u32::try_from(number).unwrap_or(255)
}

async fn read(mut stream: impl AsyncRead + Unpin, events: mpsc::Sender<Event>, event: fn(Vec<u8>) -> Event, listening: Arc<AtomicBool>) {
    let mut buffer = vec![0; 32 << 10];
    while let Ok(length @ 1..) = stream.read(&mut buffer).await {
        let event = event(buffer.iter().take(length).copied().collect());
        if !event.is_unheard(&listening) && events.send(event).await.is_err() {
            return;
        }
    }
}
