touch -d 2019-01-01 /srv/case/old /srv/case/kept
