//! A plain list of hosts in Ansible's INI form.

use std::collections::{BTreeMap, BTreeSet};

use secrecy::SecretString;

use super::address;
use super::host::{Inventory, Variable};
use super::suggestion;
use super::variables::{self, Known};
use super::words::{self, Unclosed, Word};
use crate::diagnostics::{Diagnostic, Diagnostics, Place, Source};

const PLAIN_ONLY: &str = "plain lists are read: `[group]` sections, and a host a line with its variables";

/// Where the lines that follow belong.
enum Section {
    /// To a group, or to none before the first section.
    Group(Option<String>),
    /// To a section that is not read, which has been said.
    Unread,
}

/// Reads one file.
pub(super) struct Reader<'a> {
    pub(super) source: &'a Source,
    pub(super) inventory: &'a mut Inventory,
    pub(super) problems: &'a mut Diagnostics,
    /// Values that must not be shown, also those of lines with mistakes.
    pub(super) secrets: &'a mut Vec<SecretString>,
    /// Variables without effect that have been named already.
    pub(super) named: &'a mut BTreeSet<String>,
}

impl Reader<'_> {
    /// Adds what the file says to the inventory.
    pub(super) fn read(&mut self) {
        let text = std::sync::Arc::clone(&self.source.text);
        let mut section = Section::Group(None);
        let mut start = 0;
        for whole in text.split_inclusive('\n') {
            let line = whole.trim();
            let begin = start + (whole.len() - whole.trim_start().len());
            start += whole.len();
            if line.is_empty() || line.starts_with(['#', ';']) {
                continue;
            }
            match header(line) {
                Some(name) => section = self.section(name, self.source.at(begin..begin + line.len())),
                None => {
                    if let Section::Group(group) = &section {
                        self.host(line, begin, group.as_deref());
                    }
                }
            }
        }
    }

    fn section(&mut self, name: &str, place: Place) -> Section {
        let (group, kind) = name.split_once(':').map_or((name, None), |(group, kind)| (group, Some(kind)));
        let error = match kind {
            None if group.is_empty() || group.contains(char::is_whitespace) => {
                Diagnostic::error(format!("`{group}` is no name for a group")).at(place)
            }
            None => {
                if !matches!(group, "all" | "ungrouped") {
                    self.inventory.add_group(group);
                }
                return Section::Group(Some(group.to_owned()));
            }
            Some(kind @ ("vars" | "children")) => Diagnostic::error(format!("a section `:{kind}` is not read")).at(place).hint(PLAIN_ONLY),
            Some(kind) => {
                let error = Diagnostic::error(format!("unknown kind of section `:{kind}`")).at(place);
                match suggestion(kind, ["vars", "children"]) {
                    Some(label) => error.label(label),
                    None => error,
                }
            }
        };
        self.problems.push(error);
        Section::Unread
    }

    fn host(&mut self, line: &str, begin: usize, group: Option<&str>) {
        let at = |word: &Word| self.source.at(begin + word.span.start..begin + word.span.end);
        let split = match words::split(line) {
            Ok(split) => split,
            Err(Unclosed(quote)) => {
                let place = self.source.at(begin + quote..begin + quote + 1);
                self.problems.push(Diagnostic::error("this quote is not closed").at(place));
                // whatever is behind it may be a password
                self.secrets.extend(line.split('=').skip(1).map(SecretString::from));
                return;
            }
        };
        let mut words = split.words.iter();
        let Some(first) = words.next() else { return };
        let (first_place, mut variables) = (at(first), BTreeMap::new());
        for word in words {
            let place = at(word);
            let Some((name, value)) = word.text.split_once('=') else {
                let error = Diagnostic::error(format!("`{}` is no variable", word.text)).at(place);
                self.problems.push(error.label("write `name=value`").hint("one host a line"));
                continue;
            };
            let value = unquoted(value);
            if variables::is_secret(name) {
                self.secrets.push(SecretString::from(value));
            }
            let name_place = self.source.at(place.span.start..(place.span.start + name.len()).min(place.span.end));
            if self.variable(name, value, name_place) {
                variables.insert(name.to_owned(), Variable { value: value.to_owned(), place });
            }
        }
        if let Some(cut) = split.cut_by_comment {
            let place = self.source.at(begin + cut..begin + line.len());
            let warning = Diagnostic::warning("everything from here on is a comment").at(place);
            self.problems.push(warning.hint("if it belongs to the value, put the value in quotes"));
        }
        if address::has_range(&first.text) {
            let error = Diagnostic::error(format!("the range in `{}` is not read", first.text)).at(first_place);
            self.problems.push(error.hint("name the hosts one by one"));
            return;
        }
        match address::parse(&first.text) {
            Err(why) => self.problems.push(Diagnostic::error(why).at(first_place)),
            Ok((name, port)) => {
                if let Some(port) = port {
                    let port = Variable { value: port.to_string(), place: first_place.clone() };
                    variables.entry("ansible_port".to_owned()).or_insert(port);
                }
                self.inventory.add(group, name, first_place, variables);
            }
        }
    }

    /// Whether a variable can be taken as it is; says so if not.
    fn variable(&mut self, name: &str, value: &str, place: Place) -> bool {
        match variables::known(name) {
            Some(Known::Used) if value.contains("{{") => {
                self.problems
                    .push(Diagnostic::error(format!("the template in `{name}` is not read")).at(place).hint("write the value itself"));
                false
            }
            Some(Known::Used) => true,
            Some(Known::NotRead(instead)) => {
                self.problems.push(Diagnostic::error(format!("`{name}` is not read")).at(place).hint(instead));
                false
            }
            Some(Known::NoEffect(why)) => {
                if self.named.insert(name.to_owned()) {
                    self.problems.push(Diagnostic::warning(format!("`{name}` has no effect")).at(place).label(why));
                }
                true
            }
            None => {
                let meant = suggestion(name, variables::names());
                let ours = name.starts_with("ansible_");
                if name.is_empty() || !name.chars().all(|c| c.is_alphanumeric() || c == '_') || name.starts_with(|c: char| c.is_numeric()) {
                    self.problems.push(Diagnostic::error(format!("`{name}` is no name for a variable")).at(place));
                    return false;
                }
                if ours || meant.is_some() {
                    let error = Diagnostic::error(format!("unknown variable `{name}`")).at(place);
                    self.problems.push(match meant {
                        Some(label) => error.label(label),
                        None => error.hint("names that begin with `ansible_` are Ansible's own"),
                    });
                    return false;
                }
                true
            }
        }
    }
}

/// The inside of a section's header.
fn header(line: &str) -> Option<&str> {
    let (name, rest) = line.strip_prefix('[')?.split_once(']')?;
    let rest = rest.trim_start();
    (rest.is_empty() || rest.starts_with('#')).then_some(name).filter(|name| !name.contains("::"))
}

/// A value in quotes of its own, behind those that the line's words have lost: Ansible reads values as Python does.
fn unquoted(value: &str) -> &str {
    ['\'', '"'].iter().find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote)).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::super::{Given, read};
    use super::*;
    use secrecy::ExposeSecret as _;

    fn given(text: &str) -> (Result<(Inventory, Diagnostics), Diagnostics>, Vec<String>) {
        let mut secrets = Vec::new();
        let result = read(&[Given::Text(Source::new("hosts.ini", text))], &mut secrets);
        (result, secrets.iter().map(|secret| secret.expose_secret().to_owned()).collect())
    }

    #[test]
    fn groups_hosts_and_variables() {
        let (result, secrets) = given(
            "lonely\n; comment\n[masters]\nm1 ansible_host=10.0.0.1 rack=3 # first\nm2:2222 ansible_user='pat r'\n\n\
             [workers] # all of them\n  w1\tansible_password=\"p'w\" ansible_become=yes\nm1 ansible_port=23 ansible_host=10.0.0.9\n[empty]\n",
        );
        let (inventory, warnings) = result.unwrap();
        assert_eq!(warnings, Diagnostics::new());
        assert_eq!(secrets, ["p'w"]);
        let shown: Vec<String> = inventory
            .hosts
            .iter()
            .map(|host| {
                let variables: Vec<String> = host.variables.iter().map(|(name, variable)| format!("{name}={}", variable.value)).collect();
                format!("{} {}", host.name, variables.join(" "))
            })
            .collect();
        assert_eq!(
            shown,
            [
                "lonely ",
                "m1 ansible_host=10.0.0.9 ansible_port=23 rack=3",
                "m2 ansible_port=2222 ansible_user=pat r",
                "w1 ansible_become=yes ansible_password=p'w"
            ]
        );
        let groups: Vec<String> = inventory.groups.iter().map(|group| format!("{}: {}", group.name, group.hosts.join(" "))).collect();
        assert_eq!(groups, ["masters: m1 m2", "workers: w1 m1", "empty: "]);
        assert!(!format!("{:?}", inventory.hosts).contains("p'w"));
    }

    #[test]
    fn all_mistakes_at_once() {
        let (result, _) = given(
            "m1 ansible_hots=10.0.0.1 asnible_user=x\n[masters:vars]\nansible_user=root\n[k8s:childern]\nmasters\n[workers]\n\
             node[1:3].lan\nw1 'unclosed\nw2 stray ansible_ssh_common_args='-o X=y'\nw3:99999\nw4 ansible_magic=1 ansible_host={{x}}\n\
             w5 1x=2\n",
        );
        insta::assert_snapshot!(result.unwrap_err());
    }

    #[test]
    fn what_has_no_effect_is_said_once() {
        let (result, _) = given("m1 ansible_python_interpreter=/usr/bin/python3 rack=a#b\nm2 ansible_python_interpreter=auto\n");
        insta::assert_snapshot!(result.unwrap().1);
    }

    #[test]
    fn passwords_in_lines_with_mistakes_are_known_too() {
        assert_eq!(given("m1 ansible_pasword=hunter22\n").1, ["hunter22"]);
        assert_eq!(given("m1 x='a ansible_password=hunter22\n").1, ["'a ansible_password", "hunter22"]);
    }
}
