cd /srv/case
echo one >f
printf '\344\n' >latin
mkdir dir
