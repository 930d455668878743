//! A few plans as modules will have them, and the loop that carries a plan out.

use homelabctl::node::apply::Applied;
use homelabctl::node::facts::{Digest, Mode, Package, PackageStatus, Sha256, Stat, User};
use homelabctl::node::machine::Machine;
use homelabctl::node::steps::{AddUser, ChangeMode, Install, MakeDirectory, Manager, Source, Step, SymbolicLink, Wanted, WriteFile};
use homelabctl::node::{Change, Plan};
use homelabctl::plan::{Expect, Facts, Observation, Planned, Scope, Stop, Store};
use sha2::Digest as _;

/// What is wanted of a machine.
#[derive(Debug, Clone)]
pub enum Want {
    File { path: String, content: Vec<u8>, mode: u32 },
    Directory { path: String, mode: u32 },
    Link { path: String, target: String },
    User { name: String, uid: u32 },
    Package { name: String },
}

pub fn sha256(content: &[u8]) -> String {
    sha2::Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Want {
    pub fn plan(&self, facts: &Facts<'_>) -> Planned<Step> {
        match self {
            Self::File { path, content, mode } => {
                let stat = Stat::new(path);
                let digest = Digest::new(path);
                let (is, has) = facts.get((stat.clone(), digest.clone()))?;
                let wanted = Sha256(sha256(content));
                if is.is_some_and(|is| is.mode == Mode(*mode) && is.uid == 0) && has.as_ref() == Some(&wanted) {
                    return Ok(Plan::Unchanged);
                }
                let step = WriteFile {
                    path: path.clone(),
                    source: Source::Bytes(content.clone()),
                    owner: "root".into(),
                    group: "0".into(),
                    mode: *mode,
                };
                Ok(change(step.into())
                    .expect(Expect::field(&stat, "mode", Mode(*mode)).and("uid", 0))
                    .expect(Expect::is(&digest, &wanted))
                    .into())
            }
            Self::Directory { path, mode } => {
                let stat = Stat::new(path);
                let promise = Expect::field(&stat, "mode", Mode(*mode)).and("kind", "directory");
                match facts.get(stat)? {
                    Some(is) if is.mode == Mode(*mode) => Ok(Plan::Unchanged),
                    Some(_) => Ok(change(ChangeMode { path: path.clone(), mode: *mode }.into()).expect(promise).into()),
                    None => {
                        let (owner, group) = ("root".into(), "root".into());
                        let step = MakeDirectory { path: path.clone(), owner, group, mode: *mode, parents: true };
                        Ok(change(step.into()).expect(promise).into())
                    }
                }
            }
            Self::Link { path, target } => {
                let stat = Stat::new(path);
                if facts.get(stat.clone())?.is_some_and(|is| is.target.as_ref() == Some(target)) {
                    return Ok(Plan::Unchanged);
                }
                let step = SymbolicLink { path: path.clone(), target: target.clone(), replace_file: false };
                Ok(change(step.into()).expect(Expect::field(&stat, "target", target.as_str())).into())
            }
            Self::User { name, uid } => {
                let user = User::new(name);
                if facts.get(user.clone())?.is_some_and(|is| is.uid == *uid) {
                    return Ok(Plan::Unchanged);
                }
                let step = AddUser { name: name.clone(), uid: Some(*uid), create_home: true, ..AddUser::default() };
                Ok(change(step.into()).expect(Expect::field(&user, "uid", *uid)).into())
            }
            Self::Package { name } => {
                let package = Package::new(name);
                if facts.get(package.clone())?.is_some_and(|is| is.status == PackageStatus::Installed) {
                    return Ok(Plan::Unchanged);
                }
                let packages = vec![Wanted { name: name.clone(), version: None }];
                let step = Install { manager: Manager::Apt, packages, recommends: None, allow_downgrade: false };
                Ok(change(step.into()).expect(Expect::field(&package, "status", "installed")).into())
            }
        }
    }
}

fn change(step: Step) -> Change {
    let touches = step.touches();
    Plan::change([step]).touches(touches)
}

/// How carrying out a plan ended.
#[derive(Debug)]
#[allow(dead_code)] // the reason is for the message of a test that fails
pub enum Settled {
    Unchanged,
    Changed,
    /// The outcome is unknown: the connection was lost.
    Cut {
        why: String,
    },
    Other(Applied),
}

/// Plans, reads what is needed, applies; as the engine will.
pub async fn settle(machine: &mut impl Machine, scope: &Scope, store: &mut Store, want: &Want) -> Settled {
    let mut changed = false;
    for _ in 0..20 {
        let facts = Facts::new(store, scope.clone());
        let planned = want.plan(&facts);
        let recorded = facts.recorded();
        match planned {
            Ok(Plan::Unchanged) => return if changed { Settled::Changed } else { Settled::Unchanged },
            Ok(Plan::Refuse(refusal)) => panic!("{refusal:?}"),
            Err(Stop::Unknown(unknown)) => panic!("{want:?}: {unknown:?}"),
            Err(Stop::Need(need)) => {
                let queries: Vec<_> = need.iter().map(|key| key.query.clone()).collect();
                match machine.read(scope, &queries).await {
                    Err(lost) => return Settled::Cut { why: lost.to_string() },
                    Ok(read) => need.into_iter().zip(read).for_each(|(key, (_, observation))| store.insert(key, observation)),
                }
            }
            Ok(Plan::Change(change)) => {
                let known = |key: &_| store.get(key).cloned();
                let preconditions: Vec<(_, Observation)> = recorded.iter().filter_map(|key| Some((key.clone(), known(key)?))).collect();
                let applied = machine.apply(scope, &change, &preconditions).await;
                store.forget(&scope.host, &change.touches);
                match applied {
                    Applied::Done(_) => changed = true,
                    Applied::Unknown(why) => return Settled::Cut { why },
                    Applied::Moved(_) => recorded.iter().for_each(|key| store.forget(&key.scope.host, &key.query.stands_on)),
                    other => return Settled::Other(other),
                }
            }
        }
    }
    panic!("{want:?} never settles")
}
