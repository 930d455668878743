//! What runs instead of a command: a real shell, or something that plays our loop.

use std::future::Future;
use std::pin::Pin;
use std::process::Stdio;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

use super::exec::{Exec, Script};

/// What is done with each command.
pub type Program = Arc<dyn Fn(Exec) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// A program written as an async function.
pub fn program<F: Future<Output = ()> + Send + 'static>(run: impl Fn(Exec) -> F + Send + Sync + 'static) -> Program {
    Arc::new(move |exec| Box::pin(run(exec)))
}

/// A script's answer.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    pub status: u8,
}

impl Answer {
    pub fn text(stdout: impl Into<Vec<u8>>) -> Self {
        Self { stdout: stdout.into(), ..Self::default() }
    }
}

/// Plays our loop without a process: each script is answered as `answer` says.
pub fn simulated(answer: impl Fn(&Script) -> Answer + Send + Sync + 'static) -> Program {
    let answer = Arc::new(answer);
    program(move |mut exec| {
        let answer = Arc::clone(&answer);
        async move {
            exec.ready().await;
            while let Some(script) = exec.script().await {
                let Answer { stdout, stderr, status } = answer(&script);
                // in one piece, as the loop's own output comes when the node is fast
                let out = framed(&script, &stdout, &format!(" {status}"));
                let err = framed(&script, &stderr, "");
                if !exec.stdout(out).await || !exec.stderr(err).await {
                    return;
                }
            }
            exec.exit(0).await;
        }
    })
}

fn framed(script: &Script, output: &[u8], status: &str) -> Vec<u8> {
    let nonce = &script.nonce;
    [format!("{nonce} begin\n").as_bytes(), output, format!("\n{nonce} end{status}\n").as_bytes()].concat()
}

/// Runs the command by `/bin/sh -c`, as a real host does.
pub fn real_shell() -> Program {
    program(|mut exec| async move {
        let mut child = Command::new("/bin/sh")
            .arg("-c")
            .arg(&exec.command)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        exec.accept().await;
        let (mut stdin, mut stdout, mut stderr) = (child.stdin.take(), child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let (mut out, mut err) = (vec![0; 30_000], vec![0; 30_000]);
        let (mut out_open, mut err_open) = (true, true);
        while out_open || err_open {
            tokio::select! {
                length = stdout.read(&mut out), if out_open => {
                    let length = length.unwrap_or(0);
                    out_open = length > 0 && exec.stdout(&out[..length]).await;
                }
                length = stderr.read(&mut err), if err_open => {
                    let length = length.unwrap_or(0);
                    err_open = length > 0 && exec.stderr(&err[..length]).await;
                }
                bytes = exec.input(), if stdin.is_some() => match (bytes, &mut stdin) {
                    (Some(bytes), Some(pipe)) => drop(pipe.write_all(&bytes).await),
                    _ => stdin = None,
                }
            }
        }
        let status = child.wait().await.ok().and_then(|status| status.code()).unwrap_or(255);
        exec.exit(u32::try_from(status).unwrap_or(255)).await;
    })
}
