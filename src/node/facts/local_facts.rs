//! Facts that a machine tells about itself: Ansible's `*.fact` files.

use serde::{Deserialize, Serialize};

use super::path::absolute;
use super::{Kind, json};
use crate::node::record::{from_base64, to_text};
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// The files `*.fact` in a directory; those that may be run are run, as Ansible does. Absent without that directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalFacts(String);

impl LocalFacts {
    /// In that absolute directory.
    pub fn new(directory: impl Into<String>) -> Self {
        Self(directory.into())
    }
}

impl Fact for LocalFacts {
    type Value = Vec<LocalFact>;

    fn query(&self) -> Query {
        Query::new(KIND.name, [&self.0], vec![Touch::Everything]).moving()
    }
}

/// What one of them says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalFact {
    /// The file's name.
    pub name: String,
    /// The status, if it was run.
    pub status: Option<i32>,
    /// Its text or what it printed.
    pub text: String,
}

pub(super) const KIND: Kind =
    Kind { name: "local_facts", function: &PROBE, merged: false, words: absolute, parse: |_, text| json(read(text)?) };

static PROBE: Function = Function {
    name: "probe_local_facts",
    text: r#"
probe_local_facts() {
  id=$1 facts=
  if ! [ -d "$2" ]; then r=; answer "$id" 44; return; fi
  if ! [ -r "$2" ] || ! [ -x "$2" ]; then r="$2 cannot be read"; answer "$id" 1; return; fi
  set +f
  set -- "${2%/}"/*.fact
  set -f
  for f do
    [ -f "$f" ] || continue
    if [ -x "$f" ]; then
      said=$("$f" </dev/null 2>/dev/null 8>&- 9>&-)
      status=$?
    elif [ -r "$f" ]; then
      said=$(cat -- "$f") status=-
    else
      continue
    fi
    facts="$facts$status $(printf %s "${f##*/}" | base64 | tr -d '\n') $(printf %s "$said" | base64 | tr -d '\n')$nl"
  done
  r=${facts%"$nl"}
  answer "$id" 0
}
"#,
    needs: &[],
};

/// Status or `-`, name, text, for each.
fn read(text: &str) -> Result<Vec<LocalFact>, String> {
    let plain = |text: Option<&str>| Ok::<_, String>(to_text(&from_base64(text.ok_or("a field is missing")?.as_bytes())?));
    let fact = |line: &str| {
        let mut fields = line.split(' ');
        let status = match fields.next() {
            Some("-") => None,
            status => Some(super::parse::number(status, "status")?),
        };
        Ok(LocalFact { status, name: plain(fields.next())?, text: plain(fields.next())? })
    };
    text.lines().map(fact).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::record::Records;
    use crate::node::script::Script;
    use crate::node::testing::{SHELLS, run};
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn what_can_be_run_is_run() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a b.fact"), "{\"x\": 1}\n").unwrap();
        for (name, text) in [("run.fact", "#!/bin/sh\nprintf 'a\\nb'; echo no >&2"), ("bad.fact", "#!/bin/sh\nexit 3"), ("other", "")] {
            let path = dir.path().join(name);
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        for shell in SHELLS {
            let mut script = Script::new();
            let probes = script.probe(&[LocalFacts::new(dir.path().to_str().unwrap()).query(), LocalFacts::new("/nope").query()]);
            let output = run(shell, "n1", &script.finish());
            let known = probes.observe(&Records::parse("n1", &output.stdout, &output.stderr));
            let crate::plan::Reading::Present(value) = &known[0].1.reading else { panic!("{known:?}") };
            let fact = |name: &str, status, text: &str| LocalFact { name: name.into(), status, text: text.into() };
            let wanted = [fact("a b.fact", None, "{\"x\": 1}"), fact("bad.fact", Some(3), ""), fact("run.fact", Some(0), "a\nb")];
            assert_eq!(serde_json::from_value::<Vec<LocalFact>>(value.clone()).unwrap(), wanted);
            assert_eq!(known[1].1.reading, crate::plan::Reading::Absent);
        }
    }
}
