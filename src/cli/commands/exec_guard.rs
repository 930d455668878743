//! What a person's own command would write to disks is looked at before it runs.

use std::sync::Arc;
use std::time::Duration;

use super::super::session::Session;
use super::asking::{Asking, Unanswered, listed};
use crate::disk::guard::{Judgement, permit};
use crate::plan::{Refusal, Scope};
use crate::report::{HostAnswer, Outcome, Problem};

/// A disk that seems to be blank is read in many places.
const ASKING: Asking = Asking { doing: "looking at disks", limit: Duration::from_secs(600), most_output: 4 << 20 };

/// Goes through where the command may run.
///
/// # Errors
/// The host's answer where it must not.
pub(super) async fn permitted(session: &mut Session, judgement: &Judgement) -> Result<(), HostAnswer> {
    if judgement.is_harmless() {
        return Ok(());
    }
    let scope = Scope::new(&session.host, "");
    let unknown = |why: String| Problem::new(format!("cannot be known, so it was not run: {why}"));
    let problem = match ASKING.answer(session, scope, |facts| permit(judgement, None, facts)).await {
        Ok(None) => return Ok(()),
        Ok(Some(Refusal { why, hint })) => hint.into_iter().fold(Problem::new(why), Problem::hint),
        Err(Unanswered::Host(answer)) => return Err(answer),
        Err(Unanswered::Ended(why)) => unknown(why),
        Err(Unanswered::Unknown(facts)) => unknown(listed(facts)),
        Err(Unanswered::NoEnd) => Problem::new("what it would write to is not known after many questions, so it was not run"),
    };
    Err(refused(session, problem))
}

fn refused(session: &Session, problem: Problem) -> HostAnswer {
    let answer = HostAnswer::bad(Arc::clone(&session.host), Outcome::Refused, problem);
    HostAnswer { round_trips: session.round_trips(), ..answer }
}
