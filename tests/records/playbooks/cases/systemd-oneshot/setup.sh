printf '[Service]\nType=oneshot\nExecStart=/bin/true\n' >/etc/systemd/system/case-o.service
printf '[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n' >/etc/systemd/system/case-p.service
systemctl daemon-reload
