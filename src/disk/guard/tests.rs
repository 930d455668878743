use proptest::prelude::*;

use super::*;

/// What is written to, as `PROGRAM OPERAND`, and `PROGRAM ?` for what cannot be seen.
fn judged(text: &str) -> Vec<String> {
    shown(&of_shell(text, None))
}

fn shown(judgement: &Judgement) -> Vec<String> {
    let writes = judgement.writes.iter().map(|write| format!("{} {}", write.program, write.operand));
    writes.chain(judgement.unseen.iter().map(|unseen| format!("{} ?", unseen.program))).collect()
}

/// Texts that do nothing to a disk.
const HARMLESS: &[&str] = &[
    "apt-get install -y parted gdisk lvm2 mdadm cryptsetup",
    "grep mkfs.ext4 /var/log/syslog",
    "echo 'mkfs.ext4 /dev/sdb' >> /root/notes",
    "echo \"run mkfs.ext4 $disk\" | tee /root/notes",
    "which mkfs.xfs || apt install xfsprogs",
    "command -v parted",
    "fdisk -l",
    "fdisk -lu /dev/sdb",
    "mdadm -Ds",
    "zpool import -d /dev/disk/by-id tank",
    "fdisk -l /dev/sda",
    "fdisk -l | grep -c '^Disk /dev/sd'",
    "sfdisk --dump /dev/sda > /root/table",
    "sfdisk -J /dev/sda | jq .",
    "sgdisk -p /dev/sda",
    "sgdisk --print /dev/sda",
    "parted -l",
    "parted --script --machine /dev/sdb unit B print",
    "parted -s /dev/sdb print | awk '/^ 1/ {print $4}'",
    "parted -s /dev/sdb set 1 lvm on",
    "wipefs /dev/sdb",
    "wipefs --no-act --all /dev/sdb",
    "wipefs -n -a $disk",
    "mdadm --detail /dev/md0",
    "mdadm -D --scan >> /etc/mdadm/mdadm.conf",
    "mdadm --examine /dev/sdb",
    "zpool status",
    "zpool list -H -o name",
    "cryptsetup luksDump /dev/sdb1",
    "cryptsetup isLuks $DISK",
    "cryptsetup open /dev/sdb1 data",
    "lsblk -no FSTYPE /dev/sdb; blkid /dev/sdb || true",
    "cat /proc/partitions > /dev/null 2>&1",
    "echo hello > /dev/stderr",
    "exec 3<>/dev/tcp/127.0.0.1/80",
    "cat file > \"$OUT\"",
    "dd if=/dev/sda bs=512 count=1 | sha256sum",
    "for d in /dev/sd?; do lsblk $d; done",
    "if ! blkid /dev/sdb; then echo blank; fi",
    "case $x in mkfs) echo a ;; wipefs|dd) echo b ;; esac",
    "ssh -p 22 nas 'ls /dev'",
    "bash -c 'echo parted'",
    "cat <<EOF > /root/script\nmkfs.ext4 /dev/sdb\nEOF",
    "cp /etc/fstab /etc/fstab.bak",
    "docker run --rm debian:12 lsblk /dev/sdb",
    "docker pull registry.lan/dd; podman ps | awk '{print $1 \" dd\"}'",
    "kubectl get pods -o wide",
    "qemu-img convert -O qcow2 /dev/sdb /srv/backup.qcow2",
    "qemu-img info /dev/sdb",
    "nvme list; nvme smart-log /dev/nvme0",
    "lvresize -rL +5G vg/lv",
    "export PATH=/usr/sbin:$PATH",
    "for d in a b # it's two\ndo echo $d\ndone",
    "$KUBECTL get pods",
    "lvresize -L +10G vg/data",
    "sh /root/mkfs.sh",
    "# mkfs.ext4 /dev/sdb\ntrue",
    "a=(one two); echo ${a[0]} ${#a[@]} $((1 + 2)) \"$(date +%s)\"",
    "x=${y:-\"}\"}; echo '\"' | tr -d \"'\"",
    "f() { echo \"$1\"; }; f x",
    "[[ -b /dev/sdb && $x =~ ^(a|b)$ ]] && echo yes",
    "mkfs.ext4 --version",
    "kubectl get po -o jsonpath='{.items[*].metadata.name}'",
    "$SUDO apt-get install -y parted",
    "apt-get install -y open-iscsi cryptsetup && curl -sSfL https://x/environment_check.sh | bash",
    "trap \"rm -f $T\" EXIT; dd if=/dev/urandom count=1 | base64",
    "retry() { until \"$@\"; do sleep 1; done; }; retry apt-get install -y parted",
    "while read -r d; do hdparm -S 120 $d; done < <(lsblk -dpno NAME)",
    "DEV=/dev/sda; sfdisk -d $DEV > /root/$(basename $DEV).dump",
    "modprobe zram && echo 1G > /sys/block/zram0/disksize && mkswap /dev/zram0",
    "parted -s /dev/sda 'unit GB print'",
    "OUT=$(mktemp 2>/dev/null); zcat img.gz > \"$OUT\"",
    "SELF=$(readlink -f \"$0\"); cp \"$SELF\" /usr/local/bin/x; DIR=$(dirname \"$SELF\"); echo > \"$DIR/log\"; echo > $SELF.bak",
    "sfdisk -J /dev/sda | python3 -m json.tool",
    "ls | xargs -I{} sh -c 'echo {}'",
    "wget -O /dev/null https://x/y",
    "curl -sSfLo /root/mkfs https://x/y",
    "fio --filename=/dev/sdb --rw=randread --name=x",
    "(( (1 + 2) > 2 )) && fdisk -l",
    "zfs list",
    "fio --version",
    "echo mkfs.ext4 | (sleep 1; cat)",
    "{ sh; } <<EOF\necho hello\nEOF\necho 'mkfs.ext4 /dev/sdb' > /root/notes",
    "{ cat > /root/x; } <<EOF\nmkfs.ext4 /dev/sdb\nEOF\nsh < /root/y",
    ". /etc/os-release; echo mkfs.ext4 > /root/notes",
    "while read -r l; do echo \"$l\"; done <<EOF\nmkfs.ext4 /dev/sdb\nEOF",
    "f() { sh; }; f",
    "f() { curl -sfL https://x/y | sh -; }; f; echo mkfs.ext4 > /root/notes",
];

/// Texts, and what they would write to.
const ACTS: &[(&str, &[&str])] = &[
    ("mkfs.ext4 /dev/sdb1", &["mkfs.ext4 /dev/sdb1"]),
    // what acts on more than it names
    ("nvme sanitize /dev/nvme0 -a 2", &["nvme ?"]),
    ("nvme format /dev/nvme0 -n 0xFFFFFFFF", &["nvme ?"]),
    ("nvme format /dev/nvme0n1 --ses=1", &["nvme /dev/nvme0n1"]),
    ("nvme format nvme0n1", &["nvme ?"]),
    ("ceph-volume lvm zap --destroy --osd-id 16", &["ceph-volume ?"]),
    ("ceph-volume lvm zap osd-vg/data-lv", &["ceph-volume /dev/osd-vg/data-lv"]),
    ("drbdadm create-md r0", &["drbdadm ?"]),
    ("systemd-repart --dry-run=no", &["systemd-repart ?"]),
    ("integritysetup format /dev/sdb", &["integritysetup /dev/sdb"]),
    ("cryptsetup --header /dev/sdc luksFormat /dev/sdb", &["cryptsetup /dev/sdc", "cryptsetup /dev/sdb"]),
    ("lvconvert -y --type thin-pool vg/data", &["lvconvert /dev/vg/data"]),
    ("lvresize -fL 5G vg/lv", &["lvresize /dev/vg/lv"]),
    ("lvreduce -r -L 5G vg/lv", &["lvreduce /dev/vg/lv"]),
    ("vgextend data /dev/sdc", &["vgextend /dev/sdc"]),
    ("vgextend data /dev/sdc && vgremove -f data", &["vgextend /dev/sdc", "vgremove data"]),
    ("qemu-img convert image.raw /dev/sdb -O raw", &["qemu-img /dev/sdb"]),
    ("qemu-img dd if=image.raw of=/dev/sdb", &["qemu-img /dev/sdb"]),
    // in a container, and in other languages
    ("docker run --privileged -v /dev:/dev debian mkfs.ext4 -F /dev/sdb", &["docker ?"]),
    ("kubectl -n rook exec deploy/tools -- sh -c 'ceph-volume lvm zap /dev/sdb'", &["kubectl ?"]),
    ("awk '{system(\"wipefs -a /dev/\" $1)}' disks", &["awk ?"]),
    ("expect -c 'spawn fdisk /dev/sdb'", &["expect ?"]),
    ("pkexec mkfs.ext4 /dev/sdb1", &["mkfs.ext4 /dev/sdb1"]),
    // what the reader of a shell's text could pass over
    ("for d in sdb sdc # the worker's disks\ndo mkfs.ext4 -F /dev/$d\ndone # don't worry", &["mkfs.ext4 ?"]),
    ("echo \"${M:-can't find it}\"; wipefs -a /dev/sdb; echo \"${N:-won't do}\"", &["the shell ?"]),
    ("echo \"wipefs -a /dev/sdb\" |\nsh", &["the shell ?"]),
    ("export DISK=/dev/sdb; zcat image.gz > $DISK", &["> ?"]),
    ("f() { local d=/dev/sdb; cp image \"$d\"; }; f", &["cp ?"]),
    ("/sbin/mkfs.xfs -f /dev/sdb1", &["mkfs.xfs /dev/sdb1"]),
    ("mkfs -t ext4 /dev/sdb1", &["mkfs /dev/sdb1"]),
    ("sudo -n mkfs.ext4 -F /dev/sdb1", &["mkfs.ext4 /dev/sdb1"]),
    ("sudo -u root env LC_ALL=C nice -n 10 mkfs.ext4 /dev/sdb1", &["mkfs.ext4 /dev/sdb1"]),
    ("timeout 60 mkfs.ext4 /dev/sdb1", &["mkfs.ext4 /dev/sdb1"]),
    ("LC_ALL=C mkfs.ext4 '/dev/sdb1'", &["mkfs.ext4 /dev/sdb1"]),
    ("blkid /dev/sdb1 || mkfs.ext4 /dev/sdb1", &["mkfs.ext4 /dev/sdb1"]),
    ("if ! blkid /dev/sdb1; then mkfs.ext4 /dev/sdb1; fi", &["mkfs.ext4 /dev/sdb1"]),
    ("yes | mkfs.ext4 \\\n  /dev/sdb1", &["mkfs.ext4 /dev/sdb1"]),
    ("( cd /tmp && mkfs.ext4 /dev/sdb1 )", &["mkfs.ext4 /dev/sdb1"]),
    ("cd /dev && mkfs.ext4 sdb1", &["mkfs.ext4 /dev/sdb1"]),
    ("cd /tmp; mkswap swap", &["mkswap /tmp/swap"]),
    ("env -C /dev mkfs.ext4 sdb1", &["mkfs.ext4 /dev/sdb1"]),
    ("sudo --chdir=/dev wipefs -a sdb; mkswap /dev/sdc", &["wipefs /dev/sdb", "mkswap /dev/sdc"]),
    ("$SUDO -u root mkfs.ext4 /dev/sdb1", &["mkfs.ext4 /dev/sdb1"]),
    ("x=$(mkfs.ext4 /dev/sdb1)", &["mkfs.ext4 /dev/sdb1"]),
    ("echo `mkswap /dev/sdb2`", &["mkswap /dev/sdb2"]),
    ("echo \"${x:-$(wipefs -a /dev/sdb)}\"", &["wipefs /dev/sdb"]),
    ("cat <(wipefs -a /dev/sdb)", &["wipefs /dev/sdb"]),
    ("cat <<EOF\n$(wipefs -a /dev/sdb)\nEOF", &["wipefs /dev/sdb"]),
    ("bash -c 'wipefs --all /dev/sdb'", &["wipefs /dev/sdb"]),
    ("sh -ec \"wipefs -af /dev/sdb\"", &["wipefs /dev/sdb"]),
    ("su - root -c 'wipefs -a /dev/sdb'", &["wipefs /dev/sdb"]),
    ("eval 'wipefs -a' /dev/sdb", &["wipefs /dev/sdb"]),
    ("trap 'wipefs -a /dev/sdb' EXIT", &["wipefs /dev/sdb"]),
    ("bash <<'EOF'\nset -e\nwipefs -a /dev/sdb\nEOF", &["wipefs /dev/sdb"]),
    ("sh -s <<< 'wipefs -a /dev/sdb'", &["wipefs /dev/sdb"]),
    ("{ sh; } <<EOF\nwipefs -a /dev/sdb\nEOF", &["wipefs /dev/sdb"]),
    ("{ true; (sleep 1; sudo bash); } <<'EOF'\nwipefs -a /dev/sdb\nEOF", &["wipefs /dev/sdb"]),
    ("if true; then sh; fi <<< 'wipefs -a /dev/sdb'", &["wipefs /dev/sdb"]),
    ("for x in 1; do sh; done <<< 'wipefs -a /dev/sdb'", &["wipefs /dev/sdb"]),
    ("case x in x) sh ;; esac <<< 'wipefs -a /dev/sdb'", &["wipefs /dev/sdb"]),
    ("true | { sh <<< 'wipefs -a /dev/sdb'; }", &["wipefs /dev/sdb"]),
    ("true | { sh; } <<< 'wipefs -a /dev/sdb'", &["wipefs /dev/sdb"]),
    (". /dev/stdin <<< 'wipefs -a /dev/sdb'", &["wipefs /dev/sdb"]),
    ("{ sh; } <<EOF; { cat; } <<END\nwipefs -a /dev/sdb\nEOF\nmkswap /dev/sdc\nEND", &["wipefs /dev/sdb"]),
    ("case x in x) wipefs -a /dev/sdb ;; esac", &["wipefs /dev/sdb"]),
    ("case x in (a|b) true;; *) wipefs -a /dev/sdb; esac; mkswap /dev/sdc", &["wipefs /dev/sdb", "mkswap /dev/sdc"]),
    ("while true; do wipefs -a /dev/sdb; break; done", &["wipefs /dev/sdb"]),
    ("f() { wipefs -a /dev/sdb; }; f", &["wipefs /dev/sdb"]),
    ("function f { wipefs -a /dev/sdb; }", &["wipefs /dev/sdb"]),
    ("wipefs -o 0x438 /dev/sdb", &["wipefs 0x438", "wipefs /dev/sdb"]),
    ("parted -s /dev/sdb mklabel gpt mkpart primary ext4 0% 100%", &["parted /dev/sdb"]),
    ("parted --script -a optimal /dev/sdb -- mkpart data 1MiB -1s", &["parted /dev/sdb"]),
    ("parted -s /dev/sdb print rm 1", &["parted /dev/sdb"]),
    ("parted -s /dev/sdb mkl gpt", &["parted /dev/sdb"]),
    ("echo 'label: gpt' | sfdisk /dev/sdb", &["sfdisk /dev/sdb"]),
    ("printf 'n\\np\\n1\\n\\n\\nw\\n' | fdisk /dev/sdb", &["fdisk /dev/sdb"]),
    ("sgdisk --zap-all /dev/sdb", &["sgdisk /dev/sdb"]),
    ("sgdisk -n 1:0:0 -t 1:8300 /dev/sdb", &["sgdisk /dev/sdb"]),
    ("dd if=/dev/zero of=/dev/sdb bs=1M count=10", &["dd /dev/sdb"]),
    ("dd if=/dev/zero of=/swapfile bs=1M count=$size", &["dd /swapfile"]),
    ("zcat image.gz | dd of=/dev/sdb", &["dd /dev/sdb"]),
    ("cat image > /dev/sdb", &["> /dev/sdb"]),
    (": >| /dev/nvme0n1", &["> /dev/nvme0n1"]),
    ("cat image 1>>/dev/sdb 2>/dev/null", &["> /dev/sdb"]),
    ("cat image &> /dev/sdb", &["> /dev/sdb"]),
    ("cat image | tee /dev/sdb > /dev/null", &["tee /dev/sdb"]),
    ("cp image.iso /dev/sdb", &["cp /dev/sdb"]),
    ("mkswap /swapfile && swapon /swapfile", &["mkswap /swapfile"]),
    ("blkdiscard -f /dev/sdb", &["blkdiscard /dev/sdb"]),
    ("pvcreate -y /dev/sdb && vgcreate data /dev/sdb", &["pvcreate /dev/sdb", "vgcreate data", "vgcreate /dev/sdb"]),
    ("lvcreate -n lv -l 100%FREE data", &["lvcreate data"]),
    ("lvcreate --yes -L 10G --name lv data /dev/sdb", &["lvcreate data"]),
    ("lvremove -f data/lv", &["lvremove /dev/data/lv"]),
    ("lvremove -f /dev/data/lv", &["lvremove /dev/data/lv"]),
    ("lvresize -L 5G data/lv", &["lvresize /dev/data/lv"]),
    ("mdadm --create /dev/md0 --level=1 --raid-devices=2 /dev/sdb /dev/sdc", &["mdadm /dev/md0", "mdadm /dev/sdb", "mdadm /dev/sdc"]),
    ("mdadm -C --name x /dev/md0 -l 1 -n 2 /dev/sdb missing", &["mdadm /dev/md0", "mdadm /dev/sdb"]),
    ("mdadm --zero-superblock /dev/sdb", &["mdadm /dev/sdb"]),
    ("mdadm /dev/md0 --add /dev/sdc", &["mdadm /dev/sdc"]),
    ("zpool create -f tank mirror sdb /dev/sdc", &["zpool /dev/sdb", "zpool /dev/sdc"]),
    ("cryptsetup -q luksFormat /dev/sdb1 /root/key", &["cryptsetup /dev/sdb1", "cryptsetup /root/key"]),
    ("mke2fs -J device=/dev/sdc1 /dev/sdb1", &["mke2fs /dev/sdc1", "mke2fs /dev/sdb1"]),
    ("btrfs device add /dev/sdc /mnt", &["btrfs /dev/sdc"]),
    ("shred -n 1 /dev/sdb", &["shred /dev/sdb"]),
    ("find /dev -name x -exec true \\; ; mkswap /dev/sdb2", &["mkswap /dev/sdb2"]),
    ("wipefs --al /dev/sdb", &["wipefs /dev/sdb"]),
    ("mdadm -CR /dev/md0 -l1 -n1 -f /dev/sdb", &["mdadm /dev/md0", "mdadm /dev/sdb"]),
    ("mdadm --zero /dev/sdb", &["mdadm /dev/sdb"]),
    ("zpool create -f -o ashift=12 tank raidz1 /dev/sdb sdc", &["zpool /dev/sdb", "zpool /dev/sdc"]),
    ("ddrescue -f /dev/sda /dev/sdb map", &["ddrescue /dev/sdb"]),
    ("qemu-img convert -O raw image.qcow2 /dev/sdb", &["qemu-img /dev/sdb"]),
    ("runuser -u root -- mkfs.ext4 /dev/sdb", &["mkfs.ext4 /dev/sdb"]),
    ("sudo su - -c 'mkfs.ext4 /dev/sdb'", &["mkfs.ext4 /dev/sdb"]),
    ("\\mkfs.ext4 /dev/sdb", &["mkfs.ext4 /dev/sdb"]),
    ("\"mk\"fs.ext4 /dev/sdb", &["mkfs.ext4 /dev/sdb"]),
    ("2>&1 mkfs.ext4 </dev/null /dev/sdb>/root/log", &["mkfs.ext4 /dev/sdb"]),
    ("{ mkfs.ext4 /dev/sdb; } 2>&1 | logger", &["mkfs.ext4 /dev/sdb"]),
    ("flock /run/lock -c 'mkfs.ext4 /dev/sdb'", &["mkfs.ext4 /dev/sdb"]),
    ("fdisk /dev/sdb <<EOF\nn\nw\nEOF", &["fdisk /dev/sdb"]),
    ("\"$BIN\" init; mkswap /swapfile", &["mkswap /swapfile"]),
    ("$SUDO -n mkfs.ext4 /dev/sdb", &["mkfs.ext4 /dev/sdb"]),
    ("exec > >(tee -a log) 2>&1\nmkswap /swapfile", &["mkswap /swapfile"]),
    ("DIR=$(cd \"$(dirname \"$0\")\" && pwd); (cd \"$DIR\"; true); x=`cd $y`; mkswap swap", &["mkswap swap"]),
    ("cd /dev; (cd /tmp; mkswap a); mkswap sdb", &["mkswap /tmp/a", "mkswap /dev/sdb"]),
    ("cd x && mkfs.ext4 -L data /dev/sdb1", &["mkfs.ext4 /dev/sdb1"]),
    ("cd /dev && mkfs.jfs -O sdb", &["mkfs.jfs /dev/sdb"]),
    ("parted -sa optimal /dev/sdb mklabel gpt", &["parted /dev/sdb"]),
    ("parted -s /dev/sdb \"mklabel gpt\" \"mkpart data 1MiB 100%\" set 1 lvm on", &["parted /dev/sdb"]),
    ("parted -s /dev/sdb unit MiB \"mkpart data 1 100%\"", &["parted /dev/sdb"]),
    ("parted -s /dev/sdb print select /dev/sdc rm 1", &["parted /dev/sdb", "parted /dev/sdc"]),
    ("sudo su - <<'EOF'\nset -e\nwipefs -af /dev/sdb\nEOF", &["wipefs /dev/sdb"]),
    ("sudo -i <<EOF\nwipefs -af /dev/sdb\nEOF", &["wipefs /dev/sdb"]),
    ("sudo -s <<EOF\nwipefs -af /dev/sdb\nEOF", &["wipefs /dev/sdb"]),
    ("time -p mkfs.ext4 /dev/sdb", &["mkfs.ext4 /dev/sdb"]),
    ("((wipefs -af /dev/sdb) || true)", &["wipefs /dev/sdb"]),
    ("echo w | fdisk -u=sectors /dev/sdb", &["fdisk /dev/sdb"]),
    ("echo w | fdisk -c=dos /dev/sdb", &["fdisk /dev/sdb"]),
    ("wipefs -a -tntfs /dev/sdb", &["wipefs /dev/sdb"]),
    ("sfdisk -l --delete /dev/sdb", &["sfdisk /dev/sdb"]),
    ("cd /dev && sh -c 'wipefs -af sdb'", &["wipefs /dev/sdb"]),
    ("cd /dev && cat img > sdb", &["> /dev/sdb"]),
    ("cd /dev && tee sdb < img", &["tee /dev/sdb"]),
    ("mdadm /dev/md0 --add-journal /dev/sdb", &["mdadm /dev/sdb"]),
    ("lvm lvremove -f data/lv", &["lvremove /dev/data/lv"]),
    ("wget -qO /dev/sdb https://x/y", &["wget /dev/sdb"]),
    ("curl -sSfL -o/dev/sdb https://x/y", &["curl /dev/sdb"]),
    ("bmaptool copy --nobmap img.gz /dev/sdb", &["bmaptool /dev/sdb"]),
    ("coreos-installer install --insecure /dev/sdb", &["coreos-installer /dev/sdb"]),
    ("ntfsclone -r -O /dev/sdb image", &["ntfsclone /dev/sdb"]),
    ("e2image -ra /dev/sda1 /dev/sdb1", &["e2image /dev/sdb1"]),
    ("fio --filename=/dev/sdb:/dev/sdc --rw=randwrite --name=x", &["fio /dev/sdb", "fio /dev/sdc"]),
    ("lvconvert --merge data/snap", &["lvconvert /dev/data/snap"]),
    ("vgreduce --removemissing data", &["vgreduce data"]),
    // nobody knows which
    ("lsblk -dpno NAME | xargs -I{} sh -c 'wipefs -af {}; mkfs.ext4 -F {}'", &["the shell ?"]),
    ("lsblk -dpno NAME | xargs -I% sh -c 'wipefs -af %'", &["the shell ?"]),
    ("echo wipefs -af /dev/sdb | sudo su", &["the shell ?"]),
    ("{ echo wipefs -af /dev/sdb; } | sh", &["the shell ?"]),
    ("bash <(echo wipefs -af /dev/sdb)", &["the shell ?"]),
    ("echo 'mkfs.ext4 /dev/sdb' | (sleep 1; sh)", &["the shell ?"]),
    ("echo 'mkfs.ext4 /dev/sdb' | { sleep 1; sudo sh; }", &["the shell ?"]),
    ("echo 'mkfs.ext4 /dev/sdb' | if true; then (true; { cat | sh; }); fi", &["the shell ?"]),
    ("echo 'mkfs.ext4 /dev/sdb' | while true; do bash; break; done", &["the shell ?"]),
    ("echo 'mkfs.ext4 /dev/sdb' | case x in x) sh ;; esac", &["the shell ?"]),
    ("{ cat | sh; } <<< 'mkfs.ext4 /dev/sdb'", &["the shell ?"]),
    ("(sleep 1; cat | sh) <<EOF\nmkfs.ext4 /dev/sdb\nEOF", &["the shell ?"]),
    ("f() { sh; }; echo 'mkfs.ext4 /dev/sdb' | f", &["the shell ?"]),
    ("function f { python3 -; }; f <<< 'mkfs.ext4 /dev/sdb'", &["python3 ?"]),
    ("echo 'mkfs.ext4 /dev/sdb' | (perl)", &["perl ?"]),
    ("source <(echo mkfs.ext4 /dev/sdb)", &["the shell ?"]),
    ("echo 'mkfs.ext4 /dev/sdb' | bash /dev/stdin", &["the shell ?"]),
    ("fio job.fio", &["fio ?"]),
    ("fio --output=x /root/job", &["fio ?"]),
    ("fio - < job", &["fio ?"]),
    ("python3 - <<EOF\nrun('mkfs.ext4', disk)\nEOF", &["python3 ?"]),
    ("perl -ne 'system(\"mkfs.ext4 $_\")'", &["perl ?"]),
    ("python3.11 -c 'run(\"mkfs.ext4\")'", &["python3.11 ?"]),
    ("run() { \"$@\"; }; run mkfs.ext4 /dev/sdb", &["$@ ?"]),
    ("DISK=$(lsblk -dpno NAME | tail -1); zcat img.gz > \"$DISK\"", &["> ?"]),
    ("for d in $(lsblk -dpno NAME); do cat /dev/zero > $d; done", &["> ?"]),
    ("lsblk -dpno NAME | while read -r d; do cat /dev/zero > $d; done", &["> ?"]),
    ("A=$(readlink -f /dev/disk/by-id/x); B=$A; cat img | tee ${B}1", &["tee ?"]),
    ("ln -s /dev/sdb /tmp/d && mkfs.ext4 -F /tmp/d", &["mkfs.ext4 ?"]),
    ("mknod /tmp/d b 8 16; mkfs.ext4 -F /tmp/d", &["mkfs.ext4 ?"]),
    ("mknod /tmp/d b 8 16; cat img > /tmp/d", &["> ?"]),
    ("lvremove -f --select vg_name=data", &["lvremove ?"]),
    ("mkswap UUID=1234", &["mkswap ?"]),
    ("zfs destroy tank/data", &["zfs ?"]),
    ("env -S 'mkfs.ext4 /dev/sdb'", &["the shell ?"]),
    ("$(which mkfs.ext4) /dev/sdb", &["$(which mkfs.ext4) ?"]),
    ("while read -r d; do mkfs.ext4 \"$d\"; done < list", &["mkfs.ext4 ?"]),
    ("mkfs.ext4 $DISK", &["mkfs.ext4 ?"]),
    ("mkfs.ext4 \"${DISK}1\"", &["mkfs.ext4 ?"]),
    ("for d in b c; do mkfs.ext4 /dev/sd$d; done", &["mkfs.ext4 ?"]),
    ("for d in sdb sdc\ndo\n  parted -s /dev/$d mklabel gpt\ndone", &["parted ?"]),
    ("mkfs.ext4 /dev/sd[bc]", &["mkfs.ext4 ?"]),
    ("mkfs.ext4 /dev/sd{b,c}", &["mkfs.ext4 ?"]),
    ("mkfs.ext4 $(lsblk -dno PATH | tail -1)", &["mkfs.ext4 ?"]),
    ("mkfs.ext4 `blkid -L data`", &["mkfs.ext4 ?"]),
    ("lsblk -dno PATH | xargs -n1 mkfs.ext4", &["mkfs.ext4 ?"]),
    ("find /dev -name 'sd?' -exec wipefs -a {} \\;", &["wipefs ?"]),
    ("wipefs -a $disk", &["wipefs ?"]),
    ("dd if=/dev/zero of=$target bs=1M", &["dd ?"]),
    ("bash -c \"mkfs.ext4 $DISK\"", &["the shell ?"]),
    ("CMD='mkfs.ext4 /dev/sdb'; $CMD", &["$CMD ?"]),
    ("CMD='mkfs.ext4 /dev/sdb'; eval $CMD", &["the shell ?"]),
    ("echo 'mkfs.ext4 /dev/sdb' | sh", &["the shell ?"]),
    ("ssh nas mkfs.ext4 /dev/sdb", &["ssh ?"]),
    ("python3 -c 'import os; os.system(\"mkfs.ext4 /dev/sdb\")'", &["python3 ?"]),
    ("DISK=/dev/sdb; cat image > $DISK", &["> ?"]),
    ("DISK=/dev/sdb; tee \"$DISK\" < image", &["tee ?"]),
    ("cd \"$HERE\" && mkfs.ext4 sdb", &["mkfs.ext4 ?"]),
    ("mkfs.ext4 /dev/sdb 'not closed", &["the shell ?"]),
    ("parted mklabel gpt", &["parted mklabel"]),
    ("zpool destroy tank", &["zpool ?"]),
    ("lvremove -f data", &["lvremove ?"]),
];

#[test]
fn only_what_writes_to_a_disk_is_told() {
    let mut wrong = Vec::new();
    for (text, wanted) in HARMLESS.iter().map(|text| (text, &[][..])).chain(ACTS.iter().map(|(text, wanted)| (text, *wanted))) {
        let judged = judged(text);
        if judged != wanted {
            wrong.push(format!("{text:?}: {judged:?}, not {wanted:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn words_without_a_shell_are_what_they_are() {
    let words = |text: &str| shown(&of_words(&text.split(' ').map(str::to_owned).collect::<Vec<_>>(), None));
    assert_eq!(words("mkfs.ext4 -L data /dev/sdb1"), ["mkfs.ext4 /dev/sdb1"]);
    // nothing is filled in any more
    assert_eq!(words("mkfs.ext4 $DISK"), ["mkfs.ext4 $DISK"]);
    assert_eq!(words("echo x > /dev/sdb"), [""; 0]);
    let argv = ["bash", "-c", "x=1; wipefs -a /dev/sd$x"].map(str::to_owned);
    assert_eq!(shown(&of_words(&argv, None)), ["wipefs ?"]);
    assert_eq!(of_words(&[], None), Judgement::default());
}

#[test]
fn what_a_shell_reads_is_a_text_too() {
    let bash = ["bash".to_owned()];
    assert_eq!(shown(&of_words(&bash, Some("wipefs -a /dev/sdb"))), ["wipefs /dev/sdb"]);
    assert_eq!(shown(&of_shell("sudo bash", Some("wipefs -a $x"))), ["wipefs ?"]);
    assert_eq!(shown(&of_shell("cat > /root/notes", Some("wipefs -a $x"))), [""; 0]);
}

#[test]
fn other_languages_are_not_read() {
    assert_eq!(shown(&of_unknown("subprocess.run(['mkfs.ext4', disk])", "python")), ["python ?"]);
    assert!(of_unknown("print('hello')", "python").is_harmless());
}

proptest! {
    #[test]
    fn it_never_panics(text in "(mkfs |/dev/sdb|dd of=|[ \\$\\(\\)\\{\\}'\"`\\\\;&|<>#=a\n\\[\\]*~!-]|case |in |esac|EOF|<<|for |do |done|if |then |fi|\\$\\(\\(|\\[\\[ ){0,30}") {
        let _ = of_shell(&text, None);
        let _ = of_words(&text.split(' ').map(str::to_owned).collect::<Vec<_>>(), None);
    }

    #[test]
    fn it_never_panics_on_anything(text in ".{0,60}") {
        let _ = of_shell(&text, None);
    }

    #[test]
    fn a_program_that_writes_is_never_missed(
        before in prop::sample::select(vec!["", "true; ", "true && ", "x=1 ", "sudo ", "! ", "if true; then ", "(", "{ ", "echo $(", "while ", "case a in a) ", "env A=b ", "true | ", "true\n", "echo \"$(", "f() { "]),
        quote in prop::sample::select(vec!["", "'", "\""]),
        program in prop::sample::select(vec!["mkfs.ext4", "/sbin/mkfs.xfs", "wipefs -a", "mkswap", "parted -s", "blkdiscard"]),
        noise in "[a-z ]{0,8}",
    ) {
        // where the rest does not fit, it is not understood, and that is told as well
        let text = format!("{before}{program} {quote}/dev/sdb{quote} mklabel gpt\n{noise}");
        prop_assert!(!of_shell(&text, None).is_harmless(), "{}", text);
    }
}

#[test]
fn a_tasks_own_variables_are_known_to_its_text() {
    let environment = [("TARGET".to_owned(), "/dev/sdb".to_owned())];
    let setting = Setting { environment: &environment, ..Setting::default() };
    assert_eq!(shown(&of_text_for("/bin/sh", "zcat image.gz | tee \"$TARGET\"", setting)), ["tee ?"]);
    assert!(of_text_for("/bin/sh", "zcat image.gz | tee \"$OTHER\"", setting).is_harmless());
}
