//! The scripts that carry out a change.
//!
//! One script does it all: it takes `step.lock` and sees whether the machine is still this run's, asks the preconditions
//! again and compares them on the machine, runs the steps one by one until one fails, then reads what was promised. Only
//! a long step splits it: it is begun by a script that ends, waited for, and the rest follows in another script.
//!
//! **Output.** What a step prints goes to two files that have no name any more by the time it begins, in memory where
//! that can be had (/dev/shm), and is sent as records once it has ended. So a program that leaves something running
//! behind it is done when it ends itself (a pipe would keep us waiting for ever), what that goes on printing reaches
//! nobody, and it can never write into an answer of ours.
//!
//! **A lost connection.** A script is not killed by it: it runs on until it next has something to say, which is at the
//! latest after the step that it is in. So the step in flight is completed and no further one begun, and `step.lock` is
//! held until then.

use crate::plan::{Expect, Observation, Query, Unmet};

use super::facts::Probes;
use super::lock::{LockLost, STEP_LOCK};
use super::long_step::{self, Ended, Id, Unusable};
use super::record::Records;
use super::script::{Function, Script};
use super::steps::Step;

/// How much of each stream of a step is brought back.
const OUTPUT_LIMIT: usize = 32 * 1024 * 1024;
/// How long a script waits for `step.lock`, in seconds: only another script of this run can have it.
const LOCK_PATIENCE: &str = "20";

/// How a change ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Applied {
    /// All steps were carried out and all promises kept.
    Done(Carried),
    /// Before the first step: the facts that the plan relied on are others by now. Nothing was changed.
    Moved(Vec<Moved>),
    /// A step failed; those after it were not begun.
    StepFailed {
        /// Which, from 0.
        index: usize,
        /// What it said.
        output: Output,
        /// What those before it said.
        before: Vec<Output>,
    },
    /// All steps said that they did it, and it is not so.
    Unmet {
        /// The broken promises.
        unmet: Vec<Unmet>,
        /// What was done.
        carried: Carried,
    },
    /// The machine is not this run's (any more). Nothing was changed by this script.
    Locked(LockLost),
    /// The machine could not be asked: it is not reached, or has no shell for us. Nothing was changed.
    NotBegun(String),
    /// It cannot be asked for: a step's value makes no sense. Nothing was changed.
    Unusable(String),
    /// The connection was lost, or the answer made no sense: some of it may have been done, or all.
    Unknown(String),
}

/// What was done.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Carried {
    /// What each step said.
    pub outputs: Vec<Output>,
    /// What was promised, as it is now.
    pub readings: Vec<(Query, Observation)>,
    /// Long steps that ran without a unit of their own, because there is no root here: a lost connection cuts them.
    pub ran_directly: Vec<usize>,
}

/// A precondition that does not hold any more.
#[derive(Debug, Clone, PartialEq)]
pub struct Moved {
    /// What was asked.
    pub query: Query,
    /// What the plan read.
    pub was: Observation,
    /// What is so now.
    pub is: Observation,
}

/// What a step said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Output {
    /// Its status.
    pub status: i32,
    /// Its standard output, to the byte.
    pub stdout: Vec<u8>,
    /// Its standard error, to the byte.
    pub stderr: Vec<u8>,
    /// Whether there was more than was brought back.
    pub cut: bool,
}

impl From<Ended> for Output {
    fn from(ended: Ended) -> Self {
        Self { status: ended.status, stdout: ended.stdout, stderr: ended.stderr, cut: false }
    }
}

/// How a script stands to the lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lock {
    /// The directory of the locks.
    pub directory: String,
    /// This run's nonce.
    pub nonce: String,
}

/// Sets what a step is to see: the login's umask is kept for a person's own programs. Words: variables.
const BEGIN: Function = Function {
    name: "s_begin",
    needs: &[],
    text: r#"s_begin() {
  login_umask=$(umask)
  umask 022
  while [ $# -gt 0 ]; do
    case $1 in
      PATH=*) login_path=${1#*=} ;;
      LC_ALL=*) login_lc_all=${1#*=} ;;
      *) export "$1" ;;
    esac
    shift
  done
}"#,
};

/// The environment that a person's own programs get.
pub(super) const LOGIN_ENVIRONMENT: Function = Function {
    name: "s_login_environment",
    needs: &[],
    text: r#"s_login_environment() {
  umask "$login_umask"
  PATH=$login_path
  if [ -n "$login_lc_all" ]; then LC_ALL=$login_lc_all; else unset LC_ALL; fi
}"#,
};

/// Takes step.lock or ends the script: index, directory, nonce, patience.
const LOCK_OR_END: Function = Function {
    name: "s_lock_or_end",
    needs: &[&STEP_LOCK],
    text: r#"s_lock_or_end() {
  s_step_lock "$2" "$3" "$4"
  status=$?
  answer "$1" "$status"
  [ "$status" -eq 0 ] || exit 0
}"#,
};

/// Ends the script unless all preconditions were compared and none differs: index, how many.
const UNMOVED_OR_END: Function = Function {
    name: "s_unmoved_or_end",
    needs: &[],
    text: r#"s_unmoved_or_end() {
  status=0 r=
  if [ -n "$moved" ]; then
    status=1
  elif [ "$checked" -ne "$2" ]; then
    status=2
  fi
  answer "$1" "$status"
  [ "$status" -eq 0 ] || exit 0
}"#,
};

/// Opens 3 and 5 for writing and 4 and 6 for reading of two new files without names. /dev/shm first: a full disk or a
/// read-only /tmp must not stop the command that repairs it.
const CAPTURE: Function = Function {
    name: "s_capture",
    needs: &[],
    text: r#"s_capture() {
  for place in /dev/shm /run/homelabctl "${XDG_RUNTIME_DIR:-/tmp}" /tmp /var/tmp "${HOME:-/tmp}"; do
    kept=$(mktemp -d "$place/.homelabctl-XXXXXX" 2>/dev/null) || continue
    # not `:` or `exec` alone: they end the shell where a file cannot be made
    if { true >"$kept/out" && true >"$kept/err"; } 2>/dev/null; then
      exec 3>"$kept/out" 4<"$kept/out" 5>"$kept/err" 6<"$kept/err"
      rm -rf -- "$kept"
      return 0
    fi
    rm -rf -- "$kept"
  done
  return 1
}"#,
};

/// Sends an open file as a record: index, status, descriptor, length. What is still being written to it is not waited for.
const SEND: Function = Function {
    name: "s_send",
    needs: &[],
    text: r#"s_send() {
  printf '@%s %s %s %s\n' "$k" "$1" "$2" "$4"
  [ "$4" -eq 0 ] || head -c "$4" <&"$3"
  echo
}"#,
};

/// Runs a step: index, limit of the output, `any` or ``, function, its words. Records: index+1 is stderr, with status 1 if
/// something was cut; index, the last, is stdout with the step's status. The script ends where it failed.
const STEP: Function = Function {
    name: "s_step",
    needs: &[&CAPTURE, &SEND],
    text: r#"s_step() {
  index=$1 limit=$2 any=$3
  shift 3
  if ! s_capture; then
    r="there is no place to keep a step's output: /dev/shm, /run, /tmp and /var/tmp are full or read-only"
    answer "$((index + 1))" 0
    r=
    answer "$index" 1
    exit 0
  fi
  status=0
  ("$@") >&3 2>&5 3>&- 4<&- 5>&- 6<&- || status=$?
  exec 3>&- 5>&-
  cut=0
  out=$(stat -Lc %s /proc/self/fd/4) err=$(stat -Lc %s /proc/self/fd/6)
  if [ "$out" -gt "$limit" ]; then out=$limit cut=1; fi
  if [ "$err" -gt "$limit" ]; then err=$limit cut=1; fi
  s_send "$((index + 1))" "$cut" 6 "$err" && s_send "$index" "$status" 4 "$out" || exit 0
  exec 4<&- 6<&-
  [ "$status" -eq 0 ] || [ -n "$any" ] || exit 0
}"#,
};

/// Begins a long step: index, function, its words. The record says `started`, `running` or `finished`.
const BEGIN_LONG: Function = Function {
    name: "s_begin_long",
    needs: &[],
    text: r#"s_begin_long() {
  index=$1
  shift
  mark "$index"
  status=0
  r=$("$@") || status=$?
  answer "$index" "$status"
}"#,
};

/// What one script of a change does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// These steps, one after the other.
    Steps {
        /// The first.
        from: usize,
        /// The one after the last.
        to: usize,
    },
    /// The beginning of this long step.
    Long(usize),
}

/// A change cut into scripts.
#[derive(Debug)]
pub(super) struct Parts<'a> {
    steps: &'a [Step],
    expect: Vec<Query>,
    lock: Option<&'a Lock>,
    environment: &'a [(String, String)],
    parts: Vec<Part>,
}

/// One script of a change, and how its answers are read.
#[derive(Debug)]
pub(super) struct PartScript {
    /// Its text.
    pub(super) text: String,
    lock: Option<u32>,
    preconditions: Vec<(Query, Observation)>,
    checks: Probes,
    unmoved: Option<u32>,
    /// Index in the change and index of the record.
    steps: Vec<(usize, u32, bool)>,
    long: Option<(usize, u32, Id)>,
    expect: Option<(Probes, u32)>,
}

/// What a part's answers say.
#[derive(Debug, PartialEq)]
pub(super) enum Heard {
    /// All went well; what its steps said, and what was promised.
    Well(Vec<Output>, Option<Vec<(Query, Observation)>>),
    /// The long step runs, or has ended and is to be taken.
    Long(usize, Id),
    /// It ends here.
    End(Applied),
}

impl<'a> Parts<'a> {
    /// Cuts a change. Without a lock there is no root, so a long step runs where it stands.
    pub(super) fn new(steps: &'a [Step], expect: &[Expect], lock: Option<&'a Lock>, environment: &'a [(String, String)]) -> Self {
        let mut parts = Vec::new();
        let mut from = 0;
        for (index, _) in steps.iter().enumerate().filter(|(_, step)| lock.is_some() && step.is_long()) {
            if from < index {
                parts.push(Part::Steps { from, to: index });
            }
            parts.push(Part::Long(index));
            from = index + 1;
        }
        // the last one reads what was promised, also if it has no steps
        parts.push(Part::Steps { from, to: steps.len() });
        let mut queries: Vec<Query> = Vec::new();
        for expect in expect {
            if !queries.contains(&expect.query) {
                queries.push(expect.query.clone());
            }
        }
        Self { steps, expect: queries, lock, environment, parts }
    }

    /// How many scripts there are.
    pub(super) fn len(&self) -> usize {
        self.parts.len()
    }

    /// What somebody who watches is told of the script of that number before it is sent, in a few words; nothing of most.
    pub(super) fn title(&self, number: usize) -> Option<String> {
        let Some(Part::Steps { from, to }) = self.parts.get(number) else { return None };
        let watched = self.steps.get(*from..*to)?.iter().map(Step::action).filter(|step| step.is_watched());
        Some(watched.map(|step| step.describe()).collect::<Vec<_>>().join(", then ")).filter(|title| !title.is_empty())
    }

    /// Which long steps run directly.
    pub(super) fn directly(&self) -> Vec<usize> {
        let long = |(index, step): (usize, &Step)| (self.lock.is_none() && step.is_long()).then_some(index);
        self.steps.iter().enumerate().filter_map(long).collect()
    }

    /// The script of that number, from 0. The preconditions are checked by the first.
    pub(super) fn script(&self, number: usize, nonce: &str, preconditions: &[(Query, Observation)]) -> Result<PartScript, Unusable> {
        let mut script = begin(nonce, self.environment)?;
        let lock = match self.lock {
            None => None,
            Some(lock) => {
                let index = script.next_index();
                script.call(&LOCK_OR_END, [index.to_string().as_str(), &lock.directory, &lock.nonce, LOCK_PATIENCE])?;
                Some(index)
            }
        };
        let preconditions = if number == 0 { preconditions.to_vec() } else { Vec::new() };
        let checks = script.check(&preconditions);
        let unmoved = if preconditions.is_empty() {
            None
        } else {
            let index = script.next_index();
            script.call(&UNMOVED_OR_END, [index.to_string(), preconditions.len().to_string()])?;
            Some(index)
        };
        let mut part =
            PartScript { text: String::new(), lock, preconditions, checks, unmoved, steps: Vec::new(), long: None, expect: None };
        match self.parts.get(number) {
            Some(Part::Steps { from, to }) => {
                for (at, step) in self.steps.iter().enumerate().take(*to).skip(*from) {
                    let index = script.next_index();
                    script.next_index();
                    let call = step.call()?;
                    script.define(call.function);
                    let any = matches!(step, Step::Run(run) if run.any_status);
                    let words =
                        [index.to_string(), OUTPUT_LIMIT.to_string(), if any { "any" } else { "" }.into(), call.function.name.into()];
                    script.call(&STEP, words.into_iter().chain(call.words))?;
                    part.steps.push((at, index, any));
                }
            }
            Some(Part::Long(at)) => {
                if let (Some(lock), Some(step)) = (self.lock, self.steps.get(*at)) {
                    let index = script.next_index();
                    let (function, words) = long_step::start_words(&lock.directory, &lock.nonce, step, self.environment)?;
                    script.define(function);
                    script.call(&BEGIN_LONG, [index.to_string(), function.name.into()].into_iter().chain(words))?;
                    part.long = Some((*at, index, Id::of(step)));
                }
            }
            None => {}
        }
        if number + 1 == self.parts.len() {
            let probes = script.probe(&self.expect);
            let end = script.next_index();
            script.call(&END, [end.to_string()])?;
            part.expect = Some((probes, end));
        }
        part.text = script.finish();
        Ok(part)
    }
}

/// The last record: index.
const END: Function = Function {
    name: "s_end",
    needs: &[],
    text: r#"s_end() {
  r=
  answer "$1" 0
}"#,
};

/// A script with that nonce and environment.
pub(super) fn begin(nonce: &str, environment: &[(String, String)]) -> Result<Script, super::script::Nul> {
    let mut script = Script::new();
    script.set("k", nonce)?;
    script.define(&LOGIN_ENVIRONMENT);
    script.call(&BEGIN, environment.iter().map(|(name, value)| format!("{name}={value}")))?;
    Ok(script)
}

impl PartScript {
    /// What the machine's answers mean.
    pub(super) fn hear(&self, records: &Records, said: &str) -> Heard {
        let unknown = |what: String| Heard::End(Applied::Unknown(if said.is_empty() { what } else { format!("{what}: {said}") }));
        if let Some(index) = self.lock {
            match records.get(index) {
                None => return unknown("the machine gave no answer about its lock".into()),
                Some(record) if record.status != 0 => {
                    let line = record.bytes().unwrap_or_default();
                    return Heard::End(Applied::Locked(LockLost::read(record.status, &line)));
                }
                Some(_) => {}
            }
        }
        if let Some(index) = self.unmoved {
            match records.get(index).map(|record| record.status) {
                Some(0) => {}
                None => return unknown("the machine gave no answer about what the plan relies on".into()),
                Some(_) => {
                    let moved = self.checks.moved(records);
                    let was = |query: &Query| self.preconditions.iter().find(|(q, _)| q == query).map(|(_, was)| was.clone());
                    let moved: Vec<Moved> =
                        moved.into_iter().filter_map(|(query, is)| Some(Moved { was: was(&query)?, query, is })).collect();
                    if moved.is_empty() {
                        return unknown("what the plan relies on could not be read again, so nothing was done".into());
                    }
                    return Heard::End(Applied::Moved(moved));
                }
            }
        }
        let mut outputs: Vec<Output> = Vec::new();
        for (at, index, any) in &self.steps {
            let (Some(stdout), Some(stderr)) = (records.get(*index), records.get(index + 1)) else {
                return unknown(format!("step {} was begun and gave no answer", at + 1));
            };
            let output =
                Output { status: stdout.status, stdout: stdout.payload.clone(), stderr: stderr.payload.clone(), cut: stderr.status != 0 };
            if output.status != 0 && !any {
                return Heard::End(Applied::StepFailed { index: *at, output, before: outputs });
            }
            outputs.push(output);
        }
        if let Some((at, index, id)) = &self.long {
            return match records.get(*index) {
                None => unknown(format!("step {} was to begin and gave no answer", at + 1)),
                Some(record) if record.status != 0 => {
                    let stderr = records.complaint(*index).into_bytes();
                    Heard::End(Applied::StepFailed {
                        index: *at,
                        output: Output { status: record.status, stderr, ..Output::default() },
                        before: Vec::new(),
                    })
                }
                Some(_) => Heard::Long(*at, id.clone()),
            };
        }
        match &self.expect {
            None => Heard::Well(outputs, None),
            Some((probes, end)) if records.get(*end).is_some() => Heard::Well(outputs, Some(probes.observe(records))),
            Some(_) => unknown("the machine gave no answer about what was promised".into()),
        }
    }
}

/// Whether the promises were kept.
pub(super) fn judge(expect: &[Expect], carried: Carried) -> Applied {
    let reading = |query: &Query| carried.readings.iter().find(|(q, _)| q == query).map(|(_, o)| o.reading.clone());
    let check = |expect: &Expect| {
        let reading = reading(&expect.query).unwrap_or_else(|| crate::plan::Reading::unknown("it was not read"));
        expect.check(&reading).err().map(|unmet| *unmet)
    };
    let unmet: Vec<Unmet> = expect.iter().filter_map(check).collect();
    if unmet.is_empty() { Applied::Done(carried) } else { Applied::Unmet { unmet, carried } }
}
