printf '[Service]\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=default.target\n' >/etc/systemd/user/case-u.service
loginctl enable-linger op
for i in 1 2 3 4 5 6 7 8 9 10; do [ -S /run/user/$(id -u op)/systemd/private ] || sleep 0.5; done
runuser -u op -- env XDG_RUNTIME_DIR=/run/user/$(id -u op) systemctl --user daemon-reload
