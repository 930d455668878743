//! Who has an address on the machine's own network: an ARP probe (RFC 5227), or the neighbour solicitation by which IPv6 looks for
//! duplicates (RFC 4862). Neither changes anybody's tables.

use std::net::IpAddr;

use super::{Kind, json};
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// The hardware address that answers for an address; [`ITSELF`] for one of the machine's own. Absent: nobody answers. It moves by
/// itself. Unknown where the address is on no network of the machine's, and to who is not root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WhoHas(IpAddr);

/// What [`WhoHas`] says of an address of the machine's own.
pub const ITSELF: &str = "the machine itself";

impl WhoHas {
    /// Of that address.
    pub fn new(address: impl Into<IpAddr>) -> Self {
        Self(address.into())
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
        [address] if address.parse::<IpAddr>().is_ok() => Ok(args.to_vec()),
        _ => Err("one address is wanted".into()),
    }
}

// The sender's address is 0.0.0.0 or ::, so that who is asked learns nothing; who has an IPv6 address then tells all nodes of the link.
// Three questions, the last waits longest. A question of another machine's is no answer.
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
  # where there is no way at all, the kernel's own of version 6 leads to lo
  if [ -n "$via" ] || [ -z "$dev" ] || [ "$dev" = lo ]; then
    r="$address is on no network of the machine's"; answer "$id" 1; return
  fi
  command -v perl >/dev/null || { r="there is no perl to ask with"; answer "$id" 1; return; }
  take perl -e '
    use Socket qw(:DEFAULT inet_pton AF_INET6);
    my ($device, $address) = @ARGV;
    sub first { open(my $file, "<", "/sys/class/net/$device/$_[0]") or return ""; my $line = <$file>; chomp $line; $line }
    my ($index, $mac) = (first("ifindex"), pack("H12", first("address") =~ s/://gr));
    my ($kind, $probe, $who_answers);
    if ($address =~ /:/) {
      my $wanted = inet_pton(AF_INET6, $address);
      my $end = substr($wanted, 13);
      my $group = pack("H26", "ff02" . "0" x 16 . "0001ff") . $end;
      # ICMPv6, type 135; its sum is over the addresses, too
      my $solicitation = sub { pack("C C n N", 135, 0, $_[0], 0) . $wanted };
      my $sum = unpack("%32n*", "\0" x 16 . $group . pack("N N", 24, 58) . $solicitation->(0));
      $sum = ($sum & 0xffff) + ($sum >> 16) for 1, 2;
      $kind = 0x86dd;
      $probe = "\x33\x33\xff" . $end . $mac . pack("n N n C C", $kind, 6 << 28, 24, 58, 255) . "\0" x 16 . $group . $solicitation->(~$sum & 0xffff);
      # an advertisement, 136, which came over no router; the hardware address stands in it, or is that of the frame
      $who_answers = sub {
        my ($sender, $next, $hops, $type, $whose, $option, $who) = unpack("x6 a6 x8 C C x32 C x7 a16 n a6", $_[0] . "\0" x 86);
        return "" unless $next == 58 && $hops == 255 && $type == 136 && $whose eq $wanted;
        $option == 0x201 ? $who : $sender
      };
    } else {
      my $wanted = inet_aton($address);
      $kind = 0x806;
      $probe = "\xff" x 6 . $mac . pack("n n n C C n", $kind, 1, 0x800, 6, 4, 1) . $mac . "\0" x 4 . "\0" x 6 . $wanted;
      $who_answers = sub {
        my ($who, $whose) = unpack("x22 a6 a4", $_[0] . "\0" x 42);
        $whose eq $wanted ? $who : ""
      };
    }
    my $wire;
    # AF_PACKET, SOCK_RAW
    socket($wire, 17, 3, unpack("S", pack("n", $kind))) && bind($wire, pack("S n i S C C a8", 17, $kind, $index, 0, 0, 0, ""))
      or do { print "error $!"; exit };
    for my $wait (0.3, 0.5, 1) {
      send($wire, $probe, 0) or do { print "error $!"; exit };
      my $bits = "";
      vec($bits, fileno($wire), 1) = 1;
      my $left = $wait;
      while ($left > 0) {
        (my $count, $left) = select(my $ready = $bits, undef, undef, $left);
        last unless $count > 0;
        recv($wire, my $frame, 1500, 0);
        my $who = $who_answers->($frame);
        if ($who ne "" && $who ne $mac) { print join(":", unpack("(H2)6", $who)); exit }
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
        assert!(read("").is_err() && read("52:54").is_err());
    }

    #[test]
    fn addresses_of_both_versions_are_asked_for_and_nothing_else() {
        let words = |text: &str| words(&[text.to_owned()]);
        assert!(words("192.168.2.50").is_ok() && words("fd00::50").is_ok());
        assert!(words("fe80::1%eth0").is_err() && words("-o").is_err() && words("").is_err());
    }
}
