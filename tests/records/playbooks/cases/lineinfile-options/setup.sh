cd /srv/case
echo one >f
echo t >target
ln -s target link
