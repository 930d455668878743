//! A task's arguments: from what stands in the playbook to values of the kinds that a module asks for, as Ansible converts
//! them (module_utils/common/validation.py).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Number, Value as Json};

use super::spec::{FREE_FORM, Kind, Opt, Spec};
use crate::diagnostics::{Diagnostic, Diagnostics, Place, suggestion};
use crate::template::words;
use crate::yaml::{Node, Value, plain, python_str};

/// A module's arguments, each by the option's first name. What was not given and has no default is not there.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Args {
    values: BTreeMap<String, Json>,
    given: BTreeSet<String>,
    /// Given as one template, which may turn out to be `omit`.
    perhaps: BTreeSet<String>,
    secret: BTreeSet<String>,
}

/// Why a value cannot be used, in words that follow the option's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ArgError(pub String);

impl Args {
    /// Reads what a task gives to a module. What is wrong is added to `problems`: unknown and missing options, values of
    /// another kind, choices, combinations. Values that are still templates are taken for good, and are left out.
    ///
    /// `place` is where the module is named, for what is missing.
    pub fn read(spec: &'static Spec, given: &[(Node, Node)], place: &Place, problems: &mut Diagnostics) -> Self {
        let mut args = Self::default();
        let mut places: BTreeMap<&'static str, &Node> = BTreeMap::new();
        for (key, node) in given {
            let Some(name) = key.as_str() else {
                problems.push(Diagnostic::error("the name of an option is a text").at(key.place.clone()));
                continue;
            };
            let Some(option) = spec.option(name) else {
                if spec.any_option || (spec.free_form && name == FREE_FORM) {
                    args.values.insert(name.to_owned(), json(node));
                    args.given.insert(name.to_owned());
                } else {
                    problems.push(unknown(spec, name, key));
                }
                continue;
            };
            if let Some(first) = places.insert(option.name, key) {
                let error =
                    Diagnostic::error(format!("`{name}` is given twice: it is also called `{}`", first.as_str().unwrap_or_default()));
                let also = vec![(first.place.clone(), "the first".to_owned())];
                problems.push(Diagnostic { also, ..error.at(key.place.clone()) }.hint("take one of them away"));
            }
            args.take(option, node, spec, problems);
        }
        let unknown_values = args.given.iter().filter(|name| !args.values.contains_key(*name)).cloned().collect::<BTreeSet<_>>();
        args.missing(spec, place, problems);
        args.combinations(spec, place, &unknown_values, problems);
        for option in spec.options {
            if let (Some(default), false) = (option.default, args.given.contains(option.name)) {
                let default = if default == "''" { "" } else { default };
                if let Ok(value) = converted(option.kind, &text(default)) {
                    args.values.insert(option.name.to_owned(), value);
                }
            }
        }
        args
    }

    fn take(&mut self, option: &'static Opt, node: &Node, spec: &Spec, problems: &mut Diagnostics) {
        self.given.insert(option.name.to_owned());
        if option.secret || node.secret {
            self.secret.insert(option.name.to_owned());
        }
        if node.is_null() {
            self.values.insert(option.name.to_owned(), Json::Null);
            return;
        }
        let mut template = false;
        node.each(&mut |node| template |= node.is_template() || matches!(node.value, Value::Vault(_)));
        if template {
            if node.as_str().is_some_and(is_one_template) {
                self.perhaps.insert(option.name.to_owned());
            }
            return;
        }
        let error = |message: String| Diagnostic::error(message).at(node.place.clone());
        let value = match converted(option.kind, node) {
            Ok(value) => value,
            Err(why) => {
                problems.push(error(format!("`{}` of `{}` {why}", option.name, spec.shown())));
                return;
            }
        };
        let value = truth_chosen(option, node).unwrap_or(value);
        for item in value.as_array().map_or(std::slice::from_ref(&value), Vec::as_slice).iter().filter(|_| !option.choices.is_empty()) {
            let shown = item.as_str().map_or_else(|| item.to_string(), str::to_owned);
            if !option.choices.contains(&shown.as_str()) {
                let message = format!("`{}` of `{}` is one of {}, not `{shown}`", option.name, spec.shown(), option.choices.join(", "));
                let error = error(message);
                problems.push(match suggestion(&shown, option.choices.iter().copied()) {
                    Some(label) => error.label(label),
                    None => error,
                });
            }
        }
        self.values.insert(option.name.to_owned(), value);
    }

    fn missing(&self, spec: &Spec, place: &Place, problems: &mut Diagnostics) {
        for option in spec.options.iter().filter(|option| option.required && !self.given.contains(option.name)) {
            let error = Diagnostic::error(format!("`{}` needs the option `{}`", spec.shown(), option.name)).at(place.clone());
            problems.push(error.hint(format!("add `{}:` to the task", option.name)));
        }
    }

    fn combinations(&self, spec: &Spec, place: &Place, unknown: &BTreeSet<String>, problems: &mut Diagnostics) {
        let is_given = |name: &&str| self.given.contains(*name) && self.values.get(*name) != Some(&Json::Null);
        let is_certain = |name: &&str| is_given(name) && !self.perhaps.contains(*name);
        let names = |names: &[&str], word: &str| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(word);
        let mut complain = |message: String| problems.push(Diagnostic::error(message).at(place.clone()));
        for group in spec.exclusive {
            let given: Vec<&str> = group.iter().copied().filter(is_certain).collect();
            if given.len() > 1 {
                complain(format!("{} exclude each other in `{}`", names(&given, " and "), spec.shown()));
            }
        }
        for group in spec.together {
            if group.iter().any(is_certain) && !group.iter().all(is_given) {
                complain(format!("{} go together in `{}`", names(group, " and "), spec.shown()));
            }
        }
        let has_value = |name: &&str| is_given(name) || spec.has_default(name);
        for group in spec.one_of.iter().filter(|group| !group.iter().any(has_value)) {
            complain(format!("`{}` needs one of {}", spec.shown(), names(group, ", ")));
        }
        for rule in spec.required_if.iter().filter(|rule| !unknown.contains(rule.option)) {
            let default = spec.option(rule.option).and_then(|option| option.default).map(str::to_owned);
            let value =
                self.values.get(rule.option).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned)).or(default);
            let missing: Vec<&str> = rule.then.iter().copied().filter(|name| !has_value(name)).collect();
            let unmet = if rule.any { missing.len() == rule.then.len() } else { !missing.is_empty() };
            if value.as_deref() == Some(rule.value) && unmet {
                let which = if rule.any { format!("one of {}", names(&missing, ", ")) } else { names(&missing, " and ") };
                complain(format!("`{}` with `{}: {}` needs {which}", spec.shown(), rule.option, rule.value));
            }
        }
        for (option, needed) in spec.required_by.iter().filter(|(option, _)| is_certain(option)) {
            let missing: Vec<&str> = needed.iter().copied().filter(|name| !is_given(name)).collect();
            if !missing.is_empty() {
                complain(format!("`{option}` of `{}` needs {}", spec.shown(), names(&missing, " and ")));
            }
        }
    }

    /// The value of an option, if it has one.
    pub fn get(&self, name: &str) -> Option<&Json> {
        self.values.get(name).filter(|value| !value.is_null())
    }

    /// The text of an option.
    pub fn str(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }

    /// Whether an option is true; one that is not there is not.
    pub fn is(&self, name: &str) -> bool {
        self.get(name).and_then(Json::as_bool).unwrap_or(false)
    }

    /// The truth of an option, if it has one.
    pub fn bool(&self, name: &str) -> Option<bool> {
        self.get(name)?.as_bool()
    }

    /// The whole number of an option.
    pub fn int(&self, name: &str) -> Option<i64> {
        self.get(name)?.as_i64()
    }

    /// The number of an option.
    pub fn float(&self, name: &str) -> Option<f64> {
        self.get(name)?.as_f64()
    }

    /// The texts of an option that is a list.
    pub fn list(&self, name: &str) -> Option<Vec<&str>> {
        Some(self.get(name)?.as_array()?.iter().filter_map(Json::as_str).collect())
    }

    /// The values of an option that is a mapping.
    pub fn dict(&self, name: &str) -> Option<&Map<String, Json>> {
        self.get(name)?.as_object()
    }

    /// Whether the playbook gives it, whatever its value.
    pub fn is_given(&self, name: &str) -> bool {
        self.given.contains(name)
    }

    /// All values, by name.
    pub fn all(&self) -> &BTreeMap<String, Json> {
        &self.values
    }

    /// The values that must not be shown.
    pub fn secrets(&self) -> impl Iterator<Item = &Json> {
        self.secret.iter().filter_map(|name| self.values.get(name))
    }
}

fn unknown(spec: &Spec, name: &str, key: &Node) -> Diagnostic {
    // Ansible 2.14 took it away, playbooks still have it, and it never did anything on the machine
    if name == "warn" && matches!(spec.name, "command" | "shell") {
        let warning = Diagnostic::warning(format!("`warn` has no effect in `{}`: Ansible took it away", spec.shown()));
        return warning.at(key.place.clone()).hint("take it away here too");
    }
    let names = spec.options.iter().flat_map(|option| option.aliases.iter().copied().chain([option.name]));
    let error = Diagnostic::error(format!("unknown option `{name}` for module `{}`", spec.shown())).at(key.place.clone());
    match suggestion(name, names) {
        Some(label) => error.label(label),
        None if spec.options.is_empty() => error.hint("it has no options"),
        None => error.hint(format!("it has {}", spec.options.iter().map(|option| option.name).collect::<Vec<_>>().join(", "))),
    }
}

/// YAML takes an unquoted `yes` or `no` for a truth; where exactly one of the choices means the same, it is meant.
fn truth_chosen(option: &Opt, node: &Node) -> Option<Json> {
    let truth = match &node.value {
        Value::Bool(truth) => *truth,
        Value::Str(text) => match &**text {
            "True" => true,
            "False" => false,
            _ => return None,
        },
        _ => return None,
    };
    let mut meant = option.choices.iter().filter(|choice| boolean(&text(choice)) == Some(truth));
    match (option.kind, meant.next(), meant.next()) {
        (Kind::Str, Some(choice), None) => Some(Json::from(*choice)),
        _ => None,
    }
}

/// Whether a text is one expression in braces, whose value need not be a text, but may be `omit`.
fn is_one_template(text: &str) -> bool {
    let text = text.trim();
    text.starts_with("{{") && text.ends_with("}}")
}

/// A node that stands nowhere, for defaults.
fn text(text: &str) -> Node {
    Node::new(text, crate::diagnostics::Source::new("", "").whole())
}

/// The value as a module gets it.
fn converted(kind: Kind, node: &Node) -> Result<Json, ArgError> {
    let error = |what: &str| ArgError(format!("is {what}, not {}", described(node)));
    match kind {
        Kind::Raw => Ok(json(node)),
        Kind::Str | Kind::Path => Ok(Json::String(string(node))),
        Kind::Bool => boolean(node).map(Json::Bool).ok_or_else(|| error("true or false")),
        Kind::Int => integer(node).map(Json::from).ok_or_else(|| error("a whole number")),
        Kind::Float => {
            let number = string(node).trim().parse::<f64>().ok().filter(|_| !matches!(node.value, Value::Bool(_)));
            number.and_then(Number::from_f64).map(Json::Number).ok_or_else(|| error("a number"))
        }
        Kind::List(kind) => {
            let items: Vec<Node> = match &node.value {
                Value::List(list) => list.clone(),
                Value::Str(text) if text.is_empty() => Vec::new(),
                Value::Str(text) => text.split(',').map(|item| Node { value: Value::from(item.trim()), ..node.clone() }).collect(),
                Value::Map(_) => return Err(error("a list")),
                _ => vec![Node { value: Value::from(string(node).as_str()), ..node.clone() }],
            };
            items.iter().map(|item| converted(*kind, item)).collect::<Result<_, _>>().map(Json::Array)
        }
        Kind::Dict => match &node.value {
            Value::Map(_) => Ok(json(node)),
            Value::Str(text) => dictionary(text).map(Json::Object).ok_or_else(|| error("a mapping")),
            _ => Err(error("a mapping")),
        },
        Kind::Json => Ok(Json::String(match &node.value {
            Value::List(_) | Value::Map(_) => json(node).to_string(),
            _ => string(node).trim().to_owned(),
        })),
        Kind::Bytes => bytes(&string(node)).map(Json::from).ok_or_else(|| error("a size such as `10M`")),
    }
}

/// What a person called it.
fn described(node: &Node) -> String {
    match &node.value {
        Value::List(_) => "a list".to_owned(),
        Value::Map(_) => "a mapping".to_owned(),
        _ if node.secret => "this".to_owned(),
        _ => format!("`{}`", string(node)),
    }
}

/// As Python's `str()` writes it.
fn string(node: &Node) -> String {
    match &node.value {
        Value::List(_) | Value::Map(_) => python_str(node),
        value => plain(value),
    }
}

/// All the spellings that Ansible knows (module_utils/parsing/convert_bool.py).
pub fn boolean(node: &Node) -> Option<bool> {
    match &node.value {
        Value::Bool(truth) => Some(*truth),
        Value::List(_) | Value::Map(_) => None,
        value => match plain(value).trim().to_lowercase().as_str() {
            "y" | "yes" | "on" | "1" | "true" | "t" | "1.0" => Some(true),
            "n" | "no" | "off" | "0" | "false" | "f" | "0.0" => Some(false),
            _ => None,
        },
    }
}

fn integer(node: &Node) -> Option<i64> {
    match &node.value {
        Value::Int(number) => Some(*number),
        Value::Bool(truth) => Some(i64::from(*truth)),
        // a number with nothing behind its point is whole
        Value::Float(_) | Value::Str(_) => {
            let text = string(node);
            let text = text.trim();
            let whole = text.split_once('.').filter(|(_, rest)| rest.bytes().all(|b| b == b'0')).map_or(text, |(whole, _)| whole);
            whole.parse().ok()
        }
        _ => None,
    }
}

/// `{"a": 1}` or `a=1 b=2`.
fn dictionary(text: &str) -> Option<Map<String, Json>> {
    let text = text.trim();
    if text.starts_with('{') {
        return serde_json::from_str(text).ok();
    }
    let words = words::split_all(text).ok()?;
    words
        .iter()
        .flat_map(|word| word.text.split(','))
        .map(|word| {
            let (name, value) = word.trim().split_once('=')?;
            Some((name.to_owned(), Json::from(value)))
        })
        .collect()
}

/// `10M` in bytes (human_to_bytes of module_utils/common/text/formatters.py).
fn bytes(text: &str) -> Option<i64> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = (text.get(..digits)?.parse::<f64>().ok()?, text.get(digits..)?.trim());
    let power = match unit.chars().next().map(|c| c.to_ascii_uppercase()) {
        None | Some('B') => 0,
        Some(letter) => i32::try_from("KMGTPEZY".find(letter)?).ok()? + 1,
    };
    #[expect(clippy::cast_possible_truncation, reason = "a size that does not fit is no size")]
    let size = (number * 1024f64.powi(power)).round() as i64;
    (size >= 0).then_some(size)
}

/// A rendered value as JSON.
pub fn json(node: &Node) -> Json {
    match &node.value {
        Value::Null => Json::Null,
        Value::Bool(truth) => Json::Bool(*truth),
        Value::Int(number) => Json::from(*number),
        Value::BigInt(text) => text.parse::<f64>().ok().and_then(Number::from_f64).map_or(Json::Null, Json::Number),
        Value::Float(number) => Number::from_f64(*number).map_or_else(|| Json::from(plain(&node.value)), Json::Number),
        Value::Str(text) | Value::Time(text) | Value::Vault(text) => Json::from(&**text),
        Value::List(list) => Json::Array(list.iter().map(json).collect()),
        Value::Map(map) => Json::Object(map.iter().map(|(key, value)| (string(key), json(value))).collect()),
    }
}

/// JSON as a value of the dialect: a text in it is no template.
pub fn node(value: &Json, place: &Place) -> Node {
    let of = |value: &Json| node(value, place);
    let value = match value {
        Json::Null => Value::Null,
        Json::Bool(truth) => Value::Bool(*truth),
        Json::Number(number) => match number.as_i64() {
            Some(number) => Value::Int(number),
            None => Value::Float(number.as_f64().unwrap_or_default()),
        },
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(list) => Value::List(list.iter().map(of).collect()),
        Json::Object(map) => Value::Map(
            map.iter().map(|(key, value)| (Node { literal: true, ..Node::new(key.as_str(), place.clone()) }, of(value))).collect(),
        ),
    };
    Node { literal: true, ..Node::new(value, place.clone()) }
}
