//! The lines of all files in directories of configuration.

use serde::{Deserialize, Serialize};

use super::path::all_absolute;
use super::{Kind, json, parse};
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// What stands in the regular files of some directories (not below them), in one go: `/etc/modprobe.d` and the like. Links
/// to files are followed, and a directory that is not there has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinesIn(Vec<String>);

impl LinesIn {
    /// Of those absolute paths; one that is a file stands for itself.
    pub fn new(directories: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self(directories.into_iter().map(Into::into).collect())
    }
}

impl Fact for LinesIn {
    /// In the order of the directories, in each by name.
    type Value = Vec<FileLine>;

    fn query(&self) -> Query {
        Query::new(KIND.name, &self.0, ground(&self.0))
    }
}

/// What stands in the files of configuration of some directories as systemd and modprobe read them: only `*.conf`, and one
/// hides another of its name in a later directory (a link to /dev/null: without anything in its place).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigurationLines(Vec<String>);

impl ConfigurationLines {
    /// Of those absolute paths, the most important first.
    pub fn new(directories: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self(directories.into_iter().map(Into::into).collect())
    }
}

impl Fact for ConfigurationLines {
    type Value = Vec<FileLine>;

    fn query(&self) -> Query {
        Query::new(CONFIGURATION.name, &self.0, ground(&self.0))
    }
}

fn ground(paths: &[String]) -> Vec<Touch> {
    paths.iter().map(|path| Touch::Files(path.clone())).chain([Touch::Mounts]).collect()
}

/// A line of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileLine {
    /// In which file.
    pub file: String,
    /// Which of its lines, from 1.
    pub line: u32,
    /// Its text, without the line end.
    pub text: String,
}

pub(super) const KIND: Kind =
    Kind { name: "lines_in", function: &PROBE, merged: false, words: all_absolute, parse: |_, text| json(read(text)?) };

/// `lines_of INDEX FILE…`: answers with all lines of these files.
static LINES_OF: Function = Function {
    name: "lines_of",
    text: r#"
lines_of() {
  id=$1; shift
  r=
  if [ $# -gt 0 ]; then
    take awk '{ print FILENAME "\t" FNR "\t" $0 }' "$@" || { r=$err; answer "$id" 1; return; }
  fi
  answer "$id" 0
}
"#,
    needs: &[],
};

static PROBE: Function = Function {
    name: "probe_lines_in",
    text: r#"
probe_lines_in() {
  id=$1; shift
  count=$#
  set +f
  while [ $count -gt 0 ]; do
    d=$1; shift; count=$((count - 1))
    if [ -f "$d" ]; then set -- "$@" "$d"; continue; fi
    for f in "$d"/*; do ! [ -f "$f" ] || set -- "$@" "$f"; done
  done
  set -f
  lines_of "$id" "$@"
}
"#,
    needs: &[&LINES_OF],
};

pub(super) const CONFIGURATION: Kind = Kind {
    name: "configuration_lines",
    function: &PROBE_CONFIGURATION,
    merged: false,
    words: all_absolute,
    parse: |_, text| json(read(text)?),
};

static PROBE_CONFIGURATION: Function = Function {
    name: "probe_configuration_lines",
    text: r#"
probe_configuration_lines() {
  id=$1; shift
  count=$# seen=/
  set +f
  while [ $count -gt 0 ]; do
    d=$1; shift; count=$((count - 1))
    for f in "$d"/*.conf; do
      [ -e "$f" ] || [ -L "$f" ] || continue
      case $seen in *"/${f##*/}/"*) continue ;; esac
      seen=$seen${f##*/}/
      ! [ -f "$f" ] || set -- "$@" "$f"
    done
  done
  set -f
  lines_of "$id" "$@"
}
"#,
    needs: &[&LINES_OF],
};

/// File, number and text of each line, between tabs.
fn read(text: &str) -> Result<Vec<FileLine>, String> {
    let line = |line: &str| {
        let mut fields = line.splitn(3, '\t');
        let file = fields.next().unwrap_or_default().to_owned();
        let number = parse::number(fields.next(), "line number")?;
        Ok(FileLine { file, line: number, text: fields.next().unwrap_or_default().to_owned() })
    };
    text.split('\n').filter(|line| !line.is_empty()).map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::record::Records;
    use crate::node::script::Script;
    use crate::node::testing::{SHELLS, run};

    #[test]
    fn all_lines_of_all_files_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
        std::fs::create_dir(path("a")).unwrap();
        std::fs::create_dir(path("a/below")).unwrap();
        std::fs::write(path("a/2"), "x\ty\n\nlast").unwrap();
        std::fs::write(path("a/1 b"), "one\n").unwrap();
        std::fs::write(path("a/empty"), "").unwrap();
        std::fs::write(path("alone"), "alone\n").unwrap();
        for shell in SHELLS {
            let mut script = Script::new();
            let probes = script.probe(&[LinesIn::new([path("a"), path("none"), path("alone")]).query()]);
            let output = run(shell, "n1", &script.finish());
            let reading = probes.observe(&Records::parse("n1", &output.stdout, &output.stderr))[0].1.reading.clone();
            let crate::plan::Reading::Present(value) = reading else { panic!("{reading:?}") };
            let lines: Vec<FileLine> = serde_json::from_value(value).unwrap();
            let short: Vec<String> =
                lines.iter().map(|l| format!("{}:{}:{}", l.file.rsplit('/').next().unwrap(), l.line, l.text)).collect();
            assert_eq!(short, ["1 b:1:one", "2:1:x\ty", "2:2:", "2:3:last", "alone:1:alone"], "{shell:?}");
        }
        assert!(read("x").is_err() && read("").unwrap().is_empty());
    }

    #[test]
    fn of_configuration_only_what_is_read_counts() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
        for (file, text) in
            [("etc/a.conf.bak", "old"), ("etc/b.conf", "b"), ("usr/a.conf", "a"), ("usr/b.conf", "hidden"), ("usr/c.conf", "masked")]
        {
            std::fs::create_dir_all(std::path::Path::new(&path(file)).parent().unwrap()).unwrap();
            std::fs::write(path(file), text).unwrap();
        }
        std::os::unix::fs::symlink("/dev/null", path("etc/c.conf")).unwrap();
        for shell in SHELLS {
            let mut script = Script::new();
            let probes = script.probe(&[ConfigurationLines::new([path("etc"), path("none"), path("usr")]).query()]);
            let output = run(shell, "n1", &script.finish());
            let reading = probes.observe(&Records::parse("n1", &output.stdout, &output.stderr))[0].1.reading.clone();
            let crate::plan::Reading::Present(value) = reading else { panic!("{reading:?}") };
            let lines: Vec<FileLine> = serde_json::from_value(value).unwrap();
            assert_eq!(lines.iter().map(|line| line.text.as_str()).collect::<Vec<_>>(), ["b", "a"], "{shell:?}");
        }
    }
}
