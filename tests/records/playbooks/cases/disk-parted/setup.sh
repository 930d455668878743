modprobe scsi_debug dev_size_mb=32 add_host=3 per_host_store=1
udevadm settle
parted -s /dev/sdc mklabel gpt mkpart one 1MiB 8MiB mkpart two 8MiB 16MiB
udevadm settle
