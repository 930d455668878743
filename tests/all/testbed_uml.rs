//! What only User-mode Linux machines have: a kernel, reboot, disks, a lossy wire.

use crate::testbed::{Bed, Kind};
use std::time::{Duration, Instant};

#[test]
fn a_machine_with_a_kernel_of_its_own() {
    let bed = Bed::new().unwrap();
    let began = Instant::now();
    let mut m = bed
        .machine("uml")
        .kind(Kind::Uml)
        .disk("ABC0123", 64)
        .disk("DEF4567", 64)
        .delay(Duration::from_millis(40))
        .loss(1.0)
        .start()
        .unwrap();
    eprintln!("started in {:?}", began.elapsed());

    // Its kernel: modules, and a sysctl of its own.
    assert_eq!(m.root_says("modprobe ip_vs && cut -d' ' -f1 /proc/modules | grep -x ip_vs").unwrap(), "ip_vs");
    assert_eq!(m.root_says("sysctl -qw vm.swappiness=13 && sysctl -n vm.swappiness").unwrap(), "13");

    // Its disks: links by serial number, in the order asked for.
    let serials = "lsblk -dno NAME,SERIAL /dev/sda /dev/sdb | tr -s ' '";
    assert_eq!(m.root_says(serials).unwrap(), "sda ABC0123\nsdb DEF4567");
    let link = m.root_says("ls /dev/disk/by-id/wwn-0x6001405abc0123*").unwrap();
    assert_eq!(m.root_says(&format!("readlink -f {link}")).unwrap(), "/dev/sda");
    m.root_says(&format!("echo kept | dd of={link} conv=fsync 2>/dev/null; echo kept >/root/file; sync")).unwrap();

    // Its wire, seen from the bed: 40 ms there and 40 ms back.
    let began = Instant::now();
    bed.inside(|| std::net::TcpStream::connect((m.address.as_str(), m.port)).map(drop)).unwrap().unwrap();
    assert!(began.elapsed() >= Duration::from_millis(80), "{:?}", began.elapsed());

    assert!(m.root_says("tc qdisc show dev vec0").unwrap().contains("delay 80ms loss 1%"));

    let began = Instant::now();
    m.reboot().unwrap();
    eprintln!("rebooted in {:?}", began.elapsed());
    assert_eq!(m.root_says(&format!("head -c 4 {link}; cat /root/file")).unwrap(), "keptkept");
    assert_eq!(m.root_says(serials).unwrap(), "sda ABC0123\nsdb DEF4567");
    // power that is cut takes no disk with it
    m.kill();
    m.power_on().unwrap();
    assert_eq!(m.root_says(&format!("head -c 4 {link}; cat /root/file")).unwrap(), "keptkept");
    let out = m.ssh().unwrap().arg("/usr/sbin/sysctl -n vm.swappiness").output().unwrap();
    assert_eq!(String::from_utf8_lossy(&out.stdout), "60\n", "{out:?}");
}
