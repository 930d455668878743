cp /usr/local/lib/case-key.asc /srv/case/key.asc
