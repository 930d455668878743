//! A place where ssh sees only our files: own mounts, host name, network and processes.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use super::record::{HOME, HOST_NAME, USER};

/// Users as ssh and sshd see them. The recorder is root, so `me` is user 0.
const PASSWD: &str =
    "me:x:0:0::/home/me:/bin/sh\nsshd:x:100:65534::/run/sshd:/usr/sbin/nologin\nnobody:x:65534:65534::/nonexistent:/bin/sh\n";

/// Directories that are laid over the real ones.
pub struct Sandbox {
    dir: tempfile::TempDir,
}

impl Sandbox {
    /// With these files, by whole path under /home and /etc/ssh.
    pub fn new(files: &BTreeMap<String, String>) -> Self {
        let dir = tempfile::Builder::new().prefix("oracle-ssh-").tempdir().unwrap();
        let sandbox = Self { dir };
        for path in ["home/me/.ssh", "etc/ssh"] {
            fs::create_dir_all(sandbox.dir.path().join(path)).unwrap();
        }
        fs::write(sandbox.dir.path().join("passwd"), PASSWD).unwrap();
        let names: String = ["node1.lan", "node2.lan", "Node3.lan", "other"].iter().map(|name| format!("127.0.0.1 {name}\n")).collect();
        fs::write(sandbox.dir.path().join("hosts"), names).unwrap();
        for (path, text) in files {
            sandbox.write(path, text);
        }
        sandbox
    }

    /// Where a path of the sandbox really lies.
    pub fn path(&self, inside: &str) -> PathBuf {
        self.dir.path().join(inside.trim_start_matches('/'))
    }

    /// Writes a file, 0600, with its directories.
    pub fn write(&self, inside: &str, text: &str) {
        let path = self.path(inside);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }

    /// Runs a script inside, for at most half a minute; all its processes end with it.
    pub fn run(&self, script: &str, env: &BTreeMap<String, String>) -> Output {
        let dir = self.dir.path().display();
        let set_up = format!(
            "set -e\nhostname {HOST_NAME}\nip link set lo up\n\
             mount --bind {dir}/home /home\nmount --bind {dir}/etc/ssh /etc/ssh\n\
             mount -t tmpfs tmpfs /run\nmount --bind {dir}/passwd /etc/passwd\nmount --bind {dir}/hosts /etc/hosts\n\
             cd {HOME}\nset +e\n{script}"
        );
        let mut command = Command::new("timeout");
        command.args([
            "-k",
            "1",
            "30",
            "unshare",
            "--mount",
            "--uts",
            "--net",
            "--pid",
            "--fork",
            "--kill-child",
            "--mount-proc",
            "sh",
            "-c",
        ]);
        command.arg(set_up).env_clear().stdin(Stdio::null());
        command.env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin").env("HOME", HOME).env("USER", USER).envs(env);
        command.output().unwrap()
    }
}

/// Text of one of a command's two outputs.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What `ssh -V` says.
pub fn ssh_version() -> String {
    text(&Command::new("ssh").arg("-V").output().unwrap().stderr).trim().to_owned()
}

/// A program outside of the sandbox that has to succeed.
pub fn must(program: &str, args: &[&str], dir: &Path) {
    let output = Command::new(program).args(args).current_dir(dir).stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{program} {args:?}: {}", text(&output.stderr));
}
