#!/bin/sh
case "$1" in
--list) cat <<'END'
{}
END
;;
--host) echo '{}'
;;
esac
