//! What a person's own command would write to disks is looked at before it runs.

use std::sync::Arc;
use std::time::Duration;

use super::super::session::Session;
use crate::disk::guard::{Judgement, permit};
use crate::node::record::Records;
use crate::node::script::Script;
use crate::plan::{FactKey, Facts, Refusal, Scope, Stop, Store};
use crate::report::{HostAnswer, Outcome, Problem};
use crate::transport::{Collected, Nonce};

/// A disk that seems to be blank is read in many places.
const LIMIT: Duration = Duration::from_secs(600);
const MOST_OUTPUT: usize = 4 << 20;
/// A judgement asks for more a few times.
const MOST_QUESTIONS: u32 = 12;

/// Goes through where the command may run.
///
/// # Errors
/// The host's answer where it must not.
pub(super) async fn permitted(session: &mut Session, judgement: &Judgement) -> Result<(), HostAnswer> {
    if judgement.is_harmless() {
        return Ok(());
    }
    let scope = Scope::new(&session.host, "");
    let mut store = Store::default();
    for _ in 0..MOST_QUESTIONS {
        let need = match permit(judgement, None, &Facts::new(&store, scope.clone())) {
            Ok(None) => return Ok(()),
            Ok(Some(Refusal { why, hint })) => return Err(refused(session, hint.into_iter().fold(Problem::new(why), Problem::hint))),
            Err(Stop::Unknown(unknown)) => {
                let why: Vec<String> = unknown.into_iter().map(|(key, why)| format!("{}: {why}", key.query)).collect();
                return Err(refused(session, Problem::new(format!("cannot be known, so it was not run: {}", why.join("; ")))));
            }
            Err(Stop::Need(need)) => need,
        };
        let queries: Vec<_> = need.into_iter().map(|key| key.query).collect();
        let nonce = Nonce::new();
        let mut script = Script::new();
        // hexadecimal digits: it can be set
        let _ = script.set("k", nonce.as_str());
        let probes = script.probe(&queries);
        let mut output = Collected::up_to(MOST_OUTPUT);
        if let Err(why) = session.run("looking at disks", &script.finish(), &mut output, LIMIT).await {
            return Err(session.not_read(why));
        }
        let records = Records::parse(nonce.as_str(), &output.stdout, &output.stderr);
        for (query, observation) in probes.observe(&records) {
            store.insert(FactKey { scope: scope.clone(), query }, observation);
        }
    }
    Err(refused(session, Problem::new("what it would write to is not known after many questions, so it was not run")))
}

fn refused(session: &Session, problem: Problem) -> HostAnswer {
    let answer = HostAnswer::bad(Arc::clone(&session.host), Outcome::Refused, problem);
    HostAnswer { round_trips: session.round_trips(), ..answer }
}
