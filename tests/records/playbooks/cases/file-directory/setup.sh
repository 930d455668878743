mkdir -m 755 /srv/case/there
touch /srv/case/text
