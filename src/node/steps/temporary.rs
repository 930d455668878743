//! A new file or directory with a name that nobody has.

use serde::{Deserialize, Serialize};

use super::{Action, Call, FAIL, Invalid, check};
use crate::node::script::Function;
use crate::plan::Touch;

/// Makes an empty file (0600) or directory (0700) and prints its path.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MakeTemporary {
    /// Whether it is a directory.
    pub directory: bool,
    /// Where; the login's directory for temporary files if not said.
    pub parent: Option<String>,
    /// The beginning of its name.
    pub prefix: String,
    /// The end of its name.
    pub suffix: String,
}

/// `directory`|`file`, parent|``, prefix, suffix. mkdir(1) and a redirection with `-C` fail where the name is taken.
const MAKE_TEMPORARY: Function = Function {
    name: "s_make_temporary",
    needs: &[&FAIL],
    text: r#"s_make_temporary() (
  parent=$2
  for candidate in "${TMPDIR-}" "${TEMP-}" "${TMP-}" /tmp /var/tmp /usr/tmp; do
    if [ -z "$parent" ] && [ -n "$candidate" ] && [ -d "$candidate" ] && [ -w "$candidate" ]; then parent=$candidate; fi
  done
  [ -d "$parent" ] || s_fail "[Errno 2] No such file or directory: '$parent'"
  umask 077
  set -C
  tries=100
  while [ "$tries" -gt 0 ]; do
    tries=$((tries - 1))
    random=$(mktemp -u XXXXXXXX) || exit 1
    new=${parent%/}/$3${random##*/}$4
    if [ -e "$new" ] || [ -L "$new" ]; then continue; fi
    if [ "$1" = directory ]; then mkdir -- "$new"; else : >"$new"; fi || exit 1
    printf '%s\n' "$new"
    exit 0
  done
  s_fail "no name was free in $parent"
)"#,
};

impl Action for MakeTemporary {
    fn call(&self) -> Call {
        let what = if self.directory { "directory" } else { "file" };
        Call::new(&MAKE_TEMPORARY, [what, self.parent.as_deref().unwrap_or_default(), &self.prefix, &self.suffix])
    }

    fn touches(&self) -> Vec<Touch> {
        match &self.parent {
            Some(parent) => vec![Touch::Files(parent.clone())],
            None => vec![Touch::FilesOutside(Vec::new())],
        }
    }

    fn describe(&self) -> String {
        format!("make a temporary {}", if self.directory { "directory" } else { "file" })
    }

    fn check(&self) -> Result<(), Invalid> {
        for part in [&self.prefix, &self.suffix] {
            if part.contains(['/', '\0']) {
                return check::refuse("part of a name", part, "has a slash or a NUL in it");
            }
        }
        self.parent.iter().try_for_each(|parent| if parent == "/" { Ok(()) } else { check::path(parent) })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::node::script::Script;
    use crate::node::testing::{SHELLS, run};

    #[test]
    fn every_shell_makes_them_for_the_owner_alone() {
        let dir = tempfile::tempdir().unwrap();
        for shell in SHELLS {
            for directory in [false, true] {
                let parent = Some(dir.path().to_str().unwrap().to_owned());
                let step = MakeTemporary { directory, parent, prefix: "it's ".into(), suffix: "X.txt".into() };
                let call = step.call();
                let mut script = Script::new();
                script.call(call.function, call.words).unwrap();
                let output = run(shell, "n1", &script.finish());
                assert!(output.status.success(), "{shell:?} {output:?}");
                let path = String::from_utf8(output.stdout).unwrap();
                let path = std::path::Path::new(path.trim_end());
                let name = path.file_name().unwrap().to_str().unwrap();
                assert!(name.starts_with("it's ") && name.ends_with("X.txt") && name.len() == 18, "{name}");
                let found = std::fs::metadata(path).unwrap();
                assert_eq!((found.is_dir(), found.permissions().mode() & 0o777), (directory, if directory { 0o700 } else { 0o600 }));
            }
            let step = MakeTemporary { directory: false, parent: Some("/no/such".into()), prefix: String::new(), suffix: String::new() };
            let call = step.call();
            let mut script = Script::new();
            script.call(call.function, call.words).unwrap();
            let output = run(shell, "n1", &script.finish());
            assert!(!output.status.success() && output.stderr.ends_with(b"No such file or directory: '/no/such'\n"), "{output:?}");
        }
    }
}
