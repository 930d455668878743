cd /srv/case
touch a b c
ln -s a link
