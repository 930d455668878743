#!/bin/sh
# `make demo`: six throwaway machines, reached and looked at as a user would, and cleaned up. Without an argument it starts
# the machines and calls itself among them.
set -eu
cd "$(dirname "$0")/.."
programs=${CARGO_TARGET_DIR:-target}/debug

if [ "${1-}" != among-them ]; then
    exec "$programs/examples/nodes" --count 6 --run -- "$0" among-them
fi

home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
mkdir -m 700 "$home/.ssh"
cp "$HOMELABCTL_KNOWN_HOSTS" "$home/.ssh/known_hosts"
export HOME="$home" XDG_STATE_HOME="$home/state"

run() {
    shown=
    for word in "$@"; do
        case $word in *[!a-zA-Z0-9_./:,=-]*) shown="$shown '$word'" ;; *) shown="$shown $word" ;; esac
    done
    printf '\n$ homelabctl%s\n\n' "$shown"
    command=$1
    shift
    "$programs/homelabctl" "$command" -i "$HOMELABCTL_INVENTORY" "$@"
}

run ping all
run facts all
run exec workers --become -- sh -c 'id -un; uname -r'
