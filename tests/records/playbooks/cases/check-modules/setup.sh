cd /srv/case
echo one >f
mkdir parts
echo 1 >parts/1
tar --owner=0 --group=0 --mtime=2020-01-01 -cf a.tar f
