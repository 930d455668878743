printf 'a1\nwhole\nwholesome\na2\nhas mid in\nend\n' >/srv/case/f
