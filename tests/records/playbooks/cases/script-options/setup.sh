mkdir /srv/case/dir
touch /srv/case/there
