//! What facts about paths share.

use crate::node::script::Function;
use crate::plan::Touch;

/// The one argument of a fact about a path: absolute, because a script has no directory of its own to stand in.
pub(super) fn absolute(args: &[String]) -> Result<Vec<String>, String> {
    match args {
        [path] if path.starts_with('/') => Ok(vec![path.clone()]),
        [path] => Err(format!("{path:?} is not an absolute path")),
        _ => Err("one path is wanted".into()),
    }
}

/// The arguments of a fact about several paths at once.
pub(super) fn all_absolute(args: &[String]) -> Result<Vec<String>, String> {
    match args.iter().find(|path| !path.starts_with('/')) {
        Some(path) => Err(format!("{path:?} is not an absolute path")),
        None if args.is_empty() => Err("paths are wanted".into()),
        None => Ok(args.to_vec()),
    }
}

/// What everything about a path stands on: the files there and what is mounted over them.
pub(super) fn ground(path: &str) -> Vec<Touch> {
    vec![Touch::Files(path.into()), Touch::Mounts]
}

/// Sharing one program's lines out to the paths that it was given.
///
/// `gone N`: whether `$err` says of N files that they are not there (a circle of links leads nowhere), and says nothing else (LC_ALL=C; coreutils and
/// busybox end alike). `failed INDEX`: answers for one path that a program failed on. `share_out MATCH ONE IDS PATH…`:
/// gives the lines of `$r` to the paths in order. `MATCH PATH LINE` sets `$r` and is true if the line is the path's own;
/// paths without a line are absent if the errors say so for just as many, else `ONE INDEX PATH` asks for each alone.
pub(super) static SHARE_OUT: Function = Function {
    name: "share_out",
    text: r#"
gone() {
  wanted=$1
  IFS=$nl; set -- $err; IFS=$ifs
  [ $# = "$wanted" ] || return 1
  for e do
    case $e in *": No such file or directory"|*": Not a directory"|*": Too many levels of symbolic links") ;; *) return 1 ;; esac
  done
}
failed() {
  if gone 1; then r=; answer "$1" 44; else r=$err; answer "$1" 1; fi
}
share_out() {
  match=$1 one=$2 ids=$3; shift 3
  i=0 j=$(($# + 1)) lost= lost_count=0
  IFS=$nl; set -- "$@" $r; IFS=$ifs
  for id in $ids; do
    i=$((i + 1))
    eval "p=\${$i} l=\${$j-}"
    if "$match" "$p" "$l"; then
      j=$((j + 1)); answer "$id" 0
    else
      lost="$lost $id:$i"; lost_count=$((lost_count + 1))
    fi
  done
  [ -n "$lost" ] || return 0
  if [ "$j" -gt $# ] && gone "$lost_count"; then
    r=
    for lost_one in $lost; do answer "${lost_one%:*}" 44; done
  else
    for lost_one in $lost; do
      eval "p=\${${lost_one#*:}}"
      "$one" "${lost_one%:*}" "$p"
    done
  fi
}
"#,
    needs: &[],
};
