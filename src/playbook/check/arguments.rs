//! The options of a task: unknown, missing, of another kind.

use super::names::found;
use super::walk::Seen;
use crate::diagnostics::{Diagnostic, Diagnostics, similar, suggestion};
use crate::modules::{Args, FREE_FORM, Found, Opt, Spec, Wrong, find, module_names, names};
use crate::yaml::{Node, Value};

/// What a task's module takes, if it is one that is here.
pub(super) fn spec(seen: &Seen) -> Option<&'static Spec> {
    match found(seen) {
        Found::Module(module) => Some(module.spec()),
        Found::Play(module) => Some(module.spec()),
        Found::Action(spec) => Some(spec),
        Found::NotHere | Found::Unknown => None,
    }
}

pub(super) fn check(seen: &Seen, problems: &mut Diagnostics) {
    let (Some(spec), action) = (spec(seen), &seen.task.action) else { return };
    // whoever reads the files looks at these
    if matches!(seen.module(), "include_tasks" | "include_role" | "import_tasks" | "import_role") {
        return;
    }
    if let Some((_, text)) = action.options.iter().find(|(key, _)| !spec.free_form && key.as_str() == Some(FREE_FORM)) {
        problems.push(not_a_text(spec, text, seen));
        return;
    }
    let mut options = action.options.clone();
    let unsure = add_defaults(spec, seen, &mut options) || action.whole.is_some();
    let mut wrong = Diagnostics::new();
    let args = Args::read(spec, &options, &action.place, &mut wrong);
    let of_module = match found(seen) {
        Found::Module(module) => module.wrong(&args),
        Found::Play(module) => module.wrong(&args),
        Found::Action(_) | Found::NotHere | Found::Unknown => Vec::new(),
    };
    wrong.0.extend(of_module.into_iter().filter_map(|one| placed(spec, &options, one)));
    // what is missing may be in what is not known yet; it is told at the module's name
    wrong.0.retain(|problem| !unsure || problem.place.as_ref() != Some(&action.place));
    meant(spec, &options, &mut wrong);
    for problem in &mut wrong.0 {
        problem.message = problem.message.replace(&format!("one of `{FREE_FORM}`, "), "a text behind its name, or one of ");
        problem.message = problem.message.replace(&format!("`{FREE_FORM}` of "), "");
    }
    problems.extend(wrong);
}

/// Where the value stands that is wrong; one that is the module's own is not anybody's mistake.
fn placed(spec: &Spec, options: &[(Node, Node)], wrong: Wrong) -> Option<Diagnostic> {
    let is_it = |key: &Node| key.as_str().and_then(|key| spec.option(key)).is_some_and(|option| option.name == wrong.option);
    let (_, value) = options.iter().find(|(key, _)| is_it(key))?;
    let error = Diagnostic::error(wrong.why).at(value.place.clone());
    Some(if wrong.hint.is_empty() { error } else { error.hint(wrong.hint) })
}

/// An option that is misspelt and therefore missing is one mistake, not two.
fn meant(spec: &'static Spec, options: &[(Node, Node)], found: &mut Diagnostics) {
    let names = options.iter().filter_map(|(key, _)| Some((key.as_str()?, key)));
    let (given, unknown): (Vec<_>, Vec<_>) = names.partition(|(name, _)| spec.option(name).is_some());
    let is_given = |option: &Opt| given.iter().any(|(name, _)| spec.option(name).is_some_and(|other| other.name == option.name));
    let missing: Vec<&Opt> = spec.options.iter().filter(|option| option.required && !is_given(option)).collect();
    for option in &missing {
        let alike = |(name, _): &&(&str, &Node)| similar(name, option.aliases.iter().copied().chain([option.name])).is_some();
        let only = || match (unknown.as_slice(), missing.as_slice()) {
            ([one], [_]) if one.0.chars().next() == option.name.chars().next() => Some(one),
            _ => None,
        };
        let Some((_, key)) = unknown.iter().find(alike).or_else(only) else { continue };
        let needs = format!("`{}` needs the option `{}`", spec.name, option.name);
        found.0.retain(|problem| problem.message != needs);
        for problem in found.0.iter_mut().filter(|problem| problem.label.is_none() && problem.place.as_ref() == Some(&key.place)) {
            (problem.label, problem.hint) = (Some(format!("did you mean `{}`?", option.name)), None);
        }
    }
}

/// What `module_defaults` names: modules, and options of those that are here.
pub(super) fn defaults(seen: &Seen, problems: &mut Diagnostics) {
    let defaults = seen.task.levels.iter().flat_map(|level| &level.module_defaults).filter_map(Node::as_map).flatten();
    for (key, values) in defaults.filter(|(key, _)| !key.is_template()) {
        let Some(name) = key.as_str().filter(|name| !name.starts_with("group/")) else { continue };
        let spec = match find(name) {
            Found::Module(module) => module.spec(),
            Found::Play(module) => module.spec(),
            Found::Action(spec) => spec,
            Found::NotHere => continue,
            Found::Unknown => {
                let warning = Diagnostic::warning(format!("there is no module `{name}`")).at(key.place.clone());
                problems.push(match names::nearest(name, module_names()) {
                    Some(near) => warning.label(format!("did you mean `{near}`?")),
                    None => warning.hint("no task gets these defaults"),
                });
                continue;
            }
        };
        for (option, _) in values.as_map().into_iter().flatten() {
            let Some(text) = option.as_str().filter(|text| !spec.any_option && spec.option(text).is_none()) else { continue };
            let error = Diagnostic::error(format!("unknown option `{text}` for module `{}`", spec.name)).at(option.place.clone());
            problems.push(match suggestion(text, spec.options.iter().map(|option| option.name)) {
                Some(label) => error.label(label),
                None => error.hint("every task with this module would fail"),
            });
        }
    }
}

/// Adds what `module_defaults` says, the strongest first. Whether some of it cannot be known.
fn add_defaults(spec: &Spec, seen: &Seen, options: &mut Vec<(Node, Node)>) -> bool {
    let levels = seen.task.levels.iter().flat_map(|level| &level.module_defaults);
    // of `package`: on another system another module does it, with its own defaults
    let is_behind = |name: &str| spec.name == "package" && matches!(find(name), Found::NotHere);
    let mut unsure = levels.clone().any(Node::is_template)
        || levels.filter_map(Node::as_map).flatten().any(|(key, _)| key.as_str().is_some_and(|key| key.contains("{{") || is_behind(key)));
    for values in seen.task.module_defaults(spec.collection, spec.name).into_iter().rev() {
        let Some(values) = values.as_map() else {
            unsure = true;
            continue;
        };
        for (key, value) in values {
            // an unknown one is a mistake there, not here
            let option = key.as_str().and_then(|key| spec.option(key));
            let given = |(other, _): &(Node, Node)| other.as_str().and_then(|other| spec.option(other)).map(|other| other.name);
            if option.is_some_and(|option| !options.iter().any(|other| given(other) == Some(option.name))) {
                options.push((key.clone(), value.clone()));
            }
        }
    }
    unsure
}

fn not_a_text(spec: &Spec, text: &Node, seen: &Seen) -> Diagnostic {
    let error = Diagnostic::error(format!("`{}` takes options, not a text", spec.name)).at(text.place.clone());
    let first = spec.options.iter().find(|option| option.required).or_else(|| spec.options.first());
    let Some(option) = first.map(|option| option.name) else { return error };
    let shown = match &text.value {
        Value::Str(text) if !text.contains('\n') && text.len() < 40 && !text.contains(['{', '=', ':']) => text.to_string(),
        _ => "...".to_owned(),
    };
    error.hint(format!("write `{}:` and below it, indented, `{option}: {shown}`", seen.task.action.name))
}
