echo 'deb http://example.org/one stable main' >/etc/apt/sources.list.d/there.list; chmod 640 /etc/apt/sources.list.d/there.list
