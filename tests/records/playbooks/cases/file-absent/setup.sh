cd /srv/case
touch f target
mkdir -p d/e
touch d/e/f
ln -s target l
