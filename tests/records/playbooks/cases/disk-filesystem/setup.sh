modprobe scsi_debug dev_size_mb=32 add_host=3 per_host_store=1
udevadm settle
parted -s /dev/sdb mklabel gpt mkpart data 1MiB 100%
mkfs.ext4 -q /dev/sdc 16M
udevadm settle
