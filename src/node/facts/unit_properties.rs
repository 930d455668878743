//! All that systemd says of a unit: systemctl(1) `show`.

use std::collections::BTreeMap;

use super::unit::{OF_USERS, ground, ground_of_user, name, whole_name};
use super::{Kind, json};
use crate::node::script::Function;
use crate::plan::{Fact, Query};

/// The properties of the unit of that name. They move by themselves: how long it runs, what memory it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitProperties {
    name: String,
    user: bool,
}

impl UnitProperties {
    /// By its name, without a suffix a service; of the user's own service manager, or of the machine's.
    pub fn new(name: impl Into<String>, user: bool) -> Self {
        Self { name: whole_name(&name.into()), user }
    }
}

impl Fact for UnitProperties {
    type Value = BTreeMap<String, String>;

    fn query(&self) -> Query {
        let (whose, ground) = if self.user { ("--user", ground_of_user()) } else { ("--system", ground()) };
        Query::new(KIND.name, [whose, &self.name], ground).moving()
    }
}

pub(super) const KIND: Kind = Kind {
    name: "unit_properties",
    function: &PROBE,
    merged: false,
    words: |args| match args {
        [whose, unit] if whose == "--user" || whose == "--system" => Ok([vec![whose.clone()], name(std::slice::from_ref(unit))?].concat()),
        _ => Err("whose, and a name are wanted".into()),
    },
    parse: |_, text| json(read(text)),
};

static PROBE: Function = Function {
    name: "probe_unit_properties",
    text: r#"
probe_unit_properties() {
  whose=$2
  [ "$2" = --system ] || of_user || { r=$err; answer "$1" 1; return; }
  if take systemctl $whose show --no-pager -- "$3"; then answer "$1" 0; else r=$err; answer "$1" 1; fi
}
"#,
    needs: &[&OF_USERS],
};

/// Values are a line each, but for those of `Exec…`, which may go on until a line ends in `}`.
fn read(text: &str) -> BTreeMap<String, String> {
    let mut properties = BTreeMap::new();
    let mut open: Option<(String, Vec<&str>)> = None;
    for line in text.split('\n') {
        if let Some((_, lines)) = &mut open {
            lines.push(line);
        } else if let Some((name, value)) = line.split_once('=') {
            if name.starts_with("Exec") && value.trim_start().starts_with('{') {
                open = Some((name.to_owned(), vec![value]));
            } else {
                properties.insert(name.to_owned(), value.trim().to_owned());
            }
        }
        if let Some((name, lines)) = open.take_if(|(_, lines)| lines.last().is_some_and(|line| line.trim_end().ends_with('}'))) {
            properties.insert(name, lines.join("\n").trim().to_owned());
        }
    }
    properties
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_may_go_on_over_lines_and_nothing_else_does() {
        let text = "Id=a.service\nDescription={ odd\nExecStart={ path=/bin/sh ; argv[]=/bin/sh -c a\nb ; }\nExecStop=x\n";
        let properties = read(text);
        let get = |name: &str| properties.get(name).map(String::as_str);
        assert_eq!((get("Description"), get("ExecStop")), (Some("{ odd"), Some("x")));
        assert_eq!(get("ExecStart"), Some("{ path=/bin/sh ; argv[]=/bin/sh -c a\nb ; }"));
        assert!(read("").is_empty());
    }
}
