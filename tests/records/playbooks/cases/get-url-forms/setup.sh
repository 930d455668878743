echo A >/srv/www/a.txt
echo B >/srv/www/b.txt
mkdir /srv/case/folder
echo old >/srv/case/there
echo old >/srv/case/forced
