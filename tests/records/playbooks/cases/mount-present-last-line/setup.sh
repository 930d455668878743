printf '# a\n/dev/sdb1 /data ext4 defaults 0 2' >/srv/case/fstab
