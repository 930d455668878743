touch /srv/case/f
