//! Listeners of ours on a machine's free ports, for a short while, so that other machines can try the way.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{Kind, json};
use crate::node::script::Function;
use crate::plan::{Fact, Query};

/// What a listener of ours is called among the machine's programs (`ss -p`, /proc/PID/comm).
pub const LISTENER: &str = "homelabctl-port";

/// A port and its protocol: `tcp` or `udp`.
pub type Port = (u16, String);

/// Opens the ports that nobody has, each once, and says of each what became of it.
///
/// It is a fact and no step: nothing on the machine is other after it than before. Who waits is one process of its own session, which ends
/// after `seconds` whatever happens to us, or when it is told to ([`ClosePorts`]). What it is sent by UDP it sends back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenPorts {
    /// By this it is told from those of other runs.
    pub token: String,
    /// How long, at most.
    pub seconds: u32,
    /// On this address; on all, if it is none of the machine's.
    pub address: IpAddr,
    /// Which.
    pub ports: Vec<Port>,
}

impl Fact for OpenPorts {
    /// In the order of the ports.
    type Value = Vec<Opened>;

    fn query(&self) -> Query {
        let first = [self.token.clone(), self.seconds.to_string(), self.address.to_string()];
        let ports = self.ports.iter().map(|(port, protocol)| format!("{port}/{protocol}"));
        Query::new(OPEN.name, first.into_iter().chain(ports), Vec::new()).moving()
    }
}

/// What became of a port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Opened {
    /// A listener of ours waits.
    Ours,
    /// Somebody else has it.
    Taken,
    /// It could not be opened, because.
    Failed(String),
}

/// Ends the listeners of that token. Absent: there are none any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClosePorts {
    /// That of [`OpenPorts`].
    pub token: String,
}

impl Fact for ClosePorts {
    type Value = bool;

    fn query(&self) -> Query {
        Query::new(CLOSE.name, [&self.token], Vec::new()).moving()
    }
}

pub(super) const OPEN: Kind =
    Kind { name: "open_ports", function: &PROBE_OPEN, merged: false, words: open_words, parse: |_, text| json(read(text)?) };
pub(super) const CLOSE: Kind = Kind {
    name: "close_ports",
    function: &PROBE_CLOSE,
    merged: false,
    words: |args| match args {
        [token] if is_token(token) => Ok(args.to_vec()),
        _ => Err("a token is wanted".into()),
    },
    parse: |_, text| json(text == "closed"),
};

fn is_token(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Whether that is `PORT/PROTOCOL`.
pub(super) fn is_port(text: &str) -> bool {
    let parts = text.split_once('/');
    parts.is_some_and(|(port, protocol)| port.parse::<u16>().is_ok_and(|port| port > 0) && matches!(protocol, "tcp" | "udp"))
}

fn open_words(args: &[String]) -> Result<Vec<String>, String> {
    match args {
        [token, seconds, address, ports @ ..]
            if is_token(token)
                && seconds.parse::<u32>().is_ok_and(|seconds| (1..=300).contains(&seconds))
                && address.parse::<IpAddr>().is_ok()
                && ports.iter().all(|port| is_port(port)) =>
        {
            Ok(args.to_vec())
        }
        _ => Err("a token, seconds, an address and ports are wanted".into()),
    }
}

// The child keeps none of our pipes, or the script would wait for it. Told to end by an abstract socket: no file is left, and no process
// that only has its number by chance is hit.
static PROBE_OPEN: Function = Function {
    name: "probe_open_ports",
    text: r#"
probe_open_ports() {
  id=$1
  shift
  command -v perl >/dev/null || { r="there is no perl to listen with"; answer "$id" 1; return; }
  take perl -e '
    use Errno qw(EADDRINUSE EADDRNOTAVAIL); use POSIX (); use Socket qw(:DEFAULT inet_pton pack_sockaddr_in6 pack_sockaddr_un AF_INET6);
    my ($token, $seconds, $address, @ports) = @ARGV;
    my $family = $address =~ /:/ ? AF_INET6 : AF_INET;
    my $any = $family == AF_INET ? "0.0.0.0" : "::";
    sub place { my $at = inet_pton($family, $_[0]); $family == AF_INET ? pack_sockaddr_in($_[1], $at) : pack_sockaddr_in6($_[1], $at) }
    my (%tcp, %udp, @said, $end, $caller);
    socket($end, AF_UNIX, SOCK_STREAM, 0) && bind($end, pack_sockaddr_un("\0homelabctl-port-$token")) && listen($end, 4)
      or do { print "error $!"; exit };
    for (@ports) {
      my ($port, $protocol) = split "/";
      my ($is_tcp, $done) = ($protocol eq "tcp");
      for my $where ($address, $any) {
        socket(my $socket, $family, $is_tcp ? SOCK_STREAM : SOCK_DGRAM, 0) or last;
        setsockopt($socket, SOL_SOCKET, SO_REUSEADDR, 1) if $is_tcp;
        if (bind($socket, place($where, $port)) && (!$is_tcp || listen($socket, 64))) {
          ($is_tcp ? $tcp{fileno $socket} : $udp{fileno $socket}) = $socket;
          $done = 1;
        }
        last if $done || $! != EADDRNOTAVAIL;
      }
      push @said, $done ? "ours" : $! == EADDRINUSE ? "taken" : "failed $!";
    }
    defined(my $child = fork) or do { print "error $!"; exit };
    if ($child) { print join("\n", @said); exit }
    POSIX::setsid();
    $0 = "homelabctl-port";
    $SIG{HUP} = $SIG{PIPE} = "IGNORE";
    alarm $seconds;
    chdir "/";
    open(STDIN, "<", "/dev/null"); open(STDOUT, ">", "/dev/null"); open(STDERR, ">", "/dev/null");
    for my $other (3 .. 255) { POSIX::close($other) unless $tcp{$other} || $udp{$other} || $other == fileno $end }
    my $bits = "";
    vec($bits, $_, 1) = 1 for fileno($end), keys %tcp, keys %udp;
    while (select(my $ready = $bits, undef, undef, undef) > 0) {
      exit if vec($ready, fileno $end, 1);
      for (grep { vec($ready, $_, 1) } keys %tcp) { accept($caller, $tcp{$_}) && close $caller }
      for (grep { vec($ready, $_, 1) } keys %udp) { my $from = recv($udp{$_}, my $text, 64, 0); send($udp{$_}, $text, 0, $from) if $from }
    }' -- "$@" || { r=$err; answer "$id" 1; return; }
  case $r in
  error\ *) r=${r#error }; answer "$id" 1 ;;
  *) answer "$id" 0 ;;
  esac
}
"#,
    needs: &[],
};

// it is over once the other end is gone
static PROBE_CLOSE: Function = Function {
    name: "probe_close_ports",
    text: r#"
probe_close_ports() {
  command -v perl >/dev/null || { r=; answer "$1" 44; return; }
  take perl -e '
    use Errno qw(ECONNREFUSED); use Socket qw(:DEFAULT pack_sockaddr_un);
    alarm 5;
    socket(my $end, AF_UNIX, SOCK_STREAM, 0) or do { print "error $!"; exit };
    unless (connect($end, pack_sockaddr_un("\0homelabctl-port-$ARGV[0]"))) { print $! == ECONNREFUSED ? "none" : "error $!"; exit }
    sysread($end, my $text, 1);
    print "closed"' -- "$2" || { r=$err; answer "$1" 1; return; }
  case $r in
  none) r=; answer "$1" 44 ;;
  error\ *) r=${r#error }; answer "$1" 1 ;;
  *) answer "$1" 0 ;;
  esac
}
"#,
    needs: &[],
};

fn read(text: &str) -> Result<Vec<Opened>, String> {
    let one = |line: &str| match line.split_once(' ').unwrap_or((line, "")) {
        ("ours", "") => Ok(Opened::Ours),
        ("taken", "") => Ok(Opened::Taken),
        ("failed", why) => Ok(Opened::Failed(why.to_owned())),
        _ => Err(format!("a port as {line:?}")),
    };
    text.lines().map(one).collect()
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::super::{Reach, ReachPorts};
    use super::*;
    use crate::node::record::Records;
    use crate::node::script::Script;
    use crate::node::testing::{SHELLS, run};
    use crate::plan::Reading;

    fn ask<F: Fact>(shell: &[&str], fact: &F) -> Option<F::Value> {
        let mut script = Script::new();
        let probes = script.probe(&[fact.query()]);
        let output = run(shell, "n1", &script.finish());
        match probes.observe(&Records::parse("n1", &output.stdout, &output.stderr)).remove(0).1.reading {
            Reading::Present(value) => Some(serde_json::from_value(value).unwrap()),
            Reading::Absent => None,
            Reading::Unknown { why, .. } => panic!("{why}"),
        }
    }

    fn free(count: usize) -> Vec<u16> {
        let held: Vec<TcpListener> = (0..count).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        held.iter().map(|one| one.local_addr().unwrap().port()).collect()
    }

    /// The way is there while they listen, and neither before nor after; what somebody has is left to them.
    #[test]
    fn ports_are_opened_reached_and_closed() {
        for (n, shell) in SHELLS.into_iter().enumerate() {
            let [one, other] = free(2).try_into().unwrap();
            let theirs = TcpListener::bind("127.0.0.1:0").unwrap();
            let taken = theirs.local_addr().unwrap().port();
            let address: IpAddr = "127.0.0.1".parse().unwrap();
            let ports = [(one, "tcp"), (other, "udp"), (taken, "tcp")].map(|(port, protocol)| (port, protocol.to_owned())).to_vec();
            let token = format!("test{}x{n}", std::process::id());
            let reach = ReachPorts { token: token.clone(), to: ports.iter().map(|(port, kind)| (address, *port, kind.clone())).collect() };
            assert_eq!(ask(shell, &reach).unwrap(), [Reach::Refused, Reach::Refused, Reach::Done]);
            let open = OpenPorts { token: token.clone(), seconds: 60, address, ports };
            assert_eq!(ask(shell, &open).unwrap(), [Opened::Ours, Opened::Ours, Opened::Taken], "{shell:?}");
            assert_eq!(ask(shell, &reach).unwrap(), [Reach::Done, Reach::Done, Reach::Done]);
            assert_eq!(ask(shell, &ClosePorts { token: token.clone() }), Some(true));
            assert_eq!(ask(shell, &reach).unwrap(), [Reach::Refused, Reach::Refused, Reach::Done]);
            assert_eq!(ask(shell, &ClosePorts { token }), None);
        }
    }

    #[test]
    fn what_is_no_port_is_not_asked_for() {
        let words = |port: &str| open_words(&["t".into(), "9".into(), "::1".into(), port.into()]);
        assert!(words("6443/tcp").is_ok());
        assert!(["0/tcp", "6443", "6443/sctp", "70000/udp", "1/tcp x"].iter().all(|port| words(port).is_err()));
        assert_eq!(read("ours\nfailed Permission denied"), Ok(vec![Opened::Ours, Opened::Failed("Permission denied".into())]));
        assert!(read("?").is_err());
    }
}
