//! Every trait that a test can ask of a machine is really there, as OpenSSH's own client sees it.

use crate::testbed::{Bed, HostKeyType, Login, Machine, Noise, Shell, Sudo};
use std::io::Read;
use std::net::{TcpStream, ToSocketAddrs};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};
use std::{fs, thread};

/// Runs a command by ssh; its status is not looked at.
fn ssh(m: &Machine, options: &[&str], command: &str) -> Output {
    m.ssh_with(options).unwrap().arg(command).output().unwrap()
}

fn stdout(out: &Output) -> String {
    String::from_utf8_lossy(&out.stdout).trim_end().replace('\r', "")
}

fn stderr(out: &Output) -> String {
    String::from_utf8_lossy(&out.stderr).into_owned()
}

/// What a command that has to succeed prints.
fn says(m: &Machine, command: &str) -> String {
    let out = ssh(m, &[], command);
    assert!(out.status.success(), "{out:?}");
    stdout(&out)
}

#[test]
fn sudo() {
    let bed = Bed::new().unwrap();
    let specs = vec![
        bed.machine("password").sudo(Sudo::Password("s3cret".into())),
        bed.machine("tty").sudo(Sudo::RequiresTty),
        bed.machine("refused").sudo(Sudo::Refused("s3cret".into())),
        bed.machine("absent").sudo(Sudo::Absent),
    ];
    let machines = bed.start_all(specs).unwrap();
    let [password, tty, refused, absent] = &machines[..] else { unreachable!() };

    assert!(stderr(&ssh(password, &[], "sudo -n true")).contains("a password is required"));
    assert_eq!(says(password, "echo s3cret | sudo -S -p '' id -u"), "0");

    assert!(stderr(&ssh(tty, &[], "sudo -n true")).contains("you must have a tty"));
    assert_eq!(stdout(&ssh(tty, &["-tt"], "sudo -n id -u")), "0");

    assert!(stderr(&ssh(refused, &[], "echo s3cret | sudo -S -p '' true")).contains("is not in the sudoers file"));
    assert!(stderr(&ssh(refused, &[], "sudo -n true")).contains("a password is required"));

    assert_eq!(ssh(absent, &[], "sudo -n true").status.code(), Some(127));
}

#[test]
fn accounts_and_programs() {
    let bed = Bed::new().unwrap();
    let specs = vec![
        bed.machine("bare").without_python().without_downloaders(),
        bed.machine("homeless").without_home(),
        bed.machine("fish").shell(Shell::Fish),
        bed.machine("csh").shell(Shell::Csh),
    ];
    let machines = bed.start_all(specs).unwrap();
    let [bare, homeless, fish, csh] = &machines[..] else { unreachable!() };

    for program in ["python3", "curl", "wget"] {
        assert_eq!(ssh(bare, &[], &format!("command -v {program}")).status.code(), Some(1), "{program}");
        says(homeless, &format!("command -v {program}"));
    }
    let out = ssh(homeless, &[], "pwd");
    assert_eq!((stdout(&out), stderr(&out).contains("Could not chdir to home directory")), ("/".into(), true), "{out:?}");
    // Each with a word that the other shells do not know.
    assert_eq!(says(fish, "set x fi sh; count $x"), "2");
    assert_eq!(says(csh, "set x = csh; echo $shell $x"), "/bin/csh csh");
}

#[test]
fn logins() {
    let bed = Bed::new().unwrap();
    let specs = vec![
        bed.machine("password").login(Login::Password("pw1".into())),
        bed.machine("keyboard").login(Login::KeyboardInteractive("pw2".into())),
        bed.machine("usercert").login(Login::UserCertificate),
        bed.machine("hostcert").host_certificate(),
        bed.machine("rsa").host_keys(&[HostKeyType::Rsa]),
    ];
    let machines = bed.start_all(specs).unwrap();
    let [password, keyboard, usercert, hostcert, rsa] = &machines[..] else { unreachable!() };

    assert_eq!(
        (methods(password), methods(keyboard), methods(usercert)),
        ("password".into(), "keyboard-interactive".into(), "publickey".into())
    );
    for (m, method) in [(password, "password"), (keyboard, "keyboard-interactive")] {
        let askpass = bed.dir().join("askpass");
        fs::write(&askpass, format!("#!/bin/sh\necho {}\n", m.password.as_deref().unwrap())).unwrap();
        Command::new("chmod").arg("700").arg(&askpass).status().unwrap();
        let mut ssh = m.ssh_with(&["-o", "BatchMode=no", "-o", &format!("PreferredAuthentications={method}")]).unwrap();
        let out = ssh.arg("id -un").env("SSH_ASKPASS", &askpass).env("SSH_ASKPASS_REQUIRE", "force").output().unwrap();
        assert_eq!(stdout(&out), "op", "{out:?}");
    }

    // The certificate beside the key opens, the same key without it does not.
    assert_eq!(says(usercert, "id -un"), "op");
    let mut only_key = bed.command("ssh");
    only_key.args(["-F", "none", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-o", "StrictHostKeyChecking=no"]);
    only_key.args(["-o", "UserKnownHostsFile=/dev/null", "-i"]).arg(bed.key_path()).arg(format!("op@{}", usercert.address)).arg("true");
    assert!(stderr(&only_key.output().unwrap()).contains("Permission denied"));

    // The CA's line alone is enough to know the host, under the strictest checking.
    let known_hosts = bed.dir().join("ca_known_hosts");
    fs::write(&known_hosts, bed.cert_authority_line().unwrap() + "\n").unwrap();
    let only_ca = format!("UserKnownHostsFile={}", known_hosts.display());
    let strict = ["-o", &only_ca, "-o", "StrictHostKeyChecking=yes"];
    assert_eq!(stdout(&ssh(hostcert, &strict, "hostname")), "hostcert");
    assert!(stderr(&ssh(rsa, &strict, "hostname")).contains("Host key verification failed"));

    assert_eq!(rsa.host_keys.len(), 1);
    assert!(rsa.host_keys[0].starts_with("ssh-rsa "));
    let refused = ssh(rsa, &["-o", "HostKeyAlgorithms=ssh-ed25519,ecdsa-sha2-nistp256"], "true");
    assert!(stderr(&refused).contains("no matching host key type found"), "{refused:?}");
    assert_eq!(says(rsa, "hostname"), "rsa");
}

/// The methods that a machine offers to somebody who has no key.
fn methods(m: &Machine) -> String {
    let out = ssh(m, &["-v", "-o", "PreferredAuthentications=none", "-o", "PubkeyAuthentication=no"], "true");
    let text = stderr(&out);
    let line = text.lines().find_map(|l| l.split_once("Authentications that can continue: ")).unwrap_or_else(|| panic!("{text}"));
    line.1.trim().to_owned()
}

#[test]
fn noise_and_limits() {
    let bed = Bed::new().unwrap();
    let specs = vec![
        bed.machine("noisy").noise(Noise::Bashrc).noise(Noise::Banner),
        bed.machine("slow").noise(Noise::SlowPam(Duration::from_millis(1500))),
        bed.machine("sessions").max_sessions(1),
        bed.machine("startups").max_startups(1),
    ];
    let machines = bed.start_all(specs).unwrap();
    let [noisy, slow, sessions, startups] = &machines[..] else { unreachable!() };

    let out = ssh(noisy, &[], "hostname");
    assert_eq!(stdout(&out), "bashrc says hello\nnoisy");
    assert!(stderr(&out).contains("bashrc complains") && stderr(&out).contains("The banner has two lines."), "{out:?}");

    let began = Instant::now();
    assert_eq!(says(slow, "hostname"), "slow");
    assert!(began.elapsed() >= Duration::from_millis(1500), "{:?}", began.elapsed());

    // A second session on the same connection is refused.
    let socket = format!("ControlPath={}", bed.dir().join("mux").display());
    let mut master = sessions.ssh_with(&["-o", "ControlMaster=yes", "-o", &socket]).unwrap();
    let mut master = master.arg("echo there; sleep 20").stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    master.stdout.take().unwrap().read_exact(&mut [0; 5]).unwrap();
    let second = ssh(sessions, &["-o", &socket], "true");
    assert!(stderr(&second).contains("Session open refused by peer"), "{second:?}");
    master.kill().unwrap();
    master.wait().unwrap();

    // While one connection has not authenticated, no other is let in.
    let pending = bed.inside(|| connect(startups)).unwrap();
    let refused = ssh(startups, &[], "true");
    assert_eq!(refused.status.code(), Some(255), "{refused:?}");
    drop(pending);
    let deadline = Instant::now() + Duration::from_secs(10);
    while !ssh(startups, &[], "true").status.success() {
        assert!(Instant::now() < deadline);
        thread::sleep(Duration::from_millis(50));
    }
}

/// A connection on which sshd has said its name.
fn connect(m: &Machine) -> TcpStream {
    let address = (m.address.as_str(), m.port).to_socket_addrs().unwrap().next().unwrap();
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(5)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    stream.read_exact(&mut [0; 4]).unwrap();
    stream
}

#[test]
fn disks_and_wires() {
    let bed = Bed::new().unwrap();
    let specs = vec![
        bed.machine("full").full_disk(),
        bed.machine("readonly").read_only_tmp_and_var(),
        bed.machine("far").delay(Duration::from_millis(100)),
        bed.machine("partitioned"),
    ];
    let machines = bed.start_all(specs).unwrap();
    let [full, readonly, far, partitioned] = &machines[..] else { unreachable!() };

    for place in ["/tmp", "/var/tmp", "/home/op", "/etc"] {
        let out = ssh(full, &[], &format!("echo x | sudo tee {place}/x"));
        assert!(stderr(&out).contains("No space left on device"), "{place}: {out:?}");
    }
    assert_eq!(says(full, "hostname"), "full");

    for place in ["/tmp", "/var/lib", "/var/tmp"] {
        let out = ssh(readonly, &[], &format!("sudo touch {place}/x"));
        assert!(stderr(&out).contains("Read-only file system"), "{place}: {out:?}");
    }
    says(readonly, "touch /home/op/x");

    // Three round trips at least: TCP, the two names, and more; 200 ms each.
    let began = Instant::now();
    bed.inside(|| connect(far)).unwrap();
    assert!(began.elapsed() >= Duration::from_millis(300), "{:?}", began.elapsed());
    assert_eq!(says(far, "hostname"), "far");

    assert_eq!(says(partitioned, "hostname"), "partitioned");
    partitioned.stop_network().unwrap();
    assert_eq!(ssh(partitioned, &["-o", "ConnectTimeout=1"], "true").status.code(), Some(255));
    assert_eq!(partitioned.root_says("hostname").unwrap(), "partitioned");
    partitioned.resume_network().unwrap();
    assert_eq!(says(partitioned, "hostname"), "partitioned");
}

#[test]
fn a_chain_of_jump_hosts() {
    let bed = Bed::new().unwrap();
    let chain = bed.jump_chain().unwrap();
    let known_hosts = bed.dir().join("chain_known_hosts");
    fs::write(&known_hosts, [&chain.first, &chain.second, &chain.target].map(Machine::known_hosts_lines).concat()).unwrap();
    let config = bed.dir().join("chain_config");
    let host = |name: &str, m: &Machine, jump: &str| format!("Host {name}\n HostName {}\n ProxyJump {jump}\n", m.address);
    let hosts = [host("j1", &chain.first, "none"), host("j2", &chain.second, "j1"), host("target", &chain.target, "j2")].concat();
    let all = format!(
        "Host *\n User op\n IdentityFile {}\n UserKnownHostsFile {}\n BatchMode yes\n ConnectTimeout 5\n",
        bed.key_path().display(),
        known_hosts.display()
    );
    fs::write(&config, hosts + &all).unwrap();
    let run = |options: &[&str], to: &str| bed.command("ssh").arg("-F").arg(&config).args(options).args([to, "hostname"]).output().unwrap();

    assert_eq!(stdout(&run(&[], "target")), "target");
    for name in ["j2", "target"] {
        assert_eq!(run(&["-J", "none"], name).status.code(), Some(255), "{name} is reached without its jump host");
    }
    let past_j2 = run(&["-J", "j1"], "target");
    assert_eq!(past_j2.status.code(), Some(255), "{past_j2:?}");
}
