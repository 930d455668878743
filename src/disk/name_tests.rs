use super::*;

fn device(path: &str, kind: &str, size: u64, serial: &str, links: &[&str]) -> BlockDevice {
    BlockDevice {
        name: path.trim_start_matches("/dev/").into(),
        path: path.into(),
        kind: kind.into(),
        size,
        serial: Some(serial.to_owned()).filter(|serial| !serial.is_empty()),
        model: Some("QEMU HARDDISK".into()),
        wwn: None,
        transport: Some("sata".into()),
        read_only: false,
        removable: false,
        rotational: true,
        filesystem: None,
        label: None,
        uuid: None,
        partition_table: None,
        partition_label: None,
        partition_uuid: None,
        mountpoints: Vec::new(),
        parents: Vec::new(),
        by_id: links.iter().map(|&link| link.into()).collect(),
    }
}

fn machine() -> Vec<BlockDevice> {
    let mut devices = vec![
        device("/dev/sda", "disk", 32 << 30, "root", &["scsi-0QEMU_root", "wwn-0x1"]),
        device("/dev/sda1", "part", 31 << 30, "", &["scsi-0QEMU_root-part1"]),
        device("/dev/sdb", "disk", 150 << 30, "lh1", &["wwn-0x2", "scsi-0QEMU_lh1"]),
        device("/dev/nvme0n1", "disk", 150 << 30, "n1", &["nvme-eui.00", "nvme-Samsung_n1"]),
        device("/dev/sr0", "rom", 0, "", &["ata-DVD"]),
        device("/dev/sdc", "disk", 0, "", &["usb-Reader"]),
        device("/dev/zram0", "disk", 1 << 30, "", &[]),
    ];
    devices[2].wwn = Some("0x2".into());
    (devices[3].transport, devices[3].rotational, devices[3].model) = (Some("nvme".into()), false, Some("Samsung".into()));
    devices
}

fn path(name: &DiskName) -> Result<String, NotOne> {
    name.find(&machine()).map(|disk| disk.path.clone())
}

#[test]
fn a_disk_by_each_kind_of_name() {
    for name in ["scsi-0QEMU_lh1", "/dev/disk/by-id/wwn-0x2"] {
        assert_eq!(path(&DiskName::ById(name.into())).unwrap(), "/dev/sdb");
    }
    for name in ["0X2", "wwn-0x2"] {
        assert_eq!(path(&DiskName::Wwn(name.into())).unwrap(), "/dev/sdb");
    }
    assert_eq!(path(&DiskName::Serial("lh1".into())).unwrap(), "/dev/sdb");
    assert_eq!(path(&DiskName::Unstable("/dev/nvme0n1".into())).unwrap(), "/dev/nvme0n1");
    assert_eq!(path(&DiskName::ById("scsi-0QEMU_lh".into())), Err(NotOne::Missing));
    assert_eq!(path(&DiskName::Serial("LH1".into())), Err(NotOne::Missing));
    for partition in [DiskName::ById("scsi-0QEMU_root-part1".into()), DiskName::Unstable("/dev/sda1".into())] {
        assert_eq!(path(&partition), Err(NotOne::Partition("/dev/sda1".into())));
    }
    // no medium is in it, and the other is memory
    assert_eq!(path(&DiskName::ById("usb-Reader".into())), Err(NotOne::Missing));
    assert_eq!(path(&DiskName::Unstable("/dev/zram0".into())), Err(NotOne::Missing));
}

#[test]
fn a_selector_fits_one_disk_or_none() {
    let like = |selector: Selector| path(&DiskName::Like(selector));
    let size = Some("140G..160G".parse().unwrap());
    assert_eq!(like(Selector::default()), Err(NotOne::Nothing));
    assert_eq!(
        like(Selector { size, ..Selector::default() }),
        Err(NotOne::Ambiguous(vec!["scsi-0QEMU_lh1".into(), "nvme-Samsung_n1".into()]))
    );
    assert_eq!(like(Selector { size, rotational: Some(true), ..Selector::default() }).unwrap(), "/dev/sdb");
    assert_eq!(like(Selector { transport: Some("nvme".into()), ..Selector::default() }).unwrap(), "/dev/nvme0n1");
    assert_eq!(like(Selector { model: Some("Samsung".into()), size, ..Selector::default() }).unwrap(), "/dev/nvme0n1");
    assert_eq!(like(Selector { transport: Some("usb".into()), ..Selector::default() }), Err(NotOne::Missing));
}

#[test]
fn disks_that_say_the_same_of_themselves_are_never_chosen_between() {
    let mut devices = machine();
    let mut twin = device("/dev/sdd", "disk", 150 << 30, "lh1", &[]);
    devices.push(twin.clone());
    let both = Err(NotOne::Ambiguous(vec!["/dev/sdb".into(), "/dev/sdd".into()]));
    // udev's link leads to one of them only
    let found = |devices: &[BlockDevice]| DiskName::ById("scsi-0QEMU_lh1".into()).find(devices).map(|disk| disk.path.clone());
    assert_eq!(found(&devices), both);
    (twin.serial, twin.wwn) = (Some("other".into()), Some("0x2".into()));
    devices.pop();
    devices.push(twin.clone());
    assert_eq!(found(&devices), both);
    twin.wwn = Some("0x3".into());
    devices.pop();
    devices.push(twin);
    assert_eq!(found(&devices).unwrap(), "/dev/sdb");
}

#[test]
fn what_was_meant_and_why_it_is_none_in_words() {
    let selector =
        Selector { size: Some("140G..".parse().unwrap()), model: Some("X 1".into()), rotational: Some(false), ..Selector::default() };
    assert_eq!(DiskName::Like(selector).to_string(), "size 140G.., model \"X 1\", not rotational");
    assert_eq!(NotOne::Ambiguous(vec!["a".into(), "b".into()]).to_string(), "several disks answer to that: a, b");
    assert_eq!(stable_name(&machine()[3]), "nvme-Samsung_n1");
    assert_eq!(stable_name(&device("/dev/vda", "disk", 1, "", &[])), "/dev/vda");
}
