echo old >/srv/case/there
echo old >/srv/case/backed
