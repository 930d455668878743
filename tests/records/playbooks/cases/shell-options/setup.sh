touch /srv/case/there
