cd /srv/case
mkdir -p in/sub remote url tar
echo one >in/one
echo two >in/sub/two
tar --owner=0 --group=0 --mtime=2020-01-01 --sort=name -czf a.tar.gz -C in .
tar --owner=0 --group=0 --mtime=2020-01-01 --sort=name -cf a.tar -C in one sub
cp a.tar.gz /srv/www/
echo text >text
rm -r in
