mkdir -p /etc/apt/keyrings
cp /usr/local/lib/case-key.asc /srv/case/key.asc
cp /srv/case/key.asc /srv/www/key.asc
chmod 700 /etc/apt/keyrings
echo old >/etc/apt/keyrings/new.asc
cp /srv/case/key.asc /etc/apt/keyrings/same.asc
chmod 600 /etc/apt/keyrings/same.asc
