#!/bin/sh
# node-root.sh ROOT DIR IMAGES: the root file system of a machine that becomes a Kubernetes node, made of ROOT (of debian-root.sh):
# what takes long on a slow machine has been done, and what only this kind of machine needs. Kubernetes' own packages are not in it.
#  * containerd, runc and the packages that a node wants are installed, from the archive that is in ROOT; nothing is set up.
#  * containerd has the IMAGES (of images.sh).
#  * The packages in the archive that only have the names of Kubernetes' are gone.
set -eu
root=$1 dir=$2 images=$3
cp -a "$root" "$dir"
mount -t proc proc "$dir/proc"
mount -t tmpfs none "$dir/run"
mount -t tmpfs none "$dir/tmp"
mount --bind /dev "$dir/dev"
mkdir "$dir/tmp/images"
mount --bind "$images" "$dir/tmp/images"

chroot "$dir" sh -eu <<'C'
export LC_ALL=C DEBIAN_FRONTEND=noninteractive
cd /usr/share/testbed/archive
rm -f pool/kubeadm_* pool/kubelet_* pool/kubectl_* pool/cri-tools_* pool/kubernetes-cni_*
for index in dists/stable/main/binary-*/Packages; do
    awk 'BEGIN { RS = ""; ORS = "\n\n" } !/^Package: (kubeadm|kubelet|kubectl|cri-tools|kubernetes-cni)\n/' "$index" >"$index.new"
    mv "$index.new" "$index"
done
# its key is gone since it was made; apt remembers that there was one
rm -rf dists/stable/Release dists/stable/Release.gpg dists/stable/InRelease /var/lib/apt/lists/*
echo 'deb [trusted=yes] file:/usr/share/testbed/archive stable main' >/etc/apt/sources.list
apt-get -qq update </dev/null
printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
chmod 755 /usr/sbin/policy-rc.d
apt-get -qq --no-install-recommends install ipset ipvsadm conntrack ethtool socat iptables open-iscsi nfs-common cryptsetup \
    containerd </dev/null >/dev/null
rm -f /usr/sbin/policy-rc.d
systemctl --quiet disable containerd.service iscsid.service open-iscsi.service nfs-client.target rpcbind.service rpcbind.socket \
    2>/dev/null || :
# each machine makes its own when iscsid first starts
echo GenerateName=yes >/etc/iscsi/initiatorname.iscsi
# The kernel of User-mode Linux knows the old tables only.
for family in iptables ip6tables; do update-alternatives --quiet --set $family /usr/sbin/$family-legacy; done

containerd --log-level warn >/tmp/containerd.log 2>&1 &
tries=0
until ctr version >/dev/null 2>&1; do
    [ $((tries += 1)) -lt 100 ] || { cat /tmp/containerd.log >&2; exit 1; }
    sleep 0.1
done
for image in /tmp/images/*.tar; do ctr -n k8s.io images import "$image" >/dev/null; done
kill $!
wait
C

# The kubelet does not start where /proc/cpuinfo tells no clock, as in User-mode Linux.
cat >"$dir/usr/local/sbin/testbed-cpuinfo" <<'F'
#!/bin/sh
grep -q 'cpu MHz' /proc/cpuinfo && exit
awk '{ print } /^model name/ { printf "cpu MHz\t\t: 2000.000\nphysical id\t: 0\nsiblings\t: 1\ncore id\t\t: 0\ncpu cores\t: 1\n" }' \
    /proc/cpuinfo >/run/testbed-cpuinfo
mount --bind /run/testbed-cpuinfo /proc/cpuinfo
F
chmod 755 "$dir/usr/local/sbin/testbed-cpuinfo"
cat >"$dir/etc/systemd/system/testbed-cpuinfo.service" <<'F'
[Unit]
Description=Test bed: a clock for the kubelet
DefaultDependencies=no
After=local-fs.target
Before=kubelet.service sysinit.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/sbin/testbed-cpuinfo
[Install]
WantedBy=sysinit.target
F
systemctl --root="$dir" --quiet enable testbed-cpuinfo.service
# CoreDNS wants to know somebody to ask; nobody answers there.
echo 'nameserver 10.77.0.1' >"$dir/etc/resolv.conf"

for place in tmp/images tmp run dev proc; do umount "$dir/$place"; done
