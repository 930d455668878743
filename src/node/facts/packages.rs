//! All packages that are installed: dpkg-query(1), and apt-cache(8) for where they come from.

use serde::{Deserialize, Serialize};

use super::{Kind, json};
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// All packages that are installed whole, in the order of their names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packages;

impl Fact for Packages {
    type Value = Vec<KnownPackage>;

    fn query(&self) -> Query {
        let files = ["/etc/apt", "/var/lib/apt", "/var/cache/apt"].map(|path| Touch::Files(path.into()));
        Query::new(KIND.name, ["dpkg"], [vec![Touch::Packages], files.to_vec()].concat())
    }
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownPackage {
    /// Its name; of another architecture than the machine's own with `:architecture`.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its architecture.
    pub architecture: String,
    /// What kind of package it is: `utils`, `net`…
    pub section: String,
    /// Who offers this version now, as apt's lists have it; empty where nobody does.
    pub origin: String,
}

pub(super) const KIND: Kind = Kind {
    name: "packages",
    function: &PROBE,
    merged: false,
    words: |args| match args {
        [manager] if manager == "dpkg" => Ok(Vec::new()),
        _ => Err("only dpkg's packages are known".into()),
    },
    parse: |_, text| json(text.lines().map(read).collect::<Result<Vec<_>, _>>()?),
};

// where a version comes from is told by the name of a list, and who offers what is in it by the release of that list
static PROBE: Function = Function {
    name: "probe_packages",
    text: r#"
probe_packages() {
  if ! [ -s /var/lib/dpkg/status ]; then r="dpkg keeps no database here"; answer "$1" 1; return; fi
  if ! take dpkg-query -W --showformat='${db:Status-Status}\t${Package}\t${Version}\t${Architecture}\t${Section}\n'; then
    r=$err; answer "$1" 1; return
  fi
  installed=$r
  take dpkg --print-architecture || { r=$err; answer "$1" 1; return; }
  own=$r
  names=
  IFS=$nl
  for l in $installed; do
    case $l in installed"$tab"*) ;; *) continue ;; esac
    IFS=$tab
    set -- "$1" $l
    IFS=$nl
    case $5 in "$own"|all) names="$names$3$nl" ;; *) names="$names$3:$5$nl" ;; esac
  done
  set -- "$1" $names
  IFS=$ifs
  id=$1; shift
  lists= policy=
  if command -v apt-cache >/dev/null; then
    take apt-cache policy && lists=$r
    take apt-cache policy "$@" && policy=$r
  fi
  r=$(printf '%s\n' "$lists" "===" "$policy" "===" "$installed" | awk -v own="$own" '
    $0 == "===" { part++; next }
    part == 0 && /^ +-?[0-9]+ / { list = $0; sub(/^ +-?[0-9]+ /, "", list); next }
    part == 0 && /^ +release / {
      release = $0; sub(/^ +release /, "", release)
      n = split(release, field, ",")
      for (i = 1; i <= n; i++) if (field[i] ~ /^o=/) origin[list] = substr(field[i], 3)
      next
    }
    part == 1 && /^[^ ]/ { name = $0; sub(/:$/, "", name); on = 0; next }
    part == 1 && /^ \*\*\* / { on = 1; next }
    part == 1 && on && /^ +-?[0-9]+ / { list = $0; sub(/^ +-?[0-9]+ /, "", list); if (!(name in from)) from[name] = origin[list]; on = 0 }
    part == 2 {
      n = split($0, f, "\t")
      if (f[1] != "installed") next
      name = (f[4] == own || f[4] == "all") ? f[2] : f[2] ":" f[4]
      print name "\t" f[3] "\t" f[4] "\t" f[5] "\t" from[name]
    }')
  answer "$id" 0
}
"#,
    needs: &[],
};

fn read(line: &str) -> Result<KnownPackage, String> {
    let fields: Vec<&str> = line.split('\t').collect();
    let [name, version, architecture, section, origin] = fields.as_slice() else { return Err(format!("a package as {line:?}")) };
    let text = |text: &&str| (*text).to_owned();
    Ok(KnownPackage {
        name: text(name),
        version: text(version),
        architecture: text(architecture),
        section: text(section),
        origin: text(origin),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_five_fields() {
        let read = |text: &str| (KIND.parse)(&["dpkg".into()], text);
        let packages: Vec<KnownPackage> =
            serde_json::from_value(read("bash\t5.2\tamd64\tshells\tDebian\nx:i386\t1\ti386\t\t").unwrap()).unwrap();
        assert_eq!((packages[0].origin.as_str(), packages[1].name.as_str()), ("Debian", "x:i386"));
        assert!(read("bash\t5.2").is_err());
    }
}
