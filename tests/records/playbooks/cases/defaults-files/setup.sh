cd /srv/case
printf 'first\nlast\n' >f
mkdir parts unpacked again
echo x >parts/1
echo y >parts/2
