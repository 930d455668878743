cd /srv/case
echo t >target
ln -s target link
ln -s target link2
