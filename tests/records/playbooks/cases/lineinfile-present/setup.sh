cd /srv/case
printf 'one\ntwo\nthree\n' >f
printf 'open' >open
: >empty
mkdir dir
