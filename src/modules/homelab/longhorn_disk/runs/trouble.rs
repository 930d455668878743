//! What befalls a machine and a run, and how a task may rightly end otherwise for it.

use super::host::End;
use crate::modules::Args;
use crate::modules::homelab::longhorn_disk::states::{Drawn, change};
use crate::node::simulated::{Fault, Misread, Random, Strike, World};

/// What befalls it, once, at a random moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Trouble {
    /// The power goes; the next boot may give disks other names.
    Crash,
    /// The power goes, and one disk has kept only some of what it said was on it.
    CrashAndForgets,
    /// The connection is lost, and the machine knows of it or does not.
    Lost { noticed: bool },
    /// The controller is killed.
    Killed,
    /// Somebody does something to a disk.
    Changed,
    /// Somebody does something to a disk, and the power goes.
    ChangedAndCrash,
    /// A fact cannot be read, once.
    ProbeFails,
    /// udev lags behind.
    Stale,
    /// udev lags behind, and somebody does something to a disk meanwhile.
    StaleAndChanged,
    /// A step says that it did what it did not: none of those that write to disks, which look for themselves.
    Lie,
}

/// Each with how often it comes, in twentieths.
const ALL: [(Trouble, usize); 11] = [
    (Trouble::Crash, 5),
    (Trouble::CrashAndForgets, 1),
    (Trouble::Lost { noticed: true }, 1),
    (Trouble::Lost { noticed: false }, 2),
    (Trouble::Killed, 1),
    (Trouble::Changed, 4),
    (Trouble::ChangedAndCrash, 1),
    (Trouble::ProbeFails, 2),
    (Trouble::Stale, 1),
    (Trouble::StaleAndChanged, 1),
    (Trouble::Lie, 1),
];

/// What is found on a disk that ignored flushes and lost its power: a part of our table; a partition with its final name and without
/// the filesystem that was seen to be whole; one without it that fstab has mounted already.
const FORGOTTEN: [&str; 4] = [
    "it holds data of no known format",
    "a GPT that is damaged or not alone",
    "is damaged, and may hold Longhorn's data: the partition",
    "before it was finished",
];

/// The filesystem that is left is none that can be mounted.
fn is_unmountable(end: &End) -> bool {
    matches!(end, End::StepFailed(why) if why.starts_with("mount: ") && why.contains("can't find"))
}

impl Trouble {
    pub(super) fn draw(random: &mut Random) -> Self {
        let mut at = random.below(ALL.iter().map(|(_, times)| times).sum());
        for (trouble, times) in ALL {
            if at < times {
                return trouble;
            }
            at -= times;
        }
        Self::Crash
    }

    pub(super) fn words() -> impl Iterator<Item = &'static str> {
        ALL.iter().map(|(trouble, _)| trouble.word())
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Crash => "crash",
            Self::CrashAndForgets => "crash, a disk forgets",
            Self::Lost { noticed: true } => "lost connection",
            Self::Lost { noticed: false } => "lost connection, unnoticed",
            Self::Killed => "killed controller",
            Self::Changed => "changed disk",
            Self::ChangedAndCrash => "changed disk and crash",
            Self::ProbeFails => "failed probe",
            Self::Stale => "stale names",
            Self::StaleAndChanged => "stale names, changed disk",
            Self::Lie => "step that lies",
        }
    }

    fn fault(self) -> Option<Fault> {
        match self {
            Self::Crash | Self::CrashAndForgets | Self::ChangedAndCrash => Some(Fault::MachineCrash),
            Self::Lost { noticed } => Some(Fault::ConnectionLost { noticed }),
            Self::Killed => Some(Fault::ControllerKilled),
            Self::Lie => Some(Fault::Lie),
            Self::Changed | Self::ProbeFails | Self::Stale | Self::StaleAndChanged => None,
        }
    }

    fn is_crash(self) -> bool {
        self.fault() == Some(Fault::MachineCrash)
    }

    /// It is to befall the machine at one of its next moments; the serial number of the disk that is changed or forgets.
    pub(super) fn befalls(self, world: &mut World, random: &mut Random, points: usize, drawn: &Drawn) -> Option<String> {
        let moment = |random: &mut Random| random.below(points) as u64;
        if let Some(fault) = self.fault() {
            world.will_strike(Strike { fault, after: moment(random) });
        }
        match self {
            Self::ProbeFails => world.will_misread(moment(random), Misread::ProbeFails),
            Self::Stale | Self::StaleAndChanged => world.will_misread(moment(random), Misread::Stale(1 + random.below(60) as u64)),
            _ => {}
        }
        let at = random.below(drawn.disks.len());
        let serial = &drawn.disks[at].0;
        match self {
            Self::Changed | Self::ChangedAndCrash | Self::StaleAndChanged => {
                let (moment, change) = (moment(random), change(random, serial));
                world.will_change(moment, at, change);
            }
            Self::CrashAndForgets => world.disk_forgets(at),
            _ => return None,
        }
        Some(serial.clone())
    }

    /// Whether it has come, and is over.
    pub(super) fn is_over(self, world: &World) -> bool {
        world.has_changed() && world.tells_the_truth() && (self.fault().is_none() || world.struck().is_some())
    }

    /// Why one of those tasks may end so, where it ends otherwise without the trouble; nothing if it must not.
    pub(super) fn excuse(self, tasks: &[Args], of_its_disk: bool, whole: &End, end: &End) -> Option<&'static str> {
        let refused = |end: &End, words: &[&str]| matches!(end, End::Refused(why) if words.iter().any(|word| why.contains(word)));
        match self {
            // that one, or another that gets its disk or its place
            _ if self.is_crash() && tasks.iter().any(|args| args.str("device").is_some()) => {
                Some("a name may be another disk's after the restart")
            }
            Self::Changed | Self::ChangedAndCrash | Self::StaleAndChanged if of_its_disk => Some("its disk was changed"),
            Self::CrashAndForgets if of_its_disk && (refused(end, &FORGOTTEN) || is_unmountable(end)) => {
                Some("its disk forgot what was on it")
            }
            _ if self.is_crash() && refused(whole, &["is mounted on"]) => Some("the restart unmounted what was in the way"),
            _ => None,
        }
    }
}
