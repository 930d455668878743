//! The hub's repositories as GitHub serves them over SSH: by the real sshd, to who has a deploy key.

use super::hub::Hub;
use crate::testbed::error::{Doing, Result};
use crate::testbed::keys::{self, HostKeyType};
use crate::testbed::process::run;
use crate::testbed::{Bed, Service};
use std::fs;
use std::io::Read;
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What each login comes to, whatever it asks for.
const SCRIPT: &str = include_str!("serve.sh");

/// An sshd at port 22 of a bed's loopback. Dropping it ends it.
pub struct Ssh {
    service: Service,
    root: PathBuf,
    known_hosts: String,
}

impl Ssh {
    /// Starts it; returns when it answers. From then on the hub's `/meta` has its host keys, and in the bed's namespaces `github.com`
    /// and `api.github.com` are this machine and `git` is a user. The calling thread must have [entered](Bed::enter) the bed.
    ///
    /// # Errors
    /// It does not start: with what it said.
    pub fn start(bed: &Bed, hub: &Hub) -> Result<Ssh> {
        let dir = bed.dir().join("github");
        name(bed)?;
        fs::create_dir_all("/run/sshd").doing(|| "cannot make /run/sshd".into())?;
        let write = |name: &str, text: &str| {
            let path = dir.join(name);
            fs::write(&path, text).doing(|| format!("cannot write {}", path.display())).map(|()| path)
        };
        // the user is root by another name: the repositories are root's, and what may be asked is all in the script
        let passwd = fs::read_to_string("/etc/passwd").doing(|| "cannot read /etc/passwd".into())?;
        let passwd = write("passwd", &format!("git:*:0:0::{}:/bin/sh\n{passwd}", dir.display()))?;
        mount(bed, &passwd, "/etc/passwd")?;

        let mut config = "Port 22\nListenAddress 127.0.0.1\nPidFile none\nUsePAM no\nUseDNS no\nStrictModes no\nPermitRootLogin yes\n\
             AllowUsers git\nAuthenticationMethods publickey\nMaxStartups 100\n"
            .to_owned();
        let mut public = Vec::new();
        for kind in [HostKeyType::Ed25519, HostKeyType::Ecdsa, HostKeyType::Rsa] {
            let path = dir.join(format!("host_{}", kind.name()));
            keys::generate(kind, &path, "")?;
            public.push(keys::public_line(&path)?);
            config += &format!("HostKey {}\n", path.display());
        }
        let root = hub.serve_keys(&write("serve.sh", SCRIPT)?, &public);
        config += &format!("AuthorizedKeysFile {}\n", root.join("authorized_keys").display());
        let config = write("sshd_config", &config)?;
        let arguments = ["-D", "-e", "-f", &config.display().to_string()].map(str::to_owned);
        let mut service = Service::start(bed, Path::new("/usr/sbin/sshd"), &arguments, &dir.join("sshd.log"))?;
        service.wait_until(Duration::from_secs(60), || Ok(answers()))?;
        let known_hosts = public.iter().map(|key| format!("github.com {key}\n")).collect();
        Ok(Ssh { service, root, known_hosts })
    }

    /// The lines by which a client knows it, as the hub's `/meta` has them.
    pub fn known_hosts(&self) -> &str {
        &self.known_hosts
    }

    /// What was asked so far, `git-upload-pack wbyc/lab`, by who had a key of any repository.
    pub fn log(&self) -> Vec<String> {
        fs::read_to_string(self.root.join("ssh.log")).unwrap_or_default().lines().map(str::to_owned).collect()
    }

    /// Ends it, as if GitHub could not be reached.
    pub fn kill(&mut self) {
        self.service.kill();
    }
}

/// In the bed's namespaces, `github.com` and `api.github.com` are this machine.
pub(super) fn name(bed: &Bed) -> Result<()> {
    let dir = bed.dir().join("github");
    fs::create_dir_all(&dir).doing(|| format!("cannot make {}", dir.display()))?;
    let hosts = dir.join("hosts");
    if hosts.exists() {
        return Ok(()); // a second mount would lie upon the file itself, which could then not be removed
    }
    fs::write(&hosts, "127.0.0.1 localhost\n127.0.0.1 github.com api.github.com\n").doing(|| "cannot write hosts".into())?;
    mount(bed, &hosts, "/etc/hosts")
}

/// Puts a file over another one, in the bed's namespaces only.
fn mount(bed: &Bed, file: &Path, over: &str) -> Result<()> {
    run(bed.command_with_its_end(Path::new("mount")).arg("--bind").arg(file).arg(over)).map(drop)
}

fn answers() -> bool {
    let Ok(mut stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, 22)) else { return false };
    let mut said = [0; 4];
    stream.read_exact(&mut said).is_ok() && said == *b"SSH-"
}
