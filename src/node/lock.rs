//! The lock on a machine, in two parts, so that a run that was cut never leaves a machine locked.
//!
//! * **`run.lock`** says which run works on the machine. It is held (flock(1)) by a small process on a channel of its
//!   own, the *holder*, which reads a byte from us every [`BEAT`] and gives up after [`SILENCE`] without one: a
//!   controller that was killed closes the channel and frees the lock at once, one that lost its network frees it
//!   [`SILENCE`] later, however long the node's sshd believes in the dead connection. The file holds one line, a
//!   [`Claim`] as JSON.
//! * **`step.lock`** says that something of ours is changing the machine right now. Every changing script holds it for as
//!   long as it runs, and looks at `run.lock` *after* it has it: if the line there is not this run's, it stops. A new run
//!   writes its line first and then waits until it could have `step.lock` for a moment. So whatever of an earlier run
//!   still runs is waited for, and whatever of it comes later stops itself.
//!
//! Both live under /run, which a reboot empties, in a directory that only root can enter. Without root there is no
//! lock, and whoever calls says so.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::script::{Function, Nul, Script};

/// Where the locks and the long steps live.
pub const DIRECTORY: &str = "/run/homelabctl";
/// How long the holder waits for a beat before it gives up.
pub const SILENCE: Duration = Duration::from_secs(30);
/// How often a beat is sent: two may be lost.
pub const BEAT: Duration = Duration::from_secs(9);
/// The byte that is a beat. Not a line break: command substitution would drop it.
pub const BEAT_BYTE: u8 = b'.';

/// The byte that gives the machine back; so does the end of the input.
pub const RELEASE_BYTE: u8 = b'q';

/// Who holds a machine: the line in `run.lock`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The run's own name, letters and digits. First in the line: the scripts compare the line's beginning.
    pub nonce: String,
    /// The person.
    pub who: String,
    /// The machine that they work on.
    pub from: String,
    /// When the run began, RFC 3339.
    pub since: String,
}

/// What the holder says, each once or more, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    /// Another run holds the machine; it may turn out to be dead, and the holder waits as long as it was told to.
    Contended(Option<Claim>),
    /// The machine is ours, but a step of an earlier run still runs; it has been waited for this long.
    Waiting(Duration),
    /// The machine is ours. Beats must go on.
    Held,
    /// Another run kept the machine. The end.
    Locked(Option<Claim>),
    /// A step of an earlier run did not end in time. The end.
    StillBusy,
    /// There can be no lock here, and why: no flock(1), no timeout(1), no /run. The end.
    Cannot(String),
}

impl Holder {
    /// Reads a line of the holder; `None` for noise.
    pub fn read(nonce: &str, line: &str) -> Option<Self> {
        let line = line.trim_end().strip_prefix('@')?.strip_prefix(nonce)?.strip_prefix(' ')?;
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "contended" => Some(Self::Contended(serde_json::from_str(rest).ok())),
            "waiting" => Some(Self::Waiting(Duration::from_secs(rest.parse().ok()?))),
            "held" => Some(Self::Held),
            "locked" => Some(Self::Locked(serde_json::from_str(rest).ok())),
            "busy" => Some(Self::StillBusy),
            "cannot" => Some(Self::Cannot(rest.into())),
            _ => None,
        }
    }
}

/// How long things are waited for, in whole seconds.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For another run to end or to turn out dead.
    pub run: Duration,
    /// For a step that still runs.
    pub step: Duration,
    /// For a beat.
    pub silence: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        // a run that was cut is silent for SILENCE before its lock is free
        Self { run: SILENCE + Duration::from_secs(5), step: Duration::from_secs(900), silence: SILENCE }
    }
}

/// Makes the directory of the locks, or fails: directory.
const LOCK_DIRECTORY: Function = Function {
    name: "s_lock_directory",
    needs: &[],
    text: r#"s_lock_directory() {
  if [ -d "${1%/*}" ] && { [ -d "$1" ] || mkdir -m 0700 -- "$1" 2>/dev/null || [ -d "$1" ]; } && [ -O "$1" ] && [ ! -L "$1" ]; then
    return 0
  fi
  err="$1 cannot be made or is not ours"
  return 1
}"#,
};

/// directory, nonce, claim, patience for the run, for a step, for a beat (seconds). Stdin: beats.
///
/// `timeout N head -c 1` is the one way to wait for a byte with a limit in every shell; its status is 124 or, with
/// busybox, 143 when the time is up, and 0 with no output at the end of the input. Whatever waits does it with the
/// lock's descriptor closed, so that no child outlives the holder with the lock in its hands.
const HOLD: Function = Function {
    name: "s_hold",
    needs: &[&LOCK_DIRECTORY],
    text: r#"s_hold() (
  dir=$1 nonce=$2 claim=$3 silence=$6 ours=
  # blanks follow: whoever frames our output may hold its last bytes back until more comes
  say() { printf '@%s %s\n%100s\n' "$nonce" "$1" '' || leave; }
  leave() {
    trap - HUP INT TERM PIPE
    # while it is still held: the next one writes its own line after it has it
    if [ -n "$ours" ]; then : >"$dir/run.lock"; fi
    exit 0
  }
  beat() {
    if byte=$(exec timeout "$1" head -c 1 8>&- 9>&-); then
      case $byte in
        '' | q) leave ;;
      esac
      clock
      heard=$now
    else
      clock
      [ $((now - heard)) -lt "$silence" ] || leave
    fi
  }
  # seconds since the machine started: no clock that anybody sets
  clock() {
    read -r now _ </proc/uptime
    now=${now%.*}
  }
  pause() {
    beat 1
    waited=$((now - began))
  }
  holder() {
    line=
    IFS= read -r line <"$dir/run.lock" || :
  }
  trap leave HUP INT TERM PIPE
  umask 077
  for program in flock timeout head; do
    command -v "$program" >/dev/null || { say "cannot there is no $program(1)"; exit 0; }
  done
  timeout 5 true 2>/dev/null || { say "cannot timeout(1) does not take its arguments as usual"; exit 0; }
  s_lock_directory "$dir" || { say "cannot $err"; exit 0; }
  exec 8<>"$dir/run.lock" 9<>"$dir/step.lock"
  clock
  heard=$now began=$now waited=0 told=
  until flock -n 8; do
    holder
    # two hosts of one run may be one machine: the other holder's lock is this one's too, and its heir
    case $line in
      '{"nonce":"'"$nonce"'",'*)
        say held
        until flock -n 8; do beat "$silence"; done
        ours=1
        printf '%s\n' "$claim" >"$dir/run.lock"
        while :; do beat "$silence"; done
        ;;
    esac
    if [ "$waited" -ge "$4" ]; then
      say "locked $line"
      exit 0
    fi
    if [ -z "$told" ] && [ "$waited" -ge 1 ]; then
      say "contended $line"
      told=1
    fi
    pause
  done
  ours=1
  printf '%s\n' "$claim" >"$dir/run.lock"
  clock
  began=$now waited=0 told=0
  until flock -n 9; do
    if [ "$waited" -ge "$5" ]; then
      say busy
      leave
    fi
    if [ "$waited" -gt "$told" ]; then
      say "waiting $waited"
      told=$((waited + 5))
    fi
    pause
  done
  exec 9>&-
  say held
  while :; do beat "$silence"; done
)"#,
};

/// Takes step.lock for the rest of the shell that calls it, and sees whether the machine is still this run's: directory,
/// nonce, patience in seconds. Status 75: something of ours still runs; 76: another run's, whose line is in `$r`. While the
/// machine is this run's, what runs may be the step of a host that is the same machine under another name: that is waited
/// for 180 times as long.
pub(super) const STEP_LOCK: Function = Function {
    name: "s_step_lock",
    needs: &[],
    text: r#"s_step_lock() {
  r=
  # `exec` ends the shell where it cannot open a file
  if [ ! -f "$1/run.lock" ] || [ ! -w "$1/step.lock" ]; then return 76; fi
  exec 9<>"$1/step.lock"
  tries=180
  until flock -n 9 || timeout "$3" flock 9; do
    tries=$((tries - 1))
    IFS= read -r r <"$1/run.lock" || :
    case $r in
      '{"nonce":"'"$2"'",'*) [ "$tries" -gt 0 ] || return 75 ;;
      *) return 75 ;;
    esac
  done
  r=
  IFS= read -r r <"$1/run.lock" || :
  case $r in
    '{"nonce":"'"$2"'",'*) return 0 ;;
  esac
  return 76
}"#,
};

/// The status with which something of ours that still runs is told.
pub(super) const BUSY: i32 = 75;

/// The holder's script, for a shell of root's whose standard input carries the beats. It answers with [`Holder`] lines.
///
/// # Errors
/// A NUL in a value.
pub fn hold(directory: &str, claim: &Claim, patience: Patience) -> Result<String, Nul> {
    let line = serde_json::to_string(claim).unwrap_or_default();
    let seconds = |duration: Duration| duration.as_secs().max(1).to_string();
    let mut script = Script::new();
    script.call(
        &HOLD,
        [
            directory,
            &claim.nonce,
            &line,
            &patience.run.as_secs().to_string(),
            &patience.step.as_secs().to_string(),
            &seconds(patience.silence),
        ],
    )?;
    Ok(script.finish())
}

/// What a script says when it could not have `step.lock`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LockLost {
    /// The machine is another run's by now.
    #[error("{} holds this machine from {} since {}", .0.who, .0.from, .0.since)]
    Taken(Claim),
    /// Nobody's: our holder gave up, or never was.
    #[error("this run does not hold the machine any more")]
    Free,
    /// Something of ours still runs there.
    #[error("a step of homelabctl's still runs on this machine")]
    Busy,
}

impl LockLost {
    /// From the status of `s_step_lock` and what it left.
    pub(super) fn read(status: i32, line: &[u8]) -> Self {
        match (status, serde_json::from_slice(line)) {
            (BUSY, _) => Self::Busy,
            (_, Ok(claim)) => Self::Taken(claim),
            _ => Self::Free,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Lines, Write};
    use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
    use std::time::Instant;

    use super::super::testing::{SHELLS, run};
    use super::*;

    const QUICK: Patience = Patience { run: Duration::from_secs(2), step: Duration::from_secs(20), silence: Duration::from_secs(4) };

    fn claim(nonce: &str) -> Claim {
        Claim { nonce: nonce.into(), who: "pat O'Neil \"x\"".into(), from: "laptop".into(), since: "2026-01-01T00:00:00Z".into() }
    }

    struct Held {
        child: Child,
        beats: Option<ChildStdin>,
        lines: Lines<BufReader<ChildStdout>>,
        nonce: String,
    }

    impl Held {
        fn start(shell: &[&str], directory: &str, nonce: &str, patience: Patience) -> Self {
            let script = hold(directory, &claim(nonce), patience).unwrap();
            let mut child = Command::new(shell[0])
                .args(&shell[1..])
                .args(["-c", &script])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let lines = BufReader::new(child.stdout.take().unwrap()).lines();
            Self { beats: child.stdin.take(), child, lines, nonce: nonce.into() }
        }

        fn says(&mut self) -> Holder {
            let line = self.lines.find(|line| line.as_ref().is_ok_and(|line| !line.trim().is_empty())).unwrap().unwrap();
            Holder::read(&self.nonce, &line).unwrap_or_else(|| panic!("{line}"))
        }

        fn beat(&mut self) {
            self.beats.as_mut().unwrap().write_all(&[BEAT_BYTE]).unwrap();
        }
    }

    impl Drop for Held {
        fn drop(&mut self) {
            self.beats = None;
            self.child.wait().unwrap();
        }
    }

    fn take_step_lock(shell: &[&str], directory: &str, nonce: &str) -> String {
        let mut script = Script::new();
        script.call(&STEP_LOCK, [directory, nonce, "1"]).unwrap();
        script.text("echo \"$? $r\"");
        String::from_utf8(run(shell, "k", &script.finish()).stdout).unwrap().trim().into()
    }

    #[test]
    fn two_hosts_of_one_run_may_be_one_machine() {
        for shell in SHELLS {
            let directory = tempfile::tempdir().unwrap();
            let directory = directory.path().to_str().unwrap();
            let mut one = Held::start(shell, directory, "n1", QUICK);
            assert_eq!(one.says(), Holder::Held);
            let mut other = Held::start(shell, directory, "n1", QUICK);
            assert_eq!(other.says(), Holder::Held);
            assert!(take_step_lock(shell, directory, "n1").starts_with("0 "));
            drop(one);
            other.beat();
            let began = Instant::now();
            while !take_step_lock(shell, directory, "n1").starts_with("0 ") {
                assert!(began.elapsed() < Duration::from_secs(4), "{shell:?}: the lock has no heir");
            }
            let mut stranger = Held::start(shell, directory, "n2", Patience { run: Duration::from_secs(1), ..QUICK });
            loop {
                match stranger.says() {
                    Holder::Contended(_) => {}
                    said => {
                        assert_eq!(said, Holder::Locked(Some(claim("n1"))));
                        break;
                    }
                }
                other.beat();
            }
        }
    }

    #[test]
    fn a_machine_is_held_until_the_channel_closes() {
        for shell in SHELLS {
            let directory = tempfile::tempdir().unwrap();
            let locks = directory.path().join("locks").to_str().unwrap().to_owned();
            let mut first = Held::start(shell, &locks, "n1", QUICK);
            assert_eq!(first.says(), Holder::Held);
            assert!(take_step_lock(shell, &locks, "n1").starts_with("0 "));
            assert!(take_step_lock(shell, &locks, "n").starts_with("76 {\"nonce\":\"n1\""), "a nonce's beginning is not the nonce");
            let mut second = Held::start(shell, &locks, "n2", QUICK);
            first.beat();
            assert_eq!(second.says(), Holder::Contended(Some(claim("n1"))));
            assert_eq!(second.says(), Holder::Locked(Some(claim("n1"))));
            drop((first, second));
            assert_eq!(take_step_lock(shell, &locks, "n1"), "76", "given up: the line is gone");
            assert_eq!(Held::start(shell, &locks, "n3", QUICK).says(), Holder::Held);
        }
    }

    #[test]
    fn a_silent_run_loses_the_machine_and_a_beating_one_does_not() {
        for shell in SHELLS {
            let directory = tempfile::tempdir().unwrap();
            let locks = directory.path().join("locks").to_str().unwrap().to_owned();
            let mut first = Held::start(shell, &locks, "n1", QUICK);
            assert_eq!(first.says(), Holder::Held);
            for _ in 0..3 {
                std::thread::sleep(Duration::from_secs(2));
                first.beat();
            }
            assert!(take_step_lock(shell, &locks, "n1").starts_with("0 "), "{shell:?}: 6 s with beats");
            let silent = Instant::now();
            let patient = Patience { run: Duration::from_secs(15), ..QUICK };
            let mut second = Held::start(shell, &locks, "n2", patient);
            assert!(matches!(second.says(), Holder::Contended(_)));
            second.beat();
            second.beat();
            assert_eq!(second.says(), Holder::Held);
            assert!((2..9).contains(&silent.elapsed().as_secs()), "{:?}", silent.elapsed());
            assert!(take_step_lock(shell, &locks, "n1").starts_with("76 {\"nonce\":\"n2\""));
        }
    }

    #[test]
    fn a_step_that_still_runs_is_waited_for() {
        for shell in SHELLS {
            let directory = tempfile::tempdir().unwrap();
            let locks = directory.path().join("locks").to_str().unwrap().to_owned();
            std::fs::create_dir(&locks).unwrap();
            let step = std::path::Path::new(&locks).join("step.lock");
            let mut running = Command::new("flock").arg(&step).args(["sleep", "3"]).spawn().unwrap();
            std::thread::sleep(Duration::from_millis(300));
            let mut held = Held::start(shell, &locks, "n1", Patience { silence: Duration::from_secs(20), ..QUICK });
            assert!(matches!(held.says(), Holder::Waiting(_)));
            assert!(take_step_lock(shell, &locks, "n0").starts_with("75"));
            // the machine is this run's by now: a step of its own is waited for
            assert!(take_step_lock(shell, &locks, "n1").starts_with('0'));
            assert_eq!(held.says(), Holder::Held);
            assert!(running.try_wait().unwrap().is_some(), "held only after the step ended");
        }
    }

    #[test]
    fn where_no_lock_can_be_it_says_so() {
        for shell in SHELLS {
            let mut held = Held::start(shell, "/proc/nothing/locks", "n1", QUICK);
            let Holder::Cannot(why) = held.says() else { panic!("a lock in /proc") };
            assert!(why.contains("cannot be made"), "{why}");
        }
    }
}
