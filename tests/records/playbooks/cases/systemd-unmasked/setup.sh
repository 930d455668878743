printf '[Service]\nExecStart=/bin/sleep infinity\nTimeoutStopSec=5\n[Install]\nWantedBy=multi-user.target\n' >/usr/lib/systemd/system/case-r.service
ln -s /dev/null /etc/systemd/system/case-r.service
systemctl daemon-reload
