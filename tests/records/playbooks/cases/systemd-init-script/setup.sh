cat >/etc/init.d/case-v <<'END'
#!/bin/sh
### BEGIN INIT INFO
# Provides: case-v
# Required-Start:
# Required-Stop:
# Default-Start: 2 3 4 5
# Default-Stop: 0 1 6
# Short-Description: case
### END INIT INFO
exit 0
END
chmod 755 /etc/init.d/case-v
systemctl daemon-reload
