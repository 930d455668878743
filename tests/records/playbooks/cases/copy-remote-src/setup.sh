cd /srv/case
echo from >from
chmod 750 from
mkdir -p tree/sub
echo 1 >tree/one
echo 2 >tree/sub/two
