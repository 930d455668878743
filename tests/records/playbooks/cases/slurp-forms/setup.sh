cd /srv/case
printf 'text\n' >f
printf '\000\377' >bytes
mkdir dir
