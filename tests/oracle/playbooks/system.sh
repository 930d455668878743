# What cases change of units, kernel parameters and modules: reset.sh brings it back, state.sh shows what differs from the beginning.
keep=/var/lib/case-begin
system_places() {
    for place in /etc/systemd/system /etc/systemd/user /etc/sysctl.d /etc/sysctl.conf /etc/modprobe.d /etc/modules-load.d /etc/fstab \
        /etc/rc?.d /home/op/.config/systemd; do
        [ ! -e $place ] || echo $place
    done
}
# A line for each file and link there.
system_files() {
    system_places | xargs -r sh -c 'find "$@" -type f -exec sha256sum {} + -o -type l -printf "-> %l  %p\n"' - | sort
    system_places | xargs -r sh -c 'find "$@" -type f -printf "%m %u:%g  %p\n"' - | sort
}
system_values() {
    for key in net.ipv4.ip_forward net.ipv4.tcp_fin_timeout net.ipv4.tcp_keepalive_time net.ipv4.ip_local_port_range \
        net.ipv4.conf.all.log_martians fs.inotify.max_user_watches fs.inotify.max_user_instances; do
        echo "$key $(sysctl -n $key)"
    done
}
# The units of cases that run or failed; case-server is nobody's.
system_units() {
    systemctl list-units --all --plain --no-legend 'case-*' | while read -r name _ active _; do
        case $name:$active in case-server.service:* | *:inactive) ;; *) echo "$name $active" ;; esac
    done
}
