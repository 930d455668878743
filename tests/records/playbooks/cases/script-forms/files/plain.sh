echo plain > /srv/case/plain
