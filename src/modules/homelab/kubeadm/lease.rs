//! The cluster's lease, which a run holds while it changes the cluster: taken right before the first change, given back after the last.
//!
//! Where nothing is to be done nothing is taken, and nothing more is asked.

use std::time::Duration;

use crate::cluster::membership::{Act, Action, Credentials, InitPart};
use crate::modules::{Doing, Failed};
use crate::node::Plan;
use crate::node::facts::RunLease;
use crate::node::steps::{HoldLease, LeaseDoes, Step};

/// How long it holds without being renewed: a run that was cut off keeps others off no longer. What takes longer runs as a unit of its
/// machine, which others see by itself.
pub const HOLDS: u32 = 300;
/// How old it gets before it is renewed.
const FRESH: Duration = Duration::from_secs(60);
/// How old it may be for that to go on beside what it is for: it holds for a minute more.
const SURE: Duration = Duration::from_secs(240);
/// How often it is tried to take it.
const TRIES: u8 = 3;

/// The lease, as far as this run has to do with it.
#[derive(Debug)]
pub(super) struct Lease {
    /// This run, in words that no other run has.
    holder: String,
    /// Through which control plane it was had last.
    through: Option<String>,
    /// Since when it is held, or was renewed, by the clock of the course.
    since: Option<Duration>,
    tried: u8,
    /// Why it could not be had at last.
    failed: Option<Failed>,
}

/// What has to be done about it first.
pub(super) enum First {
    /// Nothing.
    Nothing,
    /// This, and nothing else before it.
    Do(Box<Doing>),
    /// This, which may be done beside the actions.
    Beside(Box<Doing>),
    /// It cannot be had: nothing is changed.
    Not(Failed),
}

impl Lease {
    pub(super) fn new(holder: String) -> Self {
        Self { holder, through: None, since: None, tried: 0, failed: None }
    }

    pub(super) fn holder(&self) -> &str {
        &self.holder
    }

    /// Somebody else has it by now, whatever was thought.
    pub(super) fn is_others(&mut self) {
        self.since = None;
    }

    /// What comes before these actions, through that control plane.
    pub(super) fn first(&self, actions: &[Action], through: Option<&str>, is: Option<&RunLease>, now: Duration) -> First {
        let Some(through) = through.filter(|_| actions.iter().any(is_of_the_cluster)) else { return First::Nothing };
        let does = match (self.since, is) {
            (Some(since), _) if now.saturating_sub(since) < FRESH => return First::Nothing,
            (Some(_), _) => LeaseDoes::Renew,
            (None, None) => LeaseDoes::Make,
            (None, Some(lease)) if lease.holder_identity == self.holder => LeaseDoes::Renew,
            (None, Some(lease)) => LeaseDoes::Take(lease.resource_version.clone()),
        };
        match &self.failed {
            Some(failed) if self.tried >= TRIES => First::Not(Failed {
                why: format!(
                    "the cluster's lease, which keeps two runs from changing it at once, could not be had in {TRIES} tries: {}",
                    failed.why
                ),
                hint: Some(
                    "who has it:  kubectl -n kube-system get lease homelabctl -o yaml\nthen again:  homelabctl provision".to_owned(),
                ),
                ..failed.clone()
            }),
            _ if self.since.is_some_and(|since| now.saturating_sub(since) < SURE) => First::Beside(Box::new(self.doing(through, does))),
            _ => First::Do(Box::new(self.doing(through, does))),
        }
    }

    /// What renews it while something is waited for, if it is held and gets old.
    pub(super) fn renewal(&self, through: Option<&str>, now: Duration) -> Option<Doing> {
        let is_old = now.saturating_sub(self.since?) >= FRESH;
        Some(self.doing(through.filter(|_| is_old)?, LeaseDoes::Renew))
    }

    /// What gives it back, if it is held: through that control plane, or through the last one.
    pub(super) fn last(&mut self, through: Option<&str>) -> Option<Doing> {
        self.since.take()?;
        Some(self.doing(through.or(self.through.as_deref())?, LeaseDoes::GiveBack))
    }

    fn doing(&self, through: &str, does: LeaseDoes) -> Doing {
        let step: Step = HoldLease { holder: self.holder.clone(), seconds: HOLDS, does }.into();
        let what = step.action().describe();
        Doing { host: through.to_owned(), change: Plan::change([step]), about: through.to_owned(), what, irreversible: false }
    }

    /// What came of that; whether it was about the lease alone.
    pub(super) fn came(&mut self, doing: &Doing, failed: Option<&Failed>, now: Duration) -> bool {
        let Some(Step::HoldLease(step)) = doing.change.steps.first() else { return false };
        let is_alone = doing.change.steps.len() == 1;
        match (&step.does, failed) {
            // it ends by itself
            (LeaseDoes::GiveBack, _) => {}
            (_, None) => (self.since, self.tried, self.through) = (Some(now), 0, Some(doing.host.clone())),
            (_, Some(failed)) => {
                // of which step it came is not told, so it is asked for again, and what was to be done counts as tried
                self.since = None;
                if is_alone {
                    self.tried = self.tried.saturating_add(1);
                    self.failed = Some(failed.clone());
                }
            }
        }
        is_alone
    }
}

/// Whether two runs that do this at once could harm the cluster. Before admin.conf has its rights nobody can take a lease with it.
fn is_of_the_cluster(action: &Action) -> bool {
    match &action.act {
        Act::Init { .. } | Act::WriteKubeVip(Credentials::SuperAdmin) | Act::StartKubelet | Act::RemoveMaterial => false,
        Act::FinishInit(parts) => !parts.contains(&InitPart::AdminBinding),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::membership::Role;
    use crate::node::steps::RevokeJoins;

    fn join() -> [Action; 1] {
        [Action { host: "w1".into(), act: Act::Join(Role::Worker) }]
    }

    fn does(first: First) -> Option<(LeaseDoes, Doing)> {
        match first {
            First::Nothing => None,
            First::Not(failed) => panic!("{failed:?}"),
            First::Do(doing) | First::Beside(doing) => match &doing.change.steps[..] {
                [Step::HoldLease(step)] => Some((step.does.clone(), *doing)),
                steps => panic!("{steps:?}"),
            },
        }
    }

    #[test]
    fn it_is_taken_renewed_and_given_back() {
        let mut lease = Lease::new("pat".into());
        let at = Duration::from_secs;
        let local = [Action { host: "m1".into(), act: Act::StartKubelet }];
        assert!(does(lease.first(&local, Some("m1"), None, at(0))).is_none(), "nothing of the cluster's");
        assert!(does(lease.first(&join(), None, None, at(0))).is_none(), "nobody can speak for the cluster");
        let (make, doing) = does(lease.first(&join(), Some("m1"), None, at(0))).unwrap();
        assert_eq!((make, doing.host.as_str(), lease.came(&doing, None, at(1))), (LeaseDoes::Make, "m1", true));
        assert!(does(lease.first(&join(), Some("m1"), None, at(40))).is_none() && lease.renewal(Some("m1"), at(40)).is_none());
        assert_eq!(lease.renewal(Some("m1"), at(70)).unwrap().what, "renew the cluster's lease");
        assert!(matches!(lease.first(&join(), Some("m1"), None, at(70)), First::Beside(_)), "it holds for long yet");
        assert!(matches!(lease.first(&join(), Some("m1"), None, at(250)), First::Do(_)), "it may end on the way");
        let (renew, mut doing) = does(lease.first(&join(), Some("m1"), None, at(250))).unwrap();
        assert_eq!((renew, lease.came(&doing, None, at(250))), (LeaseDoes::Renew, true));
        doing.change.steps.push(RevokeJoins { tokens: Vec::new() }.into());
        assert!(!lease.came(&doing, None, at(260)), "not about the lease alone");
        let back = lease.last(Some("m1")).unwrap();
        assert!(lease.came(&back, None, at(261)));
        assert!(lease.last(Some("m1")).is_none(), "once");
        let over = RunLease { holder_identity: "sam".into(), resource_version: "7".into(), ..RunLease::default() };
        assert_eq!(does(lease.first(&join(), Some("m1"), Some(&over), at(70))).unwrap().0, LeaseDoes::Take("7".into()));
    }

    #[test]
    fn without_it_nothing_is_changed() {
        let mut lease = Lease::new("pat".into());
        for _ in 0..TRIES {
            let (_, doing) = does(lease.first(&join(), Some("m1"), None, Duration::ZERO)).unwrap();
            assert!(lease.came(&doing, Some(&Failed::new("AlreadyExists")), Duration::ZERO));
        }
        assert!(
            matches!(lease.first(&join(), Some("m1"), None, Duration::ZERO), First::Not(failed) if failed.why.contains("AlreadyExists"))
        );
    }
}
