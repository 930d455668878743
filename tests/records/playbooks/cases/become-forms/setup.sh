useradd -m worker
chown worker /srv/case
chmod 755 /srv/case
mkdir -m 777 /srv/case/shared
chmod 777 /srv/case/shared
touch /srv/case/shared/log
chmod 666 /srv/case/shared/log
