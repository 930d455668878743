mkdir /srv/case/from /srv/case/m; mount -t tmpfs tmpfs /srv/case/m
