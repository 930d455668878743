#!/bin/sh
# root-image.sh ROOT IMAGE MODULES DEVICE: the disk that all machines with a kernel of their own write copies over: ROOT (of
# debian-root.sh), the kernel's MODULES, and what they need beside; DEVICE is what the disk is called in them. Made without
# loop devices. Needs root: it copies device nodes and owners.
set -eu
root=$1 image=$2 modules=$3 device=$4 dir=$2.d

trap 'rm -rf "$dir"' EXIT
cp -a "$root" "$dir"
mkdir -p "$dir/usr/lib/modules"
cp -a "$modules/." "$dir/usr/lib/modules/"
for version in "$dir"/usr/lib/modules/*/; do
    depmod --basedir "$dir" "$(basename "$version")"
done

cat >"$dir/etc/fstab" <<F
$device / ext4 noatime,errors=remount-ro 0 0
F

# ubd disks have serials but no links by default.
cat >"$dir/etc/udev/rules.d/61-ubd.rules" <<'F'
KERNEL=="ubd*", ENV{DEVTYPE}=="disk", ATTR{serial}=="?*", ATTR{serial}!="(null)", ENV{ID_SERIAL}="UBD_$attr{serial}", ENV{ID_SERIAL_SHORT}="$attr{serial}", SYMLINK+="disk/by-id/ubd-$attr{serial}"
KERNEL=="ubd*[0-9]", ENV{DEVTYPE}=="partition", IMPORT{parent}="ID_*", ENV{ID_SERIAL}=="?*", SYMLINK+="disk/by-id/ubd-$env{ID_SERIAL_SHORT}-part%n"
F

# The way in for assertions: a root shell for whoever connects to port 9. The test bed does over the second network card,
# which nothing else uses. (BindToDevice= would make all sockets wait for udev.)
cat >"$dir/etc/systemd/system/testbed-root.socket" <<'F'
[Socket]
ListenStream=0.0.0.0:9
Accept=yes
[Install]
WantedBy=sockets.target
F
cat >"$dir/etc/systemd/system/testbed-root@.service" <<'F'
[Service]
ExecStart=-/bin/sh /testbed/root-shell
StandardInput=socket
StandardOutput=socket
F
systemctl --root="$dir" --quiet enable testbed-root.socket
# Without this udev works through 595 terminals first.
mkdir -p "$dir/etc/systemd/system/systemd-udev-trigger.service.d"
cat >"$dir/etc/systemd/system/systemd-udev-trigger.service.d/no-terminals.conf" <<'F'
[Service]
ExecStart=
ExecStart=-udevadm trigger --type=subsystems --action=add
ExecStart=-udevadm trigger --type=devices --action=add --subsystem-nomatch=tty
F
# A process takes 35 ms to start here, so what no test looks at does not start.
systemctl --root="$dir" --quiet mask systemd-pstore.service systemd-binfmt.service \
    systemd-update-utmp.service systemd-update-utmp-runlevel.service systemd-sysusers.service systemd-random-seed.service \
    modprobe@configfs.service modprobe@dm_mod.service modprobe@drm.service modprobe@efi_pstore.service modprobe@fuse.service \
    modprobe@loop.service kmod-static-nodes.service sys-fs-fuse-connections.mount sys-kernel-config.mount \
    sys-kernel-debug.mount sys-kernel-tracing.mount dev-hugepages.mount
rm -f "$image"
truncate -s 6G "$image"
mke2fs -q -t ext4 -m 0 -d "$dir" "$image"
