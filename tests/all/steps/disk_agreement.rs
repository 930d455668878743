//! The same steps on the disks of a simulated and of a real machine: they fail at the same step and end in equal facts.

use homelabctl::disk::{FINAL_LABEL, NEW_LABEL, filesystem_uuid};
use homelabctl::node::apply::Lock;
use homelabctl::node::facts::{
    Blankness, BlockDevice, BlockDevices, DeviceContents, DeviceUse, Extent, FilesystemSoundness, MountAt, RootNames,
};
use homelabctl::node::host::Host;
use homelabctl::node::machine::{Machine, Real};
use homelabctl::node::simulated::{Held, Random, Simulated, SimulatedDisk, World};
use homelabctl::node::steps::{FormatPartition, LabelDisk, MakeFilesystem, Mount, NamePartition, Step, Unmount};
use homelabctl::plan::{Fact, Query, Reading, Scope};
use serde_json::Value;

use super::agreement::carry_out;
use crate::connections::{Home, inside};
use crate::testbed::{Bed, Kind, fill};

const SEEDS: u64 = 24;
/// What the first two disks begin with.
const IMAGES: [&str; 9] = ["blank", "blank", "blank", "gpt-empty", "dos-empty", "new", "new-formatted", "new-half", "ext4"];
/// A disk that XFS is large enough for begins blank.
const XFS_MEBIBYTES: u32 = 400;
const EMPTY_GPT: (u64, u64) = (17408, 16896);

/// Of the partition that an image has, or that the disk at that place gets: two with one UUID cannot be told apart by it.
fn partition_uuid(image: &str, place: usize) -> String {
    image_uuid(match image {
        "new" => 1,
        "new-formatted" => 2,
        "new-half" => 7,
        _ => 77 + u32::try_from(place).unwrap(),
    })
}

fn image_uuid(number: u32) -> String {
    format!("7e57ed00-0000-4000-8000-{number:012}")
}

fn simulated(device: &BlockDevice, image: &str) -> SimulatedDisk {
    let mut disk = SimulatedDisk::new(&device.name, "", device.size >> 20);
    disk.by_id.clone_from(&device.by_id);
    (disk.serial, disk.model, disk.wwn) = (device.serial.clone(), device.model.clone(), device.wwn.clone());
    (disk.transport, disk.removable, disk.rotational) = (device.transport.clone(), device.removable, device.rotational);
    let uuid = partition_uuid(image, 0);
    let whole = || Held::of("ext4", &filesystem_uuid(&uuid), &["lost+found"]);
    let new = |disk: SimulatedDisk, held| disk.with_table(true, vec![(uuid.clone(), NEW_LABEL.into(), held)]);
    match image {
        "gpt-empty" => disk.with_table(true, vec![]),
        "dos-empty" => disk.with_table(false, vec![]),
        "new" => new(disk, Held::default()),
        "new-formatted" => new(disk, whole()),
        "new-half" => new(disk, Held { data: vec![2 << 20], ..Held::default() }),
        "ext4" => disk.holding(Held { label: Some("whole".into()), ..Held::of("ext4", "", &[]) }),
        _ => disk,
    }
}

fn steps(random: &mut Random, disks: &[(&str, String, u64)]) -> Vec<Step> {
    let mut steps = Vec::new();
    for (place, (image, disk, size)) in disks.iter().enumerate() {
        let is_large = *image == "large";
        let uuid = partition_uuid(image, place);
        let (fs, from, to) = (filesystem_uuid(&uuid), NEW_LABEL.to_owned(), FINAL_LABEL.to_owned());
        let table = match *image {
            "gpt-empty" => EMPTY_GPT,
            "dos-empty" => (512, 0),
            _ => (0, 0),
        };
        let filesystem = if is_large && !random.once_in(3) { "xfs" } else { "ext4" }.to_owned();
        let full_scan = random.once_in(2);
        let all: [Step; 5] = [
            LabelDisk {
                disk: disk.clone(),
                partition_uuid: uuid.clone(),
                name: from.clone(),
                // a disk may be another by then
                size: size + if random.once_in(10) { 512 } else { 0 },
                sector: 512,
                table,
                full_scan,
            }
            .into(),
            FormatPartition {
                disk: disk.clone(),
                partition_uuid: uuid.clone(),
                name: from.clone(),
                filesystem: filesystem.clone(),
                uuid: fs.clone(),
            }
            .into(),
            NamePartition { disk: disk.clone(), partition_uuid: uuid.clone(), from, to, uuid: fs.clone() }.into(),
            Mount {
                source: format!("UUID={fs}"),
                path: "/mnt".into(),
                fstype: filesystem,
                options: "noatime".into(),
                device: String::new(),
                made: false,
            }
            .into(),
            Unmount { path: "/mnt".into() }.into(),
        ];
        let upto = 1 + random.below(all.len());
        steps.extend(all.iter().take(upto).filter(|_| !random.once_in(8)).cloned());
        // once more, whatever has become of it
        steps.extend(random.pick(&all[..4]).filter(|_| random.once_in(2)).cloned());
        if random.once_in(6) {
            let options = ["-q", "-F", "-U", "7e57ed00-0000-4000-8000-000000000088"].map(str::to_owned).into();
            steps.push(MakeFilesystem { path: disk.clone(), program: "mkfs.ext4".into(), options }.into());
        }
    }
    steps
}

/// A filesystem in use looks damaged to its checkers.
fn queries(devices: &[BlockDevice], unmounted: bool) -> Vec<Query> {
    let mut queries = vec![BlockDevices.query(), MountAt::new("/mnt").query()];
    for device in devices {
        let (disk, part) = (device.path.clone(), format!("{}1", device.path));
        queries.extend([DeviceContents::new(&disk).query(), DeviceUse::new(&disk).query(), DeviceContents::new(&part).query()]);
        queries.extend([Blankness::new(&disk, 0, 0, Extent::Sampled).query(), Blankness::new(&disk, 512, 0, Extent::Full).query()]);
        queries.push(Blankness::new(&disk, EMPTY_GPT.0, EMPTY_GPT.1, Extent::Sampled).query());
        for kind in ["ext4", "xfs"].into_iter().filter(|_| unmounted) {
            queries.extend([FilesystemSoundness::new(&part, kind).query(), RootNames::new(&part, kind, None).query()]);
        }
    }
    queries
}

/// What both must say: places of data and drawn UUIDs are a real machine's own.
fn comparable(query: &Query, reading: &Reading, disks: &[BlockDevice]) -> Reading {
    let mut value = match reading {
        Reading::Unknown { .. } => return Reading::unknown(""),
        Reading::Absent => return Reading::Absent,
        Reading::Present(value) => value.clone(),
    };
    match query.kind.as_str() {
        "blankness" => {
            let is_blank = value["first_other"].is_null();
            return Reading::present(&(is_blank, is_blank.then(|| value["read"].clone())));
        }
        "block_devices" => {
            let is_of = |name: &str| disks.iter().any(|disk| name.starts_with(&disk.name));
            let devices = value.as_array_mut().unwrap();
            devices.retain(|device| is_of(device["name"].as_str().unwrap()));
            for device in devices {
                // what a table says of a disk udev copies to its partitions, and newer lsblk to theirs
                for name in ["wwn", "serial", "model", "transport", "rotational"] {
                    if device["type"] == "part" {
                        device[name] = Value::Null;
                    }
                }
                device["by_id"].as_array_mut().unwrap().sort_by_key(Value::to_string);
                drawn(device);
            }
        }
        "device_contents" => {
            drawn(&mut value["device"]);
            value["partitions"].as_array_mut().unwrap().iter_mut().for_each(|partition| drawn(&mut partition["holding"]));
        }
        "mount_at" => value["filesystem_options"] = Value::Null,
        _ => {}
    }
    Reading::Present(value)
}

fn drawn(holding: &mut Value) {
    if holding["label"] == "whole" {
        holding["uuid"] = Value::Null;
        for signature in holding["signatures"].as_array_mut().into_iter().flatten() {
            signature["uuid"] = Value::Null;
        }
    }
}

#[test]
#[ignore = "some minutes: make vm-test"]
fn simulated_and_real_disks_agree() {
    let bed = Bed::new().unwrap();
    let m = bed.machine("w1").kind(Kind::Uml).disk("5eed0001", 64).disk("5eed0002", 64).disk("5eed0003", XFS_MEBIBYTES).start().unwrap();
    let home = Home::new();
    home.knows(&[&m]);
    let only: Option<u64> = std::env::var("HOMELABCTL_SEED").ok().and_then(|seed| seed.parse().ok());
    let seeds = only.map_or(0..SEEDS, |seed| seed..seed + 1);
    let scope = Scope::new("w1", "root");
    let (mut differences, mut carried, mut failures) = (Vec::new(), 0, 0);
    for seed in seeds {
        let mut random = Random::new(seed);
        let mut images = [*random.pick(&IMAGES).unwrap(), *random.pick(&IMAGES).unwrap()];
        if images[0] == images[1] && images[0].starts_with("new") {
            images[1] = "blank";
        }
        m.root_says("mountpoint -q /mnt && umount /mnt; blkdiscard -z /dev/sdc || dd if=/dev/zero of=/dev/sdc bs=1M status=none || [ $? -eq 1 ]; blockdev --rereadpt /dev/sdc")
            .unwrap();
        fill(&m, &[("/dev/sda", images[0]), ("/dev/sdb", images[1])]).unwrap();
        let (really, facts, steps, simulated_failures, supposed, devices) = inside(&bed, async || {
            let connection = home.connect("w1", None).await.unwrap();
            let mut real = Real::new(Host::new(std::sync::Arc::new(connection), None), None::<Lock>);
            let known = real.read(&scope, &[BlockDevices.query()]).await.unwrap();
            let Reading::Present(known) = &known[0].1.reading else { panic!("{known:?}") };
            let known: Vec<BlockDevice> = serde_json::from_value(known.clone()).unwrap();
            let devices: Vec<BlockDevice> =
                ["sda", "sdb", "sdc"].iter().map(|name| known.iter().find(|device| device.name == *name).unwrap().clone()).collect();
            let disk = |n: usize, image| (image, format!("/dev/disk/by-id/{}", devices[n].by_id[0]), devices[n].size);
            let mut steps = steps(&mut random, &[disk(0, images[0]), disk(1, images[1]), disk(2, "large")]);
            let unmounted = seed % 2 == 0;
            steps.extend(unmounted.then(|| Unmount { path: "/mnt".into() }.into()));
            let really = carry_out(&mut real, &scope, &steps).await;
            let facts = real.read(&scope, &queries(&devices, unmounted)).await.unwrap();
            let mut world = World::new(seed);
            world.add_directory("/mnt", 0o755);
            for (device, image) in devices.iter().zip([images[0], images[1], "blank"]) {
                world.add_disk(simulated(device, image));
            }
            let mut simulated = Simulated::new(world);
            let supposedly = carry_out(&mut simulated, &scope, &steps).await;
            let supposed = simulated.read(&scope, &queries(&devices, unmounted)).await.unwrap();
            (really, facts, steps, supposedly, supposed, devices)
        });
        (carried, failures) = (carried + steps.len(), failures + really.0.len());
        let mut found = Vec::new();
        if really.0 != simulated_failures.0 {
            found.push(format!("real {really:?}\nsimulated {simulated_failures:?}"));
        }
        for ((query, real), (_, simulated)) in facts.iter().zip(&supposed) {
            let (real, simulated) = (comparable(query, &real.reading, &devices), comparable(query, &simulated.reading, &devices));
            if real != simulated {
                found.push(format!("{query}\n  real {real:?}\n  simulated {simulated:?}"));
            }
        }
        if !found.is_empty() {
            let steps: Vec<String> = steps.iter().map(|step| serde_json::to_string(step).unwrap()).collect();
            differences.push(format!("seed {seed} {images:?}:\n{}\n{}", steps.join("\n"), found.join("\n")));
        }
        // a seed takes a while
        println!("seed {seed} {images:?}: {} steps, {} fail; {} differences", steps.len(), really.0.len(), found.len());
    }
    assert!(differences.is_empty(), "{} differ:\n{}", differences.len(), differences.join("\n\n"));
    println!("{carried} steps, {failures} of which failed on both");
}
