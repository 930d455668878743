printf '#one\n# deb http://example.org/debian stable main # mine\n\n## two\n' >/etc/apt/sources.list.d/off.list
