cd /srv/case
mkdir parts out out2
echo 1 >parts/1
echo one >f
echo t >target
ln -s target link
ln -s target link2
tar --owner=0 --group=0 --mtime=2020-01-01 -cf a.tar f
