mkdir /srv/case/from; echo x >/srv/case/from/file
