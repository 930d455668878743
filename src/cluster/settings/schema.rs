//! A JSON Schema (draft 2020-12) of the variable, for editors.
//!
//! It says what can be said of one setting alone; what must agree with another, or with the inventory, `homelabctl check` says.

use serde_json::{Map, Value, json};

use super::field::{Field, Kind, Live, Shape};
use super::schema_rules as rules;
use super::table::SETTINGS;

/// The schema of a file that may hold `cluster` beside other variables.
pub fn schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "variables of homelabctl",
        "type": "object",
        "properties": { "cluster": rules::added(of_fields(SETTINGS)) },
    })
}

fn of_fields(table: &[Field]) -> Value {
    let properties: Map<String, Value> = table.iter().map(|field| (field.name.to_owned(), of_field(field))).collect();
    let required: Vec<&str> = table.iter().filter(|field| field.required).map(|field| field.name).collect();
    json!({ "type": "object", "additionalProperties": false, "properties": properties, "required": required })
}

fn of_field(field: &Field) -> Value {
    let mut schema = of_kind(field.kind);
    if let Some(object) = schema.as_object_mut() {
        // an empty value is one that is not given
        if !field.required
            && let Some(kind) = object.get_mut("type")
        {
            match kind {
                Value::Array(kinds) => kinds.push("null".into()),
                one => *one = json!([one.clone(), "null"]),
            }
        }
        object.insert("description".into(), described(field).into());
        if let Some(default) = field.default {
            let words = default.trim_matches(['[', ']']).split(", ");
            let default = if let Kind::List(_) = field.kind { words.collect() } else { json_of(default) };
            object.insert("default".into(), default);
        }
    }
    schema
}

/// What it is about, and what becomes of a change.
fn described(field: &Field) -> String {
    match field.live {
        Live::Reconciled => format!("{}. On a live cluster a change is carried out.", field.about),
        Live::Fixed(why) => format!("{}. On a live cluster a change is refused: {why}.", field.about),
        Live::Drift(why) => format!("{}. On a live cluster a difference is shown, and nothing is done: {why}.", field.about),
        Live::Parts => format!("{}.", field.about),
    }
}

fn json_of(default: &str) -> Value {
    serde_json::from_str(default).ok().filter(|value: &Value| !value.is_f64()).unwrap_or_else(|| default.into())
}

fn of_kind(kind: Kind) -> Value {
    match kind {
        Kind::Bool => json!({ "type": ["boolean", "string"], "pattern": TEMPLATE }),
        Kind::Whole(from, to) => json!({ "type": ["integer", "string"], "minimum": from, "maximum": to, "pattern": TEMPLATE }),
        Kind::Text(Shape::Any) => json!({ "type": ["string", "number", "boolean"], "minLength": 1 }),
        Kind::Text(shape) => {
            let kinds = if shape == Shape::LabelValue { json!(["string", "number", "boolean"]) } else { json!("string") };
            match pattern(shape) {
                Some(pattern) => json!({ "type": kinds, "pattern": pattern }),
                None => json!({ "type": kinds, "minLength": 1 }),
            }
        }
        Kind::Choice(words) => json!({ "type": "string", "anyOf": [{ "enum": words }, { "pattern": TEMPLATE }] }),
        Kind::List(kind) => json!({ "type": "array", "items": of_kind(*kind) }),
        Kind::Map(shape, kind) => {
            let mut schema = json!({ "type": "object", "additionalProperties": of_kind(*kind) });
            if let (Some(names), Some(object)) = (pattern(shape), schema.as_object_mut()) {
                object.insert("propertyNames".into(), json!({ "pattern": names }));
            }
            schema
        }
        Kind::Fields(table) => of_fields(table),
        Kind::Free => json!({ "type": "object" }),
    }
}

/// A template passes everywhere, since it is rendered before it is read.
const TEMPLATE: &str = r"\{\{";

/// A byte of an address of version 4.
const BYTE: &str = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])";
/// A name whose last part is no number, which would be a mistyped address.
const HOST: &str = "([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?\\.)*([A-Za-z]([A-Za-z0-9-]*[A-Za-z0-9])?|[0-9][A-Za-z0-9-]*[A-Za-z]([A-Za-z0-9-]*[A-Za-z0-9])?)";
/// Roughly: what an address of version 6 is made of.
const VERSION_6: &str = "[0-9a-fA-F]*:[0-9a-fA-F]*:[0-9a-fA-F.:]*";

/// What an editor can look at.
fn pattern(shape: Shape) -> Option<String> {
    let version_4 = format!(r"({BYTE}\.){{3}}{BYTE}");
    let name = "[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?";
    let plain = match shape {
        Shape::Label => "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?".to_owned(),
        // the oldest is v1.31
        Shape::Kubernetes => r"v?1\.(3[1-9]|[4-9][0-9])\.[0-9]+".to_owned(),
        Shape::Version => r"v?[0-9]+\.[0-9]+\.[0-9]+([-+].*)?".to_owned(),
        Shape::Network => format!("{version_4}/(3[0-2]|[12]?[0-9])|{VERSION_6}/(12[0-8]|1[01][0-9]|[1-9]?[0-9])"),
        Shape::Address => format!("{version_4}|{VERSION_6}"),
        Shape::Url => r"https?://\S+".to_owned(),
        Shape::Taint => "[^:]+:(NoSchedule|PreferNoSchedule|NoExecute)".to_owned(),
        Shape::Host => "[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?".to_owned(),
        Shape::HostOrAddress => format!("{HOST}|{version_4}|{VERSION_6}"),
        Shape::CertificateName => format!(r"(\*\.)?{HOST}|{version_4}|{VERSION_6}"),
        Shape::Registry => "_default|[A-Za-z0-9][A-Za-z0-9.-]*(:[0-9]+)?".to_owned(),
        Shape::LabelKey => format!("([a-z0-9]([a-z0-9.-]*[a-z0-9])?/)?{name}"),
        Shape::LabelValue => format!("({name})?"),
        Shape::Any | Shape::File => return None,
    };
    Some(format!(r"^({plain}|.*\{{\{{.*)$"))
}
