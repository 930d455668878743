printf '#Port 22\n# PermitRootLogin yes\nX11Forwarding yes\nPermitRootLogin maybe\n' >/srv/case/sshd_config
