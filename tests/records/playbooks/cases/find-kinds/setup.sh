cd /srv/case
mkdir sub
ln -s sub link
head -c 2000 /dev/zero >big
printf 'x\nneedle\n' >needle
printf 'first\nsecond\n' >two
chmod 600 two
touch -d 2020-01-01 old
