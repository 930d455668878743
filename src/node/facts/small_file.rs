//! What facts from small files share.

use crate::node::script::Function;

/// `slurp FILE`: its text in `$r` by builtins alone, which is cheaper than a program for some KiB; 44 where it is not
/// there, 1 with `$err` where it cannot be read. Not for /proc/sys: the kernel answers the first byte of a read only.
/// `answer_file INDEX FILE` answers with it.
pub(super) static SLURP: Function = Function {
    name: "slurp",
    text: r#"
slurp() {
  r= err=
  [ -e "$1" ] || return 44
  [ -f "$1" ] && [ -r "$1" ] || { err="$1 cannot be read"; return 1; }
  while IFS= read -r l || [ -n "$l" ]; do r=$r$l$nl; done <"$1"
  r=${r%"$nl"}
}
answer_file() {
  slurp "$2"
  set -- "$1" $?
  [ "$2" != 1 ] || r=$err
  answer "$1" "$2"
}
"#,
    needs: &[],
};
