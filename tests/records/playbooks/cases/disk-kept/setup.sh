modprobe scsi_debug dev_size_mb=32 add_host=3 per_host_store=1
udevadm settle
parted -s /dev/sda mklabel gpt mkpart data ext4 1MiB 100%
udevadm settle
mkfs.ext4 -q -L data /dev/sda1
mkfs.ext4 -q -L photos /dev/sdb
mkfs.ext4 -q -L films /dev/sdc
udevadm settle
