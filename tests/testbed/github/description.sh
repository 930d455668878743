#!/bin/sh
# description.sh VERSION: GitHub's own description of its API (OpenAPI), as it publishes it in the npm package @octokit/openapi; of it
# only what a cluster's repository needs, and all that this refers to. Prints the file. Made once: kept in the test bed's cache, named
# by the version and the digest of this script. npm compares the package with the digest that its registry has.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cache=${HOMELABCTL_TESTBED:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/homelabctl-testbed}
[ $# -eq 1 ] || { echo "usage: tests/testbed/github/description.sh VERSION" >&2; exit 1; }
version=$1
file=$cache/github/description-$version-$(sha256sum <"$here/description.sh" | cut -c1-12).json
if [ ! -e "$file" ]; then
    command -v npm >/dev/null || { echo "tests/testbed/github/description.sh: npm is needed" >&2; exit 1; }
    mkdir -p "$cache/github"
    (
        flock 9
        [ ! -e "$file" ] || exit 0
        echo "test bed: fetching GitHub's description of its API $version (once, 29 MB)" >&2
        work=$(mktemp -d)
        trap 'rm -rf "$work"' EXIT
        (cd "$work" && npm pack --silent "@octokit/openapi@$version" >&2)
        tar -xzf "$work"/*.tgz -C "$work" package/generated/api.github.com.json
        python3 - "$work/package/generated/api.github.com.json" >"$file.unfinished" <<'PYTHON'
import json, re, sys

whole = json.load(open(sys.argv[1]))
wanted = re.compile(r"/(meta|user|user/repos|orgs/\{org\}/repos|repos/\{owner\}/\{repo\}(/(git|keys|contents|branches|rules/branches)(/.*)?)?)$")
paths = {path: item for path, item in whole["paths"].items() if wanted.match(path)}
kept = {"openapi": whole["openapi"], "info": whole["info"], "paths": paths, "components": {}}
todo = [paths]
while todo:
    node = todo.pop()
    if isinstance(node, list):
        todo.extend(node)
    elif isinstance(node, dict):
        reference = node.get("$ref")
        if isinstance(reference, str) and reference.startswith("#/components/"):
            kind, name = reference.split("/")[2:]
            found = kept["components"].setdefault(kind, {})
            if name not in found:
                found[name] = whole["components"][kind][name]
                todo.append(found[name])
        todo.extend(node.values())
json.dump(kept, sys.stdout)
PYTHON
        mv "$file.unfinished" "$file"
    ) 9>"$file.lock"
fi
printf '%s\n' "$file"
