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
    /// Where it runs, by an absolute path or one that begins with `./` in the login's directory; that itself if not said.
    pub cwd: Option<String>,
    /// Variables beyond the login's own.
    pub env: Vec<(String, String)>,
    /// What it reads; nothing if not said.
    pub stdin: Option<String>,
    /// Whether a status other than 0 is an answer too, and not a failure of the step.
    pub any_status: bool,
    /// Whether its stderr says too when it began and ended, or why it could not begin: see [`Ran`].
    #[serde(default)]
    pub timed: bool,
    /// After so many seconds it is killed, with status 137.
    #[serde(default)]
    pub limit: Option<u64>,
}

impl std::fmt::Debug for Run {
    // what is put into env and stdin may be a secret
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Run").field("argv", &self.argv).field("cwd", &self.cwd).finish_non_exhaustive()
    }
}

/// program: ends with 0, or with the error number of execvp(3) that it would get. There is no single quote in it.
pub(super) const FINDABLE: Function = Function {
    name: "s_findable",
    needs: &[],
    text: r#"s_findable() {
  case $1 in
  */*)
    [ -e "$1" ] || exit 2
    [ -x "$1" ] && [ ! -d "$1" ] || exit 13
    exit 0
    ;;
  esac
  errno=2 IFS=:
  for place in ${PATH-}; do
    if [ -f "${place:-.}/$1" ]; then
      [ ! -x "${place:-.}/$1" ] || exit 0
      errno=13
    fi
  done
  exit "$errno"
}"#,
};

/// number of variables, variables, program and arguments; `$input` is standard input as base64 or ``.
///
/// `exec` never takes a builtin or one of our functions for the program. Variables are exported, not given to env(1),
/// so they stand in no process list. What `exec` could not do is found out before, as execvp(3) would.
const PROGRAM: Function = Function {
    name: "s_program",
    needs: &[&LOGIN_ENVIRONMENT, &FINDABLE],
    text: r#"s_program() {
  left=$1
  shift
  s_login_environment
  while [ "$left" -gt 0 ]; do
    export "$1"
    shift
    left=$((left - 1))
  done
  if [ -n "$timed" ]; then
    (s_findable "$1") || { printf '@%s errno %s\n' "$k" "$?" >&2; exit 127; }
  fi
  if [ -n "$limit" ]; then set -- timeout -s KILL "$limit" "$@"; fi
  if [ -n "$input" ]; then
    printf %s "$input" | base64 -d | (exec "$@" 8>&- 9>&-)
  else
    exec "$@" </dev/null 8>&- 9>&-
  fi
}"#,
};

/// directory, standard input as base64 or ``, `timed` or ``, seconds or ``, then the words of `s_program`.
const RUN: Function = Function {
    name: "s_run",
    needs: &[&PROGRAM],
    text: r#"s_run() (
  if [ -n "$1" ]; then cd -P -- "$1" || exit 1; fi
  input=$2 timed=$3 limit=$4
  shift 4
  if [ -n "$timed" ]; then
    printf '@%s %s\n' "$k" "$(date '+%s.%N %z')" >&2
    status=0
    (s_program "$@") || status=$?
    printf '\n@%s %s\n' "$k" "$(date '+%s.%N %z')" >&2
    exit "$status"
  fi
  s_program "$@"
)"#,
};

impl Action for Run {
    fn call(&self) -> Call {
        let stdin = self.stdin.as_deref().map(|text| STANDARD.encode(text)).unwrap_or_default();
        let timed = if self.timed { "timed" } else { "" };
        let limit = self.limit.map(|limit| limit.to_string()).unwrap_or_default();
        let mut words = vec![self.cwd.clone().unwrap_or_default(), stdin, timed.into(), limit, self.env.len().to_string()];
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
        if let Some(cwd) = &self.cwd {
            check::word("directory", cwd)?;
            // what is neither could be looked for in CDPATH
            if !cwd.starts_with(['/', '.']) {
                check::refuse("directory", cwd, "begins with neither a slash nor a dot")?;
            }
        }
        self.env.iter().try_for_each(|(name, _)| check::variable(name))
    }
}

/// What a program that was [`Run::timed`] said, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// When it began; `None` where its directory could not be entered.
    pub began: Option<HostTime>,
    /// When it ended; `None` where its output was cut.
    pub ended: Option<HostTime>,
    /// Why it could not be started, errno(3).
    pub errno: Option<i32>,
    /// Its standard error, or what was wrong with the directory.
    pub stderr: Vec<u8>,
}

/// A time as the host's clock had it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HostTime {
    /// Microseconds since 1970 (UTC).
    pub unix_microseconds: i64,
    /// What local time is ahead of UTC, in seconds.
    pub utc_offset: i32,
}

impl Ran {
    /// Takes the times out of a step's standard error.
    pub fn read(stderr: &[u8]) -> Self {
        let nothing = || Self { began: None, ended: None, errno: None, stderr: stderr.to_vec() };
        let Some(end) = stderr.iter().position(|byte| *byte == b'\n') else { return nothing() };
        let (Some(first), Some(rest)) = (stderr.get(..end), stderr.get(end + 1..)) else { return nothing() };
        let Some((mark, began)) = std::str::from_utf8(first).ok().and_then(|line| line.split_once(' ')) else { return nothing() };
        let Some(began) = HostTime::read(began).filter(|_| mark.starts_with('@')) else { return nothing() };
        // what it left running may go on printing behind the mark
        let marked = format!("\n{mark} ");
        let at = memchr::memmem::rfind(rest, marked.as_bytes());
        let (said, ended) = match at.and_then(|at| rest.split_at_checked(at)) {
            Some((said, tail)) => {
                let tail = tail.get(marked.len()..).unwrap_or_default();
                (said, std::str::from_utf8(tail).ok().and_then(|tail| HostTime::read(tail.lines().next()?)))
            }
            None => (rest, None),
        };
        let errno = said.strip_prefix(format!("{mark} errno ").as_bytes()).and_then(|rest| std::str::from_utf8(rest).ok());
        match errno.and_then(|errno| errno.trim().parse().ok()) {
            Some(errno) => Self { began: Some(began), ended, errno: Some(errno), stderr: Vec::new() },
            None => Self { began: Some(began), ended, errno: None, stderr: said.to_vec() },
        }
    }
}

impl HostTime {
    /// `1795456056.012345678 +0100`; without the part behind the point where date(1) does not know it (busybox).
    pub(crate) fn read(text: &str) -> Option<Self> {
        let (time, zone) = text.split_once(' ')?;
        let (seconds, rest) = time.split_once('.').unwrap_or((time, ""));
        let microseconds = if rest.len() == 9 { rest.parse::<i64>().ok()? / 1000 } else { 0 };
        let (sign, digits) = (if zone.starts_with('-') { -1 } else { 1 }, zone.trim().trim_start_matches(['+', '-']));
        let (hours, minutes) = (digits.get(..2)?.parse::<i32>().ok()?, digits.get(2..4)?.parse::<i32>().ok()?);
        let unix_microseconds = seconds.parse::<i64>().ok()?.checked_mul(1_000_000)?.checked_add(microseconds)?;
        Some(Self { unix_microseconds, utc_offset: sign * (hours * 3600 + minutes * 60) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::script::Script;
    use crate::node::steps::Step;
    use crate::node::testing::{SHELLS, run};

    /// What a shell that carries the step out prints, and its status.
    fn carried(shell: &[&str], step: Run) -> (String, Ran, String) {
        let call = Step::from(step).call().unwrap();
        let mut script = Script::new();
        script.set("login_umask", "022").unwrap();
        script.set("k", "n1").unwrap();
        script.call(call.function, call.words).unwrap();
        script.text("echo \"<$?>\"");
        let output = run(shell, "n1", &script.finish());
        let stdout = String::from_utf8(output.stdout).unwrap();
        (stdout, Ran::read(&output.stderr), String::from_utf8_lossy(&output.stderr).into_owned())
    }

    fn timed(argv: &[&str]) -> Run {
        Run { argv: argv.iter().map(|word| (*word).to_owned()).collect(), any_status: true, timed: true, ..Run::default() }
    }

    #[test]
    fn times_are_taken_out_and_what_was_said_stays() {
        for shell in SHELLS {
            let (stdout, ran, all) = carried(shell, timed(&["sh", "-c", "echo out; printf 'err\\n\\n@n2 1.0 +0000' >&2; exit 3"]));
            assert_eq!(stdout, "out\n<3>\n", "{shell:?} {all}");
            assert_eq!(String::from_utf8(ran.stderr).unwrap(), "err\n\n@n2 1.0 +0000", "{all}");
            assert_eq!(ran.errno, None);
            assert!(ran.began.unwrap().unix_microseconds <= ran.ended.unwrap().unix_microseconds);
        }
    }

    #[test]
    fn what_takes_too_long_is_killed() {
        for shell in SHELLS {
            let began = std::time::Instant::now();
            let step = Run { limit: Some(1), ..timed(&["sleep", "20"]) };
            assert_eq!(carried(shell, step).0, "<137>\n");
            assert!(began.elapsed() < std::time::Duration::from_secs(10));
            let step = Run { limit: Some(20), stdin: Some("in\n".into()), ..timed(&["cat"]) };
            assert_eq!(carried(shell, step).0, "in\n<0>\n");
        }
    }

    #[test]
    fn what_cannot_be_started_says_why() {
        for shell in SHELLS {
            let (stdout, ran, _) = carried(shell, timed(&["no-such-program"]));
            assert_eq!((stdout.as_str(), ran.errno, ran.stderr.len()), ("<127>\n", Some(2), 0));
            assert_eq!(carried(shell, timed(&["/etc/passwd"])).1.errno, Some(13));
            assert_eq!(carried(shell, timed(&["/etc"])).1.errno, Some(13));
            let (stdout, ran, _) = carried(shell, Run { cwd: Some("/nope".into()), ..timed(&["true"]) });
            assert_eq!((stdout.as_str(), ran.began, ran.errno), ("<1>\n", None, None));
            assert!(String::from_utf8(ran.stderr).unwrap().contains("/nope"));
        }
    }

    #[test]
    fn standard_input_and_variables_arrive_whatever_is_in_them() {
        let odd = "a'b \"$(reboot)\"\n\\";
        for shell in SHELLS {
            let step = Run {
                stdin: Some(odd.into()),
                env: vec![("ODD".into(), odd.into())],
                ..timed(&["sh", "-c", "cat; printf '|%s' \"$ODD\""])
            };
            assert_eq!(carried(shell, step).0, format!("{odd}|{odd}<0>\n"));
        }
    }

    #[test]
    fn a_time_without_a_fraction_is_one_too() {
        let time = HostTime::read("1795456056.123456789 -0130").unwrap();
        assert_eq!((time.unix_microseconds, time.utc_offset), (1_795_456_056_123_456, -5400));
        assert_eq!(HostTime::read("1795456056.%N +0000").unwrap().unix_microseconds, 1_795_456_056_000_000);
        assert_eq!((HostTime::read(""), HostTime::read("x +0000")), (None, None));
    }
}
