//! All that is known about all hosts in a run.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Claim, Expect, FactKey, Observation, Query, Reading, Scope, Touch};

/// What was read so far. Nothing outlives the run: state comes from the machines, every time.
#[derive(Debug, Default, Clone)]
pub struct Store {
    known: BTreeMap<FactKey, Observation>,
    /// In `--check`: what would have been changed, on which host. What is read afterwards is as it is today.
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

    /// Notes a reading down. What a foretold change may have moved by then is unknown, whatever it is today.
    pub fn insert(&mut self, key: FactKey, observation: Observation) {
        let moved = self.foretold.iter().rev().find(|(host, _, touches)| *host == key.scope.host && self.may_move(&key, touches));
        let observation = match moved {
            Some((_, because, _)) => unsettled(observation, because),
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
        let moved: Vec<FactKey> =
            self.known.keys().filter(|key| key.scope.host == scope.host && self.may_move(key, touches)).cloned().collect();
        let mut before = BTreeMap::new();
        for key in moved {
            if let Some(observation) = self.known.get_mut(&key) {
                before.insert(key, observation.reading.clone());
                *observation = unsettled(observation.clone(), because);
            }
        }
        for expect in expect {
            let key = FactKey { scope: scope.clone(), query: expect.query.clone() };
            let now = before.get(&key).or_else(|| self.known.get(&key).map(|o| &o.reading));
            let predicted = expect.lay_over(now);
            // claims about one fact add up
            before.insert(key.clone(), predicted.clone());
            self.known.insert(key, predicted.into());
            if let Some((way, path)) = stays_no_link(scope, expect)
                && matches!(before.get(&way), Some(Reading::Present(value)) if value.as_str() == Some(path))
            {
                self.known.insert(way, Reading::Present(path.into()).into());
            }
        }
        self.foretold.push((Arc::clone(&scope.host), because.to_owned(), touches.to_vec()));
    }

    /// Whether a change that touches this may move a fact, as far as is known.
    fn may_move(&self, key: &FactKey, touches: &[Touch]) -> bool {
        let root = &*key.scope.user == "root";
        let moves = |ground: &Touch, touch: &Touch| match (ground, touch) {
            (_, Touch::Passage(_)) if root => false,
            (Touch::Followed(path), touch) if self.has_no_link(&key.scope, path) => Touch::Files(path.clone()).overlaps(touch),
            _ => ground.overlaps(touch),
        };
        key.query.stands_on.iter().any(|ground| touches.iter().any(|touch| moves(ground, touch)))
    }

    /// Whether a path is known to lead through no link, so that only changes on the way to it or below it move it.
    pub fn has_no_link(&self, scope: &Scope, path: &str) -> bool {
        let known = self.known.get(&way_to(scope, path));
        matches!(known.map(|observation| &observation.reading), Some(Reading::Present(value)) if value.as_str() == Some(path))
    }
}

/// The fact that says where a path leads.
fn way_to(scope: &Scope, path: &str) -> FactKey {
    FactKey { scope: scope.clone(), query: Query::new("real_path", [path], vec![Touch::Followed(path.to_owned()), Touch::Mounts]) }
}

/// A promise that something will be at a path that is no link: then it leads where it led.
fn stays_no_link<'e>(scope: &Scope, expect: &'e Expect) -> Option<(FactKey, &'e str)> {
    let path = expect.query.args.first().filter(|_| expect.query.kind == "stat")?;
    let Claim::Fields(fields) = &expect.claim else { return None };
    let kind = fields.iter().find(|(name, _)| name == "kind")?.1.as_str()?;
    (kind != "link").then(|| (way_to(scope, path), path.as_str()))
}

/// Unknown, and what it would be if the change leaves it alone.
fn unsettled(observation: Observation, because: &str) -> Observation {
    let probably = match observation.reading {
        Reading::Unknown { probably, .. } => probably,
        known => Some(Box::new(known)),
    };
    Reading::Unknown { why: format!("depends on what {because} does"), probably }.into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

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
        let expect =
            Expect { query: stat("/a"), claim: Claim::Fields(vec![("mode".into(), json!(493))]), follows: Vec::new(), loose: false };
        store.predict(&scope, "mkdir", &[expect], &[Touch::Files("/a".into())]);
        assert_eq!(reading(&store, &scope, "/a"), Some(Reading::Present(json!({"mode": 493, "uid": 0}))));
        let Some(Reading::Unknown { why, probably }) = reading(&store, &scope, "/a/b") else { panic!("known") };
        assert_eq!((why.as_str(), *probably.unwrap()), ("depends on what mkdir does", Reading::Absent));
        assert_eq!(reading(&store, &scope, "/c"), Some(Reading::Absent));
    }

    fn followed(kind: &str, path: &str) -> Query {
        Query::new(kind, [path], vec![Touch::Followed(path.into()), Touch::Mounts])
    }

    #[test]
    fn a_file_behind_no_link_is_moved_by_what_happens_there_only() {
        let scope = Scope::new("h", "root");
        let key = |query: Query| FactKey { scope: scope.clone(), query };
        let mut store = Store::default();
        for (path, real) in [("/etc/a", "/etc/a"), ("/bin/b", "/usr/bin/b"), ("/srv/d/c", "/srv/d/c")] {
            store.insert(key(followed("real_path", path)), Reading::Present(real.into()).into());
            store.insert(key(followed("digest", path)), Reading::Present(json!("1")).into());
        }
        store.insert(key(followed("digest", "/etc/nobody-knows")), Reading::Absent.into());
        store.predict(&scope, "write", &[], &[Touch::Files("/srv/d".into())]);
        let known = |store: &Store, path: &str| matches!(store.get(&key(followed("digest", path))), Some(o) if !matches!(o.reading, Reading::Unknown { .. }));
        assert!(known(&store, "/etc/a") && !known(&store, "/srv/d/c"));
        assert!(!known(&store, "/bin/b") && !known(&store, "/etc/nobody-knows"), "who knows where they lead");
        // a link that takes the place of a directory above it
        store.predict(&scope, "link", &[], &[Touch::Files("/etc".into())]);
        assert!(!known(&store, "/etc/a"));
    }

    #[test]
    fn what_is_read_after_a_foretold_change_is_not_taken_for_what_will_be() {
        let (mut store, scope) = known();
        let key = |path: &str, user: &str| FactKey { scope: Scope::new("h", user), query: stat(path) };
        store.predict(&scope, "copy", &[], &[Touch::Files("/new".into())]);
        store.insert(key("/new/x", "root"), Reading::Absent.into());
        store.insert(key("/old", "root"), Reading::Absent.into());
        assert!(matches!(reading(&store, &scope, "/new/x"), Some(Reading::Unknown { .. })));
        assert_eq!(reading(&store, &scope, "/old"), Some(Reading::Absent));
        // another host is another machine
        let elsewhere = FactKey { scope: Scope::new("i", "root"), query: stat("/new/x") };
        store.insert(elsewhere.clone(), Reading::Absent.into());
        assert_eq!(store.get(&elsewhere).map(|o| o.reading.clone()), Some(Reading::Absent));
    }

    #[test]
    fn permissions_of_a_directory_move_what_is_in_it_for_others_than_root() {
        let mut store = Store::default();
        let key = |user: &str| FactKey { scope: Scope::new("h", user), query: stat("/srv/a/b") };
        for user in ["root", "pat"] {
            store.insert(key(user), Reading::Absent.into());
        }
        let touches = [Touch::Entry("/srv/a".into()), Touch::Passage("/srv/a".into())];
        store.predict(&Scope::new("h", "root"), "chmod", &[], &touches);
        assert_eq!(store.get(&key("root")).map(|o| o.reading.clone()), Some(Reading::Absent));
        assert!(matches!(store.get(&key("pat")).map(|o| &o.reading), Some(Reading::Unknown { .. })));
    }
}
