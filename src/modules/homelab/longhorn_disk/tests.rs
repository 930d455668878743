//! A place that nothing can be mounted on is told before the disk is written to.

use serde_json::json;

use super::HomelabLonghornDisk;
use crate::modules::bench::{Bench, Seen};
use crate::node::simulated::{SimulatedDisk, World};

fn world() -> World {
    let mut world = World::new(1);
    world.set_machine_id("5eed");
    world.add_directory("/srv", 0o755);
    world.add_file("/etc/fstab", b"", 0o644);
    world.add_disk(SimulatedDisk::new("sdb", "lh0", 100 << 10));
    world
}

/// What is said, and that nothing was written.
fn refused(mount: &str, prepare: impl FnOnce(&mut World)) -> String {
    let mut world = world();
    prepare(&mut world);
    let mut bench = Bench::new(world);
    let seen = bench.run(&HomelabLonghornDisk, &json!({"serial": "lh0", "mount": mount}));
    let Seen::Refused(why) = seen else { panic!("{mount}: {seen:?}") };
    assert_eq!(bench.machine.world().disk_writes(), []);
    why
}

#[test]
fn a_place_below_what_is_no_directory() {
    assert_eq!(
        refused("/srv/file/a/b", |world| world.add_file("/srv/file", b"", 0o644)),
        "/srv/file/a/b cannot be made: /srv/file is no directory"
    );
    assert_eq!(refused("/srv/file", |world| world.add_file("/srv/file", b"", 0o644)), "/srv/file is no directory");
    assert_eq!(
        refused("/srv/link/a", |world| {
            world.add_directory("/data", 0o755);
            world.add_link("/srv/link", "/data");
        }),
        "/srv/link/a leads to /data/a, and Longhorn takes no path with a link in it"
    );
    assert_eq!(
        refused("/srv/link/a", |world| world.add_link("/srv/link", "/nowhere")),
        "/srv/link, on the way to /srv/link/a, is a link that leads nowhere"
    );
}

#[test]
fn a_place_where_nothing_can_be_made() {
    assert_eq!(
        refused("/srv/a/b", |world| world.add_mount("/srv", "/dev/sr0", "iso9660", "ro,relatime")),
        "/srv/a/b cannot be made: what is mounted on /srv is read-only"
    );
    assert_eq!(
        refused("/srv/a", |world| {
            world.add_mount("/srv", "/dev/sr0", "iso9660", "ro");
            world.add_directory("/srv/a", 0o755);
        }),
        "/srv/a cannot be guarded: what is mounted on /srv is read-only"
    );
}

#[test]
fn a_place_that_has_to_be_made_from_above() {
    let mut bench = Bench::new(world());
    let seen = bench.run(&HomelabLonghornDisk, &json!({"serial": "lh0", "mount": "/data/deep/a"}));
    assert!(matches!(seen, Seen::Changed(..)), "{seen:?}");
    let seen = bench.run(&HomelabLonghornDisk, &json!({"serial": "lh0", "mount": "/data/deep/a"}));
    assert!(matches!(seen, Seen::Unchanged(..)), "{seen:?}");
}
