//! Who has an address on the machine's own network: an ARP probe (RFC 5227), which changes nobody's tables.

use std::net::Ipv4Addr;

use super::{Kind, json};
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// The hardware address that answers for an address; [`ITSELF`] for one of the machine's own. Absent: nobody answers. It moves by
/// itself. Unknown where the address is on no network of the machine's, and to who is not root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WhoHas(Ipv4Addr);

/// What [`WhoHas`] says of an address of the machine's own.
pub const ITSELF: &str = "the machine itself";

impl WhoHas {
    /// Of that address.
    pub fn new(address: Ipv4Addr) -> Self {
        Self(address)
    }
}

impl Fact for WhoHas {
    type Value = String;

    fn query(&self) -> Query {
        Query::new(KIND.name, [self.0.to_string()], vec![Touch::Network]).moving()
    }
}

pub(super) const KIND: Kind = Kind { name: "who_has", function: &PROBE, merged: false, words, parse: |_, text| json(read(text)?) };

fn words(args: &[String]) -> Result<Vec<String>, String> {
    match args {
        [address] if address.parse::<Ipv4Addr>().is_ok() => Ok(args.to_vec()),
        _ => Err("one address is wanted".into()),
    }
}

// The sender's address is 0.0.0.0, so that who is asked learns nothing. Three questions, the last waits longest.
static PROBE: Function = Function {
    name: "probe_who_has",
    text: r#"
probe_who_has() {
  id=$1 address=$2 via= dev=
  take ip -o route get "$address" || { r=$err; answer "$id" 1; return; }
  case $r in local\ *) r="the machine itself"; answer "$id" 0; return ;; esac
  set -- $r
  while [ $# -gt 1 ]; do
    case $1 in via) via=$2 ;; dev) dev=$2 ;; esac
    shift
  done
  if [ -n "$via" ] || [ -z "$dev" ]; then r="$address is on no network of the machine's"; answer "$id" 1; return; fi
  command -v perl >/dev/null || { r="there is no perl to ask with"; answer "$id" 1; return; }
  take perl -e '
    use Socket;
    my ($device, $address) = @ARGV;
    sub first { open(my $file, "<", "/sys/class/net/$device/$_[0]") or return ""; my $line = <$file>; chomp $line; $line }
    my ($index, $mac) = (first("ifindex"), pack("H12", first("address") =~ s/://gr));
    my $wire;
    # AF_PACKET, SOCK_RAW, ETH_P_ARP
    socket($wire, 17, 3, unpack("S", pack("n", 0x806))) && bind($wire, pack("S n i S C C a8", 17, 0x806, $index, 0, 0, 0, ""))
      or do { print "error $!"; exit };
    my $wanted = inet_aton($address);
    my $probe = "\xff" x 6 . $mac . pack("n n n C C n", 0x806, 1, 0x800, 6, 4, 1) . $mac . "\0" x 4 . "\0" x 6 . $wanted;
    for my $wait (0.3, 0.5, 1) {
      send($wire, $probe, 0) or do { print "error $!"; exit };
      my $bits = "";
      vec($bits, fileno($wire), 1) = 1;
      my $left = $wait;
      while ($left > 0) {
        (my $count, $left) = select(my $ready = $bits, undef, undef, $left);
        last unless $count > 0;
        recv($wire, my $frame, 1500, 0);
        my ($who, $whose) = unpack("x22 a6 a4", $frame . "\0" x 42);
        if ($whose eq $wanted && $who ne $mac) { print join(":", unpack("(H2)6", $who)); exit }
      }
    }
    print "nobody"' "$dev" "$address" || { r=$err; answer "$id" 1; return; }
  case $r in
  nobody) r=; answer "$id" 44 ;;
  error\ *) r=${r#error }; answer "$id" 1 ;;
  *) answer "$id" 0 ;;
  esac
}
"#,
    needs: &[],
};

fn read(text: &str) -> Result<&str, String> {
    let is_hardware = text.split(':').count() == 6 && text.chars().all(|c| c == ':' || c.is_ascii_hexdigit());
    if is_hardware || text == ITSELF { Ok(text) } else { Err(format!("a hardware address as {text:?}")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hardware_address_has_six_parts() {
        assert!(read("52:54:00:aa:bb:cc").is_ok() && read(ITSELF).is_ok());
        assert!(read("").is_err() && read("52:54").is_err() && words(&["fe80::1".into()]).is_err());
    }
}
