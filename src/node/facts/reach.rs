//! Whether a machine reaches ports of others.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::open_ports::is_port;
use super::{Kind, json};
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// Whether these ports are reached from the machine: all at once, three seconds at most. A way by UDP is one only if an answer comes, as
/// of [`super::OpenPorts`]. It moves by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReachPorts {
    /// Asked again with another one, the answer is a new one.
    pub token: String,
    /// Address, port, and `tcp` or `udp`.
    pub to: Vec<(IpAddr, u16, String)>,
}

impl Fact for ReachPorts {
    /// In the order of asking.
    type Value = Vec<Reach>;

    fn query(&self) -> Query {
        let to = self.to.iter().map(|(address, port, protocol)| format!("{address} {port}/{protocol}"));
        Query::new(KIND.name, std::iter::once(self.token.clone()).chain(to), vec![Touch::Network]).moving()
    }
}

/// How a try ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// Somebody answered.
    Done,
    /// The other machine, or what guards it, said that nobody is there.
    Refused,
    /// Nothing came back.
    Silent,
    /// There is no way, in the kernel's words.
    NoWay(String),
}

pub(super) const KIND: Kind = Kind {
    name: "reach_ports",
    function: &PROBE,
    merged: false,
    words,
    parse: |args, text| json(read(args.len().saturating_sub(1), text)?),
};

fn words(args: &[String]) -> Result<Vec<String>, String> {
    let is_one = |text: &String| text.split_once(' ').is_some_and(|(address, port)| address.parse::<IpAddr>().is_ok() && is_port(port));
    match args {
        [_, to @ ..] if !to.is_empty() && to.iter().all(is_one) => Ok(to.to_vec()),
        _ => Err("addresses with their ports are wanted".into()),
    }
}

static PROBE: Function = Function {
    name: "probe_reach_ports",
    text: r#"
probe_reach_ports() {
  id=$1
  shift
  command -v perl >/dev/null || { r="there is no perl to try with"; answer "$id" 1; return; }
  take perl -e '
    use Errno qw(ECONNREFUSED EINPROGRESS ETIMEDOUT); use Fcntl;
    use Socket qw(:DEFAULT inet_pton pack_sockaddr_in6 AF_INET6);
    my (@said, %socket, %which, %is_tcp);
    sub ended { my ($n, $error) = @_; $said[$n] = !$error ? "done" : $error == ECONNREFUSED ? "refused" : $error == ETIMEDOUT ? "silent" : do { local $! = $error; "no $!" }; delete $socket{$n} }
    for my $n (0 .. $#ARGV) {
      my ($address, $port, $protocol) = split m{[ /]}, $ARGV[$n];
      my $family = $address =~ /:/ ? AF_INET6 : AF_INET;
      my $at = inet_pton($family, $address);
      my $place = $family == AF_INET ? pack_sockaddr_in($port, $at) : pack_sockaddr_in6($port, $at);
      $is_tcp{$n} = $protocol eq "tcp";
      socket($socket{$n}, $family, $is_tcp{$n} ? SOCK_STREAM : SOCK_DGRAM, 0) or do { ended($n, $! + 0); next };
      fcntl($socket{$n}, F_SETFL, O_NONBLOCK);
      if (!connect($socket{$n}, $place) && $! != EINPROGRESS) { ended($n, $! + 0) }
    }
    # six turns of half a second, or fewer; what is lost by UDP is sent again
    for my $turn (1 .. 6) {
      for (grep { !$is_tcp{$_} } keys %socket) { defined send($socket{$_}, "homelabctl", 0) or ended($_, $! + 0) }
      my $left = 0.5;
      while (%socket && $left > 0.001) {
        my ($in, $out) = ("", "");
        for (keys %socket) { $is_tcp{$_} ? (vec($out, fileno $socket{$_}, 1) = 1) : (vec($in, fileno $socket{$_}, 1) = 1) }
        (my $count, $left) = select($in, $out, undef, $left);
        last unless $count > 0;
        for my $n (keys %socket) {
          my $number = fileno $socket{$n};
          if ($is_tcp{$n} && vec($out, $number, 1)) { ended($n, unpack("i", getsockopt($socket{$n}, SOL_SOCKET, SO_ERROR))) }
          elsif (!$is_tcp{$n} && vec($in, $number, 1)) { ended($n, defined recv($socket{$n}, my $text, 64, 0) ? 0 : $! + 0) }
        }
      }
      last unless %socket;
    }
    print join("\n", map { $said[$_] // "silent" } 0 .. $#ARGV)' -- "$@" || { r=$err; answer "$id" 1; return; }
  answer "$id" 0
}
"#,
    needs: &[],
};

fn read(count: usize, text: &str) -> Result<Vec<Reach>, String> {
    let one = |line: &str| match line.split_once(' ').unwrap_or((line, "")) {
        ("done", "") => Ok(Reach::Done),
        ("refused", "") => Ok(Reach::Refused),
        ("silent", "") => Ok(Reach::Silent),
        ("no", why) => Ok(Reach::NoWay(why.to_owned())),
        _ => Err(format!("a try as {line:?}")),
    };
    let all = text.lines().map(one).collect::<Result<Vec<_>, String>>()?;
    if all.len() == count { Ok(all) } else { Err(format!("{} answers to {count} tries", all.len())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_try_has_an_answer() {
        let no_way = Reach::NoWay("No route to host".into());
        assert_eq!(read(4, "done\nrefused\nsilent\nno No route to host"), Ok(vec![Reach::Done, Reach::Refused, Reach::Silent, no_way]));
        assert!(read(2, "done").is_err() && read(1, "maybe").is_err());
        assert!(words(&["t".into()]).is_err() && words(&["t".into(), "x 1/tcp".into()]).is_err());
    }
}
