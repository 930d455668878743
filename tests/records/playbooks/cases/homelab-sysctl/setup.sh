mkdir /srv/case/etc
printf 'UUID=1 / ext4 defaults 0 1\n/swap.img none swap sw 0 0\n' >/srv/case/etc/fstab
