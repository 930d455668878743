//! Hosts that answer a script with something else than its answer.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use homelabctl::transport::{Collected, ShellError};

use super::{Controller, all_of_them, block_on, check, in_time, let_go, run};
use crate::ssh_server::{Exec, Options, Script, SshServer, program};

/// What a test keeps of a script's output.
const ROOM: usize = 1 << 20;

/// A host that is ready, takes a script, and then does this.
fn answers<F: Future<Output = ()> + Send + 'static>(answer: impl Fn(Exec, Script) -> F + Clone + Send + Sync + 'static) -> Options {
    let play = program::program(move |mut exec| {
        let answer = answer.clone();
        async move {
            exec.ready().await;
            if let Some(script) = exec.script().await {
                answer(exec, script).await;
            }
        }
    });
    Options { program: play, ..Options::default() }
}

async fn hang(exec: Exec) {
    std::future::pending::<()>().await;
    drop(exec);
}

type Row = (&'static str, Options, fn(&ShellError) -> bool);

fn late(error: &ShellError) -> bool {
    matches!(error, ShellError::TimedOut(_))
}

fn too_much(error: &ShellError) -> bool {
    matches!(error, ShellError::TooMuch)
}

fn lost(error: &ShellError) -> bool {
    matches!(error, ShellError::Lost(_))
}

/// 1 GB, as far as it is taken.
const PIECES: usize = (1 << 30) / 30_000;

fn floods() -> Vec<Row> {
    vec![
        (
            "prints 1 GB",
            answers(|exec, script| async move {
                exec.begin(&script).await;
                for _ in 0..PIECES {
                    if !exec.stdout(vec![b'x'; 30_000]).await {
                        return;
                    }
                }
                exec.end(&script, "0").await;
            }),
            too_much,
        ),
        (
            "complains for 1 GB",
            answers(|exec, script| async move {
                exec.begin(&script).await;
                for _ in 0..PIECES {
                    if !exec.stderr(vec![b'x'; 30_000]).await {
                        return;
                    }
                }
                exec.end(&script, "0").await;
            }),
            too_much,
        ),
        (
            "prints 1 GB before its answer",
            answers(|exec, script| async move {
                for _ in 0..PIECES {
                    if !exec.stdout(vec![b'\n'; 30_000]).await {
                        return;
                    }
                }
                exec.begin(&script).await;
                exec.end(&script, "0").await;
            }),
            too_much,
        ),
    ]
}

fn breaks() -> Vec<Row> {
    vec![
        (
            "closes the connection in the middle of an answer",
            answers(|exec, script| async move {
                exec.begin(&script).await;
                exec.stdout("half an ans").await;
                exec.wire.cut();
            }),
            lost,
        ),
        (
            "closes the connection in the middle of the end mark",
            answers(|exec, script| async move {
                exec.begin(&script).await;
                exec.stdout(format!("whole\n{} en", script.nonce)).await;
                exec.wire.cut();
            }),
            lost,
        ),
        (
            "closes the channel in the middle of an answer",
            answers(|exec, script| async move {
                exec.begin(&script).await;
                exec.stdout("half an ans").await;
                let _ = exec.channel.close().await;
                hang(exec).await;
            }),
            lost,
        ),
        (
            "says on one stream only that the answer is whole, and closes the channel",
            answers(|exec, script| async move {
                exec.stdout(format!("{0} begin\nall\n{0} end 0\n", script.nonce)).await;
                let _ = exec.channel.close().await;
                hang(exec).await;
            }),
            lost,
        ),
        (
            "ends the shell in the middle of an answer",
            answers(|exec, script| async move {
                exec.begin(&script).await;
                exec.stdout("half an ans").await;
                exec.exit(0).await;
                hang(exec).await;
            }),
            |e| matches!(e, ShellError::Ended(0)),
        ),
    ]
}

fn lies() -> Vec<Row> {
    let mut rows: Vec<Row> = vec![
        (
            "answers another script",
            answers(|exec, script| async move {
                let other = Script { nonce: "0".repeat(32), ..script };
                exec.begin(&other).await;
                exec.stdout("all is well\n").await;
                exec.end(&other, "0").await;
                hang(exec).await;
            }),
            late,
        ),
        (
            "ends with another script's mark",
            answers(|exec, script| async move {
                exec.begin(&script).await;
                exec.end(&Script { nonce: "0".repeat(32), ..script }, "0").await;
                hang(exec).await;
            }),
            late,
        ),
        (
            "answers on standard error only",
            answers(|exec, script| async move {
                exec.stderr(format!("{0} begin\nall\n{0} end\n", script.nonce)).await;
                exec.stderr(format!("{0} begin\nall\n{0} end 0\n", script.nonce)).await;
                hang(exec).await;
            }),
            late,
        ),
        (
            "ends before it begins",
            answers(|exec, script| async move {
                exec.end(&script, "0").await;
                hang(exec).await;
            }),
            late,
        ),
        ("takes the script and says nothing", answers(|exec, _| hang(exec)), late),
    ];
    for status in ["256", "-1", "99999999999999999999", "", "0 ", "zero", "\x1b[0m0"] {
        let row = answers(move |exec, script| async move {
            exec.begin(&script).await;
            exec.end(&script, status).await;
            hang(exec).await;
        });
        rows.push(("ends with a status that is none", row, |e| matches!(e, ShellError::Garbled)));
    }
    rows
}

/// Every one of these leaves it open what the script did, and says so in time; what was collected stays within its bound.
async fn none_of_these_is_an_answer(rows: Vec<Row>) {
    let controller = Controller::new();
    let (controller, mut tries) = (&controller, Vec::new());
    for (name, options, expected) in rows {
        let server = SshServer::start(options).await;
        let row = async move {
            let (connection, mut shell) = controller.shell(&server).await;
            let mut output = Collected::up_to(ROOM);
            let Err(error) = in_time(run(&mut shell, &mut output)).await? else { return Err("it was taken for an answer".to_owned()) };
            check(expected(&error) && error.outcome_is_unknown(), || format!("{error:?}"))?;
            check(output.stdout.len() + output.stderr.len() <= ROOM, || "too much was kept".into())?;
            check(run(&mut shell, &mut output).await == Err(error), || "the shell was used again".into())?;
            drop((connection, shell));
            let_go(&server).await
        };
        tries.push((name, row));
    }
    all_of_them(controller, tries).await;
}

#[test]
fn an_answer_that_breaks_off_is_an_unknown_outcome() {
    block_on(none_of_these_is_an_answer(breaks()));
}

#[test]
fn an_answer_that_is_none_is_an_unknown_outcome() {
    block_on(none_of_these_is_an_answer(lies()));
}

#[test]
fn an_answer_of_1_gb_is_cut_and_takes_no_memory() {
    let before = resident();
    let rows = none_of_these_is_an_answer(floods());
    let most = block_on(async {
        let (sampling, most) = (tokio::time::interval(Duration::from_millis(20)), AtomicU64::new(0));
        tokio::select! {
            () = rows => {}
            () = sample(sampling, &most) => {}
        }
        most.into_inner()
    });
    // both ends, three times, with the windows of both; other tests run beside
    let grown = most.saturating_sub(before);
    assert!(grown < 200 << 20, "{} MB more than before", grown >> 20);
}

async fn sample(mut interval: tokio::time::Interval, most: &AtomicU64) {
    loop {
        interval.tick().await;
        most.fetch_max(resident(), Ordering::SeqCst);
    }
}

/// This process's resident memory in bytes.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

#[test]
fn a_host_that_says_too_much_is_still_understood() {
    let chatty = answers(|mut exec, script| async move {
        // ready again, an old answer, another's answer, and escape sequences: all of it beside or inside the answer
        exec.stdout(exec.ready_mark()).await;
        exec.end(&script, "9").await;
        exec.begin(&script).await;
        exec.stdout(ESCAPES).await;
        exec.stderr(ESCAPES).await;
        exec.end(&script, "3").await;
        exec.end(&script, "0").await;
        exec.begin(&script).await;
        exec.stdout(exec.ready_mark()).await;
        if let Some(next) = exec.script().await {
            exec.begin(&next).await;
            exec.stdout("second").await;
            exec.end(&next, "0").await;
        }
        hang(exec).await;
    });
    block_on(async {
        let controller = Controller::new();
        let server = SshServer::start(chatty).await;
        controller
            .among_good_hosts(async {
                let (_connection, mut shell) = controller.shell(&server).await;
                let mut output = Collected::up_to(ROOM);
                assert_eq!(run(&mut shell, &mut output).await, Ok(3));
                assert_eq!((output.stdout, output.stderr), (ESCAPES.to_vec(), ESCAPES.to_vec()));
                let mut output = Collected::up_to(ROOM);
                assert_eq!(run(&mut shell, &mut output).await, Ok(0));
                assert_eq!((output.stdout, output.stderr), (b"second".to_vec(), b"".to_vec()));
            })
            .await;
    });
}

const ESCAPES: &[u8] = b"\x1b[2J\x1b]0;owned\x07\x1b[31mred\x1b[0m\r\x08\x08\x9b1m\0\xff\xfe\n\n";
