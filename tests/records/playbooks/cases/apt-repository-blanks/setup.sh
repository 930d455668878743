echo 'deb http://example.org/debian stable main' >/etc/apt/sources.list.d/there.list
