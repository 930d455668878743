use serde_json::{Value, json};

use super::*;
use crate::modules::bench::{Bench, Seen};
use crate::node::simulated::{Random, World};
use crate::node::steps::Step;

const TEXT: &[u8] = b"# fstab\nUUID=1 / ext4 errors=remount-ro 0 1\ntmpfs /srv/a tmpfs noexec 0 0\n\n/swapfile none swap sw 0 0\n";

fn world(random: &mut Random) -> World {
    let mut world = World::new(random.number());
    world.add_directory("/srv", 0o755);
    world.add_directory("/srv/from", 0o755);
    for name in ["/srv/a", "/srv/b"] {
        if random.once_in(2) {
            world.add_directory(name, 0o755);
            if random.once_in(3) {
                world.add_file(&format!("{name}/file"), b"x", 0o644);
            } else if random.once_in(2) {
                let bind = random.once_in(2);
                let (source, fstype, options) = if bind { ("/srv/from", "none", "bind") } else { ("tmpfs", "tmpfs", "rw,noexec") };
                world.add_mount(name, source, fstype, options);
            }
        }
    }
    if !random.once_in(6) {
        world.add_file(FSTAB, TEXT, 0o644);
    }
    world
}

pub(in crate::modules) fn state(random: &mut Random) -> (Bench, Value) {
    let mut args = json!({"path": *random.pick(&["/srv/a", "/srv/b", "/srv/a/", "/srv/c/d"]).unwrap()});
    args["state"] =
        (*random.pick(&["absent", "absent_from_fstab", "mounted", "mounted", "present", "unmounted", "remounted", "ephemeral"]).unwrap())
            .into();
    let (source, fstype) = *random.pick(&[("tmpfs", "tmpfs"), ("/srv/from", "none"), ("/dev/sdb1", "ext4"), ("nas:/x", "nfs")]).unwrap();
    args["src"] = source.into();
    args["fstype"] = fstype.into();
    let bind = if fstype == "none" { "bind" } else { "defaults" };
    if fstype == "none" || random.once_in(2) {
        let more = *random.pick(&["", ",ro", ",noexec", ",nofail,rw", ",noauto"]).unwrap();
        args["opts"] = format!("{bind}{more}").into();
    }
    for (name, value) in
        [("boot", json!(false)), ("backup", json!(true)), ("passno", json!("2")), ("opts_no_log", json!(true)), ("src", json!("a\nb"))]
    {
        if random.once_in(8) {
            args[name] = value;
        }
    }
    (Bench::new(world(random)), args)
}

#[test]
fn another_source_is_refused_and_fstab_stays() {
    let mut world = World::new(1);
    world.add_directory("/m", 0o755);
    world.add_file(FSTAB, TEXT, 0o644);
    world.add_mount("/m", "/dev/sda9", "ext4", "rw");
    let mut bench = Bench::new(world);
    let seen = bench.run(&Mount, &json!({"path": "/m", "src": "/dev/sdb1", "fstype": "ext4", "state": "mounted"}));
    let Seen::Refused(why) = seen else { panic!("{seen:?}") };
    assert_eq!(why, "at /m is mounted /dev/sda9, of type ext4, and not /dev/sdb1");
}

#[test]
fn it_is_mounted_before_fstab_says_so() {
    let mut world = World::new(1);
    world.add_file(FSTAB, TEXT, 0o644);
    let mut bench = Bench::new(world);
    let seen = bench.run(&Mount, &json!({"path": "/m", "src": "tmpfs", "fstype": "tmpfs", "opts": "nofail,size=1M", "state": "mounted"}));
    let Seen::Changed(_, change, _) = seen else { panic!("{seen:?}") };
    let at = |is: fn(&Step) -> bool| change.steps.iter().position(is).unwrap();
    assert!(at(|step| matches!(step, Step::Mount(_))) < at(|step| matches!(step, Step::WriteFile(_))));
    assert!(change.steps.iter().any(|step| matches!(step, Step::Mount(mount) if mount.options == "size=1M")));
    let fstab = bench.machine.world().content(FSTAB).unwrap();
    assert_eq!(fstab, [TEXT, b"tmpfs /m tmpfs nofail,size=1M 0 0\n"].concat());
}

#[test]
fn what_cannot_be_mounted_leaves_no_directory_that_was_made_for_it() {
    for was_there in [false, true] {
        let mut world = World::new(1);
        world.add_file(FSTAB, TEXT, 0o644);
        if was_there {
            world.add_directory("/m", 0o755);
        }
        let mut bench = Bench::new(world);
        let seen = bench.run(&Mount, &json!({"path": "/m", "src": "UUID=2", "fstype": "ext4", "state": "mounted"}));
        assert!(matches!(seen, Seen::StepFailed(_)), "{seen:?}");
        let world = bench.machine.world();
        assert_eq!((world.exists("/m"), world.content(FSTAB).as_deref()), (was_there, Some(TEXT)));
    }
}

#[test]
fn options_that_the_mount_lacks_are_set() {
    let mut world = World::new(1);
    world.add_directory("/m", 0o755);
    world.add_file(FSTAB, b"tmpfs /m tmpfs noexec,ro 0 0\n", 0o644);
    world.add_mount("/m", "tmpfs", "tmpfs", "rw,noexec");
    let mut bench = Bench::new(world);
    let args = json!({"path": "/m", "src": "tmpfs", "fstype": "tmpfs", "opts": "noexec,ro", "state": "mounted"});
    let Seen::Changed(_, change, _) = bench.run(&Mount, &args) else { panic!() };
    assert!(matches!(change.steps.as_slice(), [Step::Remount(_)]), "{change:?}");
    assert!(matches!(bench.run(&Mount, &args), Seen::Unchanged(_)));
}

#[test]
fn options_are_not_shown_where_they_are_secret() {
    let mut bench = Bench::new(World::new(1));
    let args =
        json!({"path": "/m", "src": "//nas/x", "fstype": "cifs", "opts": "password=hidden", "opts_no_log": true, "state": "present"});
    let Seen::Changed(decision, change, _) = bench.run(&Mount, &args) else { panic!() };
    assert_eq!(decision.result["opts"], NOT_SHOWN);
    assert!(!format!("{:?}", change.diff).contains("hidden"));
}
