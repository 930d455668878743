//! `pipe` and `lines`: what a program on this machine prints.

use std::process::{Command, Stdio};

use super::super::fault::{Outcome, fail, fail_hint};
use super::super::value::V;
use super::Asked;

pub(super) fn pipe(asked: &Asked) -> Outcome<Vec<V>> {
    asked.texts()?.iter().map(|command| Ok(V::from(printed(asked, command)?.trim_end()))).collect()
}

pub(super) fn lines(asked: &Asked) -> Outcome<Vec<V>> {
    let mut found = Vec::new();
    for command in asked.texts()? {
        found.extend(printed(asked, &command)?.lines().map(V::from));
    }
    Ok(found)
}

/// What a command of the shell prints, in the playbook's directory.
fn printed(asked: &Asked, command: &str) -> Outcome<String> {
    let run = asked.given.run;
    // a program costs more than anything else that a template does
    run.spend(1000)?;
    if !run.scope().acts() {
        return fail("a program is run when its task's turn comes");
    }
    if !run.around.programs {
        return fail_hint("the lookups `pipe` and `lines` run nothing here", "only a run of a playbook runs programs for a template");
    }
    let dir = super::super::files::base(run)?;
    let output = Command::new("/bin/sh")
        .args(["-c", command])
        .current_dir(dir)
        .env_clear()
        .envs(&run.around.env)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    let output = match output {
        Ok(output) => output,
        Err(error) => return fail(format!("cannot run a shell for the lookup: {}", crate::diagnostics::reason(&error))),
    };
    if !output.status.success() {
        let status = output.status.code().map_or_else(|| "a signal".to_owned(), |code| format!("status {code}"));
        return fail(format!("the command of the lookup ended with {status}"));
    }
    run.bytes(output.stdout.len())?;
    String::from_utf8(output.stdout).or_else(|_| fail("what the command of the lookup prints is no UTF-8 text"))
}
