echo 'deb http://example.org/a stable main' >/etc/apt/sources.list.d/a.list
