//! The packages whose names fit a pattern.

use crate::node::facts::{Kind, json};
use crate::node::script::Function;
use crate::plan::{Fact, Query};

/// The names of all packages that apt knows and that fit a pattern as the shell has them, sorted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AptNames(String);

impl AptNames {
    /// Those that fit `hl-*`.
    pub fn new(pattern: impl Into<String>) -> Self {
        Self(pattern.into())
    }
}

impl Fact for AptNames {
    type Value = Vec<String>;

    fn query(&self) -> Query {
        Query::new(KIND.name, [&self.0], super::grounds()).moving()
    }
}

pub(in crate::node::facts) const KIND: Kind = Kind {
    name: "apt_names",
    function: &PROBE,
    merged: false,
    words: |args| match args {
        [pattern] if fits(pattern) => Ok(vec![pattern.chars().take_while(|c| !"*?[".contains(*c)).collect(), pattern.clone()]),
        [pattern] => Err(format!("{pattern:?} is not a pattern of package names")),
        _ => Err("one pattern is wanted".into()),
    },
    parse: |_, text| {
        let mut names: Vec<&str> = text.lines().collect();
        names.sort_unstable();
        json(names)
    },
};

fn fits(pattern: &str) -> bool {
    !pattern.is_empty() && !pattern.starts_with('-') && pattern.chars().all(|c| c.is_ascii_alphanumeric() || "+-._:*?[]!".contains(c))
}

// the names that begin as the pattern does are few, so a loop over them is fast enough
static PROBE: Function = Function {
    name: "probe_apt_names",
    text: r#"
probe_apt_names() {
  if ! command -v apt-cache >/dev/null; then r="there is no apt-cache"; answer "$1" 1; return; fi
  set -- "$1" "$3" "$2"
  if ! take apt-cache pkgnames ${3:+"$3"}; then r=$err; answer "$1" 1; return; fi
  found=
  IFS=$nl
  for l in $r; do
    # the pattern is meant as one
    case $l in $2) found=$found$l$nl ;; esac
  done
  IFS=$ifs
  r=${found%"$nl"}
  if [ -n "$r" ]; then answer "$1" 0; else answer "$1" 44; fi
}
"#,
    needs: &[],
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_holds_nothing_but_names_and_signs() {
        let words = |pattern: &str| (KIND.words)(&[pattern.into()]);
        assert_eq!(words("hl-*").unwrap(), ["hl-", "hl-*"]);
        assert_eq!(words("*").unwrap(), ["", "*"]);
        for bad in ["", "-x*", "a b*", "a;*", "$(x)*", "a/*"] {
            assert!(words(bad).is_err(), "{bad:?}");
        }
    }
}
