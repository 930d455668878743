//! What came of each host, for people and for playbooks.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::cluster::membership::{Evidence, Next, Reach, State, Why};
use crate::modules::{Came, Failed, How};
use crate::plan::{Difference, Refusal};

/// What a run did on a host, and for it.
#[derive(Debug, Clone, Default)]
pub(super) struct Did {
    /// The state that it had first.
    pub(super) first: Option<State>,
    /// What was done, in its order.
    pub(super) done: Vec<String>,
    /// What failed last.
    pub(super) failed: Option<Failed>,
}

/// What came of the hosts that take part, at the end of a run.
pub(super) fn at_end(names: &[String], next: &Next, did: &BTreeMap<String, Did>) -> BTreeMap<String, Came> {
    let none = Did::default();
    let one = |name: &String| {
        let did = did.get(name).unwrap_or(&none);
        let state = next.states.iter().find(|(host, _)| host == name).map(|(_, state)| state);
        let how = how(name, next, did, state);
        let was = did.first.as_ref().map(|state| state.word().to_owned());
        let is = state.map(|state| state.word().to_owned());
        let mut changes = Vec::new();
        if !did.done.is_empty() {
            // what did not make it another state is told by what was done
            let after = if was == is { Some(did.done.join("; ")) } else { is.clone() };
            changes.push(Difference { what: "node of the cluster".to_owned(), before: was, after });
        }
        let result = serde_json::Map::from_iter([("state".to_owned(), json!(is)), ("did".to_owned(), Value::from(did.done.clone()))]);
        (name.clone(), Came { how, changes, result })
    };
    names.iter().map(one).collect()
}

fn how(name: &str, next: &Next, did: &Did, state: Option<&State>) -> How {
    let own = next.refused.iter().find(|refused| refused.host.as_deref() == Some(name));
    let refused = own.or_else(|| next.refused.iter().find(|refused| refused.host.is_none()));
    match (refused, state) {
        (Some(refused), _) if refused.why == Why::Unreachable => How::Unreachable(refused.refusal.why.clone()),
        (Some(refused), _) if matches!(refused.why, Why::TriedTwice(_)) => {
            let said = did.failed.as_ref().map(|failed| format!(": {}", failed.why)).unwrap_or_default();
            How::Failed(Refusal { why: format!("{}{said}", refused.refusal.why), hint: refused.refusal.hint.clone() })
        }
        (Some(refused), _) => How::Refused(refused.refusal.clone()),
        (None, Some(state)) if state.is_good() => match next.unjudged.get(name) {
            None => How::Good,
            Some(why) => How::Unknown(not_judged(state, why)),
        },
        (None, _) => match &did.failed {
            Some(failed) => How::Failed(Refusal { why: failed.why.clone(), hint: failed.hint.clone() }),
            // somebody else's refusal keeps it waiting
            None => How::Refused(match next.refused.first() {
                Some(other) => Refusal {
                    why: format!("it waits for {}: {}", other.host.as_deref().unwrap_or("the cluster"), other.refusal.why),
                    hint: other.refusal.hint.clone(),
                },
                None => match next.unjudged.get(name) {
                    Some(why) => Refusal { why: format!("it did not become a node of the cluster: {why}"), hint: None },
                    None => Refusal { why: "it did not become a node of the cluster".to_owned(), hint: None },
                },
            }),
        },
    }
}

/// What is good as far as it was looked at.
fn not_judged(state: &State, why: &str) -> String {
    format!("it is {}; whether its labels, taints and manifests are as they should be is not known: {why}", state.word())
}

/// All are refused for one reason, but for those that were not reached.
pub(super) fn refused(names: &[String], evidence: &Evidence, refusal: &Refusal) -> BTreeMap<String, Came> {
    let how = |name: &String| match evidence.machines.get(name) {
        Some(Reach::Unreachable(why)) => How::Unreachable(why.clone()),
        Some(Reach::Reached(_)) | None => How::Refused(refusal.clone()),
    };
    names.iter().map(|name| (name.clone(), Came::new(how(name)))).collect()
}

/// What would come of them: a real run goes on from what the first actions leave, which nobody knows yet.
pub(super) fn foretold(names: &[String], next: &Next) -> BTreeMap<String, Came> {
    let one = |name: &String| {
        let state = next.states.iter().find(|(host, _)| host == name).map(|(_, state)| state);
        let acts: Vec<String> = next.actions.iter().filter(|action| action.host == *name).map(|action| format!("would {action}")).collect();
        let waits = next.waits.iter().find(|waits| waits.host == *name);
        let refused = next.refused.iter().find(|refused| refused.host.as_deref().is_none_or(|host| host == name));
        let came = match (refused, state) {
            (Some(refused), _) if refused.why == Why::Unreachable => Came::new(How::Unreachable(refused.refusal.why.clone())),
            (Some(refused), _) => Came::new(How::Refused(refused.refusal.clone())),
            (None, Some(state)) if !acts.is_empty() => {
                let what = "node of the cluster".to_owned();
                let change = Difference { what, before: Some(state.word().to_owned()), after: Some(acts.join("; ")) };
                Came { changes: vec![change], ..Came::new(How::Good) }
            }
            (None, Some(state)) if state.is_good() && waits.is_none() => match next.unjudged.get(name) {
                None => Came::new(How::Good),
                Some(why) => Came::new(How::Pending(not_judged(state, why))),
            },
            (None, state) => {
                // what tasks before it would do is foretold for some of what decides here, and for some it is not
                let on = waits.and_then(|waits| depends(&waits.which));
                let is = state.map(|state| state.word()).filter(|_| on.is_none()).map(|is| format!("it is {is}, and "));
                let on = on.unwrap_or("depends on what a run does before");
                Came::new(How::Pending(format!("{}what becomes of it {on}", is.unwrap_or_default())))
            }
        };
        let result = serde_json::Map::from_iter([("state".to_owned(), json!(state.map(|state| state.word())))]);
        (name.clone(), Came { result, ..came })
    };
    names.iter().map(one).collect()
}

/// What something depends on, in the words of what is foretold: `depends on what Packages does`.
fn depends(why: &str) -> Option<&str> {
    let from = why.find("depends on what ")?;
    let rest = why.get(from..)?;
    rest.find(" does").and_then(|to| rest.get(..to + " does".len()))
}
