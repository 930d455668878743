//! A single step, as the text that a machine's shell is sent.

use std::process::Output;

use homelabctl::node::script::Script;
use homelabctl::node::steps::Step;

/// What the shell is sent to carry it out.
pub fn script_of(step: impl Into<Step>) -> String {
    let call = step.into().call().unwrap();
    let mut script = Script::new();
    script.call(call.function, &call.words).unwrap();
    script.finish()
}

/// What it said, if it failed.
pub fn failure(output: &Output) -> Result<(), String> {
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}
