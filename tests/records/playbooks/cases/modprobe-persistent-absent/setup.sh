modprobe dummy
printf 'dummy\n' >/etc/modules-load.d/case.conf
printf 'options dummy numdummies=2\n' >/etc/modprobe.d/case.conf
