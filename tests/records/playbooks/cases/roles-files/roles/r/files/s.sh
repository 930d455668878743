echo script > /srv/case/script
