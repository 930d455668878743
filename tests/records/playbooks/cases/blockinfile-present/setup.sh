cd /srv/case
echo one >f
printf 'a\n# BEGIN ANSIBLE MANAGED BLOCK\nold\nolder\n# END ANSIBLE MANAGED BLOCK\nb\n' >there
printf open >open
