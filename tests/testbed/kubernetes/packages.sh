#!/bin/sh
# packages.sh DIR PROGRAM…: a signed apt repository below DIR with the PROGRAMs (paths) as kubelet, kubeadm, kubectl, cri-tools and
# kubernetes-cni, laid out as Kubernetes' own is: `core:/stable:/v1.34/deb`, its key there as Release.key. What the packages bring and
# ask for is what the real ones do: nothing is enabled or started by them.
set -eu
export LC_ALL=C GNUPGHOME=$1/keys
dir=$1 work=$1/work
shift
mkdir -p "$work/programs"
mkdir -m 0700 "$GNUPGHOME"
for program; do ln -s "$program" "$work/programs/${program##*/}"; done

# the programs say who they are
version=$("$work/programs/kubeadm" version --output short)
version=${version#v}
cri_tools=$("$work/programs/crictl" --version | sed 's/.* v//')
cni=$("$work/programs/bridge" 2>&1 </dev/null | sed -n 's/^CNI bridge plugin v//p')
architecture=$(dpkg --print-architecture)
repository="$dir/core:/stable:/v${version%.*}/deb"
mkdir -p "$repository/$architecture"

# brings PATH PROGRAM…: the package that is packed next has these in the folder.
brings() {
    folder=$work/tree$1
    shift
    mkdir -p "$folder"
    for program; do
        cp -L "$work/programs/$program" "$folder/"
        chmod 755 "$folder/$program"
    done
}
# file PATH: the package that is packed next has it, as it comes on standard input.
file() {
    mkdir -p "$work/tree${1%/*}"
    cat >"$work/tree$1"
}
# pack NAME VERSION DESCRIPTION [CONTROL-LINES]
pack() {
    mkdir -p "$work/tree/DEBIAN"
    {
        printf 'Package: %s\nVersion: %s-1.1\nArchitecture: %s\nMaintainer: Test bed <root@localhost>\n' "$1" "$2" "$architecture"
        printf 'Section: admin\nPriority: optional\nInstalled-Size: %s\n' "$(du -sk "$work/tree" | cut -f1)"
        [ -z "${4-}" ] || printf '%s\n' "$4"
        printf 'Description: %s\n' "$3"
    } >"$work/tree/DEBIAN/control"
    # not compressed: the machines that unpack it are slow, their network is not
    dpkg-deb --root-owner-group -Znone --build "$work/tree" "$repository/$architecture/${1}_$2-1.1_$architecture.deb" >/dev/null
    rm -rf "$work/tree"
}

brings /usr/bin kubelet
file /usr/lib/systemd/system/kubelet.service <<'U'
[Unit]
Description=kubelet: The Kubernetes Node Agent
Documentation=https://kubernetes.io/docs/
Wants=network-online.target
After=network-online.target

[Service]
ExecStart=/usr/bin/kubelet
Restart=always
StartLimitInterval=0
RestartSec=10

[Install]
WantedBy=multi-user.target
U
pack kubelet "$version" 'Node agent for Kubernetes clusters' 'Depends: iptables (>= 1.4.21), kubernetes-cni (>= 1.2.0), iproute2, mount, util-linux
Recommends: ethtool, conntrack, socat'

brings /usr/bin kubeadm
file /usr/lib/systemd/system/kubelet.service.d/10-kubeadm.conf <<'U'
# Note: This dropin only works with kubeadm and kubelet v1.11+
[Service]
Environment="KUBELET_KUBECONFIG_ARGS=--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf --kubeconfig=/etc/kubernetes/kubelet.conf"
Environment="KUBELET_CONFIG_ARGS=--config=/var/lib/kubelet/config.yaml"
# kubeadm init and kubeadm join write this one
EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env
# and this is for what people add
EnvironmentFile=-/etc/default/kubelet
ExecStart=
ExecStart=/usr/bin/kubelet $KUBELET_KUBECONFIG_ARGS $KUBELET_CONFIG_ARGS $KUBELET_KUBEADM_ARGS $KUBELET_EXTRA_ARGS
U
pack kubeadm "$version" 'Command-line utility for administering a Kubernetes cluster' 'Depends: cri-tools (>= 1.30.0)'

brings /usr/bin kubectl
pack kubectl "$version" 'Command-line utility for interacting with a Kubernetes cluster'
brings /usr/bin crictl
pack cri-tools "$cri_tools" 'Command-line utility for interacting with a container runtime'
brings /opt/cni/bin bridge host-local loopback portmap
pack kubernetes-cni "$cni" 'Binaries required to provision kubernetes container networking'

cd "$repository"
for deb in "$architecture"/*.deb; do
    dpkg-deb --field "$deb"
    printf 'Filename: %s\nSize: %s\nSHA256: %s\n\n' "$deb" "$(stat -c %s "$deb")" "$(sha256sum "$deb" | cut -d' ' -f1)"
done >Packages
gzip -kn Packages
{
    printf 'Origin: Test bed\nLabel: Kubernetes of the test bed\nArchitectures: %s\nDate: %s\nSHA256:\n' \
        "$architecture" "$(date -u '+%a, %d %b %Y %H:%M:%S UTC')"
    for index in Packages Packages.gz; do printf ' %s %s %s\n' "$(sha256sum $index | cut -d' ' -f1)" "$(stat -c %s $index)" $index; done
} >Release
sign() {
    gpg --batch --quiet --local-user packages@testbed "$@"
}
gpg --batch --quiet --pinentry-mode loopback --passphrase '' --quick-generate-key 'Test bed <packages@testbed>' rsa2048 sign never 2>/dev/null
sign --clearsign --output InRelease Release
sign --armor --detach-sign --output Release.gpg Release
sign --armor --export packages@testbed >Release.key
# the agent that gpg has started keeps its socket in there
gpgconf --kill gpg-agent
rm -rf "$GNUPGHOME" "$work"
