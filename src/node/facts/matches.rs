//! Whether anything matches a shell's pattern, as Python's `glob.glob` sees it.

use super::path::SHARE_OUT;
use super::{Kind, json};
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// Whether a file, directory or link is at a path with `*`, `?` and `[…]` in it. Absent where nothing is.
///
/// A path that is not absolute begins in the login's directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matches(String);

impl Matches {
    /// A pattern in which a backslash is a character like others, and `[^a]` means `^` or `a`.
    pub fn new(pattern: impl Into<String>) -> Self {
        Self(pattern.into())
    }
}

impl Fact for Matches {
    /// True: what matches may come and go as long as something does.
    type Value = bool;

    fn query(&self) -> Query {
        let fixed = fixed(&self.0);
        let stands_on = if fixed.starts_with('/') { Touch::Files(fixed.into()) } else { Touch::FilesOutside(Vec::new()) };
        Query::new(KIND.name, [&self.0], vec![stands_on, Touch::Mounts])
    }
}

pub(super) const KIND: Kind = Kind {
    name: "matches",
    function: &PROBE,
    merged: false,
    words: |args| match args {
        [pattern] if !pattern.is_empty() => {
            let how = if pattern.contains(MAGIC) { "pattern" } else { "path" };
            Ok(vec![how.into(), shell_pattern(pattern), fixed(pattern).into()])
        }
        _ => Err("a pattern is wanted".into()),
    },
    parse: |_, _| json(true),
};

const MAGIC: [char; 3] = ['*', '?', '['];

/// The directory above the first component with a pattern in it; the path itself if there is none.
fn fixed(pattern: &str) -> &str {
    let Some(magic) = pattern.find(MAGIC) else { return pattern };
    let before = pattern.get(..magic).unwrap_or_default();
    match before.rfind('/') {
        Some(0) => "/",
        Some(slash) => before.get(..slash).unwrap_or("."),
        None => ".",
    }
}

/// The same for a shell: there a backslash escapes and some take `[^` for `[!`.
fn shell_pattern(pattern: &str) -> String {
    if !pattern.contains(MAGIC) {
        return pattern.into();
    }
    let mut text = String::new();
    let mut rest = pattern;
    while let Some(c) = rest.chars().next() {
        let tail = rest.get(c.len_utf8()..).unwrap_or_default();
        rest = tail;
        match c {
            '\\' => text.push_str("[\\\\]"),
            '[' => {
                let (not, inner) = tail.strip_prefix('!').map_or(("", tail), |inner| ("!", inner));
                // the first may be a bracket itself
                match inner.char_indices().skip(1).find(|(_, c)| *c == ']') {
                    Some((end, _)) => {
                        let set = inner.get(..end).unwrap_or_default();
                        let (caret, set) = set.strip_prefix('^').map_or(("", set), |set| ("^", set));
                        text.push_str(&format!("[{not}{}{caret}]", set.replace('\\', "\\\\")));
                        rest = inner.get(end + 1..).unwrap_or_default();
                    }
                    // not closed: itself
                    None => text.push_str("[[]"),
                }
            }
            c => text.push(c),
        }
    }
    text
}

// A directory that cannot be read has no matches for the shell; that is not known, so it is looked at. What the fixed
// part is not, nothing below it is.
static PROBE: Function = Function {
    name: "probe_matches",
    text: r#"
probe_matches() {
  id=$1
  case $3 in -*) set -- "$1" "$2" "./$3" "$4" ;; esac
  if [ "$2" = path ]; then
    if take stat -c %F -- "$3"; then r=; answer "$id" 0; else failed "$id"; fi
    return
  fi
  fixed=$4
  IFS=
  set +f
  set -- $3
  set -f
  IFS=$ifs
  for f do
    if [ -e "$f" ] || [ -L "$f" ]; then r=; answer "$id" 0; return; fi
  done
  if ! take stat -L -c %F -- "$fixed"; then failed "$id"
  elif [ -d "$fixed" ] && ! { [ -r "$fixed" ] && [ -x "$fixed" ]; }; then r="$fixed cannot be read"; answer "$id" 1
  else r=; answer "$id" 44
  fi
}
"#,
    needs: &[&SHARE_OUT],
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::record::Records;
    use crate::node::script::Script;
    use crate::node::testing::{SHELLS, run};
    use crate::plan::Reading;

    #[test]
    fn the_fixed_part_ends_before_the_first_pattern() {
        for (pattern, wanted) in [("/a/b*/c", "/a"), ("/*", "/"), ("a*", "."), ("x/y?", "x"), ("/a/b", "/a/b"), ("/a/[b", "/a")] {
            assert_eq!(fixed(pattern), wanted);
        }
    }

    #[test]
    fn patterns_mean_what_they_mean_in_python() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["a.conf", "b\\c", ".hidden", "^x", "sp ace", "br[ket", "it's $(x)"] {
            std::fs::write(dir.path().join(name), "").unwrap();
        }
        std::os::unix::fs::symlink("nowhere", dir.path().join("dangling")).unwrap();
        std::fs::create_dir(dir.path().join("sub")).unwrap();
        std::fs::write(dir.path().join("sub/f"), "").unwrap();
        let there = [
            "a.conf",
            "*.conf",
            "b\\c",
            "b\\*",
            "dangl*",
            "dangling",
            "[^a]x",
            "s? ace",
            "sp*",
            "*/f",
            "br[k*",
            "br[[]ket",
            "[!b].conf",
            "it's $(*",
            ".h*",
        ];
        let gone = ["*hidden", "nope", "nope/*", "a.conf/*", "[!a].conf", "b\\\\*", "*.cfg", "**/g", "[^b].conf"];
        for shell in SHELLS {
            for (name, wanted) in there.map(|name| (name, true)).into_iter().chain(gone.map(|name| (name, false))) {
                let mut script = Script::new();
                let probes = script.probe(&[Matches::new(format!("{}/{name}", dir.path().display())).query()]);
                let output = run(shell, "n1", &script.finish());
                let reading = probes.observe(&Records::parse("n1", &output.stdout, &output.stderr))[0].1.reading.clone();
                let wanted = if wanted { Reading::Present(true.into()) } else { Reading::Absent };
                assert_eq!(reading, wanted, "{name} in {shell:?}");
            }
        }
    }
}
