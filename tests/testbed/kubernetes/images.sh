#!/bin/sh
# images.sh DIR ARCHIVER PAUSE MANIFEST PROGRAM…: the images of a cluster, as archives in DIR, named as kubeadm and flannel's MANIFEST
# name them; each made of one of the PROGRAMs (paths), and where it calls others, of a small Debian below it. ARCHIVER is the text of
# docker-archive.py, PAUSE that of pause.c. Beside them `kube-flannel.yml`, the MANIFEST.
set -eu
dir=$1 archiver=$2 pause=$3 manifest=$4
shift 4

mkdir -p "$dir/work"
for program; do ln -s "$program" "$dir/work/${program##*/}"; done
cd "$dir/work"
printf '%s\n' "$pause" >pause.c
cc -Os -static -o pause pause.c

# Below kube-proxy, flanneld and what tests start. No maintainer script runs, so the links that those make are made here: the kernel
# of User-mode Linux knows the old tables only.
mmdebstrap --quiet --mode=root --variant=extract --include=iptables,ipset,kmod,conntrack,iproute2,busybox-static bookworm debian
for family in iptables ip6tables; do
    for end in '' -save -restore; do ln -sf xtables-legacy-multi "debian/usr/sbin/$family$end"; done
done
rm -rf debian/usr/share/doc debian/usr/share/man debian/usr/share/locale debian/var/cache debian/var/lib/apt debian/var/lib/dpkg
for applet in sh cat cp echo env hostname httpd id ls mkdir nc nslookup ping sleep wget; do ln -s busybox "debian/bin/$applet"; done

# image NAME ENTRYPOINT LAYER…
image() {
    file=${1##*/}
    python3 -c "$archiver" "$dir/${file%%:*}.tar" "$@"
}
bin=/usr/local/bin
./kubeadm config images list --kubernetes-version "$(./kubeadm version --output short)" >names
while read -r name; do
    program=${name##*/}
    program=${program%%:*}
    case $program in
        pause) image "$name" /pause pause=/pause ;;
        etcd) image "$name" '' etcd=$bin/etcd etcdctl=$bin/etcdctl ;;
        coredns) image "$name" /coredns coredns=/coredns ;;
        kube-proxy) image "$name" '' debian kube-proxy=$bin/kube-proxy ;;
        *) image "$name" '' "$program=$bin/$program" ;;
    esac
done <names

cp "$manifest" "$dir/kube-flannel.yml"
sed -n 's/^ *image: //p' "$manifest" | sort -u >names
while read -r name; do
    case $name in
        *-cni-plugin:*) image "$name" '' debian flannel=/flannel ;;
        *) image "$name" /opt/bin/flanneld debian flanneld=/opt/bin/flanneld ;;
    esac
done <names
# The version is homelabctl's default.
image ghcr.io/kube-vip/kube-vip:v1.0.0 /kube-vip kube-vip=/kube-vip
# What tests run in pods.
image testbed.invalid/busybox:1 '' debian
cd "$dir"
rm -rf work
