#!/bin/sh
printf '%s\n' "$@" > /srv/case/arguments
echo done
