//! Where Kubernetes' programs are.

use crate::testbed::error::{Doing, Error, Result};
use crate::testbed::process::lossy;
use crate::testbed::roots::digest;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// The script that knows and builds them.
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/testbed/kubernetes/programs.sh");

/// The path of a program of the table in `programs.sh`. The first call on a machine builds it, which takes minutes; `make test` has
/// done that before.
///
/// # Errors
/// There is no Go, or it cannot be built: the compiler has said why.
pub fn program(name: &str) -> Result<PathBuf> {
    Ok(programs(&[name])?.remove(0))
}

/// The paths of some programs.
///
/// # Errors
/// As [`program`].
pub(super) fn programs(names: &[&str]) -> Result<Vec<PathBuf>> {
    let output = Command::new("sh").arg(SCRIPT).args(names).stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    let output = output.doing(|| "cannot run sh".into())?;
    let paths: Vec<PathBuf> = lossy(&output.stdout).lines().map(PathBuf::from).collect();
    if output.status.success() && paths.len() == names.len() {
        return Ok(paths);
    }
    let (program, status) = (format!("{SCRIPT} {}", names.join(" ")), output.status.to_string());
    Err(Error::Program { program, status, output: lossy(&output.stdout) })
}

/// The digest of scripts and of the programs that they are given, whose paths have their versions and digests.
pub(super) fn keyed(scripts: &[&str], programs: &[PathBuf]) -> String {
    let paths: Vec<_> = programs.iter().map(|path| path.to_string_lossy()).collect();
    digest(&[scripts, &paths.iter().map(|path| &**path).collect::<Vec<_>>()].concat())
}
