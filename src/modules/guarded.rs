//! Commands of a playbook before they run: what they would write to disks is looked at.

use super::expand::expand_one;
use super::{Decision, Task};
use crate::disk::guard::{Judgement, permit};
use crate::plan::{Facts, Plan, Stop};

/// Why the command must not run, as the decision of its task; nothing where it may. Relative paths begin at `directory`, or
/// where the login's shell stands.
pub(super) fn refused(
    judgement: &Judgement,
    directory: Option<&str>,
    task: &Task<'_>,
    facts: &Facts<'_>,
) -> Result<Option<Decision>, Stop> {
    if judgement.is_harmless() {
        return Ok(None);
    }
    let directory = directory.map(|directory| expand_one(task, facts, directory)).transpose()?;
    Ok(permit(judgement, directory.as_deref(), facts)?.map(|refusal| Decision::from(Plan::Refuse(refusal))))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::modules::assemble::Assemble;
    use crate::modules::bench::{Bench, Files, Seen};
    use crate::modules::blockinfile::BlockInFile;
    use crate::modules::command::Command;
    use crate::modules::copy::Copy;
    use crate::modules::get_url::GetUrl;
    use crate::modules::lineinfile::LineInFile;
    use crate::modules::raw::Raw;
    use crate::modules::replace::Replace;
    use crate::modules::script::Script;
    use crate::modules::shell::Shell;
    use crate::modules::template::Template;
    use crate::modules::{FREE_FORM, Module};
    use crate::node::simulated::{SimulatedDisk, World};

    fn run(module: &dyn Module, args: serde_json::Value) -> Seen {
        let mut world = World::new(1);
        world.add_file("/srv/image", b"x", 0o644);
        let mut bench = Bench::new(world);
        bench.outside = Files(
            [
                Files::file("disk.sh", b"#!/bin/bash -e\nfor d in sdb sdc; do\n  mkfs.ext4 /dev/$d\ndone\n", 0o755),
                Files::file("disk.py", b"#!/usr/bin/env python3\nimport os\nos.system('mkfs.ext4 ' + disk)\n", 0o755),
                Files::file("file.sh", b"mkswap /srv/image\n", 0o755),
            ]
            .into(),
        );
        bench.run(module, &args)
    }

    #[test]
    fn what_cannot_be_seen_is_refused() {
        for (module, args) in [
            (&Shell as &dyn Module, json!({"cmd": "for d in sdb sdc; do mkfs.ext4 /dev/$d; done"})),
            (&Shell, json!({"cmd": "lsblk | xargs mkfs.ext4", "executable": "/bin/bash"})),
            (&Shell, json!({"cmd": "import os; os.system('wipefs -a /dev/sdb')", "executable": "/usr/bin/python3"})),
            (&Command, json!({"argv": ["bash", "-c", "wipefs -a $0", "/dev/sdb"]})),
            (&Command, json!({"cmd": "bash", "stdin": "wipefs -a $DISK"})),
            (&Raw, json!({FREE_FORM: "wipefs -a $DISK"})),
            (&Shell, json!({"cmd": "cat image >sd$LETTER", "chdir": "/dev"})),
            (&Script, json!({"cmd": "disk.sh"})),
            (&Script, json!({"cmd": "disk.py"})),
        ] {
            let seen = run(module, args.clone());
            let Seen::Refused(why) = seen else { panic!("{args}: {seen:?}") };
            assert!(why.contains("it cannot be seen to which"), "{why}");
        }
    }

    #[test]
    fn modules_that_write_files_leave_devices_alone() {
        let mut world = World::new(1);
        world.add_disk(SimulatedDisk::new("sdb", "5eed", 100));
        world.add_directory("/srv", 0o755);
        world.add_file("/srv/x", b"x", 0o644);
        world.serve("http://server/image", b"image".to_vec());
        for device in ["/dev/sdb", "/dev/disk/by-id/scsi-0QEMU_QEMU_HARDDISK_5eed"] {
            let tries: [(&dyn Module, serde_json::Value); 9] = [
                (&Copy, json!({"content": "x", "dest": device})),
                (&Copy, json!({"content": "x", "dest": device, "follow": true})),
                (&Copy, json!({"src": "/srv/x", "remote_src": true, "dest": device})),
                (&Template, json!({"src": "t.j2", "dest": device})),
                (&GetUrl, json!({"url": "http://server/image", "dest": device, "force": true})),
                (&LineInFile, json!({"path": device, "line": "x"})),
                (&BlockInFile, json!({"path": device, "block": "x"})),
                (&Replace, json!({"path": device, "regexp": "^", "replace": "x"})),
                (&Assemble, json!({"src": "/srv", "dest": device})),
            ];
            for (module, args) in tries {
                let mut bench = Bench::new(world.clone());
                bench.outside = Files([Files::file("t.j2", b"x", 0o644)].into());
                let seen = bench.run(module, &args);
                let is_left = matches!(seen, Seen::Failed(_) | Seen::Refused(_));
                assert!(is_left, "{} {args}: {seen:?}", module.spec().name);
                assert_eq!(bench.machine.world().disk_writes(), []);
            }
        }
    }

    #[test]
    fn a_device_that_is_not_there_is_refused_and_a_file_is_not() {
        let seen = run(&Command, json!({"cmd": "mkfs.ext4 /dev/sdb1"}));
        let Seen::Refused(why) = seen else { panic!("{seen:?}") };
        assert_eq!(why, "`mkfs.ext4` would write to /dev/sdb1, which is not there now, so it is not known what it will be");
        for (module, args) in [
            (&Command as &dyn Module, json!({"cmd": "mkswap /srv/image"})),
            (&Command, json!({"cmd": "mkswap /srv/new"})),
            (&Command, json!({"cmd": "mkswap image", "chdir": "/srv"})),
            (&Command, json!({"cmd": "apt-get install parted"})),
            (&Shell, json!({"cmd": "fallocate -l 1G /swapfile && mkswap /swapfile"})),
            (&Raw, json!({FREE_FORM: "fdisk -l"})),
            (&Script, json!({"cmd": "file.sh"})),
        ] {
            let seen = run(module, args.clone());
            assert!(matches!(seen, Seen::Changed(..)), "{args}: {seen:?}");
        }
    }
}
