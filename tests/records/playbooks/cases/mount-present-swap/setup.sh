cat >/srv/case/fstab <<'END'
# static file system information
UUID=0b5b7f3a-6f3e-4a55-9b0e-5f1d2c3b4a59 / ext4 errors=remount-ro 0 1

/dev/sdb1	/data	ext4	defaults	0	2
/swapfile none swap sw 0 0
tmpfs /srv/case/four tmpfs noexec
END
