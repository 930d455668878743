modprobe dummy
