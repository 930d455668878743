useradd -m -s /bin/sh kim
echo 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFYnEaLf2rIN9kSHVZ0bJxNdIYdW8vT9zX8k7q6n5mQ7' >/srv/case/real; ln -s real /srv/case/link
