echo w1 >/etc/hostname
