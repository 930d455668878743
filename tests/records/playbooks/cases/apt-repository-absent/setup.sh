echo 'deb [signed-by=/usr/share/testbed/other/key.asc] file:/usr/share/testbed/other stable main' >/etc/apt/sources.list.d/other.list
