//! `.env` and the environment: the token, and what is known of the repository beside it.
//!
//! A `.env` is read into a layer and never into the process. The environment stands over it.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::{self, Read};
use std::rc::Rc;

use super::layer::{Field, Kind, Layer, Value};
use crate::diagnostics::{Diagnostic, Diagnostics, Place, Source};

/// Variables, the fields that they say, and of two for the same field the one that counts first.
pub const VARIABLES: &[(&str, &str)] = &[
    ("GITHUB_TOKEN", "token"),
    ("GITHUB_OWNER", "owner"),
    ("GITHUB_USER", "owner"),
    ("GITHUB_REPOSITORY", "repository"),
    ("GITHUB_REPO", "repository"),
    ("GITHUB_BRANCH", "branch"),
    ("GITHUB_HOSTNAME", "hostname"),
    ("FLUX_PATH", "path"),
    ("CLUSTER_PATH", "path"),
    ("FLUX_VERSION", "version"),
    ("FLUX_SYSTEM_NAMESPACE", "namespace"),
    ("FLUX_REGISTRY_CREDS", "registry-creds"),
];

/// What the environment says; it is given, because nothing here reads it.
pub fn environment(variables: &BTreeMap<String, String>) -> Layer {
    let mut said = Layer::default();
    for (name, field) in known() {
        if let Some(value) = variables.get(name) {
            say(&mut said, name, field, value, None);
        }
    }
    said
}

fn known() -> impl Iterator<Item = (&'static str, &'static Field)> {
    VARIABLES.iter().filter_map(|(name, key)| Some((*name, Field::named(key)?)))
}

/// An empty variable says nothing, as shells have it; of two for one field the first of the table counts.
fn say(said: &mut Layer, name: &'static str, field: &'static Field, value: &str, place: Option<Place>) {
    if value.is_empty() || (field.get)(said).is_some() {
        return;
    }
    match (field.kind, owner_and_name(name, value)) {
        (Kind::Secret, _) => (field.set)(said, Value::Secret(value.to_owned().into())),
        // GitHub's own workflows write the owner into this variable
        (_, Some((owner, repository))) => {
            (field.set)(said, Value::Text(repository.to_owned()));
            if said.owner.is_none() {
                said.owner = Some(owner.to_owned());
                said.variables.insert("owner", name);
                said.places.extend(place.clone().map(|place| ("owner", place)));
            }
        }
        _ => (field.set)(said, Value::Text(value.to_owned())),
    }
    said.variables.insert(field.key, name);
    said.places.extend(place.map(|place| (field.key, place)));
}

fn owner_and_name<'a>(variable: &str, value: &'a str) -> Option<(&'a str, &'a str)> {
    if variable == "GITHUB_REPOSITORY" { value.split_once('/') } else { None }
}

/// Reads a `.env` of that name.
///
/// # Errors
/// All lines that are none, each with its place; never a value that may be a secret.
pub fn read(name: &str, text: &str) -> Result<Layer, Diagnostics> {
    let shown = Source::new(name, masked(text));
    let lines: Vec<&str> = text.lines().collect();
    let (mut found, mut problems) = (BTreeMap::<&str, (String, usize)>::new(), Diagnostics::new());
    let counted = Rc::new(Cell::new(0));
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let variables = dotenvy::Iter::new(Lines { rest: text.as_bytes(), at_start: true, counted: Rc::clone(&counted) });
    let mut before = 0;
    for item in variables {
        // what was read since the last one: its lines, and empty ones and comments before them
        let read = lines.get(before..counted.get()).unwrap_or_default();
        let first = before + 1 + read.iter().position(|line| is_said(line)).unwrap_or(0);
        before = counted.get();
        let place = shown.line(first);
        match item {
            Err(_) => {
                let error = Diagnostic::error("this line is no `NAME=value`").at(place);
                let open = read.len() > 1 && read.iter().filter(|line| is_said(line)).count() > 1;
                problems.push(match open {
                    true => error.hint("a quote is opened here that is not closed"),
                    false => error.hint("write `NAME=value` without spaces around the `=`; a value with spaces stands in single quotes"),
                });
            }
            Ok((variable, value)) => {
                let Some((known, _)) = known().find(|(known, _)| *known == variable) else { continue };
                // dotenvy looks such names up in the environment of the process, which is nobody's business here
                let refers = read.iter().filter(|line| is_said(line)).any(|line| refers(line));
                if refers {
                    let error = Diagnostic::error(format!("`{variable}` refers to another variable, which is not looked up")).at(place);
                    problems.push(error.hint("write the value itself; where a `$` belongs to it, in single quotes"));
                } else if let Some((_, earlier)) = found.get(known) {
                    let error = Diagnostic::error(format!("`{variable}` stands twice")).at(place).also(shown.line(*earlier), "and here");
                    problems.push(error.hint("take one of them away"));
                } else {
                    found.insert(known, (value, first));
                }
            }
        }
    }
    let mut said = Layer::default();
    for (name, field) in known() {
        if let Some((value, line)) = found.get(name) {
            say(&mut said, name, field, value, Some(shown.line(*line)));
        }
    }
    problems.or(said).map(|(said, _)| said)
}

/// Whether a line says anything.
fn is_said(line: &str) -> bool {
    let line = line.trim_start();
    !line.is_empty() && !line.starts_with('#')
}

/// Whether a `$` in the value stands for another variable.
fn refers(line: &str) -> bool {
    let value = line.split_once('=').map_or("", |(_, value)| value.trim_start());
    let (mut escaped, mut single) = (false, false);
    for letter in value.chars() {
        match letter {
            '\'' if !escaped => single = !single,
            '$' if !escaped && !single => return true,
            _ => {}
        }
        escaped = letter == '\\' && !escaped;
    }
    false
}

/// The same lines with nothing in them that may be a secret: only known names that are none keep their values.
fn masked(text: &str) -> String {
    let lines = text.lines().map(|line| {
        if line.trim_start().starts_with('#') {
            return "#".to_owned();
        }
        let (name, rest) = line.split_once('=').map_or((line, None), |(name, value)| (name, Some(value)));
        let bare = name.trim();
        let bare = bare.strip_prefix("export ").unwrap_or(bare);
        let known = known().find(|(known, _)| *known == bare);
        let is_name =
            !bare.is_empty() && bare.len() <= 40 && bare.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
        match (known, rest) {
            (Some((_, field)), Some(_)) if field.kind != Kind::Secret => line.to_owned(),
            (_, Some(_)) if is_name => format!("{name}=..."),
            (_, None) if is_name => name.to_owned(),
            _ if line.trim().is_empty() => String::new(),
            _ => "...".to_owned(),
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// A text that is given out line by line, so that it is known which line was read last.
struct Lines<'a> {
    rest: &'a [u8],
    at_start: bool,
    counted: Rc<Cell<usize>>,
}

impl Read for Lines<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let end = memchr::memchr(b'\n', self.rest).map_or(self.rest.len(), |at| at + 1);
        let size = end.min(buffer.len());
        let (Some((now, later)), Some(into)) = (self.rest.split_at_checked(size), buffer.get_mut(..size)) else { return Ok(0) };
        if size > 0 {
            self.counted.set(self.counted.get() + usize::from(self.at_start));
            self.at_start = now.ends_with(b"\n");
        }
        into.copy_from_slice(now);
        self.rest = later;
        Ok(size)
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    const TOKEN: &str = "ghp_0123456789abcdefABCDEF0123456789abcd";

    #[test]
    fn what_the_file_says() {
        let said = read(
            ".env",
            &format!("# mine\n\nGITHUB_TOKEN={TOKEN}\nexport GITHUB_OWNER='pat'\nGITHUB_USER=other\nEDITOR=$VISUAL\nGITHUB_REPO=\"home lab\" # x\nFLUX_PATH=\n"),
        )
        .unwrap();
        assert_eq!(said.token.as_ref().unwrap().expose_secret(), TOKEN);
        assert_eq!((said.owner.as_deref(), said.repository.as_deref(), said.path.as_deref()), (Some("pat"), Some("home lab"), None));
        assert_eq!(
            said.variables.iter().map(|(key, name)| format!("{key} {name}")).collect::<Vec<_>>(),
            ["owner GITHUB_OWNER", "repository GITHUB_REPO", "token GITHUB_TOKEN"]
        );
        assert_eq!(said.places["repository"].to_string(), ".env:7:1");
        assert!(!format!("{said:?}").contains("ghp_"));
    }

    #[test]
    fn the_environment_says_the_same_names() {
        let variables = [("GITHUB_REPOSITORY", "pat/homelab"), ("GITHUB_BRANCH", ""), ("HOME", "/root"), ("FLUX_SYSTEM_NAMESPACE", "flux")];
        let said = environment(&variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
        assert_eq!((said.owner.as_deref(), said.repository.as_deref()), (Some("pat"), Some("homelab")));
        assert_eq!((said.branch, said.namespace.as_deref()), (None, Some("flux")));
        assert_eq!(said.variables["owner"], "GITHUB_REPOSITORY");
    }

    #[test]
    fn each_mistake_is_told_and_no_token() {
        for (text, line, wanted) in [
            (format!("GITHUB_OWNER=a\nGITHUB_TOKEN {TOKEN}\n"), 2, "no `NAME=value`"),
            (format!("\n# x\n{TOKEN}\n"), 3, "no `NAME=value`"),
            (format!("GITHUB_TOKEN={TOKEN} x y\n"), 1, "no `NAME=value`"),
            (format!("A=b\nGITHUB_TOKEN='{TOKEN}\nGITHUB_OWNER=pat\n"), 2, "not closed"),
            (format!("GITHUB_OWNER='pat\nGITHUB_TOKEN={TOKEN}\n"), 1, "not closed"),
            (format!("GITHUB_TOKEN={TOKEN}\n\nGITHUB_TOKEN=x\n"), 3, "`GITHUB_TOKEN` stands twice"),
            ("A=b\r\nGITHUB_OWNER=$USER\r\n".to_owned(), 2, "not looked up"),
            ("GITHUB_OWNER\n".to_owned(), 1, "GITHUB_OWNER"),
            ("GITHUB_BRANCH=a b\n".to_owned(), 1, "GITHUB_BRANCH=a b"),
        ] {
            let problems = read(".env", &text).unwrap_err();
            let said = format!("{problems}{problems:?}");
            assert!(said.contains(wanted) && said.contains(&format!("--> .env:{line}:")), "{text}\n{said}");
            assert!(!said.contains("ghp_") && !said.contains("0123456789"), "{said}");
        }
        let problems = read(".env", "a b\nGITHUB_OWNER=pat\nc d\n=\n").unwrap_err();
        assert_eq!(problems.0.len(), 3, "{problems}");
    }

    #[test]
    fn a_dollar_in_single_quotes_is_one() {
        let said = read(".env", "FLUX_REGISTRY_CREDS='user:a$b'\nGITHUB_BRANCH=a\\$b\n").unwrap();
        assert_eq!(said.registry_creds.unwrap().expose_secret(), "user:a$b");
        assert_eq!(said.branch.as_deref(), Some("a$b"));
    }

    #[test]
    fn no_text_gives_a_secret_away() {
        use proptest::prelude::*;
        let lines = proptest::collection::vec("(export )?(GITHUB_TOKEN|GITHUB_OWNER|X|# GITHUB_TOKEN)?[ ='\"]{0,3}", 0..6);
        proptest!(|(lines in lines, ends in proptest::collection::vec("['\"]?(\r\n|\n| x\n)", 6))| {
            let secret = "ghp_hunter2";
            let is_hidden = |line: &str| !line.contains("GITHUB_OWNER");
            let text: String =
                lines.iter().zip(&ends).map(|(line, end)| format!("{line}{}{end}", if is_hidden(line) { secret } else { "" })).collect();
            if let Err(problems) = read(".env", &text) {
                prop_assert!(!problems.to_string().contains("hunter2"), "{}", problems);
                prop_assert!(problems.0.iter().all(|problem| problem.place.is_some()));
            }
        });
    }
}
