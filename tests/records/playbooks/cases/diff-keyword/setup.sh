cd /srv/case
echo old >shown
echo one >f
echo two >f2
