#!/bin/sh
# debian-root.sh SUITE DIR: the root file system that all machines of a suite share (nspawn: below an overlay;
# User-mode Linux: as the contents of the template image). Needs root: it makes device nodes and runs chroot.
set -eu
suite=$1 dir=$2

# systemd … procps: a small Debian server; python3 … gnupg: what Ansible wants there, as a yardstick; curl … busybox: what tests
# have or take away; xfsprogs … lvm2: what disks are prepared with, and judged by.
packages=systemd,systemd-sysv,dbus,udev,libpam-systemd,openssh-server,sudo,iproute2,iputils-ping,util-linux,parted,\
e2fsprogs,xfsprogs,btrfs-progs,dosfstools,fdisk,lvm2,kmod,procps,less,ca-certificates,tzdata,systemd-timesyncd,python3-minimal,python3,python3-apt,python3-debian,gnupg,curl,wget,fish,tcsh,busybox,bash,dash,lsscsi

# What a Kubernetes node wants beside, with all that it needs: fetched, and left for archive.sh to offer.
offered='ipset ipvsadm conntrack ethtool socat iptables open-iscsi nfs-common cryptsetup dmsetup multipath-tools chrony containerd libuser dpkg-dev equivs libfile-fcntllock-perl'
mmdebstrap --quiet --mode=root --variant=minbase --include="$packages" --customize-hook="
    export APT_CONFIG=\"\$MMDEBSTRAP_APT_CONFIG\"
    rm -f \"\$1\"/var/cache/apt/archives/*.deb
    apt-get --yes --quiet --quiet --no-install-recommends --download-only install $offered >/dev/null
    mkdir -p \"\$1/usr/share/testbed/archive/pool\"
    mv \"\$1\"/var/cache/apt/archives/*.deb \"\$1/usr/share/testbed/archive/pool\"" "$suite" "$dir"

# Each machine gets its own host keys, id and name when it starts.
rm -f "$dir"/etc/ssh/ssh_host_* "$dir/var/lib/dbus/machine-id"
: >"$dir/etc/machine-id"
echo localhost >"$dir/etc/hostname"
rm -f "$dir/etc/resolv.conf"
: >"$dir/etc/resolv.conf"
mkdir -p "$dir/testbed"

# A machine is ready when its sshd answers; nobody is to be turned away with "System is booting up" a moment later.
rm -f "$dir/usr/lib/tmpfiles.d/systemd-nologin.conf"
# Services that wait for nothing in here, or start on their own in the middle of a test.
systemctl --root="$dir" --quiet disable apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer \
    e2scrub_reap.service fstrim.timer motd-news.timer 2>/dev/null || :
systemctl --root="$dir" --quiet mask systemd-networkd-wait-online.service systemd-firstboot.service getty.target \
    console-getty.service systemd-resolved.service
systemctl --root="$dir" --quiet disable systemd-timesyncd.service
systemctl --root="$dir" --quiet enable ssh.service

# The only thing of ours inside: run what the test bed gave this machine (seed.rs) before sysinit is over. nspawn binds
# /testbed; User-mode Linux mounts it from the host directory that its command line names.
cat >"$dir/usr/local/sbin/testbed-boot" <<'B'
#!/bin/sh
for a in $(cat /proc/cmdline); do
    case $a in testbed=*) mount -t hostfs none /testbed -o "${a#testbed=}" ;; esac
done
exec /bin/sh /testbed/boot
B
chmod 755 "$dir/usr/local/sbin/testbed-boot"
cat >"$dir/etc/systemd/system/testbed.service" <<'U'
[Unit]
Description=Test bed
DefaultDependencies=no
# systemd-sysusers writes /etc/passwd, as we do.
After=systemd-remount-fs.service systemd-sysusers.service
Before=sysinit.target network-pre.target
Wants=network-pre.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/sbin/testbed-boot
StandardOutput=journal+console
[Install]
WantedBy=sysinit.target
U
systemctl --root="$dir" --quiet enable testbed.service
rm -rf "$dir"/var/cache/apt/archives/*.deb "$dir"/var/lib/apt/lists/*
