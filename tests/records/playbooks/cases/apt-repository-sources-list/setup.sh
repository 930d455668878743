printf 'deb http://example.org/debian stable main\n#deb http://example.org/b stable main\n' >>/etc/apt/sources.list
