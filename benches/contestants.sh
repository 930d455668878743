#!/bin/bash
# Installs what the benchmarks compare with beside Ansible, each into a directory of its own, once, and prints both directories:
# Mitogen (packages for $PYTHONPATH of that Ansible) and pyinfra (a virtual environment).
set -euo pipefail
mitogen=0.3.54 pyinfra=3.10.0
cache=${XDG_CACHE_HOME:-$HOME/.cache}/homelabctl-testbed
if ! test -e "$cache/mitogen/$mitogen/done"; then
  rm -rf "$cache/mitogen/$mitogen"
  "$1/bin/pip" install --quiet --disable-pip-version-check --target "$cache/mitogen/$mitogen" "mitogen==$mitogen" >&2
  touch "$cache/mitogen/$mitogen/done"
fi
if ! test -e "$cache/pyinfra/$pyinfra/done"; then
  rm -rf "$cache/pyinfra/$pyinfra"
  "$1/bin/python" -m venv "$cache/pyinfra/$pyinfra"
  "$cache/pyinfra/$pyinfra/bin/pip" install --quiet --disable-pip-version-check "pyinfra==$pyinfra" >&2
  touch "$cache/pyinfra/$pyinfra/done"
fi
echo "$cache/mitogen/$mitogen"
echo "$cache/pyinfra/$pyinfra"
