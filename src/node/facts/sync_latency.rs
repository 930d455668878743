//! How long a disk takes until a write is on it.

use super::parse::number;
use super::path::absolute;
use super::{Kind, json};
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// Microseconds in which 99 of 100 small writes are on the disk, as etcd writes its log. Absent: etcd's data is there already, and its
/// disk is left alone. It moves by itself.
///
/// Two seconds at most, in a file without a name: it is gone however that ends. The directory may be missing, then it is what is above it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncLatency(String);

impl SyncLatency {
    /// In that absolute path.
    pub fn new(directory: impl Into<String>) -> Self {
        Self(directory.into())
    }
}

impl Fact for SyncLatency {
    type Value = u64;

    fn query(&self) -> Query {
        Query::new(KIND.name, [&self.0], vec![Touch::Mounts]).moving()
    }
}

pub(super) const KIND: Kind = Kind {
    name: "sync_latency",
    function: &PROBE,
    merged: false,
    words: absolute,
    parse: |_, text| json(number::<u64>(Some(text), "time")?),
};

// Written over what is there already with O_DSYNC, which is fdatasync(2) after each write: 2300 bytes, as etcd's own advice has it.
// Without Time::HiRes, which Debian's perl-base lacks, the clock is asked by its number.
static PROBE: Function = Function {
    name: "probe_sync_latency",
    text: r#"
probe_sync_latency() {
  [ ! -e "${2%/}/member" ] || { r=; answer "$1" 44; return; }
  command -v perl >/dev/null || { r="there is no perl to measure with"; answer "$1" 1; return; }
  d=$2
  while [ -n "$d" ] && [ ! -d "$d" ]; do d=${d%/*}; done
  take perl -e '
    use Fcntl; use IO::Handle; use POSIX ();
    my $now = eval { require Time::HiRes; 1 } ? sub { 1e6 * Time::HiRes::time() } : do {
      my %number = (x86_64 => 228, aarch64 => 113, riscv64 => 113, ppc64le => 246, s390x => 260);
      my $number = $number{(POSIX::uname())[4]} or do { print "error there is no clock to measure with"; exit };
      sub { my $time = "\0" x 16; syscall($number, 1, $time); my ($s, $ns) = unpack("q q", $time); 1e6 * $s + $ns / 1e3 };
    };
    my $path = "$ARGV[0]/.homelabctl-sync-$$";
    sysopen(my $file, $path, O_RDWR | O_CREAT | O_EXCL, 0600) or do { print "error $path: $!"; exit };
    unlink $path;
    my ($size, @took) = 2300;
    syswrite($file, "\0" x ($size * 100)) == $size * 100 && $file->sync && sysopen(my $log, "/proc/self/fd/" . fileno($file), O_WRONLY | O_DSYNC)
      or do { print "error $ARGV[0]: $!"; exit };
    my $began = $now->();
    for my $write (1 .. 100) {
      my $before = $now->();
      syswrite($log, chr(64 + $write) x $size) == $size or do { print "error $ARGV[0]: $!"; exit };
      my $after = $now->();
      push @took, $after - $before;
      last if $after - $began > 2e6;
    }
    @took = sort { $a <=> $b } @took;
    my $which = int(0.99 * @took) - 1;
    printf "%d", $took[$which < 0 ? 0 : $which]' "${d:-/}" || { r=$err; answer "$1" 1; return; }
  case $r in
  error\ *) r=${r#error }; answer "$1" 1 ;;
  *) answer "$1" 0 ;;
  esac
}
"#,
    needs: &[],
};
