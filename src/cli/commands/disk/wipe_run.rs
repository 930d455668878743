//! One disk that is emptied: looked at, shown, asked for, looked at again under the machine's lock, and waited for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use secrecy::ExposeSecret as _;
use serde_json::json;

use super::super::super::columns::columns;
use super::super::super::interrupt::Interrupt;
use super::super::super::machines::Fleet;
use super::super::super::session::Shared;
use super::super::asking::listed;
use super::explain::{all, summary};
use crate::disk::wipe::{Thorough, Wipe, find, look};
use crate::disk::{Class, examine};
use crate::engine::{Machines as _, NotReached, Via};
use crate::node::Change;
use crate::node::apply::{Applied, Output};
use crate::node::facts::{Extent, Fstab, FstabEntry};
use crate::node::host::Host;
use crate::node::lock::DIRECTORY;
use crate::node::long_step::{Ended, State};
use crate::node::machine::{Machine as _, Real};
use crate::node::record::to_text;
use crate::node::steps::WipeDisk;
use crate::plan::{FactKey, Facts, Observation, Refusal, Scope, Stop, Store};
use crate::report::escape::line;
use crate::report::{Answer, DiskSheet, Event, HostAnswer, Outcome, Problem};

/// A large disk takes days; nobody has to wait so long.
const LONGEST: Duration = Duration::from_secs(30 * 24 * 3600);
/// A question leads to further ones a few times.
const MOST_QUESTIONS: u32 = 12;
/// How often it is looked at anew where something moved meanwhile.
const TRIES: u32 = 3;

/// What a person asked for.
pub(super) struct Job<'a> {
    pub(super) host: Arc<str>,
    pub(super) disk: &'a str,
    pub(super) serial: Option<&'a str>,
    pub(super) thorough: Thorough,
    pub(super) shared: &'a Arc<Shared>,
    pub(super) fleet: &'a Fleet,
    pub(super) interrupt: &'a Interrupt,
}

/// How it ended otherwise than well.
struct Bad(Outcome, Problem);

impl From<NotReached> for Bad {
    fn from(why: NotReached) -> Self {
        let problem = Problem::new(why.why);
        Self(Outcome::Unreachable, why.hint.into_iter().fold(problem, Problem::hint))
    }
}

impl From<Refusal> for Bad {
    fn from(refusal: Refusal) -> Self {
        let hints = refusal.hint.iter().flat_map(|hint| hint.lines());
        Self(Outcome::Refused, hints.fold(Problem::new(refusal.why), Problem::hint))
    }
}

/// What was read, and what the answer rests on.
struct Known<T> {
    answer: T,
    rests_on: Vec<(FactKey, Observation)>,
}

impl Job<'_> {
    pub async fn run(&self) -> HostAnswer {
        // what was begun there goes on without us
        let begun = AtomicBool::new(false);
        let cancelled = &self.shared.cancelled;
        let ended = tokio::select! {
            ended = self.wipe(&begun) => ended,
            () = cancelled.cancelled() => Err(self.interrupted(begun.load(Ordering::SeqCst))),
        };
        match ended {
            Ok(sheet) => HostAnswer::good(Arc::clone(&self.host), Outcome::Changed, Answer::Disk(sheet)),
            Err(Bad(outcome, problem)) => HostAnswer::bad(Arc::clone(&self.host), outcome, problem),
        }
    }

    async fn wipe(&self, begun: &AtomicBool) -> Result<DiskSheet, Bad> {
        let machine = self.fleet.connect(&self.host, &Via::default()).await?.machine;
        let mut machine = machine.long_limit(LONGEST);
        if let Some(sheet) = self.begun_before(&mut machine, begun).await? {
            return Ok(sheet);
        }
        let shown = self.looked(&mut machine).await?.answer?;
        self.asked(&shown).await?;
        self.fleet.lock(&self.host, &Via::default(), &mut machine).await?;
        let mut moved = String::new();
        for _ in 0..TRIES {
            let Known { answer, rests_on } = self.looked(&mut machine).await?;
            let wipe = answer?;
            if !wipe.is_still(&shown) {
                let why = format!("disk {} on {} is not what was shown any more: {}", wipe.name, self.host, wipe.examined.class);
                return Err(Bad(Outcome::Refused, self.explained(Problem::new(format!("{why}; nothing was written to it")))));
            }
            begun.store(true, Ordering::SeqCst);
            match machine.apply(&self.scope(), &wipe.change(), &rests_on).await {
                Applied::Moved(facts) => moved = facts.iter().map(|fact| fact.query.to_string()).collect::<Vec<_>>().join(", "),
                applied => {
                    let outputs = self.done(applied, &wipe.change())?;
                    let said = outputs.first().map(|output| last_line(&output.stdout)).unwrap_or_default();
                    return self.read_back(&mut machine, &wipe, &said).await;
                }
            }
            begun.store(false, Ordering::SeqCst);
        }
        let why = format!("the machine does not hold still: {moved} changed between the look and the wipe; nothing was written");
        Err(Bad(Outcome::Failed, Problem::new(why)))
    }

    /// Waits for the wipe of the same disk that an earlier run began, if it still goes on or nobody knows yet how it ended.
    async fn begun_before(&self, machine: &mut Real<Host>, begun: &AtomicBool) -> Result<Option<DiskSheet>, Bad> {
        let (device, path) = self.read(machine, |facts| find(facts, self.disk)).await?.answer?;
        let left = machine.left(&self.scope(), DIRECTORY).await.map_err(|lost| Bad(Outcome::Unreachable, Problem::new(lost.why)))?;
        let titles = [true, false].map(|whole| WipeDisk::title(&path, whole));
        for left in left.iter().filter(|left| titles.contains(&left.title)) {
            if left.state == "running" {
                self.warn(format!("{}: an earlier run had begun this, and it still goes on: {}", self.host, left.title));
            }
            begun.store(true, Ordering::SeqCst);
            let state = machine.wait(&self.scope(), DIRECTORY, &left.id, &left.title).await;
            let state = state.map_err(|lost| Bad(Outcome::Unknown, self.goes_on(Problem::new(lost.why))))?;
            begun.store(false, Ordering::SeqCst);
            match state {
                State::Finished(Ended { status: 0, stdout, .. }) if left.title == titles[0] => {
                    let known = self.read(machine, |facts| examine(facts, &path, Extent::Sampled)).await?;
                    // what was put there since is not ours to judge
                    if known.answer.class == Class::Blank && self.thorough == Thorough::Whole {
                        let mut rows = summary(&device, &known.answer);
                        rows.push(("wiped".to_owned(), format!("by an earlier run, which has ended: {}", last_line(&stdout))));
                        return Ok(Some(DiskSheet { summary: rows, disk: all(&device, &known.answer) }));
                    }
                }
                State::Finished(Ended { status: 0, .. }) => {}
                State::Finished(ended) => {
                    let said = last_line(&ended.stderr);
                    self.warn(format!("{}: what an earlier run had begun failed: {}: {said}", self.host, left.title));
                }
                _ => self.warn(format!("{}: what an earlier run had begun was cut off: {}", self.host, left.title)),
            }
        }
        Ok(None)
    }

    async fn looked(&self, machine: &mut Real<Host>) -> Result<Known<Result<Wipe, Refusal>>, Bad> {
        self.read(machine, |facts| look(facts, self.disk, self.thorough)).await
    }

    /// Reads what `question` asks for, until it has its answer.
    async fn read<T>(&self, machine: &mut Real<Host>, question: impl Fn(&Facts<'_>) -> Result<T, Stop>) -> Result<Known<T>, Bad> {
        let mut store = Store::default();
        for _ in 0..MOST_QUESTIONS {
            let facts = Facts::new(&store, self.scope());
            let asked = question(&facts);
            let recorded = facts.recorded();
            let need = match asked {
                Ok(answer) => {
                    let known = |key: FactKey| store.get(&key).cloned().map(|observation| (key, observation));
                    return Ok(Known { answer, rests_on: recorded.into_iter().filter_map(known).collect() });
                }
                Err(Stop::Unknown(unknown)) => {
                    let why = format!("it cannot be read what uses disk {}: {}; nothing was written to it", self.disk, listed(unknown));
                    return Err(Bad(Outcome::Refused, self.explained(Problem::new(why))));
                }
                Err(Stop::Need(need)) => need,
            };
            let queries: Vec<_> = need.iter().map(|key| key.query.clone()).collect();
            let read = machine.read(&self.scope(), &queries).await;
            let read = read.map_err(|lost| Bad(Outcome::Unreachable, Problem::new(lost.why)))?;
            need.into_iter().zip(read).for_each(|(key, (_, observation))| store.insert(key, observation));
        }
        Err(Bad(Outcome::Failed, Problem::new("its disks are not known after many questions")))
    }

    /// The serial number, as it was given or is typed.
    async fn asked(&self, wipe: &Wipe) -> Result<(), Bad> {
        let wrong = |said: &str| {
            let why = format!("disk {} on {} has not the serial number {said:?}; nothing was written to it", wipe.name, self.host);
            Bad(
                Outcome::Refused,
                Problem::new(why).hint(format!("the disks and their serial numbers:  homelabctl disk list {}", self.host)),
            )
        };
        let typed = match self.serial {
            Some(serial) => serial.to_owned(),
            None => self.typed(wipe).await?,
        };
        if typed.trim() == wipe.serial { Ok(()) } else { Err(wrong(typed.trim())) }
    }

    async fn typed(&self, wipe: &Wipe) -> Result<String, Bad> {
        let rows: Vec<Vec<String>> =
            summary(&wipe.disk, &wipe.examined).iter().map(|(label, text)| vec![line(label), line(text)]).collect();
        let what = match self.thorough {
            Thorough::Whole => "Every byte of it will be zero.",
            Thorough::Quick => "What is on it will not be found any more.",
        };
        let kind = if wipe.disk.serial.is_some() { "serial number" } else { "World Wide Name" };
        let question = format!("{}\n{what} To go on, type its {kind}: ", columns(&rows));
        let (terminal, reporter, stop) = (self.interrupt.terminal.clone(), self.shared.reporter.clone(), self.shared.cancelled.clone());
        let asked = tokio::task::spawn_blocking(move || reporter.suspended(|| terminal.line(&question, &stop)));
        match asked.await {
            Ok(Ok(Some(answer))) => Ok(answer.expose_secret().to_owned()),
            Ok(Err(error)) if error.kind() == std::io::ErrorKind::Interrupted => {
                self.interrupt.cancel();
                Err(self.interrupted(false))
            }
            _ => Err(Bad(
                Outcome::Refused,
                Problem::new("nobody typed the serial number; nothing was written").hint("say it with `--serial`"),
            )),
        }
    }

    fn done(&self, applied: Applied, change: &Change) -> Result<Vec<Output>, Bad> {
        match applied {
            Applied::Done(carried) => Ok(carried.outputs),
            Applied::StepFailed { index, output, .. } => {
                let what = change.steps.get(index).map(|step| step.describe()).unwrap_or_default();
                let said = to_text(&output.stderr);
                Err(Bad(Outcome::Failed, self.explained(Problem::new(format!("{what}: {}", said.trim())))))
            }
            Applied::Unknown(why) => Err(Bad(Outcome::Unknown, self.goes_on(Problem::new(why)))),
            Applied::NotBegun(why) => Err(Bad(Outcome::Unreachable, Problem::new(format!("{why}; nothing was written")))),
            Applied::Locked(lost) => Err(Bad(Outcome::Failed, Problem::new(format!("{lost}; nothing was written")))),
            Applied::Unusable(why) => Err(Bad(Outcome::Failed, Problem::new(format!("{why}; nothing was written")))),
            Applied::Moved(_) | Applied::Unmet { .. } => {
                Err(Bad(Outcome::Unknown, self.explained(Problem::new("it is not known what became of the disk"))))
            }
        }
    }

    /// What has become of the disk, seen with fresh eyes.
    async fn read_back(&self, machine: &mut Real<Host>, wipe: &Wipe, said: &str) -> Result<DiskSheet, Bad> {
        let found = self.read(machine, |facts| find(facts, self.disk)).await?.answer;
        let now = self.read(machine, |facts| examine(facts, &wipe.path, Extent::Sampled)).await?.answer;
        let device = found.map_or_else(|_| wipe.disk.clone(), |(device, _)| device);
        if !wipe.is_done(&now.class) {
            let why = format!("disk {} was wiped ({said}), and is not what it should be by now: {}", wipe.name, now.class);
            return Err(Bad(Outcome::Failed, self.explained(Problem::new(why))));
        }
        // what cannot be read is no reason to say that the wipe has failed
        if let Ok(Known { answer: Some(lines), .. }) = self.read(machine, |facts| facts.get(Fstab)).await {
            let names = wipe.names_in_fstab();
            for line in lines.iter().filter(|line| names.contains(&line.source)) {
                let FstabEntry { source, target, .. } = line;
                self.warn(format!(
                    "{}: /etc/fstab still has {source} for {target}: without `nofail` the next boot waits for it",
                    self.host
                ));
            }
        }
        let mut rows: Vec<(String, String)> = summary(&wipe.disk, &wipe.examined);
        rows.retain(|(label, _)| label != "it is" && label != "provision may");
        rows.push(("it was".to_owned(), wipe.examined.class.to_string()));
        rows.push(("wiped".to_owned(), said.to_owned()));
        rows.push(("it is".to_owned(), now.class.to_string()));
        rows.push(("provision may".to_owned(), now.class.may_become().to_owned()));
        let mut disk = all(&device, &now);
        disk.insert("was".to_owned(), json!(wipe.examined.class));
        disk.insert("wiped".to_owned(), json!({ "how": self.thorough, "said": said }));
        Ok(DiskSheet { summary: rows, disk })
    }

    fn scope(&self) -> Scope {
        Scope::new(&self.host, "root")
    }

    fn warn(&self, message: String) {
        self.shared.reporter.tell(Event::warning(message));
    }

    fn explained(&self, problem: Problem) -> Problem {
        problem.hint(format!("to see what is on it now:  homelabctl disk explain {} {}", self.host, self.disk))
    }

    /// It is out of our hands.
    fn goes_on(&self, problem: Problem) -> Problem {
        problem.hint(format!("if it was begun, it goes on there; to see how far it is:  homelabctl disk wipe {} {}", self.host, self.disk))
    }

    fn interrupted(&self, begun: bool) -> Bad {
        if begun {
            Bad(Outcome::Unknown, self.goes_on(Problem::new("interrupted; the wipe goes on there")))
        } else {
            Bad(Outcome::Unreachable, Problem::new("interrupted before anything was written"))
        }
    }
}

/// The last line that says something.
fn last_line(output: &[u8]) -> String {
    to_text(output).lines().rev().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default().to_owned()
}
