//! `--extra-vars`: `NAME=VALUE …`, a JSON object, or `@FILE` with one.
//!
//! Only variables about the connection have an effect here, so every other one is an error rather than ignored.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::diagnostics::{Diagnostic, Diagnostics, Place, Source};
use crate::inventory::words::{self, Unclosed};
use crate::inventory::{Known, Variable, at_home, is_secret, known, suggestion, variable_names};
use crate::report::Secrets;

const NAME: &str = "--extra-vars";

/// The variables of all `-e`; of two with the same name the later one counts. Secret ones are registered.
pub(super) fn read(given: &[String], home: &Path, secrets: &Secrets, problems: &mut Diagnostics) -> BTreeMap<String, Variable> {
    let mut variables = BTreeMap::new();
    for text in given {
        let source = match text.strip_prefix('@') {
            None => Source::new(NAME, text.as_str()),
            Some(path) => match std::fs::read_to_string(at_home(path, home)) {
                Ok(contents) => Source::new(path, contents),
                Err(error) => {
                    problems.push(Diagnostic::error(format!("cannot read the variables in `{path}`: {error}")));
                    continue;
                }
            },
        };
        let found = if text.starts_with('@') || text.trim_start().starts_with(['{', '[']) { json(&source) } else { pairs(&source) };
        match found {
            Err(problem) => problems.extend(problem),
            Ok(found) => {
                for (name, variable) in found {
                    if is_secret(&name) {
                        super::register(secrets, &variable.value, &name, problems);
                    }
                    if check(&name, &variable.place, problems) {
                        variables.insert(name, variable);
                    }
                }
            }
        }
    }
    variables
}

fn pairs(source: &Source) -> Result<Vec<(String, Variable)>, Diagnostics> {
    let split =
        words::split(&source.text).map_err(|Unclosed(at)| Diagnostic::error("this quote is not closed").at(source.at(at..at + 1)))?;
    if let Some(at) = split.cut_by_comment {
        return Err(Diagnostic::error("a comment begins here").at(source.at(at..at + 1)).hint("put the value in quotes").into());
    }
    let pair = |word: words::Word| -> Result<_, Diagnostics> {
        match word.text.split_once('=') {
            Some((name, value)) => Ok((name.to_owned(), Variable { value: value.to_owned(), place: source.at(word.span) })),
            None => Err(Diagnostic::error(format!("`{}` is no variable", word.text))
                .at(source.at(word.span))
                .label("write `name=value`")
                .into()),
        }
    };
    split.words.into_iter().map(pair).collect()
}

fn json(source: &Source) -> Result<Vec<(String, Variable)>, Diagnostics> {
    let whole = || source.at(0..source.text.len());
    let value: Value = serde_json::from_str(&source.text).map_err(|error| {
        let line = source.line(error.line()).span;
        let at = (line.start + error.column().saturating_sub(1)).min(line.end);
        let message = error.to_string();
        let message = message.split(" at line ").next().unwrap_or_default().to_owned();
        Diagnostic::error(format!("this is no JSON: {message}")).at(source.at(at..at + 1)).hint("variables in YAML are not read")
    })?;
    let Value::Object(fields) = value else {
        return Err(Diagnostic::error("this is no JSON object").at(whole()).hint("write {\"name\": \"value\"}").into());
    };
    let variable = |(name, value): (String, Value)| -> Result<_, Diagnostics> {
        let place = source.text.find(&format!("\"{name}\"")).map_or_else(whole, |at| source.at(at..at + name.len() + 2));
        let value = match value {
            Value::String(text) => text,
            Value::Number(number) => number.to_string(),
            Value::Bool(truth) => truth.to_string(),
            Value::Null | Value::Array(_) | Value::Object(_) => {
                return Err(Diagnostic::error(format!("`{name}` is a text, a number, true or false")).at(place).into());
            }
        };
        Ok((name, Variable { value, place }))
    };
    fields.into_iter().map(variable).collect()
}

/// Whether the variable has an effect; says so if not.
fn check(name: &str, place: &Place, problems: &mut Diagnostics) -> bool {
    let place = place.clone();
    problems.push(match known(name) {
        Some(Known::Used) => return true,
        Some(Known::NotRead(instead)) => Diagnostic::error(format!("`{name}` is not read")).at(place).hint(instead),
        Some(Known::NoEffect(why)) => Diagnostic::warning(format!("`{name}` has no effect")).at(place).label(why),
        None => {
            let error = Diagnostic::error(format!("the variable `{name}` has no effect here")).at(place);
            match suggestion(name, variable_names()) {
                Some(label) => error.label(label),
                None => error.hint("this command uses only variables about the connection, such as `ansible_user`"),
            }
        }
    });
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(given: &[&str]) -> (String, Diagnostics, Secrets) {
        let (secrets, mut problems) = (Secrets::default(), Diagnostics::new());
        let given: Vec<String> = given.iter().map(|&text| text.to_owned()).collect();
        let variables = read(&given, Path::new("/home/pat"), &secrets, &mut problems);
        let shown: Vec<String> = variables.iter().map(|(name, variable)| format!("{name}={}", variable.value)).collect();
        (shown.join(" "), problems, secrets)
    }

    #[test]
    fn pairs_and_objects() {
        let (shown, problems, secrets) =
            of(&["ansible_user='pat r' ansible_port=22", r#"{"ansible_port": 23, "ansible_become": true, "ansible_password": "s3cret"}"#]);
        assert_eq!(shown, "ansible_become=true ansible_password=s3cret ansible_port=23 ansible_user=pat r");
        assert_eq!(problems, Diagnostics::new());
        assert_eq!(secrets.redact("a s3cret"), "a ***");
    }

    #[test]
    fn a_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("vars.json");
        std::fs::write(&path, "{\"ansible_user\": \"x\"}\n").unwrap();
        assert_eq!(of(&[&format!("@{}", path.display())]).0, "ansible_user=x");
    }

    #[test]
    fn what_would_be_ignored_is_an_error() {
        let (shown, problems, _) = of(&[
            "rack=3 ansible_usr=x ansible_python_interpreter=/usr/bin/python3",
            "stray",
            "{\"ansible_user\": null}",
            "{\"a\":\n  x}",
            "[1]",
            "a='x",
            "a=b#c",
            "@/nonexistent/vars.json",
        ]);
        assert_eq!(shown, "");
        insta::assert_snapshot!(problems);
    }
}
