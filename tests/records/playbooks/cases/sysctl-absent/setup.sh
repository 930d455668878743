printf '# one\nnet.ipv4.tcp_fin_timeout=20\nnet.ipv4.tcp_keepalive_time=7000\n' >/etc/sysctl.d/case.conf
