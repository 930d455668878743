cp /usr/share/testbed/archive/pool/hl-app_1.0_all.deb /srv/www/app
