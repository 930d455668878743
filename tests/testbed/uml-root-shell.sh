# Run in a User-mode Linux machine for each connection to its second network card: takes a script until the end of the
# input, runs it, answers with a line `STATUS LENGTH LENGTH` and then its two outputs of these lengths.
d=$(mktemp -d /run/testbed.XXXXXX)
cat >"$d/script"
export HOME=/root
cd /
sh "$d/script" </dev/null >"$d/out" 2>"$d/err"
echo "$? $(wc -c <"$d/out") $(wc -c <"$d/err")"
cat "$d/out" "$d/err"
rm -rf "$d"
