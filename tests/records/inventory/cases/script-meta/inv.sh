#!/bin/sh
case "$1" in
--list) cat <<'END'
{
 "web": {"hosts": ["w1", "w2"], "vars": {"port": 80, "t": "{{ x }}"}},
 "db": {"hosts": ["d1"], "children": []},
 "site": {"children": ["web", "db"], "vars": {"where": "home"}},
 "_meta": {"hostvars": {"w1": {"a": 1, "f": 1.5, "n": null, "b": true, "l": [1, {"k": "v"}], "u": "größe", "t": "{{ y }}", "e": 1e3, "big": 12345678901234567890123}, "nobody": {"x": 1}}}
}
END
;;
--host) exit 1
;;
esac
