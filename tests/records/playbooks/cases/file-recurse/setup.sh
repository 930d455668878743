cd /srv/case
mkdir -p tree/sub
touch tree/file tree/sub/run outside
chmod 755 tree/sub/run
ln -s /srv/case/outside tree/link
