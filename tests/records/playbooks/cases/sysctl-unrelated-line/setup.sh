echo net.ipv4.case_none=1 >/etc/sysctl.d/case.conf
