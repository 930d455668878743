//! Lets the real `ssh` meet real servers, under each value of StrictHostKeyChecking.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use super::host_cases;
use super::record::{HostAnswer, HostInput, HostRecord, HostRecords};
use super::sandbox::{Sandbox, must, ssh_version, text};

const STRICT: [&str; 4] = ["yes", "ask", "accept-new", "no"];

/// Name, arguments of ssh-keygen.
const KEYS: &[(&str, &[&str])] = &[
    ("ed25519", &["-t", "ed25519"]),
    ("ecdsa", &["-t", "ecdsa", "-b", "256"]),
    ("rsa", &["-t", "rsa", "-b", "2048"]),
    ("other-ed25519", &["-t", "ed25519"]),
    ("other-rsa", &["-t", "rsa", "-b", "2048"]),
    ("ca", &["-t", "ed25519"]),
    ("other-ca", &["-t", "ed25519"]),
    ("rsa-ca", &["-t", "rsa", "-b", "2048"]),
];

/// Name, key, authority, arguments of ssh-keygen -s.
const CERTIFICATES: &[(&str, &str, &str, &[&str])] = &[
    ("good", "ed25519", "ca", &["-h", "-n", "node1.lan,node2.lan"]),
    ("any", "ed25519", "ca", &["-h"]),
    ("by-rsa", "ed25519", "rsa-ca", &["-h", "-n", "node1.lan"]),
    ("of-rsa", "rsa", "ca", &["-h", "-n", "node1.lan"]),
    ("alias", "ed25519", "ca", &["-h", "-n", "cluster"]),
    ("elsewhere", "ed25519", "ca", &["-h", "-n", "node2.lan"]),
    ("pattern", "ed25519", "ca", &["-h", "-n", "*.lan"]),
    ("expired", "ed25519", "ca", &["-h", "-n", "node1.lan", "-V", "20200101:20210101"]),
    ("future", "ed25519", "ca", &["-h", "-n", "node1.lan", "-V", "20900101:20910101"]),
    ("user", "ed25519", "ca", &["-n", "node1.lan"]),
];

/// Records all cases; the keys are new each time.
pub fn record() -> HostRecords {
    let dir = tempfile::tempdir().unwrap();
    let keys = Keys::make(dir.path());
    let certificates = CERTIFICATES.iter().map(|(name, ..)| format!("{name}-cert"));
    let names = KEYS.iter().map(|(name, _)| (*name).to_owned()).chain(certificates);
    HostRecords {
        ssh: ssh_version(),
        time: SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs(),
        keys: names.map(|name| (name.clone(), keys.line(&format!("{name}.pub")))).collect(),
        cases: host_cases::all().into_iter().map(|input| keys.meet(input)).collect(),
    }
}

struct Keys<'a> {
    dir: &'a Path,
}

impl<'a> Keys<'a> {
    fn make(dir: &'a Path) -> Self {
        for (name, args) in KEYS {
            must("ssh-keygen", &[&["-q", "-N", "", "-C", "", "-f", name][..], args].concat(), dir);
        }
        for (name, key, authority, args) in CERTIFICATES {
            // ssh-keygen names the certificate after the key's file.
            fs::copy(dir.join(format!("{key}.pub")), dir.join(format!("{name}.pub"))).unwrap();
            must("ssh-keygen", &[&["-q", "-s", authority, "-I", name][..], args, &[&format!("{name}.pub")]].concat(), dir);
        }
        Self { dir }
    }

    fn line(&self, file: &str) -> String {
        fs::read_to_string(self.dir.join(file)).unwrap().trim().to_owned()
    }

    /// The text of a file of known hosts with its hashes filled in.
    fn with_hashes(&self, text: &str) -> String {
        let mut text = text.to_owned();
        while let Some((before, rest)) = text.split_once("{hash:") {
            let (name, after) = rest.split_once('}').unwrap();
            text = format!("{before}{}{after}", self.hashed(name));
        }
        text
    }

    /// The same with its keys filled in.
    fn filled(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (name, _) in KEYS {
            let line = self.line(&format!("{name}.pub"));
            text = text.replace(&format!("{{{name}}}"), &line);
            text = text.replace(&format!("{{{name}:blob}}"), line.split(' ').nth(1).unwrap());
        }
        text
    }

    fn hashed(&self, name: &str) -> String {
        let file = self.dir.join("to-hash");
        fs::write(&file, format!("{name} {}\n", self.line("ed25519.pub"))).unwrap();
        must("ssh-keygen", &["-q", "-H", "-f", "to-hash"], self.dir);
        let text = fs::read_to_string(&file).unwrap();
        text.split(' ').next().unwrap().to_owned()
    }

    fn meet(&self, input: HostInput) -> HostRecord {
        let mut files = BTreeMap::new();
        for (name, text) in [("user", &input.user_file), ("second", &input.second_file), ("global", &input.global_file)] {
            if let Some(text) = text {
                files.insert(name.to_owned(), self.with_hashes(text));
            }
        }
        let answers = STRICT.iter().map(|&strict| (strict.to_owned(), self.answer(&input, &files, strict))).collect();
        HostRecord { input, files, answers }
    }

    fn answer(&self, input: &HostInput, files: &BTreeMap<String, String>, strict: &str) -> HostAnswer {
        let sandbox = Sandbox::new(&BTreeMap::new());
        let mut sshd = "Port 22\nPort 2222\nListenAddress 127.0.0.1\nPidFile none\nUsePAM no\nLogLevel QUIET\n".to_owned();
        for key in &input.server_keys {
            sandbox.write(&format!("/etc/ssh/{key}"), &fs::read_to_string(self.dir.join(key)).unwrap());
            sshd += &format!("HostKey /etc/ssh/{key}\n");
        }
        for name in &input.server_certificates {
            sandbox.write(&format!("/etc/ssh/{name}-cert.pub"), &self.line(&format!("{name}-cert.pub")));
            sshd += &format!("HostCertificate /etc/ssh/{name}-cert.pub\n");
        }
        sandbox.write("/etc/ssh/sshd_config", &sshd);
        for (name, text) in files {
            sandbox.write(&format!("/home/me/{name}"), &self.filled(text));
        }
        sandbox.write("/home/me/askpass", "#!/bin/sh\necho asked >> /home/me/asked\necho yes\n");
        must("chmod", &["700", &sandbox.path("/home/me/askpass").display().to_string()], Path::new("/"));
        let mut ssh =
            "ssh -v -F none -o GlobalKnownHostsFile=/home/me/global -o PreferredAuthentications=none -o UpdateHostKeys=no".to_owned();
        for option in &input.options {
            ssh += &format!(" -o {option}");
        }
        ssh += " -o 'UserKnownHostsFile=/home/me/user /home/me/second'";
        if let Some(alias) = &input.alias {
            ssh += &format!(" -o HostKeyAlias={alias}");
        }
        ssh += &format!(" -o StrictHostKeyChecking={strict} -p {} {} true", input.port, input.host);
        let script = format!(
            "mkdir -p /run/sshd\n/usr/sbin/sshd -D -f /etc/ssh/sshd_config &\nserver=$!\n\
             for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do\n\
             if ss -Hltn | grep -q 127.0.0.1:2222; then break; fi; sleep 0.1\ndone\n{ssh}\nkill $server\n"
        );
        let env = [("SSH_ASKPASS", "/home/me/askpass"), ("SSH_ASKPASS_REQUIRE", "force"), ("DISPLAY", ":0")];
        let output = sandbox.run(&script, &env.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
        let log = text(&output.stderr);
        let after = |start: &str| log.lines().find_map(|line| line.strip_prefix(start)).map(|rest| rest.trim().to_owned());
        let accepted = log.contains("Permission denied (");
        assert!(accepted != log.contains("Host key verification failed."), "{} {strict}: {log}", input.name);
        let offered = after("debug1: Server host certificate: ").or_else(|| after("debug1: Server host key: ")).unwrap();
        let offending = log.lines().find_map(|line| line.strip_prefix("Offending ").and_then(|rest| rest.split_once(" key in ")));
        let now = fs::read_to_string(sandbox.path("/home/me/user")).unwrap_or_default();
        let before = self.filled(files.get("user").map_or("", String::as_str));
        let mut appended = now.strip_prefix(&before).unwrap().to_owned();
        for key in &input.server_keys {
            appended = appended.replace(&self.line(&format!("{key}.pub")), &format!("{{{key}}}"));
        }
        // What is found for a certificate counts only until ssh turns to the plain key.
        let last = log.rsplit("No matching CA found. Retry with plain key").next().unwrap();
        let found = last.lines().find_map(|line| {
            let (_, place) = line.strip_prefix("debug1: Found ")?.split_once("key in ")?;
            Some(place.trim().to_owned())
        });
        HostAnswer {
            accepted,
            asked: sandbox.path("/home/me/asked").exists(),
            offered: offered.split(' ').next().unwrap().to_owned(),
            found,
            offending: offending.map(|(_, place)| place.trim().to_owned()),
            revoked: log.contains("REVOKED HOST KEY DETECTED"),
            appended,
        }
    }
}
