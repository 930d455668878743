# Brings a machine of a case back to what it was before: the trees of the case and what it made of users and groups.
set -eu
umask 022
cd /
keep=/var/lib/case-begin
if ! [ -d $keep ]; then
    mkdir $keep
    for file in passwd group shadow gshadow subuid subgid; do [ ! -e /etc/$file ] || cp -p /etc/$file $keep; done
    ls /home >$keep/homes
    dpkg-query -W -f '${Package}:${Architecture}\n' | sort >$keep/names
    dpkg --get-selections >$keep/selections
    cp -p /var/lib/apt/extended_states $keep 2>/dev/null || :
    {
        dpkg-query -W -f '${Package}:${Architecture} ${Version} ${db:Status-Want} ${db:Status-Eflag} ${db:Status-Status}\n'
        awk '$1 == "Package:" { name = $2 } $1 == "Auto-Installed:" && $2 == 1 { print name " automatic" }' /var/lib/apt/extended_states 2>/dev/null || :
    } | sort >$keep/packages
fi
if ! [ -e $keep/values ]; then
    system_files >$keep/files
    system_places | xargs tar -C / -cf $keep/units.tar 2>/dev/null
    system_values >$keep/values
fi
# what is mounted there hides what is to go
sed 's/^\([^ ]* \)\{4\}//; s/ .*//' /proc/self/mountinfo | grep '^/srv/case' | sort -r | while read -r at; do umount -l -- "$at" || :; done
system_units | while read -r name _; do systemctl kill -s KILL "$name" 2>/dev/null || :; systemctl stop "$name" 2>/dev/null || :; done
if [ -e /var/lib/systemd/linger/op ]; then
    loginctl disable-linger op
    systemctl stop user@$(id -u op).service
fi
rm -f /usr/lib/systemd/system/case-* /etc/init.d/case-* /run/systemd/system/*.wants/case-*
system_files >$keep/files-now
if ! cmp -s $keep/files $keep/files-now; then
    sed 's/^.*  //' $keep/files-now | sort -u | xargs -r rm -f
    rm -rf /home/op/.config/systemd
    tar -C / -xpf $keep/units.tar
    systemctl daemon-reload
    systemctl reset-failed 'case-*' 2>/dev/null || :
fi
system_values | grep -vxFf $keep/values | while read -r key _; do
    sysctl -q -w "$key=$(sed -n "s/^$key //p" $keep/values)" || :
done
! grep -qs '^dummy ' /proc/modules || modprobe -r dummy || :
! grep -qs '^scsi_debug ' /proc/modules || { udevadm settle; modprobe -r scsi_debug; } || :
# what stands outside of the trees of a case and may be changed by one: kept as it was, and shown by state.sh where it differs
if ! [ -e $keep/look.sh ]; then
    cat >$keep/look.sh <<'END'
export LC_ALL=C
set -- /etc/apt /etc/fstab /etc/hostname /etc/machine-info /etc/localtime /etc/timezone /etc/adjtime
for path; do
    shift
    if [ -e "$path" ] || [ -L "$path" ]; then set -- "$@" "$path"; fi
done
printf 'hostname %s\n' "$(uname -n)"
find "$@" -printf '%p %y %m %u:%g %l\n' | sort
find "$@" -type f -exec sha256sum {} + | sort -k2
# disks of memory: their tables, and what is on them and how large
for disk in /dev/sd?; do
    case $(cat "/sys/block/${disk##*/}/device/model" 2>/dev/null) in scsi_debug*) ;; *) continue ;; esac
    parted -sm "$disk" unit s print 2>/dev/null | sed -n "2,\$s|^|disk |p"
    for device in "$disk" "$disk"?*; do
        [ -b "$device" ] || continue
        size=$(tune2fs -l "$device" 2>/dev/null | sed -n 's/^Block count: *//p')
        printf 'holds %s %s%s\n' "$device" "$(blkid -p -o value -s TYPE -s LABEL -s PTTYPE -- "$device" | tr '\n' ' ')" "$size"
    done
done
# where, how, and the type
sed -n 's/^\([^ ]* \)\{4\}\(\/srv\/case[^ ]* [^ ]*\) .*- \([^ ]*\) .*/mount \2 \3/p' /proc/self/mountinfo | sort
END
    uname -n >$keep/name
    sh $keep/look.sh >$keep/system
    paths=
    for path in etc/apt etc/fstab etc/hostname etc/machine-info etc/localtime etc/timezone etc/adjtime; do
        if [ -e $path ] || [ -L $path ]; then paths="$paths $path"; fi
    done
    tar -cpf $keep/system.tar $paths
fi
if [ "$(sh $keep/look.sh | sha256sum)" != "$(sha256sum <$keep/system)" ]; then
    rm -rf /etc/apt /etc/fstab /etc/hostname /etc/machine-info /etc/localtime /etc/timezone /etc/adjtime
    tar -xpf $keep/system.tar
    hostname "$(cat $keep/name)"
    systemctl --quiet stop systemd-hostnamed systemd-timedated 2>/dev/null || :
fi
# packages that a case installed, whatever state they are in, and the marks of the others
new=$(dpkg-query -W -f '${Package}:${Architecture}\n' | sort | comm -13 $keep/names -)
[ -z "$new" ] || DEBIAN_FRONTEND=noninteractive dpkg --force-all --purge $new >/dev/null 2>&1 || :
dpkg --set-selections <$keep/selections
if [ -e $keep/extended_states ]; then cp -p $keep/extended_states /var/lib/apt; else rm -f /var/lib/apt/extended_states; fi
rm -rf /var/cache/apt/archives/*.deb /usr/sbin/policy-rc.d* /etc/hl-*
# what a case left waiting in the background
for pid in $(pgrep -x sleep || :); do
    parent=$(ps -o ppid= -p "$pid" || :)
    [ "${parent:-1}" -le 1 ] || kill $parent "$pid" 2>/dev/null || :
done
chattr -R -f -ai /srv/case || : # the case of `attributes`
rm -rf /srv/case /srv/www /root/.ansible_async
for file in passwd group shadow gshadow subuid subgid; do
    if [ -e $keep/$file ]; then cp -p $keep/$file /etc/$file; else rm -f /etc/$file; fi
done
for home in /home/*; do grep -qx "${home#/home/}" $keep/homes || rm -rf "$home"; done
find /tmp /var/tmp /var/mail -mindepth 1 -maxdepth 1 ! -name 'systemd-private-*' -exec rm -rf {} +
mkdir /srv/case /srv/www
