//! `validate_argument_spec`: values against what a role says of its arguments (module_utils/common/arg_spec.py of Ansible, whose
//! words these are: a `rescue` may look for them).

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json};

use super::magic::made;
use crate::modules;
use crate::yaml::{Value, python_repr, python_str};

type Spec = Map<String, Json>;

/// What is wrong with these values; nothing is if they are as `spec` wants them.
pub(super) fn errors(spec: &Spec, values: &Map<String, Json>) -> Vec<String> {
    let mut check = Check::default();
    let mut values = values.clone();
    check.level(&Level { spec, rules: None }, &mut values);
    check.below(spec, &mut values);
    if let Some((_, known)) = check.unsupported.iter().next_back() {
        let names: Vec<&str> = check.unsupported.iter().map(|(name, _)| name.as_str()).collect();
        check.errors.push(format!("{}. Supported parameters include: {known}.", names.join(", ")));
    }
    check.errors
}

#[derive(Default)]
struct Check {
    errors: Vec<String>,
    /// The options around those that are looked at.
    around: Vec<String>,
    /// Names that no spec has, and what there is in their place.
    unsupported: BTreeSet<(String, String)>,
}

/// Options of one level, and the option that has them below it: its other words are rules for them.
struct Level<'s> {
    spec: &'s Spec,
    rules: Option<&'s Json>,
}

impl Check {
    fn wrong(&mut self, message: String, among: &str) {
        let around = if self.around.is_empty() { String::new() } else { format!("{among}{}", self.around.join(" -> ")) };
        self.errors.push(format!("{message}{around}"));
    }

    fn level(&mut self, level: &Level, values: &mut Map<String, Json>) {
        let spec = level.spec;
        let aliases = aliases(spec);
        for (alias, name) in &aliases {
            if let Some(value) = values.get(alias).cloned() {
                values.insert(name.clone(), value);
            }
        }
        for name in values.keys().filter(|name| !spec.contains_key(*name) && !aliases.iter().any(|(alias, _)| alias == *name)) {
            let mut known: Vec<&str> = spec.keys().map(String::as_str).collect();
            known.sort_unstable();
            let mut others: Vec<&str> = aliases.iter().map(|(alias, _)| alias.as_str()).collect();
            others.sort_unstable();
            let others = if others.is_empty() { String::new() } else { format!(" ({})", others.join(", ")) };
            let path = self.around.iter().chain([name]).map(String::as_str).collect::<Vec<_>>().join(".");
            self.unsupported.insert((path, known.join(", ") + &others));
        }
        let rules = |name: &str| level.rules.and_then(|rules| rules.get(name));
        self.exclusive(rules("mutually_exclusive"), values);
        defaults(spec, values, false);
        let mut missing: Vec<&str> = spec
            .iter()
            .filter(|(name, rule)| rule.get("required").is_some_and(is_true) && !values.contains_key(*name))
            .map(|(name, _)| name.as_str())
            .collect();
        missing.sort_unstable();
        if !missing.is_empty() {
            self.wrong(format!("missing required arguments: {}", missing.join(", ")), " found in ");
        }
        for (name, rule) in spec {
            self.kind(name, rule, values);
        }
        for (name, rule) in spec {
            self.choices(name, rule, values);
        }
        self.together(rules("required_together"), values);
        self.one_of(rules("required_one_of"), values);
        self.required_if(rules("required_if"), values);
        self.required_by(rules("required_by"), values);
        defaults(spec, values, true);
    }

    /// Options that have options below them.
    fn below(&mut self, spec: &Spec, values: &mut Map<String, Json>) {
        for (name, rule) in spec {
            let kind = rule.get("type").and_then(Json::as_str).unwrap_or("str");
            let nested = kind == "dict" || (kind == "list" && rule.get("elements").and_then(Json::as_str) == Some("dict"));
            let Some(inner) = rule.get("options").and_then(Json::as_object).filter(|_| nested) else { continue };
            if rule.get("apply_defaults").is_some_and(is_true) && values.get(name).is_none_or(Json::is_null) {
                values.insert(name.clone(), Json::Object(Map::new()));
            }
            let Some(value) = values.get_mut(name).filter(|value| !value.is_null()) else { continue };
            let elements = match value {
                Json::Array(list) => list.as_mut_slice(),
                one => std::slice::from_mut(one),
            };
            self.around.push(name.clone());
            for element in elements {
                match element {
                    Json::Object(map) => {
                        self.level(&Level { spec: inner, rules: Some(rule) }, map);
                        self.below(inner, map);
                    }
                    _ => self.errors.push(format!("value of '{name}' must be of type dict or list of dicts")),
                }
            }
            self.around.pop();
        }
    }

    fn kind(&mut self, name: &str, rule: &Json, values: &mut Map<String, Json>) {
        let Some(value) = values.get(name).cloned() else { return };
        let optional = !rule.get("required").is_some_and(is_true) && rule.get("default").is_none_or(Json::is_null);
        if value.is_null() && optional {
            return;
        }
        let kind = rule.get("type").and_then(Json::as_str).unwrap_or("str");
        let found = match converted(kind, &value) {
            Ok(found) => found,
            Err(why) => {
                // the full stop is Ansible's
                let around = if self.around.is_empty() { String::new() } else { format!(" found in '{}'.", self.around.join(" -> ")) };
                let is = type_of(&value);
                self.errors.push(format!("argument '{name}' is of type {is}{around} and we were unable to convert to {kind}: {why}"));
                return;
            }
        };
        let found = match (rule.get("elements").and_then(Json::as_str), found) {
            (Some(elements), Json::Array(list)) => Json::Array(self.elements(name, elements, list)),
            (_, found) => found,
        };
        values.insert(name.to_owned(), found);
    }

    /// Those of a list that are what it holds; what is wrong with the others is told.
    fn elements(&mut self, name: &str, kind: &str, list: Vec<Json>) -> Vec<Json> {
        let mut good = Vec::new();
        for value in list {
            match converted(kind, &value) {
                Ok(value) => good.push(value),
                Err(why) => {
                    let around = if self.around.is_empty() { String::new() } else { format!(" found in '{}'", self.around.join(" -> ")) };
                    let is = type_of(&value);
                    self.errors.push(format!(
                        "Elements value for option '{name}'{around} is of type {is} and we were unable to convert to {kind}: {why}"
                    ));
                }
            }
        }
        good
    }

    fn choices(&mut self, name: &str, rule: &Json, values: &Map<String, Json>) {
        let (Some(choices), Some(value)) = (rule.get("choices").and_then(Json::as_array), values.get(name)) else { return };
        let all = || choices.iter().map(text).collect::<Vec<_>>().join(", ");
        if let Json::Array(list) = value {
            let others: Vec<String> = list.iter().filter(|item| !has(choices, item)).map(text).collect();
            if !others.is_empty() {
                self.wrong(
                    format!("value of {name} must be one or more of: {}. Got no match for: {}", all(), others.join(", ")),
                    " found in ",
                );
            }
        } else if !has(choices, value) && !is_one_truth(choices, value) {
            self.wrong(format!("value of {name} must be one of: {}, got: {}", all(), text(value)), " found in ");
        }
    }

    fn exclusive(&mut self, rules: Option<&Json>, values: &Map<String, Json>) {
        let both: Vec<String> = groups(rules).into_iter().filter(|names| count(names, values) > 1).map(|names| names.join("|")).collect();
        if !both.is_empty() {
            self.wrong(format!("parameters are mutually exclusive: {}", both.join(", ")), " found in ");
        }
    }

    fn together(&mut self, rules: Option<&Json>, values: &Map<String, Json>) {
        let some = groups(rules).into_iter().find(|names| (1..names.len()).contains(&count(names, values)));
        if let Some(names) = some {
            self.wrong(format!("parameters are required together: {}", names.join(", ")), " found in ");
        }
    }

    fn one_of(&mut self, rules: Option<&Json>, values: &Map<String, Json>) {
        if let Some(names) = groups(rules).into_iter().find(|names| count(names, values) == 0) {
            self.wrong(format!("one of the following is required: {}", names.join(", ")), " found in ");
        }
    }

    fn required_if(&mut self, rules: Option<&Json>, values: &Map<String, Json>) {
        for rule in rules.and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_array) {
            let (Some(name), Some(wanted), Some(names)) = (rule.first().and_then(Json::as_str), rule.get(1), rule.get(2)) else { continue };
            if values.get(name) != Some(wanted) {
                continue;
            }
            let names = strings(names);
            let missing: Vec<&str> = names.iter().map(String::as_str).filter(|name| !values.contains_key(*name)).collect();
            let any = rule.get(3).is_some_and(is_true);
            if !missing.is_empty() && (!any || missing.len() == names.len()) {
                let how = if any { "any" } else { "all" };
                let wanted = text(wanted);
                self.wrong(format!("{name} is {wanted} but {how} of the following are missing: {}", missing.join(", ")), " found in ");
                return;
            }
        }
    }

    fn required_by(&mut self, rules: Option<&Json>, values: &Map<String, Json>) {
        let is_given = |name: &str| values.get(name).is_some_and(|value| !value.is_null());
        for (name, needs) in rules.and_then(Json::as_object).into_iter().flatten().filter(|(name, _)| is_given(name)) {
            let missing: Vec<String> = strings(needs).into_iter().filter(|name| !is_given(name)).collect();
            if !missing.is_empty() {
                self.wrong(format!("missing parameter(s) required by '{name}': {}", missing.join(", ")), " found in ");
                return;
            }
        }
    }
}

/// Other names of options, and theirs.
fn aliases(spec: &Spec) -> Vec<(String, String)> {
    let of = |(name, rule): (&String, &Json)| {
        let name = name.clone();
        rule.get("aliases").map(strings).unwrap_or_default().into_iter().map(move |alias| (alias, name.clone()))
    };
    spec.iter().flat_map(of).collect()
}

/// What is not given becomes its default; in the end nothing where there is none.
fn defaults(spec: &Spec, values: &mut Map<String, Json>, all: bool) {
    for (name, rule) in spec {
        let default = rule.get("default").filter(|default| !default.is_null());
        if (all || default.is_some()) && !values.contains_key(name) {
            values.insert(name.clone(), default.cloned().unwrap_or_default());
        }
    }
}

/// Groups of names.
fn groups(rules: Option<&Json>) -> Vec<Vec<String>> {
    rules.and_then(Json::as_array).into_iter().flatten().map(strings).collect()
}

/// A name or names.
fn strings(value: &Json) -> Vec<String> {
    match value {
        Json::Array(list) => list.iter().map(text).collect(),
        one => vec![text(one)],
    }
}

fn count(names: &[String], values: &Map<String, Json>) -> usize {
    names.iter().collect::<BTreeSet<_>>().into_iter().filter(|name| values.contains_key(*name)).count()
}

/// Whether it is among them; as in Python `1`, `1.0` and `true` are the same.
fn has(choices: &[Json], value: &Json) -> bool {
    let number = |value: &Json| value.as_bool().map(f64::from).or_else(|| value.as_f64());
    choices.iter().any(|choice| choice == value || number(choice).is_some_and(|own| number(value) == Some(own)))
}

/// Whether a text is Python's word for true or false and just one of the choices means that.
fn is_one_truth(choices: &[Json], value: &Json) -> bool {
    let words: &[&str] = match value.as_str() {
        Some("True") => &["y", "yes", "on", "1", "true", "t"],
        Some("False") => &["n", "no", "off", "0", "false", "f"],
        _ => return false,
    };
    choices.iter().filter(|choice| choice.as_str().is_some_and(|choice| words.contains(&choice))).count() == 1
}

fn is_true(value: &Json) -> bool {
    modules::boolean(&node(value)).unwrap_or(false)
}

fn node(value: &Json) -> crate::yaml::Node {
    modules::node(value, &made(Value::Null).place)
}

/// `str(value)`
fn text(value: &Json) -> String {
    python_str(&node(value))
}

/// A value as an option of that kind has it.
fn converted(kind: &str, value: &Json) -> Result<Json, String> {
    let cannot = |what: &str| Err(format!("{} cannot be converted to {what}", class_of(value)));
    match kind {
        "str" | "path" => Ok(Json::from(if value.is_null() { String::new() } else { text(value) })),
        "raw" => Ok(value.clone()),
        "list" => match value {
            Json::Array(_) => Ok(value.clone()),
            Json::String(text) => Ok(text.split(',').collect()),
            Json::Number(_) | Json::Bool(_) => Ok(Json::Array(vec![Json::from(text(value))])),
            _ => cannot("a list"),
        },
        "dict" => match value {
            Json::Object(_) => Ok(value.clone()),
            Json::String(text) => dict(text),
            _ => cannot("a dict"),
        },
        "bool" => match value {
            Json::Bool(_) => Ok(value.clone()),
            Json::String(_) | Json::Number(_) => modules::boolean(&node(value)).map(Json::from).ok_or_else(|| {
                format!(
                    "The value '{}' is not a valid boolean. Valid booleans include: 0, 1, 'f', 'false', 'n', 'no', 'off', 'on', 't', \
                     'true', 'y', 'yes'",
                    text(value)
                )
            }),
            _ => cannot("a bool"),
        },
        "int" => whole(value).map(Json::from).ok_or_else(|| format!("\"{}\" cannot be converted to an int", python_repr(&node(value)))),
        "float" => match value {
            Json::Number(_) => Ok(value.clone()),
            Json::Bool(truth) => Ok(Json::from(f64::from(*truth))),
            Json::String(text) => text.trim().parse::<f64>().map(Json::from).or_else(|_| cannot("a float")),
            _ => cannot("a float"),
        },
        "json" | "jsonarg" => match value {
            Json::String(text) => Ok(Json::from(text.trim())),
            Json::Array(_) | Json::Object(_) => Ok(Json::from(value.to_string())),
            _ => cannot("a json string"),
        },
        "bytes" if !is_size(&text(value), "byte") => cannot("a Byte value"),
        "bits" if !is_size(&text(value), "bit") => cannot("a Bit value"),
        "bytes" | "bits" => Ok(value.clone()),
        _ => Err("'NoneType' object is not callable".to_owned()),
    }
}

/// A whole number, however it is written.
fn whole(value: &Json) -> Option<i64> {
    match value {
        Json::Bool(truth) => Some(i64::from(*truth)),
        Json::Number(number) => number.as_i64().or_else(|| number.as_f64().and_then(without_rest)),
        Json::String(text) => {
            let text = text.trim().replace('_', "");
            text.parse().ok().or_else(|| text.parse().ok().and_then(without_rest))
        }
        _ => None,
    }
}

#[allow(clippy::cast_possible_truncation, reason = "there is nothing behind the point")]
fn without_rest(number: f64) -> Option<i64> {
    (number.is_finite() && number.fract() == 0.0).then_some(number as i64)
}

/// `{…}` or `a=b, c=d`.
fn dict(text: &str) -> Result<Json, String> {
    if text.starts_with('{') {
        return match serde_json::from_str(text) {
            Ok(Json::Object(map)) => Ok(Json::Object(map)),
            _ => Err("unable to evaluate string as dictionary".to_owned()),
        };
    }
    if !text.contains('=') {
        return Err("dictionary requested, could not parse JSON or key=value".to_owned());
    }
    let (mut fields, mut field, mut quote, mut escaped) = (Vec::new(), String::new(), None, false);
    for c in text.trim().chars() {
        match (c, quote) {
            _ if escaped => {
                field.push(c);
                escaped = false;
            }
            ('\\', _) => escaped = true,
            ('\'' | '"', None) => quote = Some(c),
            (c, Some(mark)) if c == mark => quote = None,
            (',' | ' ', None) => fields.push(std::mem::take(&mut field)),
            (c, _) => field.push(c),
        }
    }
    fields.push(field);
    let pairs = fields.iter().filter(|field| !field.is_empty()).map(|field| field.split_once('='));
    let pairs = pairs.map(|pair| pair.map(|(key, value)| (key.to_owned(), Json::from(value)))).collect::<Option<Map<_, _>>>();
    pairs.map(Json::Object).ok_or_else(|| "unable to evaluate string in the \"key=value\" format as dictionary".to_owned())
}

/// `10 GB`: a number, and a unit or none.
fn is_size(text: &str, name: &str) -> bool {
    const UNITS: [(char, &str); 9] = [
        ('Y', "yotta"),
        ('Z', "zetta"),
        ('E', "exa"),
        ('P', "peta"),
        ('T', "tera"),
        ('G', "giga"),
        ('M', "mega"),
        ('K', "kilo"),
        ('B', ""),
    ];
    let text = text.trim_end();
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len()));
    let unit = unit.trim_start();
    if number.parse::<f64>().is_err() {
        return false;
    }
    let Some(first) = unit.chars().next() else { return true };
    let Some((letter, prefix)) = UNITS.iter().find(|(letter, _)| *letter == first.to_ascii_uppercase()) else { return false };
    let class = if name == "bit" { 'b' } else { 'B' };
    let short = if *letter == 'B' { class.to_string() } else { format!("{letter}{class}") };
    unit.len() == 1 || unit == short || unit.to_lowercase() == format!("{prefix}{name}")
}

/// A value's type, as Python calls it.
fn type_of(value: &Json) -> &'static str {
    match value {
        Json::Null => "NoneType",
        Json::Bool(_) => "bool",
        Json::Number(number) if number.is_f64() => "float",
        Json::Number(_) => "int",
        Json::String(_) => "str",
        Json::Array(_) => "list",
        Json::Object(_) => "dict",
    }
}

/// The same as Python shows it: what stood in a file is of a type that Ansible made.
fn class_of(value: &Json) -> String {
    let tagged = match value {
        Json::Null | Json::Bool(_) => return format!("<class '{}'>", type_of(value)),
        Json::Number(number) if number.is_f64() => "Float",
        Json::Number(_) => "Int",
        Json::String(_) => "Str",
        Json::Array(_) => "List",
        Json::Object(_) => "Dict",
    };
    format!("<class 'ansible.module_utils._internal._datatag._AnsibleTagged{tagged}'>")
}

#[cfg(test)]
mod tests;
