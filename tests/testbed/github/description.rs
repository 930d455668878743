//! GitHub's own description of its API, and whether a request or an answer is as it says.

use std::process::{Command, Stdio};
use std::sync::LazyLock;

use serde_json::Value;

const VERSION: &str = "23.0.2";

static DESCRIPTION: LazyLock<Value> = LazyLock::new(|| {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/testbed/github/description.sh");
    let ran = Command::new("sh").args([script, VERSION]).stderr(Stdio::inherit()).output().unwrap();
    assert!(ran.status.success());
    serde_json::from_slice(&std::fs::read(String::from_utf8(ran.stdout).unwrap().trim_end()).unwrap()).unwrap()
});

fn resolved(mut value: &Value) -> &Value {
    while let Some(reference) = value.get("$ref").and_then(Value::as_str) {
        value = DESCRIPTION.pointer(reference.trim_start_matches('#')).unwrap_or_else(|| panic!("{reference} is not described"));
    }
    value
}

fn operation(template: &str, method: &str) -> &'static Value {
    let found = &DESCRIPTION["paths"][template][method.to_ascii_lowercase()];
    assert!(found.is_object(), "GitHub describes no {method} {template}");
    found
}

/// What GitHub itself shows as an answer.
pub fn example(template: &str, method: &str, status: u16) -> Value {
    let content = &resolved(&operation(template, method)["responses"][status.to_string()])["content"]["application/json"];
    let example = content["examples"].as_object().and_then(|all| all.values().next());
    example.map(|example| resolved(example)["value"].clone()).unwrap_or(Value::Null)
}

/// Whether a request is as described: what it says, and what it asks behind `?`.
pub fn check_request(template: &str, method: &str, query: &[String], body: Option<&Value>) -> Result<(), String> {
    let operation = operation(template, method);
    let known: Vec<&str> = operation["parameters"]
        .as_array()
        .into_iter()
        .flatten()
        .map(resolved)
        .filter(|p| p["in"] == "query")
        .filter_map(|p| p["name"].as_str())
        .collect();
    for name in query {
        if !known.contains(&name.as_str()) {
            return Err(format!("{method} {template} has no ?{name}"));
        }
    }
    let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
    match body {
        Some(body) if schema.is_null() => Err(format!("{method} {template} takes no body: {body}")),
        Some(body) => {
            // what is not described is told apart here: GitHub's own schemas let everything through
            let properties = resolved(schema)["properties"].as_object();
            for name in body.as_object().into_iter().flatten().map(|(name, _)| name) {
                if properties.is_some_and(|properties| !properties.contains_key(name)) {
                    return Err(format!("{method} {template}: {name} is not described"));
                }
            }
            check(schema, body, "request")
        }
        None if operation["requestBody"]["required"] == true => Err(format!("{method} {template} wants a body")),
        None => Ok(()),
    }
}

/// Whether an answer is as described.
pub fn check_answer(template: &str, method: &str, status: u16, body: Option<&Value>) -> Result<(), String> {
    let answer = resolved(&operation(template, method)["responses"][status.to_string()]);
    if answer.is_null() {
        return Err(format!("{method} {template} never answers {status}"));
    }
    let schema = &answer["content"]["application/json"]["schema"];
    match body {
        Some(body) if !schema.is_null() => check(schema, body, &format!("{method} {template} {status}")),
        _ => Ok(()),
    }
}

/// As much of JSON Schema as GitHub's description uses of it for these.
fn check(schema: &Value, value: &Value, at: &str) -> Result<(), String> {
    let schema = resolved(schema);
    if value.is_null() && schema["nullable"] == true {
        return Ok(());
    }
    let parts = |name: &str| schema[name].as_array().cloned().unwrap_or_default();
    for part in parts("allOf") {
        check(&part, value, at)?;
    }
    for name in ["oneOf", "anyOf"] {
        let parts = parts(name);
        let wrong: Vec<String> = parts.iter().map_while(|part| check(part, value, at).err()).collect();
        if !parts.is_empty() && wrong.len() == parts.len() {
            return Err(format!("{at}: none of {name}: {}", wrong.join(" / ")));
        }
    }
    let is_of = |kind: &str| match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        _ => true,
    };
    if let Some(kind) = schema["type"].as_str()
        && !is_of(kind)
    {
        return Err(format!("{at}: {value} is no {kind}"));
    }
    if let Some(values) = schema["enum"].as_array()
        && !values.contains(value)
    {
        return Err(format!("{at}: {value} is none of {values:?}"));
    }
    if let Some(object) = value.as_object() {
        for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if !object.contains_key(name) {
                return Err(format!("{at}: {name} is missing"));
            }
        }
        for (name, value) in object {
            match schema["properties"].get(name) {
                Some(part) => check(part, value, &format!("{at}.{name}"))?,
                None if schema["additionalProperties"] == false => return Err(format!("{at}: {name} is too much")),
                None => {}
            }
        }
    }
    if let Some(array) = value.as_array().filter(|_| schema["items"].is_object()) {
        for (index, value) in array.iter().enumerate() {
            check(&schema["items"], value, &format!("{at}[{index}]"))?;
        }
    }
    Ok(())
}
