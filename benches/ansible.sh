#!/bin/bash
# Installs the Ansible that the benchmarks compare with into a directory of its own, once, and prints that directory.
set -euo pipefail
version=2.19.14 package=12.3.0
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
# The two collections that the field uses, as the package `ansible` has them: 54 MB to fetch, but not its hundred others.
if ! test -e "$dir/done-collections"; then
  from=$(mktemp -d)
  trap 'rm -rf "$from"' EXIT
  "$dir/bin/pip" download --quiet --disable-pip-version-check --no-deps --dest "$from" "ansible==$package" >&2
  "$dir/bin/python" - "$from" "$(echo "$dir"/lib/python3*/site-packages)" >&2 <<'E'
import pathlib, sys, zipfile

[wheel] = pathlib.Path(sys.argv[1]).glob("*.whl")
with zipfile.ZipFile(wheel) as archive:
    wanted = ("ansible_collections/ansible/posix/", "ansible_collections/community/general/")
    archive.extractall(sys.argv[2], [name for name in archive.namelist() if name.startswith(wanted)])
E
  touch "$dir/done-collections"
fi
echo "$dir"
