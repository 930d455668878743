#!/bin/sh
# programs.sh [PROGRAM…]: the programs of a Kubernetes cluster and Flux's controllers, built from Go modules as they are published;
# all of the table below if none is named. Prints where each one is, a line each. Built once: each is kept in the test bed's cache, in
# a folder named by its module's version and the digest of all that makes it. Two at a time do no harm.
#
# Wants Go, 1.24.1 or newer. What it downloads and compiles stays in `go` beside that; it may be removed when all is built.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cache=${HOMELABCTL_TESTBED:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/homelabctl-testbed}

# program                 folder here   module that has the version     folder in it
table='
kube-apiserver            kubernetes    k8s.io/kubernetes               /cmd/kube-apiserver
kubeadm                   kubernetes    k8s.io/kubernetes               /cmd/kubeadm
etcd                      etcd          go.etcd.io/etcd/server/v3       .
etcdctl                   etcd          go.etcd.io/etcd/etcdctl/v3      .
etcdutl                   etcdutl       go.etcd.io/etcd/etcdutl/v3      .
kube-controller-manager   kubernetes    k8s.io/kubernetes               /cmd/kube-controller-manager
kube-scheduler            kubernetes    k8s.io/kubernetes               /cmd/kube-scheduler
kubelet                   kubernetes    k8s.io/kubernetes               /cmd/kubelet
kubectl                   kubernetes    k8s.io/kubernetes               /cmd/kubectl
kube-proxy                kubernetes    k8s.io/kubernetes               /cmd/kube-proxy
crictl                    cri-tools     sigs.k8s.io/cri-tools           /cmd/crictl
coredns                   coredns       github.com/coredns/coredns      .
flanneld                  flannel       github.com/flannel-io/flannel   .
kube-flannel.yml          flannel       github.com/flannel-io/flannel   /Documentation/kube-flannel.yml
bridge                    cni           github.com/containernetworking/plugins  /plugins/main/bridge
loopback                  cni           github.com/containernetworking/plugins  /plugins/main/loopback
host-local                cni           github.com/containernetworking/plugins  /plugins/ipam/host-local
portmap                   cni           github.com/containernetworking/plugins  /plugins/meta/portmap
flannel                   flannel-cni   testbed.invalid/flannel-cni     .
kube-vip                  kube-vip      github.com/kube-vip/kube-vip    .
helm                      helm          helm.sh/helm/v3                 /cmd/helm
cilium-chart              cilium        github.com/cilium/cilium        /install/kubernetes/cilium
source-controller         source-controller        github.com/fluxcd/source-controller        .
kustomize-controller      kustomize-controller     github.com/fluxcd/kustomize-controller     .
helm-controller           helm-controller          github.com/fluxcd/helm-controller          .
notification-controller   notification-controller  github.com/fluxcd/notification-controller  .
'

# What the linker writes into a program of FOLDER at VERSION: who it says that it is.
stamp() {
    case $1 in
        kubernetes)
            minor=${2#v*.}
            for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
                printf -- '-X %s.%s ' "$package" "gitVersion=$2" "$package" gitMajor=1 "$package" "gitMinor=${minor%%.*}" \
                    "$package" gitTreeState=clean
            done
            ;;
        cri-tools) printf -- '-X sigs.k8s.io/cri-tools/pkg/version.Version=%s' "$2" ;;
        cni) printf -- '-X github.com/containernetworking/plugins/pkg/utils/buildversion.BuildVersion=%s' "$2" ;;
        helm) printf -- '-X helm.sh/helm/v3/internal/version.version=%s' "$2" ;;
        flannel) printf -- '-X github.com/flannel-io/flannel/pkg/version.Version=%s' "$2" ;;
    esac
}

# The PROGRAM of FOLDER is built from PACKAGE of MODULE, unless it is there.
program() {
    name=$1 folder=$2 module=$3 package=$4
    version=$(sed -n "s,^\(require \|	\)$module \(v[^ ]*\).*,\2,p" "$here/modules/$folder/go.mod")
    version=${version:-ours}
    flags="-s -w $(stamp "$folder" "$version")" cgo=0 tags=
    # flannel has a part in C
    [ "$folder" != flannel ] || cgo=1 tags=netgo,osusergo flags="$flags -linkmode external -extldflags -static"
    digest=$({ echo "$flags"; cat "$here/modules/$folder"/*; } | sha256sum | cut -c1-12)
    dir=$cache/programs/$folder-$version-$digest
    if [ ! -e "$dir/$name" ]; then
        mkdir -p "$dir"
        (
            flock 9
            [ ! -e "$dir/$name" ] || exit 0
            go=$(command -v go) || { echo "tests/testbed/kubernetes/programs.sh: Go is needed (1.24.1 or newer)" >&2; exit 1; }
            echo "test bed: building $name $version (once, some minutes)" >&2
            cd "$here/modules/$folder"
            export CGO_ENABLED=$cgo GOWORK=off GOMODCACHE="$cache/go/mod" GOCACHE="$cache/go/build"
            begun=$(date +%s)
            case $name in
                *.yml | *-chart) # not a program, but it goes with one
                    "$go" mod download "$module" >&2
                    rm -rf "$dir/$name.unfinished"
                    cp -r --no-preserve=mode "$("$go" list -mod=readonly -m -f '{{.Dir}}' "$module")$package" "$dir/$name.unfinished"
                    ;;
                *)
                    set -- -mod=readonly -trimpath -buildvcs=false -tags "$tags" -ldflags "$flags" -o "$dir/$name.unfinished"
                    "$go" build "$@" "$module${package#.}" >&2
                    ;;
            esac
            mv "$dir/$name.unfinished" "$dir/$name"
            echo "test bed: $name $version took $(($(date +%s) - begun)) s, has $(($(stat -c %s "$dir/$name") / 1000000)) MB" >&2
        ) 9>"$dir/$name.lock"
    fi
    printf '%s\n' "$dir/$name"
}

[ $# -ne 0 ] || set -- $(printf '%s' "$table" | cut -s -d' ' -f1)
for wanted; do
    # shellcheck disable=SC2046 # the words of a line
    set -- $(printf '%s' "$table" | grep "^$wanted ")
    [ $# -eq 4 ] || { echo "tests/testbed/kubernetes/programs.sh: no program is called '$wanted'" >&2; exit 1; }
    program "$@"
done
