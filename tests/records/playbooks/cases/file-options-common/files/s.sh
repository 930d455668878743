touch /srv/case/s
