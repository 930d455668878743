echo net.ipv4.tcp_fin_timeout=34 >/etc/sysctl.d/case.conf
