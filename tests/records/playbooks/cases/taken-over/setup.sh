mkdir -p /srv/case/open && chmod 0777 /srv/case/open
for name in copied lines; do echo one >/srv/case/open/$name && chmod 0666 /srv/case/open/$name; done
mkdir -p /srv/case/from /srv/case/to
echo same >/srv/case/from/real && ln -s real /srv/case/from/link && echo same >/srv/case/to/link
