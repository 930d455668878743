printf ' # one \n\nnet.ipv4.tcp_keepalive_time =  7300 \n; two\nnet.ipv4.tcp_fin_timeout=20\nodd\nnet.ipv4.tcp_keepalive_time=7301\nnet.ipv4.tcp_fin_timeout = 22' >/etc/sysctl.d/case.conf
chmod 600 /etc/sysctl.d/case.conf
