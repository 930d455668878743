#!/bin/sh
case "$1" in
--list) cat <<'END'
{"all": {"hosts": ["a1", "h:22", "n[1:2]"], "vars": {"x": 1}, "children": ["z", "g"]}, "ungrouped": {"hosts": ["u1"]}, "g": {"hosts": ["g1"]}, "_meta": {"hostvars": {}}}
END
;;
--host) echo '{}'
;;
esac
