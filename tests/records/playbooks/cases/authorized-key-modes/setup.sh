useradd -m -s /bin/sh kim
mkdir -m 755 /home/kim/.ssh; echo 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMulK543na/8e8Msz2Ih/+zPuSP++20Q8i4S8Uo8aB+l ' >/home/kim/.ssh/authorized_keys; chmod 644 /home/kim/.ssh/authorized_keys
