#!/bin/sh
# serve.sh ROOT REPOSITORY RIGHTS: what a deploy key of REPOSITORY may do (`read` or `write`), in GitHub's words. sshd calls it, whatever
# was asked; that is in SSH_ORIGINAL_COMMAND. Each call is a line in ROOT/ssh.log.
set -eu
root=$1 mine=$2 rights=$3
command=${SSH_ORIGINAL_COMMAND-}
program=${command%% *}
asked=$(printf '%s' "${command#"$program"}" | tr -d " '\"")
asked=${asked#/} asked=${asked%.git}
echo "$program $asked" >>"$root/ssh.log"
say() { echo "ERROR: $*" >&2; exit 1; }
case $program in
    git-upload-pack) ;;
    git-receive-pack) ;;
    *) echo "Hi $mine! You've successfully authenticated, but GitHub does not provide shell access." >&2; exit 1 ;;
esac
[ "$asked" = "$mine" ] && [ -d "$root/$mine.git" ] || say "Repository not found."
[ "$program" = git-upload-pack ] || [ "$rights" = write ] ||
    say "The key you are authenticating with has been marked as read only."
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null
exec git "${program#git-}" "$root/$mine.git"
