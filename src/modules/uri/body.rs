//! What is sent: a body and its kind, as Python writes them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::super::Task;
use super::super::http::shown;
use super::super::outcome::Ended;
use super::super::paths::{base, path};
use super::super::remote_file::{RemoteFile, remote_file};
use crate::node::steps::Body;
use crate::plan::Facts;

/// The body of a request and its `Content-Type`, if the format has one.
///
/// # Errors
/// Ansible's `msg`; what has to be read first.
pub(super) fn body(task: &Task<'_>, facts: &Facts<'_>) -> Result<(Option<Body>, Option<String>), Ended> {
    let args = task.args;
    let format = args.str("body_format").unwrap_or("raw");
    let body = args.get("body");
    let bytes = |text: String| Some(Body::Bytes(text.into_bytes()));
    let source = args.str("src").filter(|name| !name.is_empty());
    let (made, kind) = match (format, body) {
        ("json", Some(Value::String(text))) => (bytes(text.clone()), Some("application/json".into())),
        ("json", body) => (bytes(body.map_or_else(|| "null".into(), python_json)), Some("application/json".into())),
        ("form-urlencoded", Some(body)) => {
            let text = if let Value::String(text) = body { text.clone() } else { form(body)? };
            (bytes(text), Some("application/x-www-form-urlencoded".into()))
        }
        ("form-multipart", Some(Value::Object(fields))) => {
            let (kind, body) = multipart(&parts(fields, task, facts)?);
            (Some(Body::Bytes(body)), Some(kind))
        }
        ("form-multipart", None) if source.is_some() => (None, None),
        ("form-multipart", _) => return Err("body must be mapping".into()),
        (_, Some(Value::String(text))) => (bytes(text.clone()), None),
        (_, Some(value)) => (bytes(shown(value)), None),
        (_, None) => (None, None),
    };
    let made = match source {
        Some(name) if args.is("remote_src") => Some(Body::File(path(name, task, facts)?)),
        Some(name) => Some(Body::Bytes(task.outside.file("files", name)?)),
        None => made,
    };
    Ok((made, kind))
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
        Value::Null => {}
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

/// One part of a form.
#[derive(Debug, PartialEq)]
struct Part {
    name: String,
    filename: Option<String>,
    kind: String,
    /// How a file's content is written; a content that the task gives stands as it is.
    encoding: Option<&'static str>,
    content: Vec<u8>,
}

/// The parts in the order of their names (prepare_multipart of module_utils/urls.py).
fn parts(fields: &Map<String, Value>, task: &Task<'_>, facts: &Facts<'_>) -> Result<Vec<Part>, Ended> {
    let fail = |why: &str| Ended::Fail(format!("failed to parse body as form-multipart: {why}"));
    let mut names: Vec<&String> = fields.keys().collect();
    names.sort();
    let mut parts = Vec::new();
    for name in names {
        let part = match fields.get(name) {
            Some(Value::String(text)) => {
                Part { name: name.clone(), filename: None, kind: "text/plain".into(), encoding: None, content: text.clone().into_bytes() }
            }
            Some(Value::Object(part)) => {
                let text = |name: &str| part.get(name).filter(|value| !value.is_null()).map(shown).filter(|text| !text.is_empty());
                let (filename, content) = (text("filename"), text("content"));
                let encoding = match text("multipart_encoding").as_deref() {
                    None | Some("base64") => "base64",
                    Some("7or8bit") => "7or8bit",
                    Some(_) => return Err(fail("multipart_encoding must be one of dict_keys(['base64', '7or8bit']).")),
                };
                let kind = text("mime_type").unwrap_or_else(|| kind_of(filename.as_deref().unwrap_or_default()).into());
                let (encoding, content) = match (content, &filename) {
                    (Some(content), _) => (None, content.into_bytes()),
                    (None, Some(file)) => (Some(encoding), read(file, task, facts)?),
                    (None, None) => return Err(fail("at least one of filename or content must be provided")),
                };
                Part { name: name.clone(), filename: filename.map(|name| base(&name).to_owned()), kind, encoding, content }
            }
            _ => return Err(fail("value must be a string, or mapping")),
        };
        parts.push(part);
    }
    Ok(parts)
}

/// A file's content: ours, or with `remote_src` the host's.
fn read(file: &str, task: &Task<'_>, facts: &Facts<'_>) -> Result<Vec<u8>, Ended> {
    if !task.args.is("remote_src") {
        return Ok(task.outside.file("files", file)?);
    }
    match remote_file(facts, &path(file, task, facts)?)? {
        RemoteFile::File(bytes) => Ok(bytes),
        _ => Err(format!("failed to parse body as form-multipart: [Errno 2] No such file or directory: '{file}'").into()),
    }
}

/// The kind and the body. What stands between the parts is made of them, so that the same task asks the same.
fn multipart(parts: &[Part]) -> (String, Vec<u8>) {
    let mut digest = Sha256::new();
    for part in parts {
        for bytes in [part.name.as_bytes(), &part.content] {
            digest.update(bytes.len().to_be_bytes());
            digest.update(bytes);
        }
    }
    let number = digest.finalize().iter().take(8).fold(0u64, |number, byte| number << 8 | u64::from(*byte));
    let boundary = format!("==============={:019}==", number % 10_000_000_000_000_000_000);
    let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
    let mut body = Vec::new();
    for part in parts {
        let mut text = format!("--{boundary}\r\n");
        let content = match part.encoding {
            Some("base64") => {
                text.push_str("Content-Transfer-Encoding: base64\r\n");
                let lines = STANDARD.encode(&part.content);
                let lines: Vec<&[u8]> = lines.as_bytes().chunks(76).collect();
                [lines.join(b"\r\n".as_slice()), b"\r\n".to_vec()].concat()
            }
            Some(_) => {
                text.push_str(&format!("Content-Transfer-Encoding: {}bit\r\n", if part.content.is_ascii() { 7 } else { 8 }));
                with_line_ends(&part.content)
            }
            None => with_line_ends(&part.content),
        };
        text.push_str(&format!("Content-Type: {}\r\nContent-Disposition: form-data; name=\"{}\"", part.kind, quoted(&part.name)));
        if let Some(name) = &part.filename {
            text.push_str(&format!("; filename=\"{}\"", quoted(name)));
        }
        body.extend_from_slice(text.as_bytes());
        body.extend_from_slice(b"\r\n\r\n");
        body.extend_from_slice(&content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    (format!("multipart/form-data; boundary=\"{boundary}\""), body)
}

/// Each line ends with CR and LF, as Python's email writes it.
fn with_line_ends(content: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(content.len());
    let mut last = 0;
    for byte in content {
        match byte {
            b'\n' if last != b'\r' => out.extend_from_slice(b"\r\n"),
            byte => out.push(*byte),
        }
        last = *byte;
    }
    out
}

/// The usual kinds of files, by their names' ends (Python's mimetypes).
fn kind_of(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, end)| end.to_lowercase()).as_deref() {
        Some("txt" | "c" | "h" | "py" | "log") => "text/plain",
        Some("html" | "htm") => "text/html",
        Some("css") => "text/css",
        Some("csv") => "text/csv",
        Some("js") => "text/javascript",
        Some("xml") => "text/xml",
        Some("json") => "application/json",
        Some("pdf") => "application/pdf",
        Some("zip") => "application/zip",
        Some("tar" | "tgz") => "application/x-tar",
        Some("sh") => "application/x-sh",
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("gif") => "image/gif",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    }
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
        assert_eq!(form(&json!({"a b": "ä&", "l": [1, 2], "n": null})).unwrap(), "a+b=%C3%A4%26&l=1&l=2");
        assert_eq!(form(&json!([["a", 1], ["a", true]])).unwrap(), "a=1&a=True");
        assert!(form(&json!([1])).is_err());
    }

    // what prepare_multipart of ansible-core 2.19.14 makes of the same, but for the boundary
    #[test]
    fn a_form_has_parts_as_python_writes_them() {
        let part = |name: &str, filename: Option<&str>, kind: &str, encoding, content: &[u8]| Part {
            name: name.into(),
            filename: filename.map(str::to_owned),
            kind: kind.into(),
            encoding,
            content: content.into(),
        };
        let long = [&[b'a'; 100][..], b"\n"].concat();
        let (kind, body) = multipart(&[
            part("b", Some("f.txt"), "text/plain", None, b"x\n"),
            part("c", Some("x.bin"), kind_of("x.bin"), Some("base64"), &long),
            part("d", Some("x.bin"), "text/x", Some("7or8bit"), b"a\n"),
            part("one", None, "text/plain", None, b"first\nsecond"),
            part("v\"w", Some("a b\".json"), kind_of("a b\".json"), None, b"q"),
        ]);
        let boundary = kind.strip_prefix("multipart/form-data; boundary=\"").unwrap().strip_suffix('"').unwrap().to_owned();
        let wanted = "--B\r\nContent-Type: text/plain\r\nContent-Disposition: form-data; name=\"b\"; filename=\"f.txt\"\r\n\r\nx\r\n\r\n\
            --B\r\nContent-Transfer-Encoding: base64\r\nContent-Type: application/octet-stream\r\n\
            Content-Disposition: form-data; name=\"c\"; filename=\"x.bin\"\r\n\r\n\
            YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFh\r\n\
            YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYQo=\r\n\r\n\
            --B\r\nContent-Transfer-Encoding: 7bit\r\nContent-Type: text/x\r\n\
            Content-Disposition: form-data; name=\"d\"; filename=\"x.bin\"\r\n\r\na\r\n\r\n\
            --B\r\nContent-Type: text/plain\r\nContent-Disposition: form-data; name=\"one\"\r\n\r\nfirst\r\nsecond\r\n\
            --B\r\nContent-Type: application/json\r\nContent-Disposition: form-data; name=\"v\\\"w\"; filename=\"a b\\\".json\"\r\n\r\nq\r\n\
            --B--\r\n";
        assert_eq!(String::from_utf8(body).unwrap().replace(&boundary, "B"), wanted);
    }
}
