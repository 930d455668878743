#!/bin/sh
echo careful >&2
cat "$(dirname "$0")/data.json"
