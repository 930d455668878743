//! All that is known about all hosts in a run.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::touch::is_kernels_name;
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
        // where a path leads tells which changes could move it
        if key.query.kind == "real_path" && !self.foretold.is_empty() {
            self.known.insert(key.clone(), observation.clone());
        }
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
        let touches: Vec<Touch> = touches.iter().map(|touch| self.resolved(scope, touch)).collect();
        let touches = touches.as_slice();
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
        let is_moved =
            |ground: &Touch| touches.iter().any(|touch| (!root || !matches!(touch, Touch::Passage(_))) && ground.overlaps(touch));
        key.query.stands_on.iter().any(|ground| match ground {
            Touch::Followed(path) => match self.leads_to(&key.scope, path) {
                Some(real) if real == path => is_moved(&Touch::Files(path.clone())),
                // udev's links lead from /dev to /dev
                Some(real) if real.starts_with("/dev/") && path.starts_with("/dev/") => {
                    let leaves_it = |touch: &Touch| matches!(touch, Touch::BlockDevice(device) if device == real) && is_disks_own(path);
                    touches.iter().any(|touch| match touch {
                        Touch::BlockDevice(_) => Touch::Entry(real.to_owned()).overlaps(touch) && !leaves_it(touch),
                        touch => [path, real].into_iter().any(|path| Touch::Files(path.to_owned()).overlaps(touch)),
                    })
                }
                _ => is_moved(ground),
            },
            Touch::BlockDevice(_) => is_moved(&self.resolved(&key.scope, ground)),
            _ => is_moved(ground),
        })
    }

    /// By the kernel's name, if a device is known by it.
    fn resolved(&self, scope: &Scope, touch: &Touch) -> Touch {
        match touch {
            Touch::BlockDevice(path) => match self.leads_to(scope, path) {
                Some(real) if is_kernels_name(real) => Touch::BlockDevice(real.to_owned()),
                _ => touch.clone(),
            },
            other => other.clone(),
        }
    }

    /// Where a path is known to lead.
    fn leads_to(&self, scope: &Scope, path: &str) -> Option<&str> {
        match &self.known.get(&way_to(scope, path))?.reading {
            Reading::Present(value) => value.as_str(),
            _ => None,
        }
    }
}

/// Whether udev's link at that path is called by what the device is, and not by what is on it.
fn is_disks_own(path: &str) -> bool {
    let of_content = |name: &str| ["lvm-", "dm-", "md-"].iter().any(|kind| name.starts_with(kind));
    path.strip_prefix("/dev/disk/by-id/").is_some_and(|name| !of_content(name)) || path.starts_with("/dev/disk/by-path/")
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
    fn a_change_of_one_disk_leaves_the_others_known() {
        let scope = Scope::new("h", "root");
        let key = |query: Query| FactKey { scope: scope.clone(), query };
        let holds = |path: &str| Query::new("device_contents", [path], vec![Touch::BlockDevice(path.into())]);
        let mut store = Store::default();
        let links = ["a", "b", "c"].map(|name| format!("/dev/disk/by-id/{name}"));
        for (link, disk) in links.iter().zip(["/dev/sda", "/dev/sdb", "/dev/mapper/c"]) {
            store.insert(key(followed("real_path", link)), Reading::Present(disk.into()).into());
            store.insert(key(holds(link)), Reading::Absent.into());
            store.insert(key(holds(disk)), Reading::Absent.into());
        }
        store.insert(key(holds("/dev/disk/by-id/nobody-knows")), Reading::Absent.into());
        store.predict(&scope, "label", &[], &[Touch::BlockDevice(links[0].clone())]);
        let known =
            |store: &Store, query: Query| matches!(store.get(&key(query)), Some(o) if !matches!(o.reading, Reading::Unknown { .. }));
        assert!(known(&store, holds(&links[1])) && known(&store, holds("/dev/sdb")));
        for moved in [&links[0], "/dev/sda", &links[2], "/dev/mapper/c", "/dev/disk/by-id/nobody-knows"] {
            assert!(!known(&store, holds(moved)), "{moved}");
        }
        // where the links lead stays known, and so does what is read of another disk from then on
        assert!(known(&store, followed("real_path", &links[0])) && known(&store, followed("real_path", &links[1])));
        store.insert(key(followed("real_path", "/dev/disk/by-id/d")), Reading::Present("/dev/sdd".into()).into());
        for (path, is_known) in [("/dev/disk/by-id/d", true), ("/dev/sda1", false)] {
            store.insert(key(holds(path)), Reading::Absent.into());
            assert_eq!(known(&store, holds(path)), is_known, "{path}");
        }
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
