mkdir -p /etc/apt/keyrings
cp /usr/local/lib/case-key.asc /srv/case/key.asc
