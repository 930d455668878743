cd /srv/case
printf 'a\n' >a
ln -s a l
