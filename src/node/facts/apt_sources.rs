//! What apt reads of sources in the old form: `/etc/apt/sources.list` and `/etc/apt/sources.list.d/*.list`.

use serde::{Deserialize, Serialize};

use super::parse::no_words;
use super::{Kind, json};
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// The lines of all those files. Absent where there is no apt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AptSources;

impl Fact for AptSources {
    /// In the order of their paths.
    type Value = Vec<SourcesFile>;

    fn query(&self) -> Query {
        // a file may be a link, and then what it leads to is told by the task that reads it
        let files = ["/etc/apt/sources.list", "/etc/apt/sources.list.d"].map(|path| Touch::Files(path.into()));
        Query::new(KIND.name, [""; 0], files.into_iter().chain([Touch::Mounts]).collect())
    }
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourcesFile {
    /// Its path.
    pub path: String,
    /// Its lines, without their ends.
    pub lines: Vec<String>,
}

pub(super) const KIND: Kind =
    Kind { name: "apt_sources", function: &PROBE, merged: false, words: no_words, parse: |_, text| json(read(text)?) };

static PROBE: Function = Function {
    name: "probe_apt_sources",
    text: r#"
probe_apt_sources() {
  id=$1 texts=
  if ! [ -d /etc/apt ]; then r=; answer "$id" 44; return; fi
  set +f
  set -- /etc/apt/sources.list /etc/apt/sources.list.d/*.list
  set -f
  for f do
    [ -f "$f" ] || continue
    if ! [ -r "$f" ]; then r="$f cannot be read"; answer "$id" 1; return; fi
    texts=$texts=$f$nl
    while IFS= read -r l || [ -n "$l" ]; do texts=$texts+$l$nl; done <"$f"
  done
  r=${texts%"$nl"}; answer "$id" 0
}
"#,
    needs: &[],
};

/// A line `=path` for each file, and behind it its lines after a `+` each.
fn read(text: &str) -> Result<Vec<SourcesFile>, String> {
    let mut files: Vec<SourcesFile> = Vec::new();
    for line in text.split('\n').filter(|line| !line.is_empty()) {
        match (line.strip_prefix('='), line.strip_prefix('+'), files.last_mut()) {
            (Some(path), ..) => files.push(SourcesFile { path: path.into(), lines: Vec::new() }),
            (None, Some(line), Some(file)) => file.lines.push(line.into()),
            _ => return Err(format!("a line as {line:?}")),
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_have_their_lines() {
        let files = read("=/etc/apt/sources.list\n+deb a b c\n+\n+# x\n=/etc/apt/sources.list.d/e.list").unwrap();
        assert_eq!(files[0].lines, ["deb a b c", "", "# x"]);
        assert_eq!((files[1].path.as_str(), files[1].lines.len(), read("").unwrap().len()), ("/etc/apt/sources.list.d/e.list", 0, 0));
        assert!(read("+a").is_err() && read("=a\nb").is_err());
    }
}
