//! Several small files at once, as text.

use serde::{Deserialize, Serialize};

use super::path::all_absolute;
use super::{Kind, json};
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// What is in small text files, such as those of /proc and /sys, in one go and by builtins alone. It moves by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Texts(Vec<String>);

impl Texts {
    /// Of the files at those absolute paths; links are followed.
    pub fn new(paths: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self(paths.into_iter().map(Into::into).collect())
    }
}

impl Fact for Texts {
    /// In the order of the paths.
    type Value = Vec<Text>;

    fn query(&self) -> Query {
        Query::new(KIND.name, &self.0, vec![Touch::FilesOutside(Vec::new()), Touch::Mounts]).moving()
    }
}

/// What is known of one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Text {
    /// Its text, without the last line end.
    Is(String),
    /// There is none.
    Absent,
    /// It is no file that may be read.
    Unreadable,
}

impl Text {
    /// The text, if it could be read.
    pub fn is(&self) -> Option<&str> {
        match self {
            Self::Is(text) => Some(text),
            _ => None,
        }
    }
}

pub(super) const KIND: Kind =
    Kind { name: "texts", function: &PROBE, merged: false, words: all_absolute, parse: |args, text| json(read(args.len(), text)?) };

static PROBE: Function = Function {
    name: "probe_texts",
    text: r#"
probe_texts() {
  id=$1 texts=
  shift
  for f do
    if ! [ -e "$f" ]; then texts=$texts-$nl
    elif ! [ -f "$f" ] || ! [ -r "$f" ]; then texts=$texts!$nl
    else
      texts=$texts=$nl
      while IFS= read -r l || [ -n "$l" ]; do texts=$texts+$l$nl; done 2>/dev/null <"$f"
    fi
  done
  r=${texts%"$nl"}
  answer "$id" 0
}
"#,
    needs: &[],
};

/// A line `-`, `!` or `=` for each file; the lines of its text follow, each behind a `+`.
fn read(count: usize, text: &str) -> Result<Vec<Text>, String> {
    let mut texts: Vec<Text> = Vec::new();
    let mut first = true;
    for line in text.split('\n') {
        match (line.strip_prefix('+'), texts.last_mut()) {
            (Some(line), Some(Text::Is(text))) => {
                if !first {
                    text.push('\n');
                }
                text.push_str(line);
                first = false;
            }
            (Some(_), _) => return Err("a line of no file".into()),
            (None, _) => {
                first = true;
                texts.push(match line {
                    "-" => Text::Absent,
                    "!" => Text::Unreadable,
                    "=" => Text::Is(String::new()),
                    _ => return Err(format!("a line as {line:?}")),
                });
            }
        }
    }
    if texts.len() == count { Ok(texts) } else { Err(format!("{} texts of {count} files", texts.len())) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::record::Records;
    use crate::node::script::Script;
    use crate::node::testing::{SHELLS, run};

    #[test]
    fn texts_come_back_as_they_are() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
        let texts = ["", "a", "a\n", "\n\nb\\n  c \n\n", "ü\n-\n=\n+", "+\n!"];
        for (number, text) in texts.iter().enumerate() {
            std::fs::write(path(&number.to_string()), text).unwrap();
        }
        let mut paths: Vec<String> = (0..texts.len()).map(|number| path(&number.to_string())).collect();
        paths.extend([path("nope"), path("")]);
        for shell in SHELLS {
            let mut script = Script::new();
            let probes = script.probe(&[Texts::new(paths.clone()).query()]);
            let output = run(shell, "n1", &script.finish());
            let reading = probes.observe(&Records::parse("n1", &output.stdout, &output.stderr))[0].1.reading.clone();
            let crate::plan::Reading::Present(value) = reading else { panic!("{reading:?}") };
            let mut wanted: Vec<Text> = texts.iter().map(|text| Text::Is(text.strip_suffix('\n').unwrap_or(text).to_owned())).collect();
            wanted.extend([Text::Absent, Text::Unreadable]);
            assert_eq!(serde_json::from_value::<Vec<Text>>(value).unwrap(), wanted, "{shell:?}");
        }
    }

    #[test]
    fn what_is_not_whole_is_an_error() {
        assert!(read(1, "").is_err() && read(2, "-").is_err() && read(1, "+a").is_err() && read(1, "-\n+a").is_err());
    }
}
