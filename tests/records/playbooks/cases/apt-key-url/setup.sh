cp /usr/local/lib/case-key.asc /srv/case/key.asc
cp /srv/case/key.asc /srv/www/key.asc
