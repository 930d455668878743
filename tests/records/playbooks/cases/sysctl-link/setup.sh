echo net.ipv4.tcp_fin_timeout=37 >/srv/case/real.conf
ln -s /srv/case/real.conf /etc/sysctl.d/case.conf
