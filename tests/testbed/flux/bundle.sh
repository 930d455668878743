#!/bin/sh
# bundle.sh VERSION [OUT]: the base files of a Flux release, as its manifests.tar.gz has them: one a controller, rbac.yaml and
# policies.yaml. Prints the folder where they are, and copies them to OUT if one is named. Made once: kept in the test bed's cache,
# in a folder named by the version and the digest of all that makes it.
#
# They are made as Flux's own release makes them, by kustomize from each controller's `config` folder; only that this comes out of the
# controller's Go module instead of the release assets made of it. Go checks the modules against its checksum database; the program
# knows the digests of what comes out.
#
# source-watcher's module cannot be had, so its file is missing: eight files of nine. Any other that is missing is an error.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cache=${HOMELABCTL_TESTBED:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/homelabctl-testbed}
[ $# -ge 1 ] || { echo "usage: tests/testbed/flux/bundle.sh VERSION [OUT]" >&2; exit 1; }
version=$1 out=${2-}
flux=github.com/fluxcd/flux2/v2

# Where the module MODULE@VERSION is, which is downloaded first.
module() {
    (cd / && GOWORK=off GOFLAGS= GOMODCACHE="$cache/go/mod" go mod download -json "$1") | sed -n 's/^	"Dir": "\(.*\)",*$/\1/p'
}

# Makes the files in the folder $1.
make_bundle() {
    kubectl=$("$here/../kubernetes/programs.sh" kubectl)
    source=$(module "$flux@$version")
    [ -n "$source" ] || { echo "test bed: there is no module $flux@$version" >&2; exit 1; }
    work=$1.work
    rm -rf "$1" "$work"
    mkdir -p "$1"
    cp -r --no-preserve=mode "$source/manifests" "$work"
    for base in "$work"/bases/*/; do
        controller=$(basename "$base")
        release=$(sed -n "s,.*/$controller/releases/download/\([^/]*\)/.*crds.yaml,\1,p" "$base/kustomization.yaml")
        name=github.com/fluxcd/$controller
        case $release in v0.* | v1.*) ;; *) name=$name/${release%%.*} ;; esac
        found=$(module "$name@$release")
        if [ -z "$found" ]; then
            [ "$controller" = source-watcher ] || { echo "test bed: there is no module $name@$release" >&2; exit 1; }
            echo "test bed: $name@$release cannot be had, so there is no $controller.yaml" >&2
            continue
        fi
        # what the controller's own release makes of it, and Flux's kustomization fetches
        cp -r --no-preserve=mode "$found/config" "$base/config"
        "$kubectl" kustomize "$base/config/crd" >"$base/$controller.crds.yaml"
        "$kubectl" kustomize "$base/config/manager" >"$base/$controller.deployment.yaml"
        rm -r "$base/config"
        sed -i "s,https://github.com/fluxcd/$controller/releases/download/$release/,," "$base/kustomization.yaml"
        "$kubectl" kustomize "$base" >"$1/$controller.yaml"
    done
    "$kubectl" kustomize "$work/rbac" >"$1/rbac.yaml"
    "$kubectl" kustomize "$work/policies" >"$1/policies.yaml"
    rm -r "$work"
}

digest=$(cat "$here/bundle.sh" "$here"/../kubernetes/modules/kubernetes/* | sha256sum | cut -c1-12)
dir=$cache/flux/bundle-$version-$digest
if [ ! -e "$dir" ]; then
    command -v go >/dev/null || { echo "tests/testbed/flux/bundle.sh: Go is needed (1.24.1 or newer)" >&2; exit 1; }
    mkdir -p "$cache/flux"
    (
        flock 9
        [ ! -e "$dir" ] || exit 0
        echo "test bed: making the base files of Flux $version (once, less than a minute)" >&2
        make_bundle "$dir.unfinished"
        mv "$dir.unfinished" "$dir"
    ) 9>"$dir.lock"
fi
if [ -n "$out" ]; then
    mkdir -p "$out"
    cp "$dir"/*.yaml "$out/"
fi
printf '%s\n' "$dir"
