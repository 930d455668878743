echo old >/srv/case/there
chmod 640 /srv/case/there
echo same >/srv/case/same
mkdir /srv/case/folder
