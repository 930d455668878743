//! The keys that apt trusts for all sources: apt-key(8), as far as a release still has it.

use super::{Kind, json};
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// The ids of the keys and subkeys in a keyring, or in all that apt trusts. Absent where there is no apt-key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AptKeys(Option<String>);

impl AptKeys {
    /// In the keyring at that absolute path; in all of apt's if none is named.
    pub fn new(keyring: Option<&str>) -> Self {
        Self(keyring.map(str::to_owned))
    }
}

impl Fact for AptKeys {
    /// In apt-key's order; what has expired is left out.
    type Value = Vec<String>;

    fn query(&self) -> Query {
        let files = ["/etc/apt", "/usr/bin/apt-key", "/usr/bin/gpg"].into_iter().chain(self.0.as_deref());
        Query::new(KIND.name, [self.0.as_deref().unwrap_or_default()], files.map(|path| Touch::Files(path.into())).collect())
    }
}

pub(super) const KIND: Kind = Kind {
    name: "apt_keys",
    function: &PROBE,
    merged: false,
    words: |args| match args {
        [keyring] if keyring.is_empty() || keyring.starts_with('/') => Ok(args.to_vec()),
        _ => Err("the absolute path of a keyring, or nothing, is wanted".into()),
    },
    parse: |_, text| json(read(text)),
};

static PROBE: Function = Function {
    name: "probe_apt_keys",
    text: r#"
probe_apt_keys() {
  id=$1 keyring=$2
  if ! command -v apt-key >/dev/null; then r=; answer "$id" 44; return; fi
  # apt-key makes a keyring that is not there
  if [ -n "$keyring" ] && ! [ -e "$keyring" ]; then r=; answer "$id" 0; return; fi
  set -- apt-key ${keyring:+--keyring "$keyring"} adv --list-public-keys --keyid-format=long
  if ! take "$@"; then r=$err; answer "$id" 1; return; fi
  # the lines around the keys name a temporary file, another each time
  keys=
  IFS=$nl; set -- $r; IFS=$ifs
  for l do
    case $l in pub*|sub*) keys=$keys$l$nl ;; esac
  done
  r=${keys%"$nl"}; answer "$id" 0
}
"#,
    needs: &[],
};

/// `pub   rsa4096/DCC9EFBF77E11517 2015-03-01 [SC]`, `sub   …`
fn read(text: &str) -> Vec<String> {
    let is_key = |line: &&str| (line.starts_with("pub") || line.starts_with("sub")) && !line.contains("expired");
    let id = |line: &str| Some(line.split_whitespace().nth(1)?.split_once('/')?.1.to_owned());
    text.lines().filter(is_key).filter_map(id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_stand_behind_a_slash() {
        let text = "Executing: gpg\n/etc/apt/trusted.gpg\n---\npub   rsa4096/DCC9EFBF77E11517 2019-01-01 [SC]\n      ABCD\nuid  x\n\
                    sub   rsa4096/A48449044AAD5C5D 2019-01-01 [S]\npub   rsa1024/FFFF 2001-01-01 [SC] [expired: 2002-01-01]\npub";
        assert_eq!(read(text), ["DCC9EFBF77E11517", "A48449044AAD5C5D"]);
    }
}
