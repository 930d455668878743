echo 'deb http://example.org/a stable main' >/srv/case/real; chmod 600 /srv/case/real; ln -s /srv/case/real /etc/apt/sources.list.d/link.list
