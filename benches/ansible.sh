#!/bin/bash
# Installs the Ansible that the benchmarks compare with into a directory of its own, once, and prints that directory.
set -euo pipefail
version=2.19.14
dir=${XDG_CACHE_HOME:-$HOME/.cache}/homelabctl-testbed/ansible/$version
if ! test -e "$dir/done"; then
  rm -rf "$dir"
  mkdir -p "$dir"
  if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
    echo "installing python3-venv, to install ansible-core $version with (needs root)" >&2
    apt-get install -y -qq python3-venv >&2
  fi
  python3 -m venv "$dir"
  "$dir/bin/pip" install --quiet --disable-pip-version-check "ansible-core==$version" >&2
  touch "$dir/done"
fi
echo "$dir"
