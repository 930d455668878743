//! A module's page in the documentation, made from its argument table: what is checked is what is told.

use std::fmt::Write as _;

use super::registry::{Found, find};
use super::spec::FREE_FORM;
use super::{Kind, Opt, Spec, registry};

/// The page of the module of that name, in Markdown that reads well as it is; `None` if there is no such module here.
pub fn page(name: &str) -> Option<String> {
    match find(name) {
        Found::Module(module) => Some(written(module.spec())),
        Found::Play(module) => Some(written(module.spec())),
        Found::Action(spec) => Some(written(spec)),
        Found::NotHere | Found::Unknown => None,
    }
}

/// The full names of all modules with what they are for, sorted.
pub fn contents() -> Vec<(String, &'static str)> {
    let mut all: Vec<_> = registry::specs().map(|spec| (full_name(spec), spec.about)).collect();
    all.sort();
    all
}

fn full_name(spec: &Spec) -> String {
    format!("{}.{}", spec.collection, spec.name)
}

fn written(spec: &Spec) -> String {
    let mut page = format!("# {}\n\n{}.\n", full_name(spec), spec.about);
    for note in spec.notes {
        let _ = write!(page, "\n{note}{}\n", if note.ends_with(['.', ':']) { "" } else { "." });
    }
    if !spec.example.is_empty() {
        let _ = write!(page, "\n```yaml\n{}\n```\n", spec.example.trim_end());
    }
    let named: Vec<&Opt> = spec.options.iter().filter(|option| option.name != FREE_FORM).collect();
    if !named.is_empty() || spec.free_form || spec.any_option {
        page.push_str("\n## Options\n\n");
    }
    if spec.free_form {
        let about = spec.option(FREE_FORM).map_or("", |option| option.about);
        let about = if about.is_empty() { "a text in place of the options" } else { about };
        let _ = writeln!(page, "* a text in place of options: {about}");
    }
    for option in named {
        page.push_str(&line(option));
    }
    if spec.any_option {
        page.push_str("* any other name: a variable of that name\n");
    }
    let rules = rules(spec);
    if !rules.is_empty() {
        page.push_str("\n## Together\n\n");
        rules.iter().for_each(|rule| _ = writeln!(page, "* {rule}"));
    }
    page
}

fn line(option: &Opt) -> String {
    let mut traits = vec![kind(option.kind)];
    if option.required {
        traits.push("required".to_owned());
    }
    if !option.aliases.is_empty() {
        traits.push(format!("also {}", listed(option.aliases, "and")));
    }
    if !option.choices.is_empty() {
        traits.push(format!("one of {}", listed(option.choices, "and")));
    }
    if let Some(default) = option.default {
        traits.push(format!("`{default}` if it is left out"));
    }
    if option.secret {
        traits.push("never shown".to_owned());
    }
    format!("* `{}` ({}): {}\n", option.name, traits.join("; "), option.about)
}

fn kind(kind: Kind) -> String {
    match kind {
        Kind::Str => "text".into(),
        Kind::Path => "path".into(),
        Kind::Bool => "true or false".into(),
        Kind::Int => "whole number".into(),
        Kind::Float => "number".into(),
        Kind::List(Kind::Str) => "list of texts".into(),
        Kind::List(inner) => format!("list, each a {}", self::kind(*inner)),
        Kind::Dict => "mapping".into(),
        Kind::Raw => "any value".into(),
        Kind::Json => "JSON".into(),
        Kind::Bytes => "size, such as `10M`".into(),
    }
}

fn rules(spec: &Spec) -> Vec<String> {
    let exclusive = spec.exclusive.iter().map(|names| format!("at most one of {}", listed(names, "and")));
    let together = spec.together.iter().map(|names| format!("{}: all of them, or none", listed(names, "and")));
    // where one has a value anyway, there is nothing to say
    let one_of = spec.one_of.iter().filter(|names| !names.iter().any(|name| spec.has_default(name)));
    let one_of = one_of.map(|names| format!("at least one of {}", listed(names, "and")));
    let required_if = spec.required_if.iter().map(|rule| {
        let then = listed(rule.then, if rule.any { "or" } else { "and" });
        format!("`{}: {}` wants {then}", rule.option, rule.value)
    });
    let required_by = spec.required_by.iter().map(|(name, wants)| format!("`{name}` wants {}", listed(wants, "and")));
    exclusive.chain(together).chain(one_of).chain(required_if).chain(required_by).collect()
}

fn listed(names: &[&str], last: &str) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match names.as_slice() {
        [rest @ .., end] if !rest.is_empty() => format!("{} {last} {end}", rest.join(", ")),
        other => other.concat(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// With `HOMELABCTL_WRITE_DOCS=1` the pages are written anew instead: `make docs`.
    #[test]
    fn docs_modules_is_what_the_tables_say() {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/modules");
        let mut pages: Vec<(String, String)> =
            contents().into_iter().map(|(name, _)| (format!("{name}.md"), page(&name).unwrap())).collect();
        let mut index =
            "# Modules\n\nWhat each takes, as `homelabctl doc MODULE` shows it; made from the tables that arguments are checked by.\n\n"
                .to_owned();
        contents().iter().for_each(|(name, about)| writeln!(index, "* [{name}]({name}.md): {about}").unwrap());
        pages.push(("README.md".into(), index));
        if std::env::var_os("HOMELABCTL_WRITE_DOCS").is_some() {
            let _ = std::fs::remove_dir_all(&dir);
            std::fs::create_dir_all(&dir).unwrap();
            pages.iter().for_each(|(name, text)| std::fs::write(dir.join(name), text).unwrap());
            return;
        }
        for (name, text) in &pages {
            let there = std::fs::read_to_string(dir.join(name)).unwrap_or_default();
            assert!(there == *text, "docs/modules/{name} is not what the tables say: `make docs` writes it");
        }
        assert_eq!(std::fs::read_dir(&dir).unwrap().count(), pages.len(), "a page of no module: `make docs`");
    }

    #[test]
    fn nothing_is_without_a_word() {
        for spec in registry::specs() {
            let name = full_name(spec);
            assert!(!spec.about.is_empty() && !spec.about.ends_with('.'), "{name} has no sentence, or one with a full stop");
            for option in spec.options.iter().filter(|option| option.name != FREE_FORM) {
                assert!(!option.about.is_empty() && !option.about.ends_with('.'), "{name}: {} has no sentence", option.name);
            }
        }
    }

    #[test]
    fn a_page_says_all_that_is_checked() {
        let page = page("ansible.builtin.user").unwrap();
        for part in ["# ansible.builtin.user\n", "`password`", "never shown", "one of `", "also `"] {
            assert!(page.contains(part), "{part}: {page}");
        }
        assert!(super::page("hommelab.swap").is_none());
    }
}
