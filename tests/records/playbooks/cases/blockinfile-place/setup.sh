printf 'one\ntwo\nthree\n' >/srv/case/f
