cd /srv/case
echo t >target
echo x >text
