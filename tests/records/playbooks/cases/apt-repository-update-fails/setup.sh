echo '# nothing' >/etc/apt/sources.list.d/there.list
