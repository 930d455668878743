//! Which permissions a new file of the login does not get: umask(2).

use super::parse::no_words;
use super::{Kind, Mode, json};
use crate::node::script::Function;
use crate::plan::{Fact, Query};

/// The login's umask, as a person's own programs have it there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Umask;

impl Fact for Umask {
    type Value = Mode;

    fn query(&self) -> Query {
        // a process has it from its login, and nothing that a step does moves it
        Query::new(KIND.name, [""; 0], Vec::new())
    }
}

pub(super) const KIND: Kind = Kind { name: "umask", function: &PROBE, merged: false, words: no_words, parse: |_, text| json(read(text)?) };

static PROBE: Function = Function {
    name: "probe_umask",
    text: r#"
probe_umask() {
  r=${login_umask:-$(umask)}; answer "$1" 0
}
"#,
    needs: &[],
};

fn read(text: &str) -> Result<Mode, String> {
    u32::from_str_radix(text, 8).ok().filter(|mask| *mask <= 0o777).map(Mode).ok_or_else(|| format!("a umask as {text:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_umask_is_octal() {
        assert_eq!((read("0022"), read("077")), (Ok(Mode(0o22)), Ok(Mode(0o77))));
        assert!(read("").is_err() && read("9").is_err() && read("7777").is_err());
    }
}
