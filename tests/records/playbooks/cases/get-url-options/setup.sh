echo old >/srv/case/backed
mkdir /srv/case/tmpdir
