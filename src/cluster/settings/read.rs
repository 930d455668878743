//! The variable against the table: names, kinds and shapes; defaults are filled in.

use std::collections::BTreeSet;

use serde_json::{Map, Number, Value as Json};

use super::field::{Field, Kind, Shape};
use super::table::SETTINGS;
use crate::diagnostics::{Diagnostic, Diagnostics, similar, suggestion};
use crate::yaml::{Node, Value, plain};

/// Settings as they were read.
pub struct Read {
    /// All of them, as JSON with their defaults. What is wrong has its default, or what stands for it ([`stand_in`]).
    pub value: Json,
    /// Those that are wrong, missing or misspelt, so that nobody knows what they are to be.
    pub broken: Broken,
}

/// Settings of which nobody knows what they are to be, by their names from `cluster` on.
#[derive(Debug, Default)]
pub struct Broken(BTreeSet<String>);

impl Broken {
    /// Whether that setting is one, or is in one, or has one in it: `kube_proxy.mode`.
    pub fn has(&self, setting: &str) -> bool {
        let is_in = |path: &str, other: &str| path.strip_prefix(other).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        let path = format!("cluster.{setting}");
        self.0.iter().any(|broken| is_in(broken, &path) || is_in(&path, broken))
    }
}

/// Reads all settings. None, if it is not even a mapping.
pub fn read(cluster: &Node, problems: &mut Diagnostics) -> Option<Read> {
    if cluster.as_map().is_none() {
        let error = Diagnostic::error(format!("`cluster` is a mapping, not {}", cluster.value.kind())).at(cluster.place.clone());
        problems.push(error.hint("its settings stand below it, indented: `name:`, `endpoint:` and so on"));
        return None;
    }
    let mut broken = Broken::default();
    let value = fields("cluster", SETTINGS, Some(cluster), cluster, &mut broken, problems);
    Some(Read { value, broken })
}

/// `given` is what stands there, if it does; `near` is the place to point at for what is missing.
fn fields(path: &str, table: &'static [Field], given: Option<&Node>, near: &Node, broken: &mut Broken, problems: &mut Diagnostics) -> Json {
    let mut object = Map::new();
    let entries = match given.map(|node| &node.value) {
        None | Some(Value::Null) => &[][..],
        Some(Value::Map(map)) => map,
        Some(other) => {
            broken.0.insert(path.to_owned());
            let error = Diagnostic::error(format!("`{path}` is a mapping, not {}", other.kind())).at(near.place.clone());
            let first = table.first().map_or("", |field| field.name);
            problems.push(error.hint(format!("its settings stand below it, indented: `{first}:` and so on")));
            // its settings are gone on with as if nothing stood there
            &[][..]
        }
    };
    let is_wrong = broken.0.contains(path);
    let unknown: Vec<(String, &Node)> = entries
        .iter()
        .map(|(key, _)| (plain(&key.value), key))
        .filter(|(name, _)| !table.iter().any(|field| field.name == *name))
        .collect();
    problems.0.extend(unknown.iter().map(|(name, key)| is_unknown(path, name, table, key)));
    // a setting that is misspelt and therefore missing is one mistake, not two
    let is_misspelt = |field: &Field| unknown.iter().any(|(name, _)| meant(name, table) == Some(field.name));
    for field in table {
        let path = format!("{path}.{}", field.name);
        let entry = entries.iter().find(|(key, _)| plain(&key.value) == field.name);
        let value = entry.map(|(_, value)| value).filter(|value| !value.is_null());
        let before = problems.0.len();
        let value = match (field.kind, value, field.default) {
            (Kind::Fields(table), value, _) if value.is_some() || !field.required => {
                Some(fields(&path, table, value, entry.map_or(near, |(_, value)| value), broken, problems))
            }
            (kind, Some(value), _) => of_kind(&path, kind, value, problems),
            (kind, None, Some(default)) => of_default(kind, default),
            (_, None, None) if field.required && !is_misspelt(field) && !is_wrong => {
                let place = entry.map_or(near, |(key, _)| key).place.clone();
                let error = Diagnostic::error(format!("`{path}` is missing: {}", lower(field.about))).at(place);
                problems.push(error.hint(format!("add `{}:`{}", field.name, example(field.kind))));
                None
            }
            _ => None,
        };
        let is_own = !matches!(field.kind, Kind::Fields(_)) || value.is_none();
        if is_own && problems.0.len() > before || is_misspelt(field) {
            broken.0.insert(path.clone());
        }
        if let Some(value) = value.or_else(|| stand_in(field)) {
            object.insert(field.name.to_owned(), value);
        }
    }
    Json::Object(object)
}

fn of_kind(path: &str, kind: Kind, node: &Node, problems: &mut Diagnostics) -> Option<Json> {
    let mut wrong = |message: String, hint: &str| {
        problems.push(Diagnostic::error(format!("`{path}` {message}")).at(node.place.clone()).hint(hint));
        None
    };
    match (kind, &node.value) {
        (Kind::Bool, Value::Bool(truth)) => Some(Json::from(*truth)),
        (Kind::Bool, other) => wrong(format!("is true or false, not {}", shown(node, other)), "write `true` or `false`, without quotes"),
        (Kind::Whole(from, to), Value::Int(number)) if (from..=to).contains(number) => Some(Json::from(*number)),
        (Kind::Whole(from, to), other) => {
            wrong(format!("is a whole number from {from} to {to}, not {}", shown(node, other)), "write the number, without quotes")
        }
        (Kind::Text(shape), other) => text(path, shape, node, other, problems).map(Json::from),
        (Kind::Choice(words), Value::Str(word)) if words.contains(&&**word) => Some(Json::from(&**word)),
        (Kind::Choice(words), other) => {
            let error = Diagnostic::error(format!("`{path}` is one of {}, not {}", words.join(", "), shown(node, other)));
            let (error, written) = (error.at(node.place.clone()), plain(other));
            let same = words.iter().find(|word| word.eq_ignore_ascii_case(&written)).map(|word| format!("did you mean `{word}`?"));
            problems.push(match same.or_else(|| suggestion(&written, words.iter().copied())) {
                Some(label) => error.label(label),
                None => error.hint(format!("write one of them: `{}`", words.first().copied().unwrap_or_default())),
            });
            None
        }
        (Kind::List(kind), Value::List(list)) => {
            let items = list.iter().enumerate().map(|(n, item)| of_kind(&format!("{path}[{n}]"), *kind, item, problems));
            Some(Json::Array(items.collect::<Vec<_>>().into_iter().flatten().collect()))
        }
        (Kind::List(_), other) => {
            let hint = match other {
                Value::Str(text) if !node.secret => format!("several stand in brackets, and one too: `[{text}]`"),
                _ => "several stand in brackets, with commas between them: `[one, other]`".to_owned(),
            };
            wrong(format!("is a list, not {}", other.kind()), &hint)
        }
        (Kind::Map(shape, kind), Value::Map(map)) => {
            let mut object = Map::new();
            for (key, value) in map {
                let name = plain(&key.value);
                if let Some(complaint) = shape.complaint(&name) {
                    let error = Diagnostic::error(format!("a name in `{path}` {complaint}")).at(key.place.clone());
                    problems.push(shaped(error, shape, &name));
                } else if let Some(value) = of_kind(&format!("{path}.{name}"), *kind, value, problems) {
                    object.insert(name, value);
                }
            }
            Some(Json::Object(object))
        }
        (Kind::Map(..), other) => wrong(format!("is a mapping, not {}", other.kind()), "write `name: value` below it, indented"),
        // who asks sees by the problems that something of it is wrong
        (Kind::Fields(table), _) => Some(fields(path, table, Some(node), node, &mut Broken::default(), problems)),
        (Kind::Free, Value::Map(_)) => Some(free(node)),
        (Kind::Free, other) => wrong(format!("is a mapping, not {}", other.kind()), "write `name: value` below it, indented"),
    }
}

/// Numbers and truths become texts where only a text can be meant: `max-requests: 400`.
fn text(path: &str, shape: Shape, node: &Node, value: &Value, problems: &mut Diagnostics) -> Option<String> {
    let error = |message: String| Diagnostic::error(format!("`{path}` {message}")).at(node.place.clone());
    let text = match value {
        Value::Str(text) | Value::Time(text) => text.to_string(),
        Value::Bool(truth) if matches!(shape, Shape::Any | Shape::LabelValue) => truth.to_string(),
        Value::Int(_) | Value::BigInt(_) | Value::Float(_) if matches!(shape, Shape::Any | Shape::LabelValue) => plain(value),
        // `1.34` is a number to YAML, and `1.30` is 1.3
        Value::Float(_) | Value::Int(_) => {
            let error = error(format!("is {}, and `{}` is a number to YAML", shape.wanted(), written(node)));
            problems.push(shaped(error, shape, written(node)));
            return None;
        }
        other => {
            problems.push(shaped(error(format!("is {}, not {}", shape.wanted(), other.kind())), shape, ""));
            return None;
        }
    };
    match shape.complaint(&text) {
        None => Some(text),
        Some(_) if node.secret => {
            problems.push(shaped(error(format!("is {}, not this", shape.wanted())), shape, ""));
            None
        }
        Some(complaint) => {
            problems.push(shaped(error(complaint), shape, &text));
            None
        }
    }
}

/// With what to write instead.
fn shaped(error: Diagnostic, shape: Shape, text: &str) -> Diagnostic {
    error.hint(match shape.instead(text) {
        Some(instead) => format!("write `{instead}`"),
        None => shape.how().to_owned(),
    })
}

/// A value that a component reads, as it stands.
pub(in crate::cluster) fn free(node: &Node) -> Json {
    match &node.value {
        Value::Null => Json::Null,
        Value::Bool(truth) => Json::from(*truth),
        Value::Int(number) => Json::from(*number),
        Value::Float(number) => Number::from_f64(*number).map_or(Json::Null, Json::Number),
        Value::List(list) => Json::Array(list.iter().map(free).collect()),
        Value::Map(map) => Json::Object(map.iter().map(|(key, value)| (plain(&key.value), free(value))).collect()),
        other => Json::from(plain(other)),
    }
}

/// What stands for a setting that is wrong or missing, so that all others can be looked at.
fn stand_in(field: &Field) -> Option<Json> {
    match (field.default, field.kind, field.required) {
        (Some(default), kind, _) => of_default(kind, default),
        (None, Kind::Choice(words), true) => words.first().copied().map(Json::from),
        (None, Kind::Fields(table), true) => {
            Some(Json::Object(table.iter().filter_map(|field| Some((field.name.to_owned(), stand_in(field)?))).collect()))
        }
        (None, Kind::Text(_), true) => Some("unknown".into()),
        (None, ..) => None,
    }
}

/// The defaults of the table are ours: each has its kind (a test looks).
fn of_default(kind: Kind, default: &str) -> Option<Json> {
    Some(match kind {
        Kind::Bool => Json::from(default == "true"),
        Kind::Whole(..) => Json::from(default.parse::<i64>().ok()?),
        Kind::List(_) => default.trim_matches(['[', ']']).split(", ").collect(),
        _ => Json::from(default),
    })
}

/// What others call a setting, without its hyphens and in small letters: kubeadm, kubespray, k0sctl.
const ELSEWHERE: [(&str, &str); 12] = [
    ("podcidr", "network.pods"),
    ("podsubnet", "network.pods"),
    ("servicecidr", "network.services"),
    ("servicesubnet", "network.services"),
    ("dnsdomain", "network.domain"),
    ("controlplaneendpoint", "endpoint.host"),
    ("kubernetesversion", "version"),
    ("kubeversion", "version"),
    ("clustername", "name"),
    ("certsans", "certificate_names"),
    ("extraargs", "extra_arguments"),
    ("networkplugin", "cni.name"),
];

/// The setting that a name is another spelling of.
fn meant(name: &str, table: &'static [Field]) -> Option<&'static str> {
    let names = || table.iter().map(|field| field.name);
    let bare = |name: &str| name.replace(['_', '-'], "").to_lowercase();
    names().find(|other| bare(other) == bare(name)).or_else(|| similar(name, names()))
}

fn is_unknown(path: &str, name: &str, table: &'static [Field], key: &Node) -> Diagnostic {
    let error = Diagnostic::error(format!("`{path}` has no setting `{name}`")).at(key.place.clone());
    let bare = name.replace(['_', '-'], "").to_lowercase();
    match (ELSEWHERE.iter().find(|(other, _)| *other == bare), meant(name, table)) {
        (Some((_, ours)), None) => error.label(format!("here it is `cluster.{ours}`")),
        (_, Some(meant)) => error.label(format!("did you mean `{meant}`?")),
        (None, None) => error.hint(format!("it has {}", table.iter().map(|field| field.name).collect::<Vec<_>>().join(", "))),
    }
}

/// As it stands there: `1.30` is not 1.3 to whoever wrote it.
fn written(node: &Node) -> &str {
    node.place.source.text.get(node.place.span.clone()).unwrap_or_default()
}

fn shown(node: &Node, value: &Value) -> String {
    match value {
        Value::List(_) | Value::Map(_) | Value::Null => value.kind().to_owned(),
        _ if node.secret => "this".to_owned(),
        _ => format!("`{}`", plain(value)),
    }
}

fn lower(about: &str) -> String {
    let mut letters = about.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

fn example(kind: Kind) -> &'static str {
    match kind {
        Kind::Text(Shape::Label) => " with a name such as `homelab`",
        Kind::Text(Shape::HostOrAddress) => " with a name such as `kube.example.net`",
        Kind::Fields(_) => " and below it, indented, `host:` and `served_by:`",
        Kind::Choice(&["external", "kube-vip"]) => " with `external` or `kube-vip`",
        _ => "",
    }
}
