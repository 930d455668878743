echo 1 >/dev/null
