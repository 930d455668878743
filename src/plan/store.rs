//! All that is known about all hosts in a run.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Expect, FactKey, Observation, Reading, Scope, Touch};

/// What was read so far. Nothing outlives the run: state comes from the machines, every time.
#[derive(Debug, Default, Clone)]
pub struct Store {
    known: BTreeMap<FactKey, Observation>,
    /// In `--check`: what would have been moved on which host by what, in that order.
    foretold: Vec<(Arc<str>, String, Vec<Touch>)>,
}

impl Store {
    /// What is known of a fact.
    pub fn get(&self, key: &FactKey) -> Option<&Observation> {
        self.known.get(key)
    }

    /// All that is known.
    #[cfg(test)]
    pub(crate) fn all(&self) -> impl Iterator<Item = (&FactKey, &Observation)> {
        self.known.iter()
    }

    /// Notes a reading down. What a foretold change would have moved by then is unknown, whatever the machine says today.
    pub fn insert(&mut self, key: FactKey, observation: Observation) {
        let moved = |(host, _, touches): &&(Arc<str>, String, Vec<Touch>)| *host == key.scope.host && key.query.is_touched_by(touches);
        let observation = match self.foretold.iter().rev().find(moved) {
            Some((_, because, _)) => unknown(because, observation.reading),
            None => observation,
        };
        self.known.insert(key, observation);
    }

    /// As if all that was only foretold did not matter: what depends on it is as it was read.
    #[must_use]
    pub fn probable(&self) -> Self {
        let known = self.known.iter().map(|(key, observation)| {
            let observation = match &observation.reading {
                Reading::Unknown { probably: Some(probably), .. } => (**probably).clone().into(),
                _ => observation.clone(),
            };
            (key.clone(), observation)
        });
        Self { known: known.collect(), foretold: Vec::new() }
    }

    /// After a real change: forgets what it may have moved on that host, whoever read it.
    pub fn forget(&mut self, host: &str, touches: &[Touch]) {
        self.known.retain(|key, _| &*key.scope.host != host || !key.query.is_touched_by(touches));
    }

    /// In `--check`: what `touches` covers becomes unknown, with today's reading as "probably"; then what the change
    /// promises is laid over it.
    pub fn predict(&mut self, scope: &Scope, because: &str, expect: &[Expect], touches: &[Touch]) {
        let mut before = BTreeMap::new();
        for (key, observation) in &mut self.known {
            if key.scope.host != scope.host || !key.query.is_touched_by(touches) {
                continue;
            }
            before.insert(key.clone(), observation.reading.clone());
            *observation = unknown(because, observation.reading.clone());
        }
        for expect in expect {
            let key = FactKey { scope: scope.clone(), query: expect.query.clone() };
            let now = before.get(&key).or_else(|| self.known.get(&key).map(|o| &o.reading));
            let predicted = expect.lay_over(now);
            // claims about one fact add up
            before.insert(key.clone(), predicted.clone());
            self.known.insert(key, predicted.into());
        }
        self.foretold.push((Arc::clone(&scope.host), because.to_owned(), touches.to_vec()));
    }
}

/// What only a real run would tell, with today's reading.
fn unknown(because: &str, today: Reading) -> Observation {
    let probably = match today {
        Reading::Unknown { probably, .. } => probably,
        known => Some(Box::new(known)),
    };
    Reading::Unknown { why: format!("depends on what {because} does"), probably }.into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{Claim, Query};
    use super::*;

    fn stat(path: &str) -> Query {
        Query::new("stat", [path], vec![Touch::Files(path.into())])
    }

    fn known() -> (Store, Scope) {
        let (mut store, scope) = (Store::default(), Scope::new("h", "root"));
        for (path, reading) in
            [("/a", Reading::Present(json!({"mode": 420, "uid": 0}))), ("/a/b", Reading::Absent), ("/c", Reading::Absent)]
        {
            store.insert(FactKey { scope: scope.clone(), query: stat(path) }, reading.into());
        }
        (store, scope)
    }

    fn reading(store: &Store, scope: &Scope, path: &str) -> Option<Reading> {
        store.get(&FactKey { scope: scope.clone(), query: stat(path) }).map(|o| o.reading.clone())
    }

    #[test]
    fn a_change_is_forgotten_where_it_touched_and_nowhere_else() {
        let (mut store, scope) = known();
        store.forget("other", &[Touch::Everything]);
        store.forget("h", &[Touch::Files("/a".into())]);
        assert_eq!(reading(&store, &scope, "/a/b"), None);
        assert_eq!(reading(&store, &scope, "/c"), Some(Reading::Absent));
    }

    #[test]
    fn a_predicted_change_knows_its_promise_and_nothing_more() {
        let (mut store, scope) = known();
        let expect = Expect { query: stat("/a"), claim: Claim::Fields(vec![("mode".into(), json!(493))]), follows: Vec::new() };
        store.predict(&scope, "mkdir", &[expect], &[Touch::Files("/a".into())]);
        assert_eq!(reading(&store, &scope, "/a"), Some(Reading::Present(json!({"mode": 493, "uid": 0}))));
        let Some(Reading::Unknown { why, probably }) = reading(&store, &scope, "/a/b") else { panic!("known") };
        assert_eq!((why.as_str(), *probably.unwrap()), ("depends on what mkdir does", Reading::Absent));
        assert_eq!(reading(&store, &scope, "/c"), Some(Reading::Absent));
        // what is read only now is what it was before
        for (path, is_known) in [("/a/new", false), ("/d", true)] {
            store.insert(FactKey { scope: scope.clone(), query: stat(path) }, Reading::Absent.into());
            assert_eq!(reading(&store, &scope, path) == Some(Reading::Absent), is_known, "{path}");
        }
    }
}
