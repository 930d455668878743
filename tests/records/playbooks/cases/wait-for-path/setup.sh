echo 'line 3' >/srv/case/there
