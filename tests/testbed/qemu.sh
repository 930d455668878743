#!/bin/sh
# qemu.sh DIR IMAGE BOOT UUID NUMBER MEMORY [DISK…]: one QEMU machine without virtualisation, as first process of a process
# namespace inside the bed's: killing it is pulling the plug. DIR is the machine's directory, with `seed` in it, and `disk`,
# which is mounted outside: its disks survive that. DISK is SERIAL:MEBIBYTES, an NVMe disk.
set -eu
dir=$1 image=$2 boot=$3 uuid=$4 number=$5 memory=$6
shift 6

for pair in "a$number br0" "b$number br-below"; do
    set -- $pair "$@" # shellcheck disable=SC2086
    ip link show "$1" >/dev/null 2>&1 || ip tuntap add "$1" mode tap
    ip link set "$1" master "$2" up
    shift 2
done

[ -e "$dir/disk/root" ] || cp --sparse=always "$image" "$dir/disk/root"
# The kernel unpacks both archives, one after the other.
(cd "$dir" && find seed | busybox cpio -o -H newc 2>/dev/null | gzip -1) | cat "$boot/initrd" - >"$dir/disk/initrd"

disks= i=0
for disk; do
    i=$((i + 1))
    [ -e "$dir/disk/$i" ] || truncate -s "${disk#*:}M" "$dir/disk/$i"
    disks="$disks -drive file=$dir/disk/$i,if=none,format=raw,id=disk$i -device nvme,drive=disk$i,serial=${disk%:*}"
done
mac=$(printf '02:77:00:%02x:%02x' 0 "$number")

# shellcheck disable=SC2086 # a list of options
exec qemu-system-x86_64 -accel tcg -machine q35 -cpu qemu64 -m "$memory" -display none -monitor none -serial stdio \
    -kernel "$boot/vmlinuz" -initrd "$dir/disk/initrd" \
    -append "console=ttyS0 quiet net.ifnames=0 systemd.machine_id=$uuid" \
    -drive "file=$dir/disk/root,if=virtio,format=raw" $disks \
    -netdev "tap,id=own,ifname=a$number,script=no,downscript=no" -device "virtio-net-pci,netdev=own,mac=$mac:00" \
    -netdev "tap,id=below,ifname=b$number,script=no,downscript=no" -device "virtio-net-pci,netdev=below,mac=$mac:01"
