mkdir /srv/case/there
echo 1 >/srv/case/there/one
