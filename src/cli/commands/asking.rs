//! Facts of a host that a command asks for: in one script, or until a question has its answer.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use super::super::session::{NoAnswer, Session};
use super::fact_summary::Read;
use crate::node::record::{Records, to_reason};
use crate::node::script::Script;
use crate::plan::{FactKey, Facts, Query, Scope, Stop, Store};
use crate::report::HostAnswer;
use crate::transport::{Collected, Nonce};

/// A question leads to further ones a few times.
const MOST_QUESTIONS: u32 = 12;

/// How asking goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asking {
    /// What is said to be done meanwhile.
    pub doing: &'static str,
    /// How long one script may take.
    pub limit: Duration,
    /// How much one may say, in bytes.
    pub most_output: usize,
}

/// Why nothing was read.
pub(super) enum NotRead {
    /// The shell gave no answer.
    NoAnswer(NoAnswer),
    /// The script itself did not run: everything being unknown would hide why.
    Ended(String),
}

/// Why a question has no answer.
pub(super) enum Unanswered {
    /// Why the host gave none.
    Host(HostAnswer),
    /// The script did not run.
    Ended(String),
    /// What could not be read, and why.
    Unknown(BTreeMap<FactKey, String>),
    /// It asked for more and more.
    NoEnd,
}

impl Asking {
    /// Reads these, in one script.
    pub async fn read(self, session: &mut Session, queries: &[Query]) -> Result<Read, NotRead> {
        let nonce = Nonce::new();
        let mut script = Script::new();
        // hexadecimal digits: it can be set
        let _ = script.set("k", nonce.as_str());
        let probes = script.probe(queries);
        let mut output = Collected::up_to(self.most_output);
        let asked = SystemTime::now();
        let status = session.run(self.doing, &script.finish(), &mut output, self.limit).await.map_err(NotRead::NoAnswer)?;
        let answered = SystemTime::now();
        let records = Records::parse(nonce.as_str(), &output.stdout, &output.stderr);
        if status != 0 && records.iter().next().is_none() {
            return Err(NotRead::Ended(format!("{} ended with status {status}: {}", self.doing, to_reason(last(&output.stderr)))));
        }
        Ok(Read { asked, answered, facts: probes.observe(&records) })
    }

    /// What `question` makes of the facts that `scope` sees; all that it needs at once is read by one script.
    pub async fn answer<T>(
        self,
        session: &mut Session,
        scope: Scope,
        question: impl Fn(&Facts<'_>) -> Result<T, Stop> + Send,
    ) -> Result<T, Unanswered> {
        let mut store = Store::default();
        for _ in 0..MOST_QUESTIONS {
            let need = match question(&Facts::new(&store, scope.clone())) {
                Ok(answer) => return Ok(answer),
                Err(Stop::Unknown(unknown)) => return Err(Unanswered::Unknown(unknown)),
                Err(Stop::Need(need)) => need,
            };
            let queries: Vec<Query> = need.into_iter().map(|key| key.query).collect();
            let read = self.read(session, &queries).await.map_err(|why| match why {
                NotRead::NoAnswer(why) => Unanswered::Host(session.not_read(why)),
                NotRead::Ended(why) => Unanswered::Ended(why),
            })?;
            for (query, observation) in read.facts {
                store.insert(FactKey { scope: scope.clone(), query }, observation);
            }
        }
        Err(Unanswered::NoEnd)
    }
}

/// Which facts are unknown and why, on one line.
pub(super) fn listed(unknown: BTreeMap<FactKey, String>) -> String {
    unknown.into_iter().map(|(key, why)| format!("{}: {why}", key.query)).collect::<Vec<_>>().join("; ")
}

/// The end of what a script said.
fn last(stderr: &[u8]) -> &[u8] {
    stderr.get(stderr.len().saturating_sub(500)..).unwrap_or(stderr)
}
