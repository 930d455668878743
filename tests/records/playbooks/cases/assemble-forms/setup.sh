cd /srv/case
mkdir parts
printf 'a\n' >parts/01
printf 'b' >parts/02
printf 'c\n' >parts/11
printf 'h\n' >parts/.hidden
echo old >there
