echo from >/srv/case/f
mkdir /srv/case/dir
