umask 022
touch /srv/case/f /srv/case/x
mkdir /srv/case/d
