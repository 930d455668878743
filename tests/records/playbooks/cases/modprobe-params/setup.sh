modprobe -r dummy || :
