//! A homelab's playbooks, unmodified, on three machines: what ansible-playbook left behind, homelabctl leaves, and the second run
//! changes what Ansible's second run changed. tests/oracle/homelab/run.py says what it looks at.

use std::path::Path;

use crate::records_machines::Among;
use crate::testbed::{Bed, Kind};

#[test]
#[ignore = "a quarter of an hour on machines with kernels of their own: `make vm-test`"]
fn the_homelabs_playbooks_leave_what_they_leave_with_ansible() {
    let bed = Bed::new().unwrap();
    let specs = ["m1", "m2", "w1"].map(|name| bed.machine(name).kind(Kind::Uml)).into_iter().collect();
    let machines = bed.start_all(specs).unwrap();
    let among = Among::new(&bed, &machines, "uml 12");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle/homelab/run.py");
    let compared = among.python("python3", &script, &["--program", env!("CARGO_BIN_EXE_homelabctl")]);
    let said = String::from_utf8_lossy(&compared.stdout);
    assert!(compared.status.success(), "{said}{}", String::from_utf8_lossy(&compared.stderr));
    assert!(said.contains("the same on all machines after both runs"), "{said}");
}
