mkdir /srv/case/skel
echo hi >/srv/case/skel/.welcome
