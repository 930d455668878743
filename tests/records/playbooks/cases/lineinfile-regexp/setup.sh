printf 'one\nkey=a\nkey = b\nthree\none more\n' >/srv/case/f
