echo one >/srv/case/f
