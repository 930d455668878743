mkdir /srv/case/there
