//! A disk that is emptied, whatever is on it: the one step that writes over what somebody else may have put there.

use serde::{Deserialize, Serialize};

use super::{Action, Call, FAIL, Invalid, check};
use crate::node::script::Function;
use crate::plan::Touch;

/// Writes zeros over a whole disk, or over its ends and all signatures on it.
///
/// From the first look to the last write the disk is open so that nobody else can mount, format or take it (`O_EXCL`, open(2)). It
/// must be the one that was looked at, and hold what was seen. The first write is a mark ([`crate::node::facts::WipeMark`]), the last
/// one takes it away: what is cut off in between is known by it, and gone on with. All that was written is read back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WipeDisk {
    /// The disk, by a name that stays.
    pub disk: String,
    /// Its serial number; where it has none, its World Wide Name.
    pub serial: String,
    /// In bytes.
    pub size: u64,
    /// The signatures on it and its partitions, in the order of their bytes, a line each: path, place (`0x1fe`), kind.
    pub seen: String,
    /// Whether all of it is zeroed; else its ends, 16 MiB each, and what has a signature.
    pub whole: bool,
}

/// disk, serial number, size, signatures, `whole` or nothing.
///
/// What the perl inside does to a range: fallocate(1) punches a hole, which a block device does only if it promises that zeros are read
/// from there afterwards (the kernel's blkdev_issue_zeroout without its fallback); plain discard promises nothing. Else zeros are
/// written. Then the kernel's copy is dropped (BLKFLSBUF, 0x1261), and the range is read from the disk. The text has no single quotes.
const WIPE: Function = Function {
    name: "s_wipe_disk",
    needs: &[&FAIL],
    text: r#"s_wipe_disk() (
  for program in perl lsblk wipefs partx fallocate; do command -v "$program" >/dev/null || s_fail "there is no $program"; done
  disk=$(readlink -e -- "$1") && [ -b "$disk" ] || s_fail "$1 is no block device"
  [ ! -e "/sys/class/block/${disk##*/}/partition" ] || s_fail "$disk is a partition"
  udevadm settle --timeout 30 || s_fail "udev does not settle"
  wipes='
    use strict; use Fcntl; use IO::Handle;
    my ($disk, $serial, $size, $seen, $whole) = @ARGV;
    my ($block, $ends, $zeros, $punches, $punched, $written) = (4096, 16 << 20, "\0" x (4 << 20), 1, 0, 0);
    STDOUT->autoflush(1);
    sub fail { print STDERR "@_\n"; exit 1 }
    sub said {
      open(my $from, "-|", @_) or fail("$_[0]: $!");
      local $/; my $text = <$from>;
      close($from) or fail("$_[0] ended with status " . ($? >> 8));
      return $text // "";
    }
    sub quietly { return system("sh", "-c", q{exec "$@" >/dev/null 2>&1}, "sh", @_) == 0 }
    sub least { return $_[0] < $_[1] ? $_[0] : $_[1] }
    sysopen(my $held, $disk, O_RDWR | O_EXCL) or fail("$disk is in use, or cannot be written to: $!");
    sub get {
      my ($at, $length) = @_;
      sysseek($held, $at, 0) or fail("$disk: $!");
      my $got = "";
      while (length($got) < $length) {
        sysread($held, $got, $length - length($got), length($got)) or fail("$disk cannot be read at byte $at: $!");
      }
      return $got;
    }
    sub put {
      my ($at, $bytes) = @_;
      sysseek($held, $at, 0) or fail("$disk: $!");
      for (my $done = 0; $done < length($bytes);) {
        $done += syswrite($held, $bytes, length($bytes) - $done, $done) || fail("$disk cannot be written to at byte $at: $!");
      }
    }
    sub settle {
      $held->sync or fail("$disk does not keep what is written: $!");
      ioctl($held, 0x1261, 0) or fail("the kernel keeps its copy of $disk: $!");
    }
    sub mark {
      my $line = "homelabctl-wipe 1 $_[0] $size $serial\n";
      put(0, $line . "\0" x ($block - length($line)));
      settle();
    }
    sub is_zero {
      my ($at, $end) = ($_[0], $_[0] + $_[1]);
      while ($at < $end) {
        my $length = least(length($zeros), $end - $at);
        get($at, $length) eq substr($zeros, 0, $length) or return 0;
        $at += $length;
      }
      ioctl($held, 0x1261, 0);
      return 1;
    }
    sub zero {
      my ($from, $length) = @_;
      if ($punches) {
        settle();
        $punches = quietly("fallocate", "--punch-hole", "--offset", $from, "--length", $length, "--", $disk);
        if ($punches) { settle(); $punches = is_zero($from, $length) }
        if ($punches) { $punched += $length; return }
      }
      for (my $at = $from; $at < $from + $length; $at += length($zeros)) {
        put($at, substr($zeros, 0, least(length($zeros), $from + $length - $at)));
      }
      settle();
      is_zero($from, $length) or fail("$disk does not keep zeros at byte $from: it is broken, or smaller than it says");
      $written += $length;
    }

    my $is = said("lsblk", "--nodeps", "--noheadings", "--output", "SERIAL", "--", $disk);
    $is = said("lsblk", "--nodeps", "--noheadings", "--output", "WWN", "--", $disk) unless $is =~ /\S/;
    $is =~ s/^\s+|\s+$//g;
    $is eq $serial or fail("$disk is another disk by now: it says $is, and not $serial");
    my $now = sysseek($held, 0, 2);
    $now == $size or fail("$disk has another size by now: $now bytes, and not $size");
    $size > 2 * $block && length($serial) < 256 or fail("$disk is too small, or its serial number is too long");
    my ($name) = $disk =~ m{([^/]+)$};
    opendir(my $sys, "/sys/class/block/$name") or fail("/sys/class/block/$name: $!");
    my @partitions = map { "/dev/$_" } grep { -e "/sys/class/block/$name/$_/partition" } readdir($sys);
    my @found;
    for my $device ($disk, @partitions) {
      my $said = said("wipefs", "--no-act", "--parsable", "--noheadings", "--output", "OFFSET,TYPE", "--", $device);
      push(@found, map { join(" ", $device, split(/,/)) . "\n" } split(/\n/, $said));
    }
    my $found = join("", sort @found);
    $found eq $seen or fail("$disk holds something else by now: $found");

    my $from = 0;
    if ($whole && get(0, 512) =~ /^homelabctl-wipe 1 (\d+) (\d+) ([^\n]*)\n/ && $2 == $size && $3 eq $serial) {
      $from = least($1, $size);
      print "goes on at byte $from\n";
    }
    mark($from);
    for (@partitions) {
      $whole || quietly("wipefs", "--all", "--force", "--", $_) or fail("the signatures on $_ cannot be taken away");
    }
    my ($at, $end) = ($size, $size);
    if ($size > 2 * $ends) {
      zero($block, $ends - $block);
      zero($size - $ends, $ends);
      ($at, $end) = ($from > $ends ? $from : $ends, $size - $ends);
    } else {
      zero($block, $size - $block);
    }
    # nobody finds what is in the partitions any more
    quietly("partx", "--delete", "--", $disk);
    my $chunk = least(1 << 30, 64 << 20 > $size >> 10 ? 64 << 20 : $size >> 10 & ~((1 << 20) - 1));
    my $told = 0;
    while ($whole && $at < $end) {
      my $length = least($chunk, $end - $at);
      zero($at, $length);
      $at += $length;
      mark($at);
      if (time - $told >= 1) {
        $told = time;
        printf("%d of %d MiB, %d %%\n", $at >> 20, $size >> 20, $at / $size * 100);
      }
    }
    put(0, substr($zeros, 0, $block));
    settle();
    is_zero(0, $block) or fail("$disk does not keep zeros at its beginning");
    print "discarded $punched bytes, wrote zeros over ", $written + $block, " bytes, and read them back\n";
  '
  perl -e "$wipes" "$disk" "$2" "$3" "$4" "$5" 9>&- || exit 1
  tries=0
  while :; do
    known=
    set +f
    for entry in "/sys/class/block/${disk##*/}/${disk##*/}"*/partition; do [ ! -e "$entry" ] || known=$entry; done
    set -f
    [ -n "$known" ] || break
    tries=$((tries + 1))
    [ "$tries" -le 20 ] || s_fail "the kernel still knows partitions of $disk: somebody has them open"
    blockdev --rereadpt "$disk" 2>/dev/null || partx --delete -- "$disk" 2>/dev/null || sleep 1
    udevadm settle --timeout 30
  done
  udevadm trigger --action=change -- "/sys/class/block/${disk##*/}" && udevadm settle --timeout 30
)"#,
};

impl WipeDisk {
    /// What a step on that disk is called, whatever was seen on it: by this a run finds the one that an earlier run began.
    pub fn title(disk: &str, whole: bool) -> String {
        if whole { format!("wipe all of {disk}") } else { format!("wipe the ends of {disk}") }
    }
}

impl Action for WipeDisk {
    fn call(&self) -> Call {
        let whole = if self.whole { "whole" } else { "" };
        Call::new(&WIPE, [self.disk.as_str(), &self.serial, &self.size.to_string(), &self.seen, whole])
    }

    fn touches(&self) -> Vec<Touch> {
        vec![Touch::BlockDevice(self.disk.clone())]
    }

    fn describe(&self) -> String {
        Self::title(&self.disk, self.whole)
    }

    fn check(&self) -> Result<(), Invalid> {
        check::path(&self.disk)?;
        let is_printed = self.serial.chars().all(|c| c.is_ascii_graphic() || c == ' ');
        if is_printed && self.serial.trim() == self.serial && (1..256).contains(&self.serial.len()) {
            Ok(())
        } else {
            check::refuse("serial number", &self.serial, "is none")
        }
    }

    fn is_long(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_serial_number_is_one_line_of_text() {
        let of = |serial: &str| WipeDisk { disk: "/dev/sdb".into(), serial: serial.into(), size: 1, seen: String::new(), whole: true };
        assert!(of("S4X1 NX0R").check().is_ok());
        for bad in ["", " ", "a\nb", "ü", " a", &"x".repeat(256)] {
            assert!(of(bad).check().is_err(), "{bad:?}");
        }
        // the shell text holds the other program between single quotes
        assert_eq!(WIPE.text.matches('\'').count(), 2);
    }
}
