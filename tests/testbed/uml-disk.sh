# uml-disk.sh DEVICE SERIAL, run in the machine on each boot: puts a SCSI disk with that serial number before the block
# device, by the kernel's own SCSI target. The name that udev makes of it has the hexadecimal digits of the serial in it.
device=$1 serial=$2
modprobe -a target_core_mod target_core_iblock tcm_loop sd_mod
# LVM is not to find each of them twice
if [ -d /etc/lvm ]; then echo 'devices { global_filter = [ "r|^/dev/ubd|" ] }' >/etc/lvm/lvmlocal.conf; fi
mountpoint -q /sys/kernel/config || mount -t configfs none /sys/kernel/config
target=/sys/kernel/config/target
store=$target/core/iblock_0/${device##*/}
mkdir -p "$target/core/iblock_0"
mkdir "$store"
echo "udev_path=$device" >"$store/control"
echo "$device" >"$store/udev_path"
echo 1 >"$store/enable"
echo "$serial" >"$store/wwn/vpd_unit_serial"
# The bus's own name has to differ from disk to disk, nothing more.
port=naa.50014051$(printf %s "$device" | md5sum | cut -c1-8)
mkdir -p "$target/loopback/$port/tpgt_1/lun/lun_0"
echo "$port" >"$target/loopback/$port/tpgt_1/nexus"
ln -s "$store" "$target/loopback/$port/tpgt_1/lun/lun_0/port"
