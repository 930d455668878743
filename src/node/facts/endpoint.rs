//! Whether anybody takes a TCP connection at an address, seen from the machine.

use super::once::ONCE;
use super::{Kind, json};
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// The address at which a connection was taken; it moves by itself. Absent: refused, no route, or nothing within five seconds, at every
/// address that the name has. Unknown: the name has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    host: String,
    port: u16,
}

impl Endpoint {
    /// At that name or IP address, and that port.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self { host: host.into(), port }
    }
}

impl Fact for Endpoint {
    type Value = String;

    fn query(&self) -> Query {
        let stands_on = vec![Touch::Network, Touch::Ports, Touch::Units, Touch::Files("/etc".into())];
        Query::new(KIND.name, [self.host.clone(), self.port.to_string()], stands_on).moving()
    }
}

pub(super) const KIND: Kind = Kind {
    name: "endpoint",
    function: &PROBE,
    merged: false,
    words: |args| match args {
        [host, port] if !host.is_empty() && port.parse::<u16>().is_ok() => Ok(args.to_vec()),
        _ => Err("a host and a port are wanted".into()),
    },
    parse: |_, text| match text.trim().parse::<std::net::IpAddr>() {
        Ok(address) => json(address.to_string()),
        Err(_) => Err(format!("an address as {text:?}")),
    },
};

// perl is on every Debian; status 4: nobody there
static PROBE: Function = Function {
    name: "probe_endpoint",
    text: r#"
probe_endpoint() {
  id=$1
  once perl -MErrno -MSocket=getaddrinfo,getnameinfo,SOCK_STREAM,NI_NUMERICHOST -e '
    my ($host, $port) = @ARGV;
    my ($error, @all) = getaddrinfo($host, $port, { socktype => SOCK_STREAM });
    if ($error or !@all) { print STDERR "$host: $error\n"; exit 1 }
    my $unclear = "";
    for my $one (@all) {
      my $is_late = 0;
      local $SIG{ALRM} = sub { $is_late = 1; die "late\n" };
      my $is_taken = eval {
        alarm 5;
        my $to;
        my $is = socket($to, $one->{family}, SOCK_STREAM, 0) && connect($to, $one->{addr});
        my $why = 0 + $!;
        alarm 0;
        $! = $why;
        $is;
      };
      if ($is_taken) {
        my (undef, $address) = getnameinfo($one->{addr}, NI_NUMERICHOST);
        print $address;
        exit 0;
      }
      next if $is_late or grep { $!{$_} }
        qw(ECONNREFUSED ECONNRESET EHOSTUNREACH EHOSTDOWN ENETUNREACH ENETDOWN ETIMEDOUT EADDRNOTAVAIL EAFNOSUPPORT);
      $unclear = "$!";
    }
    if ($unclear) { print STDERR "$unclear\n"; exit 1 }
    exit 4;
  ' "$2" "$3" || { if [ "$st" = 4 ]; then r=; answer "$id" 44; else r=$err; answer "$id" 1; fi; return; }
  answer "$id" 0
}
"#,
    needs: &[&ONCE],
};

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;
    use crate::node::record::Records;
    use crate::node::script::Script;
    use crate::node::testing::{SHELLS, run};
    use crate::plan::Reading;

    #[test]
    fn who_listens_is_told_from_nobody_and_from_no_name() {
        let open = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = open.local_addr().unwrap().port();
        let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let facts = [Endpoint::new("127.0.0.1", port), Endpoint::new("127.0.0.1", closed), Endpoint::new("no-such.invalid", port)];
        for shell in SHELLS {
            let mut script = Script::new();
            let probes = script.probe(&facts.each_ref().map(Fact::query));
            let output = run(shell, "n1", &script.finish());
            let readings: Vec<Reading> =
                probes.observe(&Records::parse("n1", &output.stdout, &output.stderr)).into_iter().map(|(_, seen)| seen.reading).collect();
            assert_eq!(readings[..2], [Reading::present(&"127.0.0.1"), Reading::Absent], "{shell:?}");
            assert!(matches!(&readings[2], Reading::Unknown { why, .. } if why.contains("no-such.invalid")), "{readings:?}");
        }
    }
}
