cp /usr/local/lib/case-key.asc /srv/case/key.asc
gpg --dearmor </srv/case/key.asc >/etc/apt/trusted.gpg.d/case.gpg 2>/dev/null; rm -rf /root/.gnupg
