#!/bin/sh
# disk-images.sh ROOT DIR PROGRAM UUID…: the images of disk-images.py, made with the tools of the root file system.
set -eu
root=$1 dir=$2 program=$3
shift 3
mkdir "$dir"
mount --bind "$dir" "$root/mnt"
mount -t proc proc "$root/proc"
exec chroot "$root" python3 -c "$program" /mnt "$@"
