//! Hosts that let us in and then give no shell.

use std::time::Duration;

use homelabctl::transport::{Become, ShellError};

use super::{Controller, LIMIT, all_of_them, block_on, check, in_time, let_go};
use crate::ssh_server::{Channels, Exec, Options, SshServer, program};

fn runs<F: Future<Output = ()> + Send + 'static>(run: impl Fn(Exec) -> F + Send + Sync + 'static) -> Options {
    Options { program: program::program(run), ..Options::default() }
}

/// A flood, but not of a kind that takes the test's own processor from it.
async fn breathe() {
    if rand::random_ratio(1, 100) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

type Row = (&'static str, Options, fn(&ShellError) -> bool);

fn late(error: &ShellError) -> bool {
    matches!(error, ShellError::TimedOut(_))
}

fn rows() -> Vec<Row> {
    let forever = std::future::pending::<()>;
    vec![
        ("grants no channel", Options { channels: Channels::AtMost(0), ..Options::default() }, |e| matches!(e, ShellError::NoChannel(_))),
        ("does not say whether it grants a channel", Options { channels: Channels::Never, ..Options::default() }, late),
        (
            "does not say whether it runs a command",
            runs(move |exec| async move {
                let _exec = exec;
                forever().await;
            }),
            late,
        ),
        ("refuses commands", runs(|exec| async move { exec.refuse().await }), |e| matches!(e, ShellError::NoCommands)),
        (
            "runs the command and says nothing",
            runs(move |exec| async move {
                exec.accept().await;
                forever().await;
            }),
            late,
        ),
        (
            "chats and says nothing",
            runs(|exec| async move {
                exec.accept().await;
                while exec.chat().await {
                    breathe().await;
                }
            }),
            late,
        ),
        (
            "ends the command",
            runs(|exec| async move {
                exec.accept().await;
                exec.stderr("This account is closed.\n").await;
                exec.exit(1).await;
            }),
            |e| matches!(e, ShellError::NotStarted { status: 1, said } if said == "This account is closed."),
        ),
        (
            "ends the command with one endless line",
            runs(|exec| async move {
                exec.accept().await;
                exec.stderr(vec![b'x'; 3 << 20]).await;
                exec.exit(1).await;
            }),
            |e| matches!(e, ShellError::NotStarted { status: 1, said } if said.len() < 10_000),
        ),
        (
            "prints without end",
            runs(|exec| async move {
                exec.accept().await;
                while exec.stdout(vec![b'x'; 30_000]).await {}
            }),
            |e| matches!(e, ShellError::TooMuch),
        ),
        (
            "prints single bytes without end",
            runs(|exec| async move {
                exec.accept().await;
                while exec.stdout("x").await {
                    breathe().await;
                }
            }),
            late,
        ),
        (
            "closes the connection",
            runs(|exec| async move {
                exec.accept().await;
                exec.wire.cut();
            }),
            |e| matches!(e, ShellError::Lost(_)),
        ),
        (
            "is ready for somebody else",
            runs(move |exec| async move {
                exec.accept().await;
                exec.stdout(format!("\n{} ready\n", "0".repeat(32))).await;
                forever().await;
            }),
            late,
        ),
    ]
}

#[test]
fn whoever_gives_no_shell_is_done_with_in_time() {
    block_on(async {
        let controller = Controller::new();
        let (controller, mut tries) = (&controller, Vec::new());
        for (name, options, expected) in rows() {
            let server = SshServer::start(options).await;
            let row = async move {
                let connection = controller.connect(&server).await.map_err(|error| format!("connecting: {error:?}"))?;
                match in_time(connection.shell(&Become::No, LIMIT)).await? {
                    Ok(_) => return Err("it gave a shell".to_owned()),
                    Err(error) => check(expected(&error), || format!("{error:?}"))?,
                }
                check(server.counts.scripts.get() == 0, || "a script was sent".into())?;
                drop(connection);
                let_go(&server).await
            };
            tries.push((name, row));
        }
        all_of_them(controller, tries).await;
    });
}
