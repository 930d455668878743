//! What is in use is never emptied, whatever else is seen; what is emptied ends as was promised, wherever it is cut.

use std::collections::BTreeMap;

use futures_util::FutureExt as _;
use proptest::prelude::*;
use proptest::strategy::ValueTree;

use super::super::classify::tests::any_evidence;
use super::super::evidence::Evidence;
use super::super::examine::examine;
use super::super::testing::device;
use super::refuse::Seen;
use super::*;
use crate::node::apply::Applied;
use crate::node::facts::{Openness, Uses};
use crate::node::machine::Machine as _;
use crate::node::simulated::{Fault, Held, Random, Simulated, SimulatedDisk, Strike, World};
use crate::plan::{FactKey, Observation, Scope, Store};

fn judged(evidence: &Evidence, disk: &BlockDevice, open: Openness, groups: &Groups) -> Result<String, String> {
    let Evidence { contents, uses, .. } = evidence;
    let seen = Seen { host: "w1", name: "scsi-1", disk, contents, uses, open, groups };
    seen.may_be_wiped().map(str::to_owned).map_err(|refusal| format!("{}\n{}", refusal.why, refusal.hint.unwrap_or_default()))
}

/// Somebody uses it: said in other words than the refusal's.
fn is_used(uses: &Uses) -> bool {
    !uses.mounts.is_empty() || !uses.swaps.is_empty() || uses.layers.iter().any(|layer| !layer.name.starts_with("sdb"))
}

#[test]
fn nothing_in_use_is_ever_emptied_and_everything_else_can_be() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let opens = prop_oneof![9 => Just(Openness::Free), 1 => Just(Openness::Taken)];
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    for _ in 0..10_000 {
        let evidence = any_evidence().new_tree(&mut runner).unwrap().current();
        let open = opens.new_tree(&mut runner).unwrap().current();
        let said = judged(&evidence, &device(Some("S1")), open, &Vec::new());
        let contents = &evidence.contents;
        let holdings = std::iter::once(&contents.device).chain(contents.partitions.iter().map(|partition| &partition.holding));
        let caches = holdings.flat_map(|holding| holding.kind.iter().chain(holding.signatures.iter().map(|found| &found.kind)));
        let is_cache = caches.into_iter().any(|kind| kind == "bcache");
        let may = !is_used(&evidence.uses) && open == Openness::Free && !evidence.uses.read_only && contents.is_disk() && !is_cache;
        assert_eq!(said.is_ok(), may, "{said:?}: {evidence:#?}");
        let word = match &said {
            Ok(_) => "wiped",
            Err(why) if why.contains("is the system's") => "system",
            Err(why) if why.contains("is in use") => "in use",
            Err(_) => "refused",
        };
        assert!(
            said.err().is_none_or(|why| why.contains("nothing was written to it") && why.contains("homelabctl disk explain w1 scsi-1"))
        );
        *counts.entry(word).or_default() += 1;
    }
    assert!(counts.len() == 4 && counts.values().all(|count| *count > 200), "{counts:?}");
}

#[test]
fn what_hangs_on_other_disks_and_what_cannot_be_told_apart_is_refused_with_what_to_run() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let free = |evidence: &Evidence| !is_used(&evidence.uses) && !evidence.uses.read_only && evidence.contents.partitions.is_empty();
    let mut evidence = std::iter::repeat_with(|| any_evidence().new_tree(&mut runner).unwrap().current()).find(free).unwrap();
    evidence.contents.device.signatures.clear();
    (evidence.contents.device.kind, evidence.contents.entry) = (None, None);
    let group = |physical, missing, caches: &[&str]| {
        let caches = caches.iter().map(|name| (*name).to_owned()).collect();
        vec![("/dev/sdb".to_owned(), Ok(Some(GroupState { name: "nas".into(), physical, missing, caches })))]
    };
    let said = |groups: Groups| judged(&evidence, &device(Some("S1")), Openness::Free, &groups);
    assert_eq!(said(group(1, 0, &[])), Ok("S1".into()));
    assert_eq!(said(vec![("/dev/sdb".into(), Ok(None))]), Ok("S1".into()));
    for (groups, words, command) in [
        (group(2, 0, &[]), "lies on 2 physical volumes", "vgreduce nas /dev/sdb"),
        (group(2, 1, &[]), "1 of 2 disks are missing", "vgreduce --removemissing nas"),
        (group(1, 0, &["films"]), "has caches (films)", "lvconvert --splitcache"),
        (vec![("/dev/sdb".into(), Err("not in devices file".into()))], "LVM does not read: not in devices file", "pvremove --force"),
    ] {
        let why = said(groups).unwrap_err();
        assert!(why.contains(words) && why.contains(command), "{why}");
    }
    let nameless = judged(&evidence, &device(None), Openness::Free, &Vec::new()).unwrap_err();
    assert!(nameless.contains("neither a serial number nor a World Wide Name"), "{nameless}");
    let named = judged(&evidence, &BlockDevice { wwn: Some("0x5".into()), ..device(None) }, Openness::Free, &Vec::new());
    assert_eq!(named, Ok("0x5".into()));
}

/// A machine and the way a command goes over it.
struct Node {
    machine: Simulated,
    scope: Scope,
}

#[derive(Debug, PartialEq)]
enum End {
    Wiped(Class),
    Refused(String),
    Unknown(String),
    Failed(String),
    Cut,
}

impl Node {
    fn read<T>(&mut self, ask: impl Fn(&Facts<'_>) -> Result<T, Stop>) -> Result<(T, Vec<(FactKey, Observation)>), End> {
        let mut store = Store::default();
        for _ in 0..12 {
            let facts = Facts::new(&store, self.scope.clone());
            let asked = ask(&facts);
            let recorded = facts.recorded();
            match asked {
                Ok(answer) => {
                    let known = |key: FactKey| store.get(&key).cloned().map(|observation| (key, observation));
                    return Ok((answer, recorded.into_iter().filter_map(known).collect()));
                }
                Err(Stop::Unknown(unknown)) => return Err(End::Unknown(format!("{unknown:?}"))),
                Err(Stop::Need(need)) => {
                    let queries: Vec<_> = need.iter().map(|key| key.query.clone()).collect();
                    let read = self.machine.read(&self.scope, &queries).now_or_never().unwrap().map_err(|_| End::Cut)?;
                    need.into_iter().zip(read).for_each(|(key, (_, observation))| store.insert(key, observation));
                }
            }
        }
        panic!("it asks for ever")
    }

    fn class(&mut self, serial: &str) -> Class {
        let (path, _) = self.read(|facts| find(facts, serial)).unwrap();
        let path = path.unwrap().1;
        self.read(|facts| examine(facts, &path, Extent::Sampled)).map_or(Class::Missing, |(examined, _)| examined.class)
    }

    fn run(&mut self, nonce: &str, serial: &str, thorough: Thorough) -> End {
        self.machine.begin_run(nonce, 3_600_000).unwrap();
        self.machine.take_left();
        for _ in 0..3 {
            let (wipe, rests_on) = match self.read(|facts| look(facts, serial, thorough)) {
                Ok((Ok(wipe), rests_on)) => (wipe, rests_on),
                Ok((Err(refusal), _)) => return End::Refused(refusal.why),
                Err(end) => return end,
            };
            let applied = self.machine.apply(&self.scope, &wipe.change(), &rests_on).now_or_never().unwrap();
            match applied {
                Applied::Moved(_) => continue,
                Applied::Done(_) => {}
                Applied::StepFailed { output, .. } => return End::Failed(String::from_utf8_lossy(&output.stderr).into_owned()),
                Applied::Unknown(_) | Applied::NotBegun(_) => return End::Cut,
                other => panic!("{other:?}"),
            }
            return match self.read(|facts| examine(facts, &wipe.path, Extent::Sampled)) {
                Ok((now, _)) => {
                    assert!(wipe.is_done(&now.class), "{:?}", now.class);
                    self.machine.end_run();
                    End::Wiped(now.class)
                }
                Err(end) => end,
            };
        }
        panic!("it never holds still")
    }
}

const KINDS: [&str; 10] = ["blank", "ext4", "gpt", "mbr", "volume", "data", "ours", "mounted", "swap", "stacked"];

fn disk(random: &mut Random, n: usize, kind: &str) -> SimulatedDisk {
    let name = format!("sd{}", char::from(b'b' + u8::try_from(n).unwrap()));
    let mut disk = SimulatedDisk::new(&name, &format!("lh{n}"), 2048 << random.below(3));
    let ext4 = || Held::of("ext4", "7e57ed00-0000-4000-8000-000000000001", &["photos"]);
    let parts =
        || vec![("a-1".to_owned(), "data".to_owned(), ext4()), ("a-2".to_owned(), "more".to_owned(), Held::of("btrfs", "b-1", &[]))];
    match kind {
        "ext4" => disk.holding(ext4()),
        "gpt" => disk.with_table(true, parts()),
        "mbr" => disk.with_table(false, parts()),
        "volume" => {
            disk.lvm = Some(crate::node::facts::LvmState { group: Some("nas".into()), volumes: 2 });
            disk.holding(Held::of("LVM2_member", "pv-1", &[]))
        }
        "data" => disk.holding(Held { data: vec![5 << 20, 700 << 20, (2048 << 20) - 4096], ..Held::default() }),
        "ours" => disk.with_table(true, vec![("5eed".into(), "homelabctl-longhorn".into(), ext4())]),
        "mounted" => {
            disk.mounted.push((1, "/srv".into(), random.once_in(2)));
            disk.with_table(true, parts())
        }
        "swap" => {
            disk.swap = vec![0];
            disk.holding(Held::of("swap", "5a-1", &[]))
        }
        "stacked" => {
            disk.stacked.push((0, "dm-3".into()));
            disk.holding(Held::of("LVM2_member", "pv-2", &[]))
        }
        _ => disk,
    }
}

/// One wipe that a fault strikes, and those after it until one says that it is done.
fn one(seed: u64, counts: &mut BTreeMap<String, u32>) {
    let mut random = Random::new(seed);
    let kinds: Vec<&str> = (0..3).map(|_| *random.pick(&KINDS).unwrap()).collect();
    let mut world = World::new(random.number());
    world.set_machine_id("5eed");
    for (n, kind) in kinds.iter().enumerate() {
        world.add_disk(disk(&mut random, n, kind));
    }
    let at = random.below(kinds.len());
    let (kind, serial) = (kinds[at], format!("lh{at}"));
    let thorough = if random.once_in(3) { Thorough::Quick } else { Thorough::Whole };
    let mut node = Node { machine: Simulated::new(world), scope: Scope::new("w1", "root") };
    let fault = *random.pick(&[Fault::MachineCrash, Fault::ConnectionLost { noticed: true }, Fault::ControllerKilled]).unwrap();
    if !random.once_in(8) {
        node.machine.world().will_strike(Strike { fault, after: random.below(60) as u64 });
    }
    let mut ends = Vec::new();
    for n in 0..6 {
        let end = node.run(&format!("run-{n}"), &serial, thorough);
        let is_cut = end == End::Cut;
        if is_cut && fault == Fault::MachineCrash && node.machine.world().struck().is_some() {
            node.machine.begin_run("look", 3_600_000).unwrap();
            let writes: Vec<String> = node.machine.world().disk_writes().iter().map(|write| write.what.clone()).collect();
            let class = node.class(&serial);
            node.machine.end_run();
            // between the mark and its end it is nothing else than begun
            let is_begun = writes.len() > 1 && !writes.iter().any(|write| write.starts_with("Unmark"));
            let text = format!("seed {seed} ({kind}): {class:?} after {writes:?}");
            assert!(!is_begun || matches!(class, Class::HalfWiped { .. }), "{text}");
            *counts.entry(format!("cut: {}", class.to_string().split(' ').take(3).collect::<Vec<_>>().join(" "))).or_default() += 1;
        }
        ends.push(end);
        if !is_cut {
            break;
        }
    }
    let told = format!("seed {seed}: {fault:?} {thorough:?} of {kinds:?}[{at}]: {ends:?}");
    for write in node.machine.world().disk_writes() {
        // our table is written over what lies between the ends
        let is_good = |wrong: &String| thorough == Thorough::Quick && !wrong.contains("in use");
        assert!(write.disk == serial && write.wrong.as_ref().is_none_or(is_good), "{told}: {write:?}");
    }
    let wrote = !node.machine.world().disk_writes().is_empty();
    let is_used = ["mounted", "swap", "stacked"].contains(&kind);
    match ends.last() {
        Some(End::Refused(why)) => assert!(is_used && !wrote && why.contains("is in use"), "{told}"),
        // what used it did not outlive the crash
        Some(End::Wiped(_)) => assert!(!is_used || fault == Fault::MachineCrash, "{told}"),
        _ => panic!("{told}"),
    }
    let word = if matches!(ends.last(), Some(End::Wiped(_))) { "wiped" } else { "refused" };
    *counts.entry(format!("{word} after {} cuts", ends.len() - 1)).or_default() += 1;
}

#[test]
fn a_wipe_that_is_cut_anywhere_is_known_as_such_and_finished_by_the_next() {
    let only: Option<u64> = std::env::var("HOMELABCTL_SEED").ok().and_then(|seed| seed.parse().ok());
    let mut counts = BTreeMap::new();
    only.map_or(0..3000, |seed| seed..seed + 1).for_each(|seed| one(seed, &mut counts));
    if only.is_none() {
        for wanted in ["cut: a wipe that", "wiped after 0 cuts", "wiped after 1 cuts", "refused after 0 cuts"] {
            assert!(counts.get(wanted).is_some_and(|count| *count > 30), "{wanted}: {counts:?}");
        }
    }
}
