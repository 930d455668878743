echo net.ipv4.tcp_fin_timeout=33 >/etc/sysctl.d/case.conf
