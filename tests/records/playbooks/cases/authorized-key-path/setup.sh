useradd -m -s /bin/sh kim
mkdir /srv/case/keys; mkdir -m 755 /srv/case/own
