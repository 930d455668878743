unit() { # name, lines of [Service], lines of [Install]
    printf '[Unit]\nDescription=case %s\n[Service]\nExecStart=/bin/sleep infinity\nTimeoutStopSec=5\n%b\n' "$1" "$2" >/etc/systemd/system/$1
    [ -z "$3" ] || printf '[Install]\n%b\n' "$3" >>/etc/systemd/system/$1
}
unit case-f.service '' 'Alias=case-alias.service'
unit case-other.service '' 'WantedBy=multi-user.target'
ln -s /etc/systemd/system/case-other.service /etc/systemd/system/case-alias.service
systemctl daemon-reload
