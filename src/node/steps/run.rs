//! A program.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::{Action, Call, Invalid, check};
use crate::node::apply::LOGIN_ENVIRONMENT;
use crate::node::script::Function;
use crate::plan::Touch;

/// Runs a program, not a shell: no word of it is interpreted. It runs exactly once and never as a unit of its own.
///
/// Who runs it is the shell's privilege. It has the login's own environment, plus `env`; the run's locks are closed in
/// it. It is done when it ends, whatever it left running in the background; see [`crate::node::apply`] for its output.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// The program, by its path or searched in PATH, and its arguments.
    pub argv: Vec<String>,
    /// Where it runs; the login's directory if not said.
    pub cwd: Option<String>,
    /// Variables beyond the login's own.
    pub env: Vec<(String, String)>,
    /// What it reads; nothing if not said.
    pub stdin: Option<String>,
    /// Whether a status other than 0 is an answer too, and not a failure of the step.
    pub any_status: bool,
}

impl std::fmt::Debug for Run {
    // what is put into env and stdin may be a secret
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Run").field("argv", &self.argv).field("cwd", &self.cwd).finish_non_exhaustive()
    }
}

/// directory, standard input as base64 or ``, number of variables, variables, program and arguments.
///
/// `exec` never takes a builtin or one of our functions for the program. Variables are exported, not given to env(1),
/// so they stand in no process list.
const RUN: Function = Function {
    name: "s_run",
    needs: &[&LOGIN_ENVIRONMENT],
    text: r#"s_run() (
  if [ -n "$1" ]; then cd -- "$1" || exit 1; fi
  input=$2 left=$3
  shift 3
  s_login_environment
  while [ "$left" -gt 0 ]; do
    export "$1"
    shift
    left=$((left - 1))
  done
  if [ -n "$input" ]; then
    printf %s "$input" | base64 -d | (exec "$@" 8>&- 9>&-)
  else
    exec "$@" </dev/null 8>&- 9>&-
  fi
)"#,
};

impl Action for Run {
    fn call(&self) -> Call {
        let stdin = self.stdin.as_deref().map(|text| STANDARD.encode(text)).unwrap_or_default();
        let mut words = vec![self.cwd.clone().unwrap_or_default(), stdin, self.env.len().to_string()];
        words.extend(self.env.iter().map(|(name, value)| format!("{name}={value}")));
        words.extend(self.argv.iter().cloned());
        Call::new(&RUN, words)
    }

    fn touches(&self) -> Vec<Touch> {
        vec![Touch::Everything]
    }

    fn describe(&self) -> String {
        format!("run {}", self.argv.first().map_or("nothing", String::as_str))
    }

    fn check(&self) -> Result<(), Invalid> {
        match self.argv.first() {
            None => return check::refuse("command", "", "is empty"),
            Some(program) => check::word("program", program)?,
        }
        self.cwd.iter().try_for_each(|cwd| if cwd == "/" { Ok(()) } else { check::path(cwd) })?;
        self.env.iter().try_for_each(|(name, _)| check::variable(name))
    }
}
