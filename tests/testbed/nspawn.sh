#!/bin/sh
# nspawn.sh DIR ROOT CGROUP UUID NAME NUMBER BRIDGES OVERLAY-SIZE: one nspawn machine, inside the bed's namespaces. DIR is
# the machine's directory, with `seed` in it; its disk, an overlay over ROOT, survives a power cut (a second call).
set -eu
dir=$1 root=$2 cgroup=$3 uuid=$4 name=$5 number=$6 bridges=$7 size=$8

# Without a cgroup of its own systemd would share the host's with the other machines' (nspawn --keep-unit stays where it
# is). cgroup v2 has one hierarchy, v1 and hybrid hosts one for systemd and perhaps a unified one.
for h in /sys/fs/cgroup /sys/fs/cgroup/systemd /sys/fs/cgroup/unified; do
    [ -e "$h/cgroup.procs" ] || continue
    mkdir -p "$h/$cgroup/n$number"
    echo 0 >"$h/$cgroup/n$number/cgroup.procs"
done

if [ ! -d "$dir/disk" ]; then
    mkdir -p "$dir/disk" "$dir/root"
    mount -t tmpfs -o "mode=0755,size=$size" testbed "$dir/disk"
    mkdir "$dir/disk/upper" "$dir/disk/work"
    mount -t overlay -o "lowerdir=$root,upperdir=$dir/disk/upper,workdir=$dir/disk/work" testbed "$dir/root"
fi

# The first bridge's interface is nspawn's own pair (host0, vb-…); each further one gets a pair more.
links= first=
for b in $bridges; do
    if [ -z "$first" ]; then first=$b; else links="$links --network-veth-extra=x$number-$b:link$b"; fi
done
if [ -n "$links" ]; then
    # nspawn makes the pairs when it starts and does not know their bridges.
    (
        for b in $bridges; do
            [ "$b" = "$first" ] && continue
            tries=0
            until ip link set "x$number-$b" master "br$b" up 2>/dev/null; do
                [ $((tries += 1)) -lt 200 ] || exit 1
                sleep 0.05
            done
        done
    ) &
fi

# Debian 12 has /tmp on its root file system; nspawn would put a tmpfs there.
export SYSTEMD_NSPAWN_TMPFS_TMP=0
# shellcheck disable=SC2086 # a list of options
exec systemd-nspawn --quiet --register=no --keep-unit --boot --machine="n$number" --hostname="$name" --uuid="$uuid" \
    --network-bridge="br$first" $links --resolv-conf=off --timezone=off --link-journal=no --console=read-only \
    --bind-ro="$dir/seed:/testbed" --directory="$dir/root"
