//! What a person is asked while a run goes on: `--step`, `pause`, `vars_prompt`.

use std::io;
use std::time::Duration;

use secrecy::ExposeSecret as _;
use tokio_util::sync::CancellationToken;

use super::columns::columns;
use super::terminal::{Terminal, Typed};
use crate::engine::{FormattedDisk, Question, Reply};
use crate::playbook::VarsPrompt;
use crate::report::escape::line;

/// Asks for a variable of a play (`vars_prompt`); `None` if there is nobody to ask, or no answer.
pub(super) fn variable(terminal: &Terminal, prompt: &VarsPrompt) -> Option<String> {
    let stop = CancellationToken::new();
    let question = match prompt.default.as_ref().filter(|_| !prompt.prompt.is_empty()) {
        Some(default) => format!("{} [{}]", prompt.prompt, crate::yaml::python_str(default)),
        None => prompt.prompt.clone(),
    };
    let ask = |question: &str| if prompt.private { terminal.secret(question, &stop) } else { terminal.line(question, &stop) };
    loop {
        let answer = ask(&question).ok()??;
        if !prompt.confirm || ask(&format!("confirm {question}")).ok()??.expose_secret() == answer.expose_secret() {
            return Some(answer.expose_secret().to_owned());
        }
        terminal.say("the two are not the same\n");
    }
}

/// Asks, and waits for the answer or for `stop`.
pub(super) fn question(terminal: &Terminal, question: &Question, stop: &CancellationToken) -> Reply {
    match question {
        Question::Step { task } => step(terminal, task, stop),
        Question::Format { disks } => format(terminal, disks, stop),
        Question::Irreversible { what } => irreversible(terminal, what, stop),
        Question::Pause { task, prompt, seconds, echo } => {
            let hidden = if *echo { "" } else { " (output is hidden)" };
            let interrupts = "(ctrl+C then 'C' = continue early, ctrl+C then 'A' = abort)";
            let text = match (prompt, seconds) {
                (Some(prompt), Some(seconds)) => {
                    format!("Pausing for {seconds} seconds{hidden}\n{interrupts}\n[{task}]\n{prompt}{hidden}:")
                }
                (None, Some(seconds)) => format!("Pausing for {seconds} seconds{hidden}\n{interrupts}\n"),
                (Some(prompt), None) => format!("[{task}]\n{prompt}{hidden}:"),
                (None, None) => format!("[{task}]\nPress enter to continue, Ctrl+C to interrupt{hidden}:"),
            };
            let wait = seconds.map(Duration::from_secs);
            match terminal.typed(&text, *echo && wait.is_none(), wait, stop) {
                Ok(None) | Err(_) => Reply::Nobody,
                Ok(Some(Typed::Line(text))) => Reply::Text(text.expose_secret().to_owned()),
                Ok(Some(Typed::Over)) => Reply::Text(String::new()),
                Ok(Some(Typed::Interrupted)) => interrupted(terminal, stop),
            }
        }
    }
}

/// Whether these disks are formatted; only a whole `yes` says so.
fn format(terminal: &Terminal, disks: &[FormattedDisk], stop: &CancellationToken) -> Reply {
    yes(terminal, &format!("{}Format {}? Type yes: ", table(disks), if disks.len() == 1 { "this disk" } else { "these disks" }), stop)
}

/// Whether this is done, which cannot be taken back; only a whole `yes` says so.
fn irreversible(terminal: &Terminal, what: &[String], stop: &CancellationToken) -> Reply {
    let list: String = what.iter().map(|what| format!("  {}\n", line(what))).collect();
    yes(terminal, &format!("This cannot be taken back:\n{list}Do it? Type yes: "), stop)
}

fn yes(terminal: &Terminal, question: &str, stop: &CancellationToken) -> Reply {
    match terminal.line(question, stop) {
        Ok(Some(answer)) if answer.expose_secret().trim().eq_ignore_ascii_case("yes") => Reply::Yes,
        Ok(Some(_)) => Reply::No,
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Reply::Abort,
        _ => Reply::Nobody,
    }
}

fn table(disks: &[FormattedDisk]) -> String {
    let head = ["host", "disk", "model", "serial", "size", "holds", "becomes"].map(str::to_owned).to_vec();
    let rows = disks.iter().map(|FormattedDisk { host, formatting: of }| {
        [host, &of.disk, &of.model, &of.serial, &of.size, &of.holds, &of.becomes].map(|cell| line(cell)).to_vec()
    });
    columns(&std::iter::once(head).chain(rows).collect::<Vec<_>>())
}

/// After Ctrl-C: go on, or end.
fn interrupted(terminal: &Terminal, stop: &CancellationToken) -> Reply {
    loop {
        match terminal.key("\nPress 'C' to continue the play or 'A' to abort ", stop) {
            Ok(Some(b'c' | b'C')) => return Reply::Text(String::new()),
            Ok(Some(b'a' | b'A' | 3)) | Ok(None) | Err(_) => return Reply::Abort,
            Ok(Some(_)) => {}
        }
    }
}

fn step(terminal: &Terminal, task: &str, stop: &CancellationToken) -> Reply {
    match terminal.line(&format!("Perform task: {task} (N)o/(y)es/(c)ontinue"), stop) {
        Ok(Some(answer)) => match answer.expose_secret().trim().to_lowercase().as_str() {
            "y" | "yes" => Reply::Yes,
            "c" | "continue" => Reply::Always,
            _ => Reply::No,
        },
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Reply::Abort,
        _ => Reply::Nobody,
    }
}
