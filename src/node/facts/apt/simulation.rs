//! What apt-get would do: `apt-get --simulate`.

use serde::{Deserialize, Serialize};

use crate::node::facts::{Kind, json};
use crate::node::script::Function;
use crate::plan::{Fact, Query};

/// What apt-get(8) says that it would do with these arguments. It changes nothing and takes no lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AptSimulation(Vec<String>);

impl AptSimulation {
    /// With these arguments, without `--simulate`.
    pub fn new(words: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self(words.into_iter().map(Into::into).collect())
    }
}

impl Fact for AptSimulation {
    type Value = Simulated;

    fn query(&self) -> Query {
        Query::new(KIND.name, &self.0, super::grounds()).moving()
    }
}

/// What apt-get said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Simulated {
    /// Its status.
    pub status: i32,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error, if it failed.
    pub stderr: String,
}

/// What would become of one package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prospect {
    /// Its name, with its architecture if that is not the machine's own.
    pub name: String,
    /// Its version now, if it is installed.
    pub before: Option<String>,
    /// Its version then; none where it would be removed.
    pub after: Option<String>,
    /// Whether its configuration would go too.
    pub purged: bool,
}

impl Simulated {
    /// `Inst name [old] (new source [architecture])`, `Remv name [old]`, `Purg name [old]`
    pub fn prospects(&self) -> Vec<Prospect> {
        self.stdout.lines().filter_map(prospect).collect()
    }
}

fn prospect(line: &str) -> Option<Prospect> {
    let (verb, rest) = line.split_once(' ')?;
    let (name, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    let bracketed = rest.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    let before = bracketed.map(|(version, _)| version.to_owned());
    let after = || rest.split_once('(').and_then(|(_, rest)| rest.split(' ').next()).map(str::to_owned);
    let (after, purged) = match verb {
        "Inst" => (Some(after()?), false),
        "Remv" => (None, false),
        "Purg" => (None, true),
        _ => return None,
    };
    Some(Prospect { name: name.to_owned(), before, after, purged })
}

pub(in crate::node::facts) const KIND: Kind = Kind {
    name: "apt_simulation",
    function: &PROBE,
    merged: false,
    words: |args| if args.is_empty() { Err("arguments of apt-get are wanted".into()) } else { Ok(args.to_vec()) },
    parse: |_, text| json(read(text)?),
};

static PROBE: Function = Function {
    name: "probe_apt_simulation",
    text: r#"
probe_apt_simulation() {
  id=$1; shift
  if ! command -v apt-get >/dev/null; then r="there is no apt-get"; answer "$id" 1; return; fi
  if take env DEBIAN_FRONTEND=noninteractive apt-get --simulate "$@"; then
    r="0 ${#r}$nl$r"
  else
    r="$st ${#r}$nl$r$err"
  fi
  answer "$id" 0
}
"#,
    needs: &[],
};

fn read(text: &str) -> Result<Simulated, String> {
    let wrong = || format!("what apt-get says as {text:?}");
    let (head, rest) = text.split_once('\n').ok_or_else(wrong)?;
    let (status, length) = head.split_once(' ').ok_or_else(wrong)?;
    let (status, length): (i32, usize) = (status.parse().map_err(|_| wrong())?, length.parse().map_err(|_| wrong())?);
    let stdout = rest.get(..length).ok_or_else(wrong)?;
    let ended = |text: &str| if text.is_empty() { String::new() } else { format!("{text}\n") };
    Ok(Simulated { status, stdout: ended(stdout), stderr: ended(rest.get(length..).unwrap_or_default()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_become_of_packages_is_read() {
        let said = read("0 11\nInst a (1 x)").unwrap();
        assert_eq!((said.status, said.stdout.as_str(), said.stderr.as_str()), (0, "Inst a (1 x\n", ")\n"));
        let stdout = "NOTE: This is only a simulation!\nRemv c [3]\nInst a (1.0 stable [amd64])\nInst b [1.0] (2.0 A:1/x [all]) []\nConf a (1.0 x)\nPurg d [4]\n";
        let said = Simulated { stdout: stdout.into(), ..Simulated::default() };
        let seen: Vec<_> = said.prospects().into_iter().map(|p| (p.name, p.before, p.after, p.purged)).collect();
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(
            seen,
            [
                ("c".into(), text("3"), None, false),
                ("a".into(), None, text("1.0"), false),
                ("b".into(), text("1.0"), text("2.0"), false),
                ("d".into(), text("4"), None, true),
            ]
        );
        assert!(read("").is_err() && read("0 9\nshort").is_err() && read("x 0\n").is_err());
    }
}
