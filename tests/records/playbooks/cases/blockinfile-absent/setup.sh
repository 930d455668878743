cd /srv/case
for f in f g h; do printf 'a\n# BEGIN ANSIBLE MANAGED BLOCK\nx\n# END ANSIBLE MANAGED BLOCK\nb\n' >$f; done
