printf 'Types: deb\nURIs: http://example.org/old\n' >/etc/apt/sources.list.d/there.sources; chown nobody /etc/apt/sources.list.d/there.sources
