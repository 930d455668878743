cp /usr/share/testbed/archive/pool/hl-tool_1.1_all.deb /srv/www/hl-tool.deb
echo odd >/srv/www/odd.deb
