useradd -m -s /bin/sh kim
printf 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMulK543na/8e8Msz2Ih/+zPuSP++20Q8i4S8Uo8aB+l kim@one\nssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFYnEaLf2rIN9kSHVZ0bJxNdIYdW8vT9zX8k7q6n5mQ7\n' >/srv/www/kim.keys
