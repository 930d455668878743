//! `uri`: asks a server.

use serde_json::{Map, Value};

use super::attributes::{FLAGS, GROUP, MODE, OWNER, SELEVEL, SEROLE, SETYPE, SEUSER, UNSAFE_WRITES};
use super::expand::expand_one;
use super::http::{self, masked, request, shown};
use super::outcome::planned;
use super::spec::{Kind, Opt, Spec};
use super::{Act, Decision, Module, Task};
use crate::node::apply::Carried;
use crate::node::facts::Stat;
use crate::node::record::to_text;
use crate::node::steps::{Answer, Request, Step};
use crate::plan::{Difference, Facts, Plan, Stop};

/// Asks a server something and looks at its answer.
pub struct Uri;

static SPEC: Spec = Spec {
    exclusive: &[&["body", "src"]],
    options: &[
        Opt::new("url", Kind::Str).required(),
        http::FORCE,
        http::HTTP_AGENT,
        http::USE_PROXY,
        http::VALIDATE_CERTS,
        Opt::new("url_username", Kind::Str).aliases(&["user"]),
        Opt::new("url_password", Kind::Str).aliases(&["password"]).secret(),
        http::FORCE_BASIC_AUTH,
        http::CLIENT_CERT,
        http::CLIENT_KEY,
        http::USE_GSSAPI,
        Opt::new("dest", Kind::Path),
        Opt::new("body", Kind::Raw),
        Opt::new("body_format", Kind::Str).default("raw").choices(&["form-urlencoded", "json", "raw", "form-multipart"]),
        Opt::new("src", Kind::Path),
        Opt::new("method", Kind::Str).default("GET"),
        Opt::new("return_content", Kind::Bool).default("false"),
        Opt::new("follow_redirects", Kind::Str).default("safe").choices(&["all", "no", "none", "safe", "urllib2", "yes"]),
        Opt::new("creates", Kind::Path),
        Opt::new("removes", Kind::Path),
        Opt::new("status_code", Kind::List(&Kind::Int)).default("200"),
        Opt::new("timeout", Kind::Int).default("30"),
        Opt::new("headers", Kind::Dict),
        Opt::new("unix_socket", Kind::Path),
        Opt::new("remote_src", Kind::Bool).default("false"),
        Opt::new("ca_path", Kind::Path),
        http::UNREDIRECTED_HEADERS,
        http::DECOMPRESS,
        http::CIPHERS,
        http::USE_NETRC,
        MODE,
        OWNER,
        GROUP,
        SEUSER,
        SEROLE,
        SELEVEL,
        SETYPE,
        FLAGS,
        UNSAFE_WRITES,
    ],
    ..Spec::new("ansible.builtin", "uri")
};

impl Module for Uri {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn plan(&self, task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Stop> {
        for (name, skips_if) in [("creates", true), ("removes", false)] {
            if let Some(path) = task.args.str(name) {
                let path = expand_one(task, facts, path)?;
                if facts.get(Stat::followed(&path))?.is_some() == skips_if {
                    let how = if skips_if { "exists" } else { "does not exist" };
                    return Ok(Decision::unchanged().with("stdout", format!("skipped, since '{path}' {how}")));
                }
            }
        }
        if task.args.get("dest").is_some() || task.args.is("remote_src") {
            return Ok(Decision::fail("`dest` and `remote_src` of `uri` are not carried out here; use `get_url` for a file"));
        }
        let asked = match asked(task) {
            Ok(asked) => asked,
            Err(why) => return Ok(Decision::fail(why)),
        };
        if let Some(refusal) = http::speaks(facts)? {
            return Ok(Decision { act: Act::Plan(refusal), result: Map::new(), local: Vec::new() });
        }
        let what = format!("{} {}", asked.0.method, masked(&asked.0.url));
        let mut change = Plan::change([Step::from(asked)]);
        change.diff.push(Difference { what: "ask".into(), before: None, after: Some(what) });
        Ok(planned(change))
    }

    fn result(&self, task: &Task<'_>, _facts: &Facts<'_>, carried: Option<&Carried>) -> Result<Map<String, Value>, Stop> {
        let Some(output) = carried.and_then(|carried| carried.outputs.first()) else { return Ok(Map::new()) };
        Ok(match Answer::read(&output.stdout) {
            Some(answer) => registered(task, &answer),
            None => {
                let message = format!("the answer cannot be read: {}", to_text(&output.stderr).trim());
                [("failed".to_owned(), true.into()), ("status".to_owned(), (-1).into()), ("msg".to_owned(), message.into())]
                    .into_iter()
                    .collect()
            }
        })
    }

    fn is_opaque(&self) -> bool {
        true
    }

    fn only_reads(&self, task: &Task<'_>) -> bool {
        matches!(task.args.str("method").map(str::to_uppercase).as_deref(), None | Some("GET" | "HEAD" | "OPTIONS"))
            && task.args.get("dest").is_none()
            && task.args.get("body").is_none()
    }
}

fn asked(task: &Task<'_>) -> Result<Request, String> {
    let args = task.args;
    http::paths_are_absolute(task)?;
    let method = args.str("method").unwrap_or("GET").to_uppercase();
    if !method.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Err("Parameter 'method' needs to be a single word in uppercase, like GET or POST.".into());
    }
    let mut http = request(args, &method)?;
    http.follow = match args.str("follow_redirects").unwrap_or("safe") {
        "all" | "yes" => true,
        "no" | "none" => false,
        // where it would not send what was sent again
        "safe" => matches!(method.as_str(), "GET" | "HEAD"),
        _ => matches!(method.as_str(), "GET" | "HEAD" | "POST"),
    };
    let body = args.get("body");
    let mut kind = None;
    http.body = match (args.str("body_format").unwrap_or("raw"), body) {
        ("json", body) => {
            kind = Some("application/json");
            Some(match body {
                Some(Value::String(text)) => text.clone(),
                Some(value) => python_json(value),
                None => "null".into(),
            })
        }
        ("form-urlencoded", Some(body)) => {
            kind = Some("application/x-www-form-urlencoded");
            Some(match body {
                Value::String(text) => text.clone(),
                body => form(body)?,
            })
        }
        ("form-multipart", _) => return Err("`body_format: form-multipart` is not carried out here".into()),
        (_, Some(Value::String(text))) => Some(text.clone()),
        (_, Some(value)) => Some(shown(value)),
        (_, None) => None,
    }
    .map(String::into_bytes);
    if let Some(name) = args.str("src").filter(|name| !name.is_empty()) {
        http.body = Some(task.outside.file("files", name)?);
    }
    if let Some(kind) = kind.filter(|_| !http.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"))) {
        http.headers.push(("Content-Type".into(), kind.into()));
    } else if http.body.is_some() && !http.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
        // as Python's urllib says it of a body without a kind
        http.headers.push(("Content-Type".into(), "application/x-www-form-urlencoded".into()));
    }
    Ok(Request(http))
}

/// As Python's `json.dumps` writes it: a blank behind each comma and colon, and ASCII only.
fn python_json(value: &Value) -> String {
    match value {
        Value::Array(list) => format!("[{}]", list.iter().map(python_json).collect::<Vec<_>>().join(", ")),
        Value::Object(map) => {
            let pair = |(name, value): (&String, &Value)| format!("{}: {}", python_json(&Value::from(name.as_str())), python_json(value));
            format!("{{{}}}", map.iter().map(pair).collect::<Vec<_>>().join(", "))
        }
        Value::String(_) => {
            let mut text = String::new();
            for c in value.to_string().chars() {
                if c.is_ascii() {
                    text.push(c);
                } else {
                    let mut units = [0; 2];
                    text.extend(c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
                }
            }
            text
        }
        other => other.to_string(),
    }
}

/// `a=1&b=2`: a mapping, whose values may be lists, or a list of pairs.
fn form(body: &Value) -> Result<String, String> {
    let bad = || "failed to parse body as form_urlencoded: a mapping or a list of pairs is wanted".to_owned();
    let mut pairs: Vec<(String, String)> = Vec::new();
    let mut add = |name: &str, value: &Value| match value {
        Value::Array(values) => pairs.extend(values.iter().map(|value| (name.to_owned(), shown(value)))),
        value => pairs.push((name.to_owned(), shown(value))),
    };
    match body {
        Value::Object(map) => map.iter().for_each(|(name, value)| add(name, value)),
        Value::Array(list) => {
            for pair in list {
                match pair.as_array().map(Vec::as_slice) {
                    Some([name, value]) => add(&shown(name), value),
                    _ => return Err(bad()),
                }
            }
        }
        _ => return Err(bad()),
    }
    Ok(pairs.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect::<Vec<_>>().join("&"))
}

/// As Python's `quote_plus`.
fn encoded(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b' ' => "+".to_owned(),
        b'_' | b'.' | b'-' | b'~' => char::from(byte).to_string(),
        byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

fn registered(task: &Task<'_>, answer: &Answer) -> Map<String, Value> {
    let mut result = Map::new();
    for (name, value) in &answer.headers {
        result.insert(name.replace('-', "_"), value.clone().into());
    }
    let url = task.args.str("url").unwrap_or_default();
    result.insert("redirected".into(), (answer.url.trim_end_matches('/') != url.trim_end_matches('/')).into());
    result.insert("url".into(), masked(&answer.url).into());
    result.insert("status".into(), answer.status.into());
    result.insert("changed".into(), false.into());
    let kind = answer.headers.iter().find(|(name, _)| name == "content-type").map_or("", |(_, value)| value.as_str());
    let sub_kind = kind.split(';').next().unwrap_or_default().trim().rsplit('/').next().unwrap_or_default().to_lowercase();
    let is_json = matches!(sub_kind.rsplit('+').next().unwrap_or_default(), "json" | "javascript");
    let text = to_text(&answer.body);
    if is_json && let Ok(value) = serde_json::from_str(&text) {
        result.insert("json".into(), value);
    }
    if task.args.is("return_content") {
        result.insert("content".into(), text.into());
    }
    let length = answer.headers.iter().find(|(name, _)| name == "content-length").map_or("unknown", |(_, length)| length.as_str());
    let said = match answer.status {
        -1 => format!("Request failed: {}", to_text(&answer.body).trim()),
        status if status < 400 => format!("OK ({length} bytes)"),
        status => format!("HTTP Error {status}"),
    };
    let wanted: Vec<i64> = match task.args.get("status_code").and_then(Value::as_array) {
        Some(list) => list.iter().filter_map(Value::as_i64).collect(),
        None => vec![200],
    };
    if wanted.contains(&i64::from(answer.status)) {
        result.insert("msg".into(), said.into());
    } else {
        let wanted: Vec<String> = wanted.iter().map(i64::to_string).collect();
        result.insert("failed".into(), true.into());
        result.insert("msg".into(), format!("Status code was {} and not [{}]: {said}", answer.status, wanted.join(", ")).into());
    }
    result
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn bodies_are_written_as_python_writes_them() {
        assert_eq!(
            python_json(&json!({"a": [1, true, null, "ü\"😀"], "b": {}})),
            r#"{"a": [1, true, null, "\u00fc\"\ud83d\ude00"], "b": {}}"#
        );
        assert_eq!(form(&json!({"a b": "ä&", "l": [1, 2]})).unwrap(), "a+b=%C3%A4%26&l=1&l=2");
        assert_eq!(form(&json!([["a", 1], ["a", true]])).unwrap(), "a=1&a=True");
        assert!(form(&json!([1])).is_err());
    }
}
