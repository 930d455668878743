//! Disks with contents: images that were prepared outside (`recipe/disk-images.py`) onto the SCSI disks of a machine.

use super::error::{Doing, Result};
use super::machine::Machine;
use super::roots;
use sha2::{Digest, Sha256};
use std::fs;

/// Writes over each of these disks (`/dev/sda`) the image of that name, as large as they are to be: 64 MiB.
pub fn fill(m: &Machine, disks: &[(&str, &str)]) -> Result<()> {
    let mut script = format!(
        "set -e; mkdir -p /run/images; mountpoint -q /run/images || mount -t hostfs none /run/images -o {}\n",
        roots::disk_images()?.display()
    );
    for (disk, image) in disks {
        script.push_str(&format!("dd if=/run/images/{image} of={disk} bs=1M conv=fsync status=none\n"));
    }
    // the tables that are there now, and what udev makes of them
    for (disk, _) in disks {
        // udev looks at what was just written, and the kernel reads no table of a disk that somebody holds open
        let again =
            format!("i=0; until blockdev --rereadpt {disk}; do i=$((i + 1)); [ $i -lt 30 ] || exit 1; udevadm settle; sleep 1; done\n");
        script.push_str(&again);
    }
    script.push_str("udevadm settle\n");
    m.root_says(&script).map(drop)
}

/// SHA-256 of each of these disks, as it is on the disk and not in memory.
pub fn digests_of(m: &Machine, disks: &[&str]) -> Result<Vec<String>> {
    let said = m.root_says(&format!("sync; echo 3 >/proc/sys/vm/drop_caches; sha256sum {}", disks.join(" ")))?;
    Ok(said.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect())
}

/// SHA-256 of an image.
pub fn image_digest(image: &str) -> Result<String> {
    let path = roots::disk_images()?.join(image);
    let contents = fs::read(&path).doing(|| format!("cannot read {}", path.display()))?;
    Ok(Sha256::digest(contents).iter().map(|b| format!("{b:02x}")).collect())
}
