//! Our own long steps: units of the machine's service manager that no lost connection can cut in half.
//!
//! A long step is a directory `<locks>/steps/<id>/` with its script, its title, the claim of the run that began it, its
//! output and, once it has ended, its status, put there by a rename. There is no pipe to us. The id is a digest of what the
//! step does, so a run that asks for the same step again finds the one that runs, and waits; or finds the status of its own
//! that ended meanwhile and that nobody has taken, and takes it. One of another run that has ended is begun anew: its status is
//! about a machine that may be another by now. The directory goes away only once the status has arrived here, by
//! a script of its own: what was only sent may be lost with the connection.
//!
//! The step itself holds `step.lock`, after it has seen that the machine is still its run's; else it never begins
//! (*cancelled*). It holds `alive` in its directory too, so whether it runs is known without asking anybody. A step that
//! is not alive and left no status is *vanished* (killed, or the machine restarted, which empties /run): its outcome is
//! unknown, never a success.
//!
//! Without systemd it runs in a session of its own (setsid(1)), which a dropped connection does not end either. Without
//! root there is no place for it: it runs directly, and whoever calls says so. Never for a user's own commands.

use std::time::Duration;

use sha2::{Digest, Sha256};

use super::apply::begin;
use super::lock::STEP_LOCK;
use super::record::{Records, to_text};
use super::script::{Function, Nul, Script};
use super::steps::{FAIL, Invalid, Step};

/// How long one call waits at most; the caller repeats it.
pub const WAIT: Duration = Duration::from_secs(10);
/// How long one call waits where somebody sees what the step says meanwhile.
pub const WATCHED: Duration = Duration::from_secs(1);
/// How much of a long step's output is brought back: its end.
const OUTPUT_LIMIT: usize = 256 * 1024;

/// The digest that names a step: the same work has the same name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(String);

impl Id {
    /// The name of that step.
    pub fn of(step: &Step) -> Self {
        let data = serde_json::to_vec(step).unwrap_or_default();
        let digest = Sha256::digest(&data);
        Self(digest.iter().take(12).map(|byte| format!("{byte:02x}")).collect())
    }

    /// Twenty-four hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for Id {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// How a long step stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It runs, and this is the last line that it said.
    Running(String),
    /// It ended, and this is what it left.
    Finished(Ended),
    /// It never began: the machine was another run's by then.
    Cancelled,
    /// It runs no more and left no status. Its outcome is unknown.
    Vanished,
    /// There is no such step.
    Nothing,
}

/// What a step that ended left.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ended {
    /// Its status.
    pub status: i32,
    /// The end of its standard output.
    pub stdout: Vec<u8>,
    /// The end of its standard error.
    pub stderr: Vec<u8>,
}

/// A long step that an earlier run left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// Its name.
    pub id: Id,
    /// What it does.
    pub title: String,
    /// `running`, `finished`, `cancelled` or `vanished`.
    pub state: String,
}

/// Prints how the step in a directory stands. Whether it is alive is asked first: a status is written before it dies.
const STATE: Function = Function {
    name: "s_long_state",
    needs: &[],
    text: r#"s_long_state() {
  [ -d "$1" ] || { echo nothing; return; }
  alive=0
  flock -n -s "$1/alive" true 2>/dev/null || alive=$?
  if [ "$alive" -eq 1 ]; then echo running; return; fi
  if [ ! -f "$1/status" ]; then echo vanished; return; fi
  read -r status <"$1/status"
  case $status in
    cancelled) echo cancelled ;;
    *) echo finished ;;
  esac
}"#,
};

/// What the unit runs: locks, id, nonce, patience for step.lock (seconds). What the step starts has none of the locks.
const UNIT: Function = Function {
    name: "s_long_unit",
    needs: &[&STEP_LOCK],
    text: r#"s_long_unit() {
  dir=$1/steps/$2
  umask 077
  exec 7<>"$dir/alive"
  # another unit runs it
  flock -n 7 || exit 75
  [ ! -e "$dir/cancelled" ] || exit 75
  : >"$dir/begun"
  if s_step_lock "$1" "$3" "$4"; then
    : >"$dir/entered"
    status=0
    (umask 022; exec sh "$dir/script" </dev/null >"$dir/out" 2>"$dir/err" 7>&- 8>&- 9>&-) || status=$?
  else
    status=cancelled
  fi
  printf '%s\n' "$status" >"$dir/status.new"
  mv -f "$dir/status.new" "$dir/status"
}"#,
};

/// locks, id, title, claim or nonce, the unit's script, the step's script. Run while step.lock is held. Answers
/// `running` or `finished` for one that is there already, `started` for a new one.
///
/// It returns once the unit is alive, so that a step that is not alive is known to have ended, and has step.lock.
const START: Function = Function {
    name: "s_long_start",
    needs: &[&FAIL, &STATE],
    text: r#"s_long_start() (
  umask 077
  dir=$1/steps/$2
  state=$(s_long_state "$dir")
  # how a step of another run ended says nothing about now
  if [ "$state" = finished ] && ! grep -qxF -e "$4" "$dir/run"; then state=old; fi
  case $state in
    running | finished)
      echo "$state"
      exit 0
      ;;
  esac
  # nor one that never began, or whose outcome nobody knows: this plan was made from what is true now
  rm -rf -- "$dir" "$dir.new"
  mkdir -p -- "$1/steps" && mkdir -- "$dir.new" || exit 1
  printf '%s\n' "$3" >"$dir.new/title" && printf '%s\n' "$4" >"$dir.new/run" &&
    printf %s "$5" >"$dir.new/unit" && printf %s "$6" >"$dir.new/script" && mv -T -- "$dir.new" "$dir" || exit 1
  if [ -d /run/systemd/system ] && command -v systemd-run >/dev/null; then
    systemd-run --quiet --collect --no-ask-password --unit="homelabctl-step-$2" --description="homelabctl: $3" \
      sh "$dir/unit" >&2 </dev/null || exit 1
  else
    command -v setsid >/dev/null || s_fail "there is neither systemd-run(1) nor setsid(1)"
    setsid sh "$dir/unit" </dev/null >/dev/null 2>&1 7>&- 8>&- 9>&- &
  fi
  waited=0
  until [ -f "$dir/begun" ]; do
    if [ "$waited" -ge 100 ]; then
      # one that begins now after all gives up, or is stopped and leaves no status: never a failure that goes on
      : >"$dir/cancelled"
      systemctl stop "homelabctl-step-$2" >/dev/null 2>&1 || :
      [ -f "$dir/begun" ] || s_fail "the unit homelabctl-step-$2 does not begin"
      break
    fi
    sleep 0.1 2>/dev/null || sleep 1
    waited=$((waited + 1))
  done
  # handed over: what is said to have begun is not cancelled by the end of this run
  flock -u 9 2>/dev/null
  until [ -f "$dir/entered" ] || [ -f "$dir/status" ]; do
    [ "$waited" -lt 200 ] || break
    sleep 0.1 2>/dev/null || sleep 1
    waited=$((waited + 1))
  done
  echo started
)"#,
};

/// A file as a record, its end if it is long: index, file, limit.
const SEND_FILE: Function = Function {
    name: "s_send_file",
    needs: &[],
    text: r#"s_send_file() {
  size=$(stat -Lc %s "$2" 2>/dev/null) || size=0
  [ "$size" -le "$3" ] || size=$3
  printf '@%s %s 0 %s\n' "$k" "$1" "$size"
  [ "$size" -eq 0 ] || tail -c "$size" "$2"
  echo
}"#,
};

/// locks, id, seconds, limit of the output. Records: 1 and 2 the output (1 the end of it while it runs), 0 the state.
const WAIT_FOR: Function = Function {
    name: "s_long_wait",
    needs: &[&STATE, &SEND_FILE],
    text: r#"s_long_wait() {
  dir=$1/steps/$2
  if [ "$3" -gt 0 ] && [ -d "$dir" ]; then timeout "$3" flock -s "$dir/alive" true || :; fi
  r=$(s_long_state "$dir")
  case $r in
    running) s_send_file 1 "$dir/out" 400 || exit 1 ;;
    finished)
      read -r status <"$dir/status"
      r="finished $status"
      s_send_file 1 "$dir/out" "$4" && s_send_file 2 "$dir/err" "$4" || exit 1
      ;;
  esac
  answer 0 0 || exit 1
}"#,
};

/// locks, id. Forgets a step that has ended, once its status has arrived where it is wanted: what was only sent may be
/// lost with the connection. The rename first: what is half removed must not be found.
const TAKE: Function = Function {
    name: "s_long_take",
    needs: &[&STATE],
    text: r#"s_long_take() {
  dir=$1/steps/$2
  case $(s_long_state "$dir") in
    running | nothing) ;;
    *) mv -T -- "$dir" "$dir.taken" && rm -rf -- "$dir.taken" ;;
  esac
}"#,
};

/// locks. A record for each step that is there: id, state, title.
const LIST: Function = Function {
    name: "s_long_list",
    needs: &[&STATE],
    text: r#"s_long_list() {
  index=1
  set +f
  for dir in "$1"/steps/*; do
    case $dir in
      *.new | *.taken) rm -rf -- "$dir" ;;
      *)
        if [ -d "$dir" ]; then
          title=
          read -r title <"$dir/title" || :
          r="${dir##*/} $(s_long_state "$dir") $title"
          answer "$index" 0
          index=$((index + 1))
        fi
        ;;
    esac
  done
  set -f
  r=$((index - 1))
  answer 0 0
}"#,
};

/// The script that a long step's unit runs: the step alone.
fn step_script(step: &Step, environment: &[(String, String)]) -> Result<String, Unusable> {
    let call = step.call()?;
    let mut script = begin("", environment)?;
    script.call(call.function, call.words)?;
    Ok(script.finish())
}

/// A step that cannot be written as a script.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// One of its values.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// One of its values.
    #[error(transparent)]
    Nul(#[from] Nul),
}

/// The call that begins a long step, for a script that holds step.lock; its stdout says how it stands.
///
/// # Errors
/// A value of the step that cannot be used.
pub(super) fn start_words(
    locks: &str,
    nonce: &str,
    step: &Step,
    environment: &[(String, String)],
) -> Result<(&'static Function, Vec<String>), Unusable> {
    let id = Id::of(step);
    let mut unit = Script::new();
    unit.call(&UNIT, [locks, id.as_str(), nonce, "60"])?;
    let words = [locks, id.as_str(), &step.describe().replace('\n', " "), nonce, &unit.finish(), &step_script(step, environment)?];
    Ok((&START, words.map(str::to_owned).to_vec()))
}

/// A script that begins a long step while it holds `step.lock`, and says on stdout how it stands: `started`, or
/// `running` or `finished` if it was there already.
///
/// # Errors
/// A value of the step that cannot be used.
pub fn start_script(locks: &str, nonce: &str, step: &Step, environment: &[(String, String)]) -> Result<String, Unusable> {
    let mut script = begin("", environment)?;
    script.call(&STEP_LOCK, [locks, nonce, "20"])?;
    let (function, words) = start_words(locks, nonce, step, environment)?;
    script.call(function, words)?;
    Ok(script.finish())
}

/// Lets a script wait for a long step, at most [`WAIT`], and tell its status if it has ended; read by [`read_wait`].
///
/// # Errors
/// A NUL in the directory.
pub fn wait(script: &mut Script, locks: &str, id: &Id, at_most: Duration) -> Result<(), Nul> {
    let seconds = at_most.min(WAIT).as_secs().to_string();
    script.call(&WAIT_FOR, [locks, id.as_str(), &seconds, &OUTPUT_LIMIT.to_string()])
}

/// Lets a script forget a long step that has ended, once [`read_wait`] has had its status here.
///
/// # Errors
/// A NUL in the directory.
pub fn take(script: &mut Script, locks: &str, id: &Id) -> Result<(), Nul> {
    script.call(&TAKE, [locks, id.as_str()])
}

/// What [`wait`]'s script answered; `None` if the answer did not arrive whole.
pub fn read_wait(records: &Records) -> Option<State> {
    let state = to_text(&records.get(0)?.payload);
    match state.split_once(' ').unwrap_or((&state, "")) {
        ("running", _) => Some(State::Running(last_line(&records.get(1)?.payload))),
        ("cancelled", _) => Some(State::Cancelled),
        ("vanished", _) => Some(State::Vanished),
        ("nothing", _) => Some(State::Nothing),
        ("finished", status) => {
            let output = |index| records.get(index).map(|record| record.payload.clone());
            Some(State::Finished(Ended { status: status.parse().ok()?, stdout: output(1)?, stderr: output(2)? }))
        }
        _ => None,
    }
}

/// The last line that says something; what a program wrote over (a carriage return) is a line of its own.
fn last_line(output: &[u8]) -> String {
    let text = to_text(output);
    text.rsplit(['\n', '\r']).map(str::trim).find(|line| !line.is_empty()).unwrap_or_default().to_owned()
}

/// Lets a script list the long steps that are there, running or with a status that nobody took; read by [`read_list`].
///
/// # Errors
/// A NUL in the directory.
pub fn list(script: &mut Script, locks: &str) -> Result<(), Nul> {
    script.call(&LIST, [locks])
}

/// What [`list`]'s script answered; `None` if the answer did not arrive whole.
pub fn read_list(records: &Records) -> Option<Vec<Left>> {
    let count: u32 = to_text(&records.get(0)?.payload).parse().ok()?;
    (1..=count)
        .map(|index| {
            let line = to_text(&records.get(index)?.bytes().ok()?);
            let mut words = line.splitn(3, ' ');
            let (id, state) = (words.next()?, words.next()?);
            Some(Left { id: Id(id.into()), state: state.into(), title: words.next().unwrap_or_default().into() })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::steps::Run;
    use super::super::testing::{SHELLS, run};
    use super::*;

    struct Node {
        shell: &'static [&'static str],
        directory: tempfile::TempDir,
    }

    impl Node {
        fn new(shell: &'static [&'static str], nonce: &str) -> Self {
            let node = Self { shell, directory: tempfile::tempdir().unwrap() };
            node.claim(nonce);
            std::fs::write(node.path().join("step.lock"), "").unwrap();
            node
        }

        fn claim(&self, nonce: &str) {
            std::fs::write(self.path().join("run.lock"), format!("{{\"nonce\":\"{nonce}\",\"who\":\"x\"}}\n")).unwrap();
        }

        fn path(&self) -> &Path {
            self.directory.path()
        }

        fn locks(&self) -> &str {
            self.path().to_str().unwrap()
        }

        fn run(&self, script: &str) -> Records {
            let output = run(self.shell, "k1", script);
            Records::parse("k1", &output.stdout, &output.stderr)
        }

        fn start(&self, nonce: &str, step: &Step) -> String {
            let (function, words) = start_words(self.locks(), nonce, step, &[]).unwrap();
            let mut script = Script::new();
            script.call(function, words).unwrap();
            let output = run(self.shell, "k1", &script.finish());
            assert!(output.stderr.is_empty(), "{output:?}");
            String::from_utf8(output.stdout).unwrap().trim().into()
        }

        fn wait(&self, step: &Step, seconds: u64) -> State {
            let mut script = Script::new();
            wait(&mut script, self.locks(), &Id::of(step), Duration::from_secs(seconds)).unwrap();
            read_wait(&self.run(&script.finish())).unwrap()
        }

        fn take(&self, step: &Step) {
            let mut script = Script::new();
            take(&mut script, self.locks(), &Id::of(step)).unwrap();
            self.run(&script.finish());
        }

        fn list(&self) -> Vec<Left> {
            let mut script = Script::new();
            list(&mut script, self.locks()).unwrap();
            read_list(&self.run(&script.finish())).unwrap()
        }
    }

    /// A step that lasts a second, says something on both streams, tells whether it sees a lock, and ends with 3.
    fn step(mark: &Path) -> Step {
        let text = format!(
            "echo begins; sleep 1; echo out; ls -l /proc/self/fd | grep -c 'lock$\\|alive$'; echo err >&2; echo x >>{}; exit 3",
            mark.display()
        );
        Run { argv: ["sh", "-c", &text].map(Into::into).to_vec(), ..Run::default() }.into()
    }

    #[test]
    fn a_long_step_is_found_again_and_its_status_taken_once() {
        for shell in SHELLS {
            let node = Node::new(shell, "n1");
            let mark = node.path().join("mark");
            let step = step(&mark);
            assert_eq!(node.wait(&step, 0), State::Nothing);
            assert_eq!(node.start("n1", &step), "started");
            assert_eq!(node.start("n1", &step), "running");
            let told = (0..50).map(|_| node.wait(&step, 0)).find(|state| *state != State::Running(String::new()));
            assert_eq!(told, Some(State::Running("begins".into())), "what it says meanwhile is told");
            assert_eq!(node.list().len(), 1);
            let ended = Ended { status: 3, stdout: b"begins\nout\n0\n".to_vec(), stderr: b"err\n".to_vec() };
            assert_eq!(node.wait(&step, 9), State::Finished(ended.clone()));
            assert_eq!(node.wait(&step, 9), State::Finished(ended), "an answer that was lost can be asked for again");
            node.take(&step);
            assert_eq!(node.wait(&step, 9), State::Nothing);
            assert_eq!(node.list(), []);
            assert_eq!(std::fs::read_to_string(&mark).unwrap(), "x\n", "it ran once");
        }
    }

    #[test]
    fn the_last_line_of_an_output_that_says_something() {
        let cases: [(&[u8], &str); 4] =
            [(b"", ""), (b"Unpacking x ...\nSetting up x (1.0) ...\n\n", "Setting up x (1.0) ..."), (b"10%\r20%\r", "20%"), (b"a\nb", "b")];
        for (output, line) in cases {
            assert_eq!(last_line(output), line);
        }
    }

    #[test]
    fn a_status_that_nobody_took_is_the_answer_for_its_run_and_for_no_other() {
        for shell in SHELLS {
            let node = Node::new(shell, "n1");
            let mark = node.path().join("mark");
            let step = step(&mark);
            node.start("n1", &step);
            std::thread::sleep(Duration::from_millis(1500));
            assert_eq!(node.list(), [Left { id: Id::of(&step), title: "run sh".into(), state: "finished".into() }]);
            assert_eq!(node.start("n1", &step), "finished", "its own");
            assert!(matches!(node.wait(&step, 0), State::Finished(Ended { status: 3, .. })));
            node.claim("n2");
            assert_eq!(node.start("n2", &step), "started");
            assert!(matches!(node.wait(&step, 9), State::Finished(_)));
            assert_eq!(node.start("n2", &step), "finished", "its own");
            assert_eq!(std::fs::read_to_string(&mark).unwrap(), "x\nx\n");
        }
    }

    #[test]
    fn a_step_that_was_killed_is_never_a_success() {
        for shell in SHELLS {
            let node = Node::new(shell, "n1");
            let step = step(&node.path().join("mark"));
            node.start("n1", &step);
            // as when the machine restarts, but for /run: the unit and all that it started are gone
            let unit = node.path().join("steps").join(Id::of(&step).as_str()).join("unit");
            let mut killed = 0;
            for process in std::fs::read_dir("/proc").unwrap().flatten() {
                let line = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
                if line.windows(unit.as_os_str().len()).any(|w| w == unit.as_os_str().as_encoded_bytes()) {
                    let pid = rustix::process::Pid::from_raw(process.file_name().to_str().unwrap().parse().unwrap()).unwrap();
                    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
                    killed += 1;
                }
            }
            // two, if it has just forked for the script
            assert!((1..=2).contains(&killed), "{killed}");
            // what was killed holds its lock until it is gone
            for _ in 0..100 {
                if node.list()[0].state != "running" {
                    break;
                }
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
            assert_eq!(node.list()[0].state, "vanished");
            assert_eq!(node.wait(&step, 2), State::Vanished);
            assert_eq!(node.start("n1", &step), "started", "asked for again from what is true now");
            assert!(matches!(node.wait(&step, 9), State::Finished(_)));
        }
    }

    #[test]
    fn a_step_whose_run_lost_the_machine_never_begins() {
        for shell in SHELLS {
            let node = Node::new(shell, "n2");
            let mark = node.path().join("mark");
            assert_eq!(node.start("n1", &step(&mark)), "started");
            assert_eq!(node.wait(&step(&mark), 9), State::Cancelled);
            assert!(!mark.exists());
        }
    }
}
