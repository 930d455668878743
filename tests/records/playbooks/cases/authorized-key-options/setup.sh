useradd -m -s /bin/sh kim
install -d -m 700 -o kim -g kim /home/kim/.ssh
printf 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMulK543na/8e8Msz2Ih/+zPuSP++20Q8i4S8Uo8aB+l kim@one\nno-pty ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFYnEaLf2rIN9kSHVZ0bJxNdIYdW8vT9zX8k7q6n5mQ7 kim@two\n' >/home/kim/.ssh/authorized_keys; chown kim: /home/kim/.ssh/authorized_keys; chmod 600 /home/kim/.ssh/authorized_keys
