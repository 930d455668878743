mkdir /srv/case/folder
echo old >/srv/case/there
