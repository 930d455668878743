//! The files and look-ups that `ssh -G` is asked about.

use std::collections::BTreeMap;

use super::record::ConfigInput;

fn case(name: &str, host: &str, config: &str) -> ConfigInput {
    ConfigInput { name: name.into(), host: host.into(), config: config.into(), ..ConfigInput::default() }
}

trait With: Sized {
    fn system(self, text: &str) -> Self;
    fn file(self, path: &str, text: &str) -> Self;
    fn env(self, name: &str, value: &str) -> Self;
    fn user(self, user: &str) -> Self;
    fn port(self, port: u16) -> Self;
    fn option(self, option: &str) -> Self;
    fn identity(self, file: &str) -> Self;
}

impl With for ConfigInput {
    fn system(self, text: &str) -> Self {
        Self { system: text.into(), ..self }
    }
    fn file(mut self, path: &str, text: &str) -> Self {
        self.files.insert(path.into(), text.into());
        self
    }
    fn env(mut self, name: &str, value: &str) -> Self {
        self.env.insert(name.into(), value.into());
        self
    }
    fn user(self, user: &str) -> Self {
        Self { user: Some(user.into()), ..self }
    }
    fn port(self, port: u16) -> Self {
        Self { port: Some(port), ..self }
    }
    fn option(mut self, option: &str) -> Self {
        self.options.push(option.into());
        self
    }
    fn identity(mut self, file: &str) -> Self {
        self.identity_files.push(file.into());
        self
    }
}

/// All of them; names are unique.
pub fn all() -> Vec<ConfigInput> {
    let mut cases = [values(), blocks(), matches(), includes(), proxies(), tokens(), refused()].concat();
    let names: BTreeMap<&str, ()> = cases.iter().map(|case| (case.name.as_str(), ())).collect();
    assert_eq!(names.len(), cases.len(), "two cases have one name");
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    cases
}

fn values() -> Vec<ConfigInput> {
    vec![
        case("defaults", "node1", ""),
        case("host in capitals", "Node1.LAN", "HostName %h.Example\n"),
        case("address 127.1", "127.1", ""),
        case("address 10", "10", ""),
        case("address ipv6", "2001:DB8::0001", ""),
        case("hostname is an address", "n", "HostName 0x7f.1\n"),
        case("first value wins", "n", "User one\nUser two\nPort 1\nPort 2\n"),
        case("keywords in any case", "n", "uSeR one\nPORT 7\nhostNAME x\n"),
        case("equals signs", "n", "User=one\nPort = 7\nHostName\t=\tx\n"),
        case("quotes", "n", "User \"a b\"\nIdentityFile '/k e y'\nIdentityFile \"/a\\\"b\"\nIdentityFile /c\\ d\n"),
        case("comments", "n", "# all\n  # of\nUser one # it\nIdentityFile /a#b\n"),
        case("blanks and crlf", "n", "\t User one\t\r\n\r\n  Port 7 \x0c\r\n"),
        case("no newline at the end", "n", "User one"),
        case("times", "n", "ConnectTimeout 1h30\nServerAliveInterval 2m5s\n"),
        case("time none", "n", "ConnectTimeout none\nConnectTimeout 5\nServerAliveInterval none\nServerAliveInterval 1d\n"),
        case("alive", "n", "ServerAliveInterval 15\nServerAliveCountMax 0\nTCPKeepAlive no\n"),
        case("debian's names", "n", "SetupTimeOut 7\n"),
        case("batch mode", "n", "BatchMode yes\nNumberOfPasswordPrompts 1\nConnectionAttempts 3\n"),
        case("methods", "n", "PreferredAuthentications publickey,password\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n"),
        case("old names of methods", "n", "ChallengeResponseAuthentication no\nDSAAuthentication no\n"),
        case("pubkey host-bound", "n", "PubkeyAuthentication host-bound\n"),
        case("pubkey no", "n", "PubkeyAuthentication FALSE\n"),
        case("strict yes", "n", "StrictHostKeyChecking yes\n"),
        case("strict off", "n", "StrictHostKeyChecking off\n"),
        case("strict accept-new", "n", "StrictHostKeyChecking Accept-New\n"),
        case("alias in capitals", "n", "HostKeyAlias ALIAS\nHashKnownHosts yes\nCheckHostIP yes\n"),
        case("address family", "n", "AddressFamily inet6\nBindAddress ::1\n"),
        case("port by name", "n", "Port ssh\n"),
        case("port with a sign", "n", "Port +2222\n"),
        case(
            "what is not honoured",
            "n",
            "Compression yes\nForwardAgent yes\nLogLevel DEBUG3\nCiphers aes256-ctr\nSendEnv A B\nSetEnv C=d\n",
        ),
        case("ignored unknown", "n", "IgnoreUnknown useKey*,Other\nUseKeychain yes\nUser one\n"),
        case("unsupported", "n", "RSAAuthentication yes\nProtocol 2\nUser one\n"),
        case("command line first", "n", "User file\nPort 1\nHostName file\n").user("arg").port(9).option("HostName=arg").option("Port 5"),
        case("options in other forms", "n", "").option("user = one").option("  IdentityFile   \"/a b\"  "),
        case("option before user", "n", "").option("User=o").option("StrictHostKeyChecking=no").option("UserKnownHostsFile=/dev/null"),
        case("option ignores unknown", "n", "Frobnicate yes\n").option("IgnoreUnknown=Frob*"),
    ]
}

fn blocks() -> Vec<ConfigInput> {
    let nested = "Host *.lan !bad.lan\n User lan\nHost bad*\n User bad\nHost *\n User all\n Port 7\n";
    vec![
        case("host pattern", "a.lan", nested),
        case("host negated", "bad.lan", nested),
        case("host no pattern", "other", nested),
        case("host only negated", "x", "Host !y\n User z\n"),
        case("host question mark", "node7", "Host node? node1?\n User seven\n"),
        case("host question mark twice", "node17", "Host node?\n User one\nHost node1?\n User two\n"),
        case("host cares about case", "NODE", "Host node\n User small\nHost NODE\n User large\n"),
        case("host by equals sign and quotes", "a b", "Host=\"a\"\n User x\n"),
        case("host list", "c", "Host a b c\n User abc\nHost c\n User c\n Port 3\n"),
        case("before the first block", "x", "User top\nHost x\n User x\n Port 3\n"),
        case("files of both", "x", "Host x\n User mine\n").system("Host *\n User theirs\n Port 4\n HashKnownHosts yes\n"),
        case("identities of both", "x", "IdentityFile /mine\n").system("IdentityFile /theirs\nIdentityFile /mine\n"),
        case(
            "identities of several blocks",
            "x",
            "Host x\n IdentityFile /a\nHost *\n IdentityFile /b\n IdentityFile /a\n IdentitiesOnly yes\n",
        ),
        case("identities of the command line", "x", "IdentityFile /b\n").identity("/dev/null").option("IdentityFile=/c"),
        case("identity none", "x", "IdentityFile none\n"),
        case("identity none and another", "x", "IdentityFile none\nIdentityFile /a\n"),
        case("certificates", "x", "CertificateFile /a-cert.pub\nCertificateFile /b-cert.pub\nCertificateFile /a-cert.pub\n"),
        case("known hosts files", "x", "UserKnownHostsFile ~/a /b\nUserKnownHostsFile /c\nGlobalKnownHostsFile ~/g\n"),
        case("known hosts none", "x", "UserKnownHostsFile none\nGlobalKnownHostsFile None\n"),
        case("agent none", "x", "IdentityAgent none\n").env("SSH_AUTH_SOCK", "/sock"),
        case("agent from the environment", "x", "IdentityAgent SSH_AUTH_SOCK\n").env("SSH_AUTH_SOCK", "/sock"),
        case("agent by another variable", "x", "IdentityAgent $OTHER\n").env("SSH_AUTH_SOCK", "/sock").env("OTHER", "/other"),
        case("agent by a variable in a path", "x", "IdentityAgent ${OTHER}/%h\n").env("OTHER", "/other"),
        case("agent in the home", "x", "IdentityAgent ~/.agent\nIdentityAgent none\n"),
    ]
}

fn matches() -> Vec<ConfigInput> {
    vec![
        case("match all", "x", "Match all\n User a\n"),
        case("match host after hostname", "x", "HostName y\nMatch host y\n User y\nMatch host x\n User x\n"),
        case("match host in any case", "X", "Match host x\n User y\n"),
        case("match originalhost", "x", "HostName y\nMatch originalhost y\n User y\nMatch originalhost x,z\n User x\n"),
        case("match host list negated", "b.lan", "Match host !b.lan,*.lan\n User y\nMatch host *\n User x\n"),
        case("match user so far", "x", "Match user me\n Port 1\nMatch user you\n Port 2\n").user("you"),
        case("match user local by default", "x", "Match user me\n Port 1\n"),
        case("match localuser", "x", "Match localuser root\n Port 1\nMatch localuser m?\n Port 2\n").user("you"),
        case("match exec", "x", "Match exec \"test %n = x\"\n User yes\n"),
        case("match exec fails", "x", "Match exec false\n User yes\n"),
        case("match exec tokens", "x", "HostName y\nPort 7\nUser u\nMatch exec \"test '%h %n %p %r %u %d %i %k %l %L' = 'y x 7 u me /home/me 0 y control.example.lan control'\"\n User2 x\n Compression yes\n IdentityFile /matched\n").option("IgnoreUnknown=User2"),
        case("match negated", "x", "Match !host y\n User notY\n"),
        case("match two", "x", "Match host x user you\n Port 1\nMatch host x user me\n Port 2\n"),
        case("match by equals sign", "x", "Match host=x\n User y\n"),
        case("match with a comment", "x", "Match host x # y\n User y\n"),
        case("match final", "a", "Match final host b\n User z\nHost a\n HostName b\nHost b\n Port 3\n"),
        case("match canonical in the second reading", "a", "Match canonical\n User c\nMatch final\n Port 4\n"),
        case("match not final", "a", "Match !final\n User first\nMatch final\n User last\n Port 2\n"),
        case("final adds no identity twice", "a", "IdentityFile /a\nMatch final\n IdentityFile /b\n IdentityFile /a\n"),
        case("match all and host", "x", "Match host x all\n User y\n"),
    ]
}

fn includes() -> Vec<ConfigInput> {
    let dir = "/home/me/.ssh";
    vec![
        case("include", "x", "Include other\nUser late\n").file(&format!("{dir}/other"), "User inc\n"),
        case("include in order", "x", "Include conf.d/*.conf\n")
            .file(&format!("{dir}/conf.d/b.conf"), "User b\nPort 2\n")
            .file(&format!("{dir}/conf.d/a.conf"), "User a\n")
            .file(&format!("{dir}/conf.d/.c.conf"), "HostName hidden\n"),
        case("include by tilde and several", "x", "Include ~/one /home/me/two nosuch\n")
            .file("/home/me/one", "User one\n")
            .file("/home/me/two", "User two\nPort 2\n"),
        case("include in a block that applies", "x", "Host x\n Include other\n Port 2\n")
            .file(&format!("{dir}/other"), "User inc\nHost y\n Port 1\n"),
        case("include in a block that does not", "z", "Host x\n Include other\nHost *\n Port 2\n")
            .file(&format!("{dir}/other"), "User inc\nHost z\n User z\nMatch all\n User all\n"),
        case("include leaves the block as it was", "x", "Host x\n Include other\n User after\n")
            .file(&format!("{dir}/other"), "Host y\n Port 9\n"),
        case("include of the system", "x", "")
            .system("Include ssh_config.d/*.conf\nHost *\n User late\n")
            .file("/etc/ssh/ssh_config.d/10.conf", "User early\n"),
        case("include nested", "x", "Include a\n").file(&format!("{dir}/a"), "Include b\nUser a\n").file(&format!("{dir}/b"), "User b\n"),
        case("include of a directory's match", "x", "Include [ab]\nPort 3\n")
            .file(&format!("{dir}/a"), "User a\n")
            .file(&format!("{dir}/c"), "User c\n"),
        case("include itself", "x", "Include config\n"),
        case("include with an error", "x", "Host y\n Include bad\n").file(&format!("{dir}/bad"), "User a\nPort 0\n"),
    ]
}

fn proxies() -> Vec<ConfigInput> {
    vec![
        case("jump", "x", "ProxyJump bastion\n"),
        case("jump with everything", "x", "ProxyJump you@bastion:2222\n"),
        case("jump chain", "x", "ProxyJump a,you@b:2222,c\n"),
        case("jump ipv6", "x", "ProxyJump you@[2001:db8::1]:2222\n"),
        case("jump uri", "x", "ProxyJump ssh://you%40lan@bastion:2222/\n"),
        case("jump with a comment", "x", "ProxyJump bastion # why\n"),
        case("jump without its port", "x", "ProxyJump bastion:\n"),
        case("jump none", "x", "ProxyJump none\nProxyCommand nc\n"),
        case("jump none, command, jump", "x", "ProxyJump none\nProxyCommand true\nProxyJump b\n"),
        case("jump none, jump, command", "x", "ProxyJump none\nProxyJump b\nProxyCommand true\n"),
        case("jump before command", "x", "ProxyJump b\nProxyCommand nc\n"),
        case("command before jump", "x", "ProxyCommand true %h\nProxyJump b\n"),
        case("command none before jump", "x", "ProxyCommand none\nProxyJump b\n"),
        case("command", "x", "HostName y\nUser u\nPort 7\nProxyCommand  true \"%h\" %p %r %n %% # %k\n"),
        case("command by equals sign", "x", "ProxyCommand=true %h:%p\n"),
        case("jump of a group but not of itself", "bastion", "Host bastion\n ProxyJump none\nHost *\n ProxyJump bastion\n"),
        case("jump on the command line", "x", "ProxyCommand nc\n").option("ProxyJump=b"),
        case("jump with tokens", "x", "ProxyJump gw-%n\n"),
        case("jump through itself", "x", "ProxyJump x\n"),
    ]
}

fn tokens() -> Vec<ConfigInput> {
    vec![
        case(
            "tokens in identities",
            "x",
            "HostName y\nUser u\nPort 7\nHostKeyAlias k\nIdentityFile ~/%h_%n_%p_%r_%u_%i_%k_%l_%L_%%\nIdentityFile %d/id\nIdentityFile /%C\n",
        ),
        case("variables in identities", "x", "IdentityFile ${KEYS}/%h\n").env("KEYS", "/keys"),
        case("key without alias is the name given", "x", "HostName y\nIdentityFile /%k\n"),
        case("tokens in known hosts", "x", "UserKnownHostsFile ~/%h ${KEYS}/%n %d/%C\n").env("KEYS", "/keys"),
        case("no tokens in global known hosts", "x", "GlobalKnownHostsFile /%h\n"),
        case("no tokens in the user", "x", "User %u\n"),
        case("hostname with percent", "x", "HostName a%%b\n"),
        case("tilde in another place", "x", "IdentityFile /a/~/b\nIdentityFile relative\n"),
    ]
}

fn refused() -> Vec<ConfigInput> {
    vec![
        case("bad keyword", "x", "User a\nHosts *\n"),
        case("bad keyword in a block that does not apply", "x", "Host y\nHosts *\n"),
        case("bad value in a block that does not apply", "x", "Host y\n Port 0\n"),
        case("bad port", "x", "Port 65536\n"),
        case("bad time", "x", "ConnectTimeout 5x\n"),
        case("bad switch", "x", "\nIdentitiesOnly maybe\n"),
        case("bad number", "x", "ServerAliveCountMax -1\n"),
        case("bad strict", "x", "StrictHostKeyChecking sometimes\n"),
        case("bad family", "x", "AddressFamily inet4\n"),
        case("bad algorithms", "x", "HostKeyAlgorithms ssh-foo\n"),
        case("bad attempts", "x", "ConnectionAttempts 0\n"),
        case("no value", "x", "User a\nPort\n"),
        case("one value too many", "x", "Port 22 23\n"),
        case("open quote", "x", "User \"a\n"),
        case("open quote in a command", "x", "ProxyCommand nc \"%h\n"),
        case("empty pattern", "x", "Host \"\"\n"),
        case("none among files", "x", "UserKnownHostsFile /a none\n"),
        case("bad criterion", "x", "Match hots x\n"),
        case("criterion without value", "x", "Match host\n"),
        case("all is not alone", "x", "Match all host x\n"),
        case("bad jump", "x", "ProxyJump a,,b\n"),
        case("jump to ipv6 without brackets", "x", "ProxyJump ::1\n"),
        case("jump without a user", "x", "ProxyJump @a\n"),
        case("unknown token", "x", "IdentityFile /%x\n"),
        case("unknown token in the host", "x", "HostName %n\n"),
        case("unknown token in a command", "x", "ProxyCommand nc %z\n"),
        case("variable not set", "x", "UserKnownHostsFile ${NOPE}/x\n"),
        case("block on the command line", "x", "").option("Host=x"),
        case("bad option", "x", "").option("Hots=x"),
        case("host for a shell", "a;b", ""),
        case("host like an option", "-x", ""),
        case("user for a shell", "x", "").user("a`b`"),
        case("tilde in the system's include", "x", "").system("Include ~/x\n"),
    ]
}
