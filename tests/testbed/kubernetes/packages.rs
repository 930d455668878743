//! Kubernetes' packages, in an apt repository like its own.

use super::programs::{keyed, programs};
use crate::testbed::error::{Doing, Result};
use crate::testbed::process::run;
use crate::testbed::roots::{built, recipe};
use crate::testbed::{Bed, Service};
use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

const PACKAGES_RECIPE: &str = include_str!("packages.sh");

/// What is in packages.
const IN_PACKAGES: [&str; 8] = ["kubelet", "kubeadm", "kubectl", "crictl", "bridge", "host-local", "loopback", "portmap"];

/// Kubernetes' packages, served to a bed's machines as its own repository serves them. As long as it is held.
pub struct Packages {
    /// The line of an apt source has it, without the slash after it; its key is at `Release.key` below it.
    pub url: String,
    _server: Service,
}

impl Packages {
    /// Builds them unless they are there, and serves them.
    ///
    /// # Errors
    /// A program cannot be built, or the server does not start.
    pub fn serve(bed: &Bed) -> Result<Packages> {
        let programs = programs(&IN_PACKAGES)?;
        let dir = built(&format!("packages-{}", keyed(&[PACKAGES_RECIPE], &programs)), |to| {
            run(recipe(PACKAGES_RECIPE, "packages.sh").arg(to).args(&programs)).map(drop)
        })?;
        let stable = dir.join("core:/stable:");
        let minor = fs::read_dir(&stable).doing(|| format!("cannot read {}", stable.display()))?.flatten().next();
        let minor = minor.map(|entry| entry.file_name().to_string_lossy().into_owned()).unwrap_or_default();
        let arguments = ["-m", "http.server", "80", "--bind", "10.77.0.1", "--directory"].map(String::from);
        let arguments = [&arguments[..], &[dir.display().to_string()]].concat();
        let mut server = Service::start(bed, Path::new("python3"), &arguments, &bed.dir().join("packages.log"))?;
        server.wait_until(Duration::from_secs(60), || bed.inside(|| TcpStream::connect("10.77.0.1:80").is_ok()))?;
        Ok(Packages { url: format!("http://10.77.0.1/core:/stable:/{minor}/deb"), _server: server })
    }
}
