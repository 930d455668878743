#!/bin/sh
# cli.sh VERSION: the Flux CLI of that version, built from its Go module and the base files that bundle.sh makes. Prints where two
# programs are, a line each: the CLI, and one that writes gotk-sync.yaml and kustomization.yaml with the CLI's own packages, which the
# CLI itself does for a repository only (sync.go). Built once, like all programs of the test bed; wants Go.
#
# The file for source-watcher, whose module cannot be had, is one of our own: what the CLI makes of it is still the CLI's work.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cache=${HOMELABCTL_TESTBED:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/homelabctl-testbed}
[ $# -eq 1 ] || { echo "usage: tests/testbed/flux/cli.sh VERSION" >&2; exit 1; }
version=$1
flux=github.com/fluxcd/flux2/v2

bundle=$("$here/bundle.sh" "$version")
digest=$(cat "$here/cli.sh" "$here/sync.go" "$here/source-watcher.yaml" "$bundle"/* | sha256sum | cut -c1-12)
dir=$cache/programs/flux-$version-$digest
if [ ! -e "$dir/flux-sync" ]; then
    mkdir -p "$dir"
    (
        flock 9
        [ ! -e "$dir/flux-sync" ] || exit 0
        echo "test bed: building the Flux CLI $version (once, some minutes)" >&2
        export CGO_ENABLED=0 GOWORK=off GOMODCACHE="$cache/go/mod" GOCACHE="$cache/go/build"
        source=$(cd / && go mod download -json "$flux@$version" | sed -n 's/^	"Dir": "\(.*\)",*$/\1/p')
        work=$dir/source
        rm -rf "$work"
        cp -r --no-preserve=mode "$source" "$work"
        mkdir -p "$work/cmd/flux/manifests" "$work/cmd/flux-sync"
        cp "$bundle"/*.yaml "$here/source-watcher.yaml" "$work/cmd/flux/manifests/"
        cp "$here/sync.go" "$work/cmd/flux-sync/main.go"
        cd "$work"
        begun=$(date +%s)
        for name in flux flux-sync; do
            go build -mod=readonly -trimpath -buildvcs=false -ldflags "-s -w -X main.VERSION=${version#v}" -o "$dir/$name.unfinished" "./cmd/$name" >&2
            mv "$dir/$name.unfinished" "$dir/$name"
        done
        cd /
        rm -rf "$work"
        echo "test bed: the Flux CLI $version took $(($(date +%s) - begun)) s" >&2
    ) 9>"$dir/lock"
fi
printf '%s\n' "$dir/flux" "$dir/flux-sync"
