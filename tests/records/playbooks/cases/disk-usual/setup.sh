modprobe scsi_debug dev_size_mb=32
udevadm settle
printf '# static\nUUID=1 / ext4 defaults 0 1\n' >/srv/case/fstab
