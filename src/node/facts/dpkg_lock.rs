//! Who installs packages right now: the locks of apt and dpkg, by fcntl(2).

use super::{Kind, json};
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// Who holds a lock of dpkg's, with its process: `unattended-upgr (4711)`. Absent: nobody, or there is no dpkg. It moves by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DpkgLock;

impl Fact for DpkgLock {
    type Value = String;

    fn query(&self) -> Query {
        Query::new(KIND.name, ["holder"], vec![Touch::Packages]).moving()
    }
}

pub(super) const KIND: Kind = Kind {
    name: "dpkg_lock",
    function: &PROBE,
    merged: false,
    words: |args| if args.len() == 1 { Ok(Vec::new()) } else { Err("one word is wanted".into()) },
    parse: |_, text| json(text),
};

// F_GETLK names who holds it and takes nothing; struct flock is the same on all machines of 64 bits
static PROBE: Function = Function {
    name: "probe_dpkg_lock",
    text: r#"
probe_dpkg_lock() {
  [ -e /var/lib/dpkg/lock ] || { r=; answer "$1" 44; return; }
  command -v perl >/dev/null || { r="there is no perl to look with"; answer "$1" 1; return; }
  take perl -e '
    use Fcntl;
    for my $path ("/var/lib/dpkg/lock-frontend", "/var/lib/dpkg/lock") {
      -e $path or next;
      open(my $file, "<", $path) or do { print "error $path: $!"; exit };
      my $lock = pack("s s x4 q q i x4", F_WRLCK, 0, 0, 0, 0);
      fcntl($file, F_GETLK, $lock) or do { print "error $path: $!"; exit };
      my ($type, $pid) = (unpack("s s x4 q q i", $lock))[0, 4];
      next if $type == F_UNLCK;
      my $name = "somebody";
      if (open(my $comm, "<", "/proc/$pid/comm")) { chomp($name = <$comm>) }
      print "$name ($pid)";
      exit;
    }' || { r=$err; answer "$1" 1; return; }
  case $r in
  "") answer "$1" 44 ;;
  error\ *) r=${r#error }; answer "$1" 1 ;;
  *) answer "$1" 0 ;;
  esac
}
"#,
    needs: &[],
};
