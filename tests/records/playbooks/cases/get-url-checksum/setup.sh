cd /srv/www
echo A >a.txt
sha256sum a.txt >sums
echo A >/srv/case/there
