//! A server that tells machines the time, as long as it is held.

use std::process::{Child, Stdio};

use crate::testbed::Bed;

/// tests/support/time_server.py in the machines' network, at [`ADDRESS`].
pub struct TimeServer(Child);

/// Where the machines find it: the bed's own end of their network.
pub const ADDRESS: &str = "10.77.0.1";

impl TimeServer {
    /// Starts it.
    pub fn start(bed: &Bed) -> Self {
        let server = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/time_server.py");
        Self(bed.command("python3").arg(server).stdout(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for TimeServer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What makes a machine ask it, as a line of a script.
pub fn asked_by_timesyncd() -> String {
    let conf = "/etc/systemd/timesyncd.conf.d";
    format!("mkdir -p {conf}\nprintf '[Time]\\nNTP={ADDRESS}\\n' >{conf}/testbed.conf\n")
}
