#!/bin/sh
# keeper.sh BED-DIRECTORY CGROUP: first process of a bed's namespaces. Sets them up, then waits for the end of its standard
# input, of which only the bed's owner holds the other end.
set -eu
dir=$1 cgroup=$2

mount --bind "$dir" "$dir"            # so that everything mounted below it goes with one umount
mount -t tmpfs testbed /dev/shm       # User-mode Linux keeps its memory here
mount -t tmpfs testbed /run/systemd   # systemd-nspawn keeps its locks here
ip link set lo up
ip link add br0 type bridge
ip addr add 10.77.0.1/24 dev br0
ip link set br0 up
# Machines behind jump hosts are on these; the bed has no address there.
for b in br1 br2; do
    ip link add $b type bridge
    ip link set $b up
done
# The second card of User-mode Linux machines is on this one, each alone: they cannot see each other here.
ip link add br-below type bridge
ip addr add 10.78.0.1/16 dev br-below
ip link set br-below up
echo ready

cat >/dev/null

kill -9 -1 2>/dev/null || :
# The cgroups are the one thing that the kernel would not remove by itself. They are free once the last process is gone.
tries=0
left=yes
while [ -n "$left" ] && [ $tries -lt 100 ]; do
    left=
    for h in /sys/fs/cgroup /sys/fs/cgroup/systemd /sys/fs/cgroup/unified; do
        [ -d "$h/$cgroup" ] || continue
        find "$h/$cgroup" -depth -type d -exec rmdir {} + 2>/dev/null || :
        [ ! -d "$h/$cgroup" ] || left=yes
    done
    [ -z "$left" ] || sleep 0.02
    tries=$((tries + 1))
done
umount -lR "$dir"
rm -rf "$dir"
