#!/bin/sh
# qemu-boot.sh SUITE DIR: what QEMU machines boot: Debian's kernel for clouds, its modules, and an initrd that finds the root
# on a virtio disk and puts the machine's seed, which comes behind it in the same archive, where testbed-boot looks for it.
set -eu
suite=$1 dir=$2
mkdir -p "$dir/initrd.d"
mmdebstrap --quiet --mode=root --variant=extract --include=linux-image-cloud-amd64 "$suite" "$dir/package"
mv "$dir"/package/boot/vmlinuz-* "$dir/vmlinuz"
modules=$(find "$dir/package" -type d -path '*lib/modules/*' -prune)
mkdir "$dir/modules"
mv "$modules" "$dir/modules/"
version=$(ls "$dir/modules")

cd "$dir/initrd.d"
mkdir -p bin dev proc newroot lib/x86_64-linux-gnu lib64
cp /usr/bin/busybox bin/
ln -s busybox bin/sh
ldd /usr/bin/busybox | grep -o '/[^ ]*' | while read -r library; do cp -L "$library" "./$library"; done
drivers=
for name in virtio_ring virtio virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci virtio_blk failover net_failover virtio_net; do
    file=$(find "$dir/modules/$version/kernel" -name "$name.ko*")
    case $file in
        '') continue ;; # part of this kernel
        *.xz) xz -dc "$file" >"$name.ko" ;;
        *) cp "$file" "$name.ko" ;;
    esac
    drivers="$drivers $name"
done
cat >init <<E
#!/bin/sh
busybox mount -t devtmpfs none /dev
busybox mount -t proc none /proc
for name in$drivers; do busybox insmod /\$name.ko; done
for i in \$(busybox seq 100); do [ -e /dev/vda ] && break; busybox usleep 100000; done
busybox mount -t ext4 -o rw /dev/vda /newroot || busybox poweroff -f
busybox rm -rf /newroot/testbed
busybox cp -a /seed /newroot/testbed
busybox umount /proc
exec busybox switch_root /newroot /sbin/init
E
chmod 755 init
find . | busybox cpio -o -H newc 2>/dev/null | gzip -1 >"$dir/initrd"
rm -rf "$dir/initrd.d" "$dir/package"
