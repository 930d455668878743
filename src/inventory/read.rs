//! All of `-i`, in their order, into one inventory.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use secrecy::SecretString;

use super::host::Inventory;
use super::{ini, list};
use crate::diagnostics::{Diagnostic, Diagnostics, Source};

/// The longest list that is read.
const LIMIT: u64 = 16 * 1024 * 1024;

/// One thing to read hosts from.
#[derive(Debug, Clone)]
pub enum Given {
    /// What stands behind `-i`: a list if there is a comma in it, else a file.
    Argument(String),
    /// The text of a file.
    Text(Source),
}

/// Reads hosts from all of them, in their order.
///
/// # Errors
/// Every mistake in all of them, and the warnings. What must be kept out of the output comes in `secrets`, also then.
pub fn read(given: &[Given], secrets: &mut Vec<SecretString>) -> Result<(Inventory, Diagnostics), Diagnostics> {
    let (mut inventory, mut problems, mut named) = (Inventory::default(), Diagnostics::new(), BTreeSet::new());
    for given in given {
        let source = match given {
            Given::Argument(text) if text.contains(',') => {
                list::read(&Source::new("-i", text.as_str()), &mut inventory, &mut problems);
                continue;
            }
            Given::Argument(path) => match file(path) {
                Ok(source) => source,
                Err(problem) => {
                    problems.extend(problem);
                    continue;
                }
            },
            Given::Text(source) => source.clone(),
        };
        let source = &source;
        ini::Reader { source, inventory: &mut inventory, problems: &mut problems, secrets, named: &mut named }.read();
    }
    for group in &inventory.groups {
        if let Some(host) = inventory.host(&group.name) {
            let warning = Diagnostic::warning(format!("`{}` is both a group and a host: as a pattern it means the group", group.name));
            problems.push(warning.at(host.place.clone()));
        }
    }
    problems.or(inventory)
}

fn file(name: &str) -> Result<Source, Diagnostics> {
    let path = Path::new(name);
    let unreadable = |error: std::io::Error| -> Diagnostics {
        let error_text = Diagnostic::error(format!("cannot read the inventory `{name}`: {error}"));
        match error.kind() {
            std::io::ErrorKind::NotFound => error_text.hint(format!("for a host of that name write `-i {name},` with a comma")).into(),
            _ => error_text.into(),
        }
    };
    let opened = std::fs::File::open(path).map_err(unreadable)?;
    let meta = opened.metadata().map_err(unreadable)?;
    let not_read = |what: &str| {
        let error = Diagnostic::error(format!("`{name}` is {what}, which is not read")).hint("one plain list of hosts in INI form is");
        Err(error.into())
    };
    if meta.is_dir() {
        return not_read("a directory");
    }
    if meta.is_file() && meta.permissions().mode() & 0o111 != 0 {
        // Ansible would run it
        return not_read("a program");
    }
    if path.extension().is_some_and(|extension| ["yml", "yaml", "json", "toml"].iter().any(|other| extension.eq_ignore_ascii_case(other))) {
        return not_read("an inventory in another form");
    }
    let mut bytes = Vec::new();
    opened.take(LIMIT + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > LIMIT {
        return Err(Diagnostic::error(format!("the inventory `{name}` is longer than {} MiB", LIMIT / 1024 / 1024)).into());
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Source::new(name, text)),
        Err(error) => {
            let line = error.as_bytes().iter().take(error.utf8_error().valid_up_to()).filter(|&&b| b == b'\n').count() + 1;
            Err(Diagnostic::error(format!("the inventory `{name}` is no UTF-8 text (line {line})")).into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(result: Result<(Inventory, Diagnostics), Diagnostics>) -> Vec<String> {
        let problems = result.map_or_else(|errors| errors, |(_, warnings)| warnings);
        problems.0.into_iter().map(|problem| problem.message).collect()
    }

    #[test]
    fn lists_and_files_together() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("hosts");
        std::fs::write(&path, "[w]\nm1\nw\n").unwrap();
        let given = [Given::Argument("m1,m2,".into()), Given::Argument(path.to_str().unwrap().into())];
        let (inventory, warnings) = read(&given, &mut Vec::new()).unwrap();
        assert_eq!(inventory.hosts.iter().map(|host| &*host.name).collect::<Vec<_>>(), ["m1", "m2", "w"]);
        assert_eq!(messages(Ok((inventory, warnings))), ["`w` is both a group and a host: as a pattern it means the group"]);
    }

    #[test]
    fn what_is_no_plain_list() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
        std::fs::write(path("a.yml"), "all:\n").unwrap();
        std::fs::write(path("bytes"), b"m1\n\xff\n").unwrap();
        std::fs::write(path("program"), "#!/bin/sh\n").unwrap();
        std::fs::set_permissions(path("program"), std::fs::Permissions::from_mode(0o755)).unwrap();
        let given = ["a.yml", "bytes", "program", "none", ""].map(|name| Given::Argument(path(name)));
        let messages = messages(read(&given, &mut Vec::new()));
        let expected = ["is an inventory in another form", "no UTF-8 text (line 2)", "is a program", "cannot read", "is a directory"];
        assert_eq!(messages.len(), expected.len());
        for (message, expected) in messages.iter().zip(expected) {
            assert!(message.contains(expected), "{message}");
        }
    }
}
