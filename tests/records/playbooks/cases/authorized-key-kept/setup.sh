useradd -m -s /bin/sh kim
install -d -m 700 -o kim -g kim /home/kim/.ssh
printf '# one\n\nodd line\n#ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFYnEaLf2rIN9kSHVZ0bJxNdIYdW8vT9zX8k7q6n5mQ7 off\nssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFYnEaLf2rIN9kSHVZ0bJxNdIYdW8vT9zX8k7q6n5mQ7\n' >/home/kim/.ssh/authorized_keys; chown kim: /home/kim/.ssh/authorized_keys; chmod 600 /home/kim/.ssh/authorized_keys
