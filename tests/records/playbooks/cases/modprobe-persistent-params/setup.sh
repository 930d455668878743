printf 'dummy\n' >/etc/modules-load.d/dummy.conf
printf 'options dummy numdummies=2\n' >/etc/modprobe.d/dummy.conf
