cd /srv/case
mkdir -p top out some rest newer/top
echo one >top/one
echo two >top/two
tar --owner=0 --group=0 --mtime=2020-01-01 --sort=name -cf a.tar top
rm -r top
echo newer >newer/top/one
