mkdir /srv/case/folder
