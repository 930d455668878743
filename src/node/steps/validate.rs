//! A program that looks at a file's new content before it is put in place.

use serde::{Deserialize, Serialize};

use super::write::{FILL, Source};
use super::{Action, Call, FAIL, Invalid, check, octal};
use crate::node::apply::LOGIN_ENVIRONMENT;
use crate::node::script::Function;
use crate::plan::Touch;

/// Runs a program on a temporary file with the new content; if it fails, so does the step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Validate {
    /// The content.
    pub source: Source,
    /// The end of the temporary file's name, e.g. `.conf`.
    pub suffix: String,
    /// The owner, a name or number, as the file will have it.
    pub owner: String,
    /// The group.
    pub group: String,
    /// The permission bits.
    pub mode: u32,
    /// The program and its arguments, without the word that names the file.
    pub argv: Vec<String>,
    /// Which word that is: how many stand before it, and what it is before and behind the file's name.
    pub file: (usize, String, String),
}

/// suffix, owner, group, mode, `bytes`|`staged`|`copied`, base64|path, SHA-256, number of words before the file's, what
/// is before its name, what is behind it, the other words.
const VALIDATE: Function = Function {
    name: "s_validate",
    needs: &[&FAIL, &FILL, &LOGIN_ENVIRONMENT],
    text: r#"s_validate() (
  there=$(mktemp -d) || exit 1
  trap 'rm -rf -- "$there"' EXIT
  new=$there/source$1
  # a file that was uploaded is still needed
  case $5 in staged) how=copied ;; *) how=$5 ;; esac
  s_fill "$how" "$6" "$7" "$new" && chown -- "$2:$3" "$new" && chmod -- "$4" "$new" || exit 1
  word=$9 left=$8
  shift 9
  word=$word$new$1
  shift
  count=$#
  while [ "$count" -ge 0 ]; do
    if [ "$left" = 0 ]; then set -- "$@" "$word"; fi
    left=$((left - 1))
    if [ "$count" -gt 0 ]; then
      set -- "$@" "$1"
      shift
    fi
    count=$((count - 1))
  done
  s_login_environment
  ("$@" </dev/null 8>&- 9>&-) || {
    status=$?
    s_fail "failed to validate: $1 ended with status $status"
  }
)"#,
};

impl Action for Validate {
    fn call(&self) -> Call {
        let (how, data, digest) = self.source.words();
        let (at, before, behind) = self.file.clone();
        let words = [
            self.suffix.clone(),
            self.owner.clone(),
            self.group.clone(),
            octal(self.mode),
            how,
            data,
            digest,
            at.to_string(),
            before,
            behind,
        ];
        Call::new(&VALIDATE, words.into_iter().chain(self.argv.iter().cloned()))
    }

    fn touches(&self) -> Vec<Touch> {
        // it is a program that looks; what it does beside that is its user's secret, as with any other program
        Vec::new()
    }

    fn describe(&self) -> String {
        format!("let {} look at the new content", self.argv.first().map_or("nothing", String::as_str))
    }

    fn check(&self) -> Result<(), Invalid> {
        check::account("owner", &self.owner)?;
        check::account("group", &self.group)?;
        if self.suffix.contains('/') {
            return check::refuse("suffix", &self.suffix, "has a slash in it");
        }
        match self.argv.first() {
            None => check::refuse("command", "", "is empty"),
            Some(program) => check::word("program", program),
        }
    }
}
