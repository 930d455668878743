//! What apt's lists offer of a package: apt-cache(8).

use serde::{Deserialize, Serialize};

use crate::node::facts::{Kind, json};
use crate::node::script::Function;
use crate::plan::{Fact, Query};

/// What there is of the package of that name. Absent where apt does not know it at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AptPolicy {
    name: String,
    release: String,
}

impl AptPolicy {
    /// By its name, perhaps with `:architecture`.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), release: String::new() }
    }

    /// What is offered where that release is preferred.
    #[must_use]
    pub fn from_release(mut self, release: &str) -> Self {
        release.clone_into(&mut self.release);
        self
    }
}

impl Fact for AptPolicy {
    type Value = Offer;

    fn query(&self) -> Query {
        // apt-get looks itself, and fails if what was offered is gone
        Query::new(KIND.name, [&self.name, &self.release], super::grounds()).moving()
    }
}

/// What apt offers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// The version that would be installed.
    pub candidate: Option<String>,
    /// All versions, the newest first; none of a name that only others provide.
    pub versions: Vec<String>,
    /// The packages that provide a name which is no package's own.
    pub providers: Vec<String>,
}

pub(in crate::node::facts) const KIND: Kind =
    Kind { name: "apt_policy", function: &PROBE, merged: true, words, parse: |_, text| json(read(text)) };

fn words(args: &[String]) -> Result<Vec<String>, String> {
    let name = |c: char| c.is_ascii_alphanumeric() || "+-._:~".contains(c);
    let release = |c: char| c.is_ascii_alphanumeric() || "+-._:~/=,".contains(c);
    match args {
        [package, _] if package.is_empty() || package.starts_with('-') || !package.chars().all(name) => {
            Err(format!("{package:?} is not a name of a package"))
        }
        [_, wanted] if !wanted.chars().all(release) => Err(format!("{wanted:?} is not a name of a release")),
        [_, _] => Ok(args.to_vec()),
        _ => Err("a name and a release are wanted".into()),
    }
}

// a name that apt does not know may be a regular expression to it, so only what has exactly that name is taken
static PROBE: Function = Function {
    name: "probe_apt_policy",
    text: r#"
apt_policy_block() {
  b= on=
  IFS=$nl
  for l in $policy; do
    case $l in
    "$1:") on=1 ;;
    " "*) [ -z "$on" ] || b=$b$l$nl ;;
    *) on= ;;
    esac
  done
  IFS=$ifs
}
apt_providers() {
  p= on=
  take apt-cache showpkg "$1" || return 0
  IFS=$nl
  for l in $r; do
    case $l in
    "Reverse Provides:"*) on=1 ;;
    *) [ -z "$on" ] || p="${p}provider $l$nl" ;;
    esac
  done
  IFS=$ifs
}
apt_policies() {
  release=$1; shift
  take apt-cache ${release:+-o} ${release:+"APT::Default-Release=$release"} policy "$@"
  policy=$r complaint=
  [ "${st:-0}" -eq 0 ] || complaint=$err
}
probe_apt_policy() {
  ids=$1; shift
  if ! command -v apt-cache >/dev/null; then
    r="there is no apt-cache"
    for id in $ids; do answer "$id" 1; done
    return
  fi
  first=$2 same=1 st=0 i=0
  wanted=
  for word do
    i=$((1 - i))
    if [ "$i" -eq 1 ]; then wanted="$wanted $word"
    elif [ "$word" != "$first" ]; then same=
    fi
  done
  [ -z "$same" ] || apt_policies "$first" $wanted
  for id in $ids; do
    if [ -z "$same" ]; then st=0; apt_policies "$2" "$1"; fi
    apt_policy_block "$1"
    case $b$1 in *:*)
      # the machine's own architecture is not shown
      [ -n "$b" ] || apt_policy_block "${1%:*}" ;;
    esac
    p=
    case $b in ""|*"Version table:$nl") apt_providers "$1" ;; esac
    r=$b$p; r=${r%"$nl"}
    if [ -n "$complaint" ]; then r=$complaint; answer "$id" 1
    elif case $b in ""|*"Version table:$nl") [ -z "$p" ] ;; *) false ;; esac; then r=; answer "$id" 44
    else answer "$id" 0
    fi
    shift 2
  done
}
"#,
    needs: &[],
};

fn read(text: &str) -> Offer {
    let mut offer = Offer::default();
    let mut in_table = false;
    for line in text.lines() {
        if let Some(provider) = line.strip_prefix("provider ") {
            let name = provider.split(' ').next().unwrap_or_default().to_owned();
            if !name.is_empty() && !offer.providers.contains(&name) {
                offer.providers.push(name);
            }
        } else if let Some(candidate) = line.strip_prefix("  Candidate: ") {
            offer.candidate = Some(candidate.to_owned()).filter(|version| version != "(none)");
        } else if line.trim() == "Version table:" {
            in_table = true;
        } else if in_table {
            // ` *** 1.0 500` or `     2.0 500`; where it comes from stands further in
            let version = line.strip_prefix(" *** ").or_else(|| line.strip_prefix("     ").filter(|rest| !rest.starts_with(' ')));
            offer.versions.extend(version.and_then(|rest| rest.split(' ').next()).map(str::to_owned));
        }
    }
    offer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_of_versions_is_read() {
        let offer = read(
            "  Installed: 1.0\n  Candidate: 2.0\n  Version table:\n     2.0 500\n        500 file:/srv/a stable/main amd64 Packages\n *** 1.0 500\n        \
             500 file:/srv/a stable/main amd64 Packages\n        100 /var/lib/dpkg/status",
        );
        assert_eq!((offer.candidate.as_deref(), offer.versions), (Some("2.0"), vec!["2.0".to_owned(), "1.0".to_owned()]));
        let offer = read(
            "  Installed: (none)\n  Candidate: (none)\n  Version table:\nprovider hl-provider 1.0 (= )\nprovider hl-provider 1.1 (= )",
        );
        assert_eq!((offer.candidate, offer.versions, offer.providers), (None, vec![], vec!["hl-provider".to_owned()]));
    }

    #[test]
    fn what_apt_would_take_for_something_else_is_no_name() {
        for bad in ["", "-x", "a*", "a b", "a/b"] {
            assert!(words(&[bad.into(), String::new()]).is_err(), "{bad:?}");
        }
        assert!(words(&["a".into(), "n=trixie".into()]).is_ok() && words(&["a".into(), "x;y".into()]).is_err());
    }
}
