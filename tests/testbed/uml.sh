#!/bin/sh
# uml.sh DIR IMAGE PRELOAD UUID NUMBER MEMORY PROCESSOR [DISK…]: one User-mode Linux machine, as first process of a process namespace
# inside the bed's: killing it is pulling the plug. DIR is the machine's directory, with `seed` in it, and `disk`, which is mounted
# outside: its disks survive that, and reboots. PROCESSOR is one of the host's, or empty. DISK is SERIAL:MEBIBYTES.
set -eu
dir=$1 image=$2 preload=$3 uuid=$4 number=$5 memory=$6 processor=$7
shift 7
[ -z "$processor" ] || taskset -p -c "$processor" $$ >/dev/null

for pair in "a$number br0" "b$number br-below"; do
    set -- $pair "$@" # shellcheck disable=SC2086
    ip link show "$1" >/dev/null 2>&1 || ip tuntap add "$1" mode tap
    ip link set "$1" master "$2" up
    shift 2
done
mkdir -p "/dev/shm/$number"

disks= i=0
for disk; do
    i=$((i + 1))
    [ -e "$dir/disk/$i" ] || truncate -s "${disk#*:}M" "$dir/disk/$i"
    disks="$disks ubd$i=$dir/disk/$i"
done
mac=$(printf '02:77:00:%02x:%02x' 0 "$number")

# With `noreboot` the process ends on a reboot as on power-off; without it it would start itself anew, but find its taps busy.
while :; do
    # shellcheck disable=SC2086 # a list of options
    TMPDIR=/dev/shm LD_PRELOAD=$preload linux.uml "umid=n$number" "uml_dir=/dev/shm/$number" "mem=${memory}M" "ubd0=$dir/disk/root,$image" $disks \
        root=/dev/ubda rw noreboot quiet con=null con0=fd:0,fd:1 ssl=null net.ifnames=0 \
        "vec0:transport=tap,ifname=a$number,depth=128,gro=1,mac=$mac:00" \
        "vec1:transport=tap,ifname=b$number,depth=128,gro=1,mac=$mac:01" \
        "systemd.machine_id=$uuid" systemd.unified_cgroup_hierarchy=1 "testbed=$dir/seed" </dev/null || :
    tail -c 400 "$dir/console.log" | grep -aq 'reboot: Restarting system' || break
done
