echo x >/etc/apt/sources.list.d/there.sources; chmod 666 /etc/apt/sources.list.d/there.sources; echo x >/etc/apt/sources.list.d/usual.sources; chmod 600 /etc/apt/sources.list.d/usual.sources
