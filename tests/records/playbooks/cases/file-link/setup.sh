cd /srv/case
touch target text
ln -s /elsewhere other
mkdir full
touch full/x
