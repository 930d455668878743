cd /srv/case
echo f >f
chmod 4751 f
mkdir d
ln -s f l
ln -s nowhere broken
