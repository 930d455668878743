//! Servers and files of known hosts that the real `ssh` is shown.

use super::record::HostInput;

/// A server on port 22 with all three kinds of keys, asked for as `node1.lan`.
fn case(name: &str, user_file: &str) -> HostInput {
    HostInput {
        name: name.into(),
        host: "node1.lan".into(),
        port: 22,
        server_keys: ["ed25519", "ecdsa", "rsa"].map(str::to_owned).into(),
        user_file: Some(user_file.into()),
        ..HostInput::default()
    }
}

trait With: Sized {
    fn host(self, host: &str) -> Self;
    fn port(self, port: u16) -> Self;
    fn alias(self, alias: &str) -> Self;
    fn keys(self, keys: &[&str]) -> Self;
    fn certificate(self, name: &str) -> Self;
    fn global(self, text: &str) -> Self;
    fn second(self, text: &str) -> Self;
    fn option(self, option: &str) -> Self;
}

impl With for HostInput {
    fn host(self, host: &str) -> Self {
        Self { host: host.into(), ..self }
    }
    fn port(self, port: u16) -> Self {
        Self { port, ..self }
    }
    fn alias(self, alias: &str) -> Self {
        Self { alias: Some(alias.into()), ..self }
    }
    fn keys(self, keys: &[&str]) -> Self {
        Self { server_keys: keys.iter().map(|&key| key.to_owned()).collect(), ..self }
    }
    fn certificate(mut self, name: &str) -> Self {
        self.server_certificates.push(name.into());
        self
    }
    fn global(self, text: &str) -> Self {
        Self { global_file: Some(text.into()), ..self }
    }
    fn second(self, text: &str) -> Self {
        Self { second_file: Some(text.into()), ..self }
    }
    fn option(mut self, option: &str) -> Self {
        self.options.push(option.into());
        self
    }
}

/// All of them; names are unique.
pub fn all() -> Vec<HostInput> {
    let mut cases = [names(), files(), order(), markers(), certificates()].concat();
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(cases.windows(2).all(|pair| pair[0].name != pair[1].name), "two cases have one name");
    cases
}

fn names() -> Vec<HostInput> {
    vec![
        case("known", "node1.lan {ed25519}\n"),
        case("known with a comment and blanks", "# hosts\n\n \tnode1.lan \t {ed25519} me@here # x\n"),
        case("known in a list", "node0.lan,node1.lan,10.0.0.1 {ed25519}\n"),
        case("known by a pattern", "*.lan {ed25519}\n"),
        case("known by a question mark", "node?.lan {ed25519}\n"),
        case("pattern that excludes", "*.lan,!node1.lan {ed25519}\n"),
        case("pattern that excludes another", "!node2.lan,*.lan {ed25519}\n"),
        case("name in capitals in the file", "NODE1.Lan {ed25519}\n"),
        case("name in capitals as given", "node3.lan {ed25519}\n").host("Node3.LAN"),
        case("hashed", "{hash:node1.lan} {ed25519}\n"),
        case("hashed, another", "{hash:node2.lan} {ed25519}\n"),
        case("hashed with a port", "{hash:[node1.lan]:2222} {ed25519}\n").port(2222),
        case("port", "[node1.lan]:2222 {ed25519}\n").port(2222),
        case("port in a pattern", "[*.lan]:2222 {ed25519}\n").port(2222),
        case("port of another", "[node1.lan]:2200 {ed25519}\n").port(2222),
        case("port, recorded without it", "node1.lan {ed25519}\n").port(2222),
        case("port, another key without it", "node1.lan {other-ed25519}\n").port(2222),
        case("port, another key with it", "[node1.lan]:2222 {other-ed25519}\nnode1.lan {ed25519}\n").port(2222),
        case("port, star", "* {ed25519}\n").port(2222),
        case("port 22 in brackets", "[node1.lan]:22 {ed25519}\n"),
        case("alias", "cluster {ed25519}\n").alias("Cluster").port(2222),
        case("alias, recorded by name", "node1.lan {ed25519}\n").alias("cluster"),
        case("alias with another key", "cluster {other-ed25519}\n").alias("cluster").port(2222),
        case("unknown", ""),
        case("unknown, other hosts are recorded", "node2.lan {ed25519}\nother {rsa}\n"),
        case("unknown on a port", "").port(2222),
        case("unknown under an alias", "").alias("Cluster").port(2222),
        case("address", "127.0.0.1 {ed25519}\n").host("127.0.0.1"),
        case("address, another key", "127.0.0.1 {other-ed25519}\n").host("127.0.0.1"),
        case("address of a known host does not matter", "node1.lan {ed25519}\n127.0.0.1 {other-ed25519}\n"),
    ]
}

fn files() -> Vec<HostInput> {
    let none = HostInput { user_file: None, ..case("no file", "") };
    vec![
        none,
        case("no newline at the end", "node2.lan {ed25519}"),
        case("crlf", "node1.lan {ed25519}\r\n"),
        case("second file", "node2.lan {ed25519}\n").second("# x\nnode1.lan {ed25519}\n"),
        case("global file", "").global("node1.lan {ed25519}\n"),
        case("global file has another key", "node1.lan {ed25519}\n").global("node1.lan {other-ed25519}\n"),
        case("user's file has another key", "node1.lan {other-ed25519}\n").global("node1.lan {ed25519}\n"),
        case("no user's files", "").option("UserKnownHostsFile=none"),
        case("no user's files, known globally", "").option("UserKnownHostsFile=none").global("node1.lan {ed25519}\n"),
        case("null device", "").option("UserKnownHostsFile=/dev/null"),
        case("hash new names", "").option("HashKnownHosts=yes"),
        case(
            "bad lines are left out",
            "node1.lan\nnode1.lan ssh-ed25519\nnode1.lan ssh-ed25519 AAAA\nnode1.lan 1024 35 123\nnode1.lan ssh-foo AAAA\n|1|x|y ssh-ed25519 AAAA\n@foo node1.lan {other-ed25519}\nnode1.lan {ed25519}\n",
        ),
        case("only bad lines", "node1.lan ssh-ed25519 AAAA\n@revoked @cert-authority node1.lan {ed25519}\n@revoked\n"),
        case("type that does not fit", "node1.lan ssh-rsa {ed25519:blob}\n"),
    ]
}

fn order() -> Vec<HostInput> {
    vec![
        case("only rsa recorded", "node1.lan {rsa}\n"),
        case("only ecdsa recorded", "node1.lan {ecdsa}\n"),
        case("rsa and ecdsa recorded", "node1.lan {rsa}\nnode1.lan {ecdsa}\n"),
        case("all recorded", "node1.lan {rsa}\nnode1.lan {ecdsa}\nnode1.lan {ed25519}\n"),
        case("rsa recorded, server has none", "node1.lan {rsa}\n").keys(&["ed25519"]),
        case("ed25519 recorded, server has rsa", "node1.lan {ed25519}\n").keys(&["rsa"]),
        case("server has rsa only", "").keys(&["rsa"]),
        case("another rsa recorded", "node1.lan {other-rsa}\n"),
        case("right and wrong of one type", "node1.lan {other-ed25519}\nnode1.lan {ed25519}\n"),
        case("wrong of one type, right of another", "node1.lan {other-ed25519}\nnode1.lan {rsa}\n"),
        case("changed", "node1.lan {other-ed25519}\n"),
        case("changed, hashed", "# x\n{hash:node1.lan} {other-ed25519}\n"),
        case("changed, several", "node1.lan {other-ed25519}\n*.lan {other-rsa}\n"),
        case("rsa recorded on the port", "[node1.lan]:2222 {rsa}\n").port(2222),
        case("rsa recorded without the port", "node1.lan {rsa}\n").port(2222),
        case("rsa recorded for the alias", "cluster {rsa}\n").alias("cluster"),
    ]
}

fn markers() -> Vec<HostInput> {
    vec![
        case("revoked", "@revoked node1.lan {ed25519}\n"),
        case("revoked for all", "@revoked * {ed25519}\n"),
        case("revoked and known", "node1.lan {ed25519}\n@revoked * {ed25519}\n"),
        case("revoked for another", "node1.lan {ed25519}\n@revoked node2.lan {ed25519}\n"),
        case("another key revoked", "node1.lan {ed25519}\n@revoked * {other-ed25519}\n"),
        case("another key revoked, unknown", "@revoked * {other-ed25519}\n"),
        case("revoked without the port", "@revoked node1.lan {ed25519}\n").port(2222),
        case("revoked without the port, known without it", "node1.lan {ed25519}\n@revoked node1.lan {ed25519}\n").port(2222),
        case("revoked globally", "node1.lan {ed25519}\n").global("@revoked * {ed25519}\n"),
        case("authority's key is no host key", "@cert-authority node1.lan {ed25519}\n"),
    ]
}

fn certificates() -> Vec<HostInput> {
    vec![
        case("certificate", "@cert-authority *.lan {ca}\n").certificate("good"),
        case("certificate for any name", "@cert-authority node1.lan {ca}\n").certificate("any"),
        case("certificate of an rsa authority", "@cert-authority *.lan {rsa-ca}\n").certificate("by-rsa"),
        case("certificate of an rsa key", "@cert-authority *.lan {ca}\n").keys(&["rsa"]).certificate("of-rsa"),
        case("certificate on a port", "@cert-authority [*.lan]:2222 {ca}\n").port(2222).certificate("good"),
        case("certificate on a port, authority without it", "@cert-authority node1.lan {ca}\n").port(2222).certificate("good"),
        case("certificate under an alias", "@cert-authority cluster {ca}\n").alias("cluster").certificate("good"),
        case("certificate made out for the alias", "@cert-authority cluster {ca}\n").alias("cluster").certificate("alias"),
        case("certificate for another host", "@cert-authority *.lan {ca}\n").certificate("elsewhere"),
        case("certificate for another host, key known", "@cert-authority *.lan {ca}\nnode1.lan {ed25519}\n").certificate("elsewhere"),
        case("certificate with a pattern", "@cert-authority *.lan {ca}\n").certificate("pattern"),
        case("certificate expired", "@cert-authority *.lan {ca}\n").certificate("expired"),
        case("certificate expired, key known", "@cert-authority *.lan {ca}\nnode1.lan {ed25519}\n").certificate("expired"),
        case("certificate not yet valid", "@cert-authority *.lan {ca}\n").certificate("future"),
        case("certificate of a user", "@cert-authority *.lan {ca}\n").certificate("user"),
        case("certificate by another authority", "@cert-authority *.lan {other-ca}\n").certificate("good"),
        case("certificate by another authority, key known", "@cert-authority *.lan {other-ca}\nnode1.lan {ed25519}\n").certificate("good"),
        case("certificate by another authority, key changed", "@cert-authority *.lan {other-ca}\nnode1.lan {other-ed25519}\n")
            .certificate("good"),
        case("certificate, authority for others", "@cert-authority *.example {ca}\n").certificate("good"),
        case("certificate, authority and other key", "@cert-authority *.lan {ca}\nnode1.lan {other-ed25519}\n").certificate("good"),
        case("certificate, key known", "node1.lan {ed25519}\n").certificate("good"),
        case("certificate, nothing known", "").certificate("good"),
        case("certificate, authority revoked", "@cert-authority *.lan {ca}\n@revoked * {ca}\n").certificate("good"),
        case("certificate, authority revoked, not trusted", "@revoked * {ca}\n").certificate("good"),
        case("certificate, key revoked", "@cert-authority *.lan {ca}\n@revoked * {ed25519}\n").certificate("good"),
        case("certificate, authority hashed", "@cert-authority {hash:node1.lan} {ca}\n").certificate("good"),
        case("certificate, authority as a plain key", "node1.lan {ca}\n").certificate("good"),
        case("authority trusted, server has no certificate", "@cert-authority *.lan {ca}\n"),
        case("authority trusted, server has no certificate, key known", "@cert-authority *.lan {ca}\nnode1.lan {rsa}\n"),
    ]
}
