echo 'net.ipv4.tcp_fin_timeout = 20' >/etc/sysctl.d/case.conf
