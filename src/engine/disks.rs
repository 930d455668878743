//! `homelab.longhorn_disk` over all disks of a machine: what a dry run says of each is what the run then does, and a second
//! run asks its machine once.

use std::collections::BTreeMap;

use serde_json::json;

use super::simulation::{Folder, Ran, locked};
use crate::modules::longhorn_states::{machine, task};
use crate::node::simulated::{Held, PartedDisk, PartedPartition, Random, SimulatedDisk, World};
use crate::report::{Shown, TaskAnswer, TaskOutcome};

const MACHINES: u64 = 300;
const PLACES: [&str; 6] = ["/var/lib/longhorn", "/srv/second", "/srv/third", "/data/deep/fourth", "/srv/fifth", "/data/sixth"];

/// One task a disk, or a loop over all of them.
fn playbook(disks: &[serde_json::Value], loops: bool) -> String {
    let tasks = if loops {
        json!([{"name": "disks", "homelab.longhorn_disk": "{{ item }}", "loop": disks, "ignore_errors": true}])
    } else {
        let each = |(n, disk)| json!({"name": format!("disk {n}"), "homelab.longhorn_disk": disk, "ignore_errors": true});
        disks.iter().enumerate().map(each).collect()
    };
    json!([{"hosts": "all", "gather_facts": false, "tasks": tasks}]).to_string()
}

fn world() -> World {
    let mut world = World::new(1);
    world.set_machine_id("5eed");
    for path in ["/var/lib", "/srv"] {
        world.add_directory(path, 0o755);
    }
    world.add_file("/etc/fstab", b"UUID=aa-1 / ext4 errors=remount-ro 0 1\n", 0o644);
    world
}

fn disk(n: usize) -> SimulatedDisk {
    SimulatedDisk::new(["sdb", "sdc", "sdd"][n], &format!("lh{n}"), 100 << 10)
}

fn arguments() -> Vec<serde_json::Value> {
    vec![
        json!({"serial": "lh0", "mount": PLACES[0]}),
        json!({"by_id": "scsi-0QEMU_QEMU_HARDDISK_lh1", "mount": PLACES[3]}),
        json!({"device": "/dev/sdd", "allow_unstable_name": true, "mount": PLACES[2], "fs": "xfs"}),
    ]
}

fn told(task: &TaskAnswer) -> (TaskOutcome, Vec<Shown>, Option<String>) {
    (task.outcome, task.changes.clone(), task.problem.as_ref().map(|problem| problem.message.clone()))
}

fn run(folder: &Folder, text: &str, world: World, check: bool) -> Ran {
    let book = folder.book(text);
    let mut ran = folder.run(&book, locked(world, if check { "dry" } else { "real" }), check);
    ran.machine.end_run();
    ran
}

/// Runs it dry and then in earnest; the machine then.
fn same(folder: &Folder, text: &str, world: World) -> Ran {
    let before = world.everything();
    let mut dry = run(folder, text, world.clone(), true);
    assert_eq!(dry.machine.world().everything(), before, "a dry run changed something\n{text}");
    let real = run(folder, text, world, false);
    assert_eq!(dry.tasks.iter().map(told).collect::<Vec<_>>(), real.tasks.iter().map(told).collect::<Vec<_>>(), "{text}");
    real
}

#[test]
fn of_each_of_several_disks_a_dry_run_says_what_is_then_done() {
    let folder = Folder::new(&[]);
    let foreign = |disk: SimulatedDisk| disk.holding(Held::of("ext4", "7e57", &["photos"]));
    for loops in [false, true] {
        let text = playbook(&arguments(), loops);
        let mut blank = world();
        (0..3).for_each(|n| blank.add_disk(disk(n)));
        let all = same(&folder, &text, blank);
        assert!(all.tasks.iter().all(|task| task.outcome == TaskOutcome::Changed), "{:?}", all.tasks);

        // one refused between two that are made
        let mut mixed = world();
        [disk(0), foreign(disk(1)), disk(2)].into_iter().for_each(|disk| mixed.add_disk(disk));
        let ran = same(&folder, &text, mixed);
        let changed: Vec<&str> = ran.tasks.iter().flat_map(|task| &task.changes).map(|change| change.what.as_str()).collect();
        assert_eq!(changed.iter().filter(|what| what.starts_with("disk ")).count(), 2, "{changed:?}");

        // and with one that is finished
        let first = playbook(&arguments()[..1], loops);
        let mut mixed = world();
        [disk(0), foreign(disk(1)), disk(2)].into_iter().for_each(|disk| mixed.add_disk(disk));
        let mut half = same(&folder, &first, mixed).machine;
        let ran = same(&folder, &text, half.world().clone());
        let changed: Vec<&str> = ran.tasks.iter().flat_map(|task| &task.changes).map(|change| change.what.as_str()).collect();
        assert_eq!(changed.iter().filter(|what| what.starts_with("disk ")).count(), 1, "{changed:?}");
        assert!(changed.iter().any(|what| what.contains("lh2")), "{changed:?}");
    }
}

#[test]
fn of_drawn_machines_a_dry_run_says_of_each_disk_what_is_then_done() {
    let folder = Folder::new(&[]);
    let from = std::env::var("HOMELABCTL_SEED").ok().and_then(|seed| seed.parse().ok());
    let mut count: BTreeMap<(TaskOutcome, TaskOutcome), usize> = BTreeMap::new();
    for seed in from.map_or(0..MACHINES, |seed| seed..seed + 1) {
        let mut random = Random::new(seed);
        let drawn = machine(&mut random, &PLACES);
        let disks: Vec<_> = (0..drawn.disks.len()).map(|n| task(&mut random, &drawn, n, PLACES[n])).collect();
        let text = playbook(&disks, false);
        let dry = run(&folder, &text, drawn.world.clone(), true);
        let real = run(&folder, &text, drawn.world.clone(), false);
        for ((foretold, done), disk) in dry.tasks.iter().zip(&real.tasks).zip(&disks) {
            *count.entry((foretold.outcome, done.outcome)).or_default() += 1;
            // what only reading all of a disk shows is known to the step that reads it
            let is_read = disk.get("full_scan").is_some() && done.outcome == TaskOutcome::Failed;
            let kinds: Vec<&str> = drawn.disks.iter().map(|(_, kind)| *kind).collect();
            assert!(is_read || told(foretold) == told(done), "seed {seed}: {disk}\n{kinds:?}\n{:?}\n{:?}", told(foretold), told(done));
            // those after it were foretold in vain
            if is_read && foretold.outcome != done.outcome {
                break;
            }
        }
    }
    for outcome in [TaskOutcome::Changed, TaskOutcome::Refused] {
        assert!(from.is_some() || count[&(outcome, outcome)] > 100, "{count:?}");
    }
}

/// One question for all that is known of the disks by their names; a second one where a name has to be found first.
#[test]
fn a_second_run_asks_its_machine_once() {
    let folder = Folder::new(&[]);
    let by_id = |n: usize| json!({"by_id": format!("scsi-0QEMU_QEMU_HARDDISK_lh{n}"), "mount": PLACES[n]});
    let by_serial = |n: usize| json!({"serial": format!("lh{n}"), "mount": PLACES[n]});
    let several = [
        (vec![by_id(0)], 1),
        (vec![by_id(0), by_id(1), by_id(2)], 1),
        (vec![by_serial(0)], 2),
        (vec![by_serial(0), by_serial(1), by_serial(2)], 2),
        (arguments(), 2),
    ];
    for (disks, trips) in several {
        for loops in [false, true] {
            let text = playbook(&disks, loops);
            let mut blank = world();
            (0..disks.len()).for_each(|n| blank.add_disk(disk(n)));
            let mut first = run(&folder, &text, blank, false);
            assert!(first.tasks.iter().all(|task| task.outcome == TaskOutcome::Changed), "{:?}", first.tasks);
            let second = run(&folder, &text, first.machine.world().clone(), false);
            assert!(second.tasks.iter().all(|task| task.outcome == TaskOutcome::Unchanged), "{:?}", second.tasks);
            assert_eq!(second.end.round_trips, trips, "{disks:?}, in a loop: {loops}");
        }
    }
}

/// What `community.general.parted` makes on an empty disk is there for the tasks after it; what lies in free space of a table is not known.
#[test]
fn what_comes_of_a_partition_that_a_task_before_makes_is_foretold() {
    let folder = Folder::new(&[]);
    let text = |disk: &str, part: &str, number: u32| {
        let parted = json!({"device": disk, "number": number, "label": "gpt", "part_start": "32MiB", "state": "present"});
        let filesystem = |kind: &str| json!({"community.general.filesystem": {"dev": part, "fstype": kind}, "ignore_errors": true});
        let mount = json!({"path": "/srv/data", "src": part, "fstype": "ext4", "state": "mounted"});
        let tasks = json!([
            {"community.general.parted": parted}, filesystem("ext4"), filesystem("ext4"), filesystem("xfs"), {"ansible.posix.mount": mount}
        ]);
        json!([{"hosts": "all", "gather_facts": false, "tasks": tasks}]).to_string()
    };
    let dry = |disk: &str, part: &str, number: u32, is: PartedDisk| {
        let mut world = world();
        world.add_parted_disk(disk, is);
        let ran = run(&folder, &text(disk, part, number), world, true);
        ran.tasks.iter().map(|task| task.outcome).collect::<Vec<_>>()
    };
    use TaskOutcome::{Changed, Pending, Refused, Unchanged};
    for (disk, part) in [("/dev/sdb", "/dev/sdb1"), ("/dev/nvme0n1", "/dev/nvme0n1p1")] {
        assert_eq!(dry(disk, part, 1, PartedDisk::blank(64 << 20)), [Changed, Changed, Unchanged, Refused, Changed], "{part}");
    }
    let one = PartedPartition { start: 1 << 20, end: 32 << 20, ..PartedPartition::default() };
    let with_one = PartedDisk { table: Some("gpt".into()), partitions: [(1, one)].into(), ..PartedDisk::blank(64 << 20) };
    let free = dry("/dev/sdb", "/dev/sdb2", 2, with_one);
    assert_eq!(free[..2], [Changed, Pending], "{free:?}");
}
