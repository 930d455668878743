touch /srv/case/script
