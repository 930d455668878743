//! HTTP/1.1 of our own, so that an answer can be cut wherever a test wants it.

use std::io::{BufRead, Write};

use serde_json::Value;

/// What was asked.
#[derive(Debug, Clone)]
pub struct Asked {
    pub method: String,
    /// The parts of the path, without their `%`.
    pub parts: Vec<String>,
    pub query: Vec<(String, String)>,
    pub headers: Vec<(String, String)>,
    pub body: Option<Value>,
}

impl Asked {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub fn line(&self) -> String {
        format!("{} /{}", self.method, self.parts.join("/"))
    }
}

/// What is answered.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Option<Value>,
}

impl Answer {
    pub fn new(status: u16, body: Value) -> Self {
        Self { status, headers: Vec::new(), body: Some(body) }
    }

    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        if first == b'%' {
            bytes.push(u8::from_str_radix(std::str::from_utf8(&after[..2]).unwrap(), 16).unwrap());
            rest = &after[2..];
        } else {
            bytes.push(first);
            rest = after;
        }
    }
    String::from_utf8(bytes).unwrap()
}

/// The next request of a connection, if there is one.
pub fn read(stream: &mut impl BufRead) -> Option<Asked> {
    let mut asked = head(stream)?.0;
    let body = body(stream, &asked)?;
    if !body.is_empty() {
        asked.body = Some(serde_json::from_slice(&body).unwrap());
    }
    Some(asked)
}

/// The next request without its body, and what it names, as it was written.
pub fn head(stream: &mut impl BufRead) -> Option<(Asked, String)> {
    let mut line = String::new();
    if stream.read_line(&mut line).ok()? == 0 {
        return None;
    }
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let pair = |pair: &str| pair.split_once('=').map(|(name, value)| (decoded(name), decoded(value)));
    let asked = Asked {
        method,
        parts: path.trim_matches('/').split('/').map(decoded).collect(),
        query: query.split('&').filter_map(pair).collect(),
        headers,
        body: None,
    };
    Some((asked, target))
}

/// The body of a request, in one piece or in chunks.
pub fn body(stream: &mut impl BufRead, asked: &Asked) -> Option<Vec<u8>> {
    if asked.header("transfer-encoding").is_none() {
        let mut bytes = vec![0; asked.header("content-length").map_or(0, |length| length.parse().unwrap())];
        return stream.read_exact(&mut bytes).ok().map(|()| bytes);
    }
    let mut whole = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).ok()?;
        let length = usize::from_str_radix(line.trim(), 16).ok()?;
        let mut bytes = vec![0; length + 2];
        stream.read_exact(&mut bytes).ok()?;
        if length == 0 {
            return Some(whole);
        }
        whole.extend(&bytes[..length]);
    }
}

/// Sends an answer; of one that is cut, half.
pub fn write(stream: &mut impl Write, answer: &Answer, is_cut: bool) {
    let body = answer.body.as_ref().map(|body| serde_json::to_vec(body).unwrap()).unwrap_or_default();
    let mut whole = format!("HTTP/1.1 {} Whatever\r\nContent-Length: {}\r\n", answer.status, body.len()).into_bytes();
    for (name, value) in &answer.headers {
        whole.extend(format!("{name}: {value}\r\n").into_bytes());
    }
    whole.extend(b"\r\n");
    whole.extend(&body);
    if is_cut {
        whole.truncate(whole.len() - body.len() / 2 - 1);
    }
    let _ = stream.write_all(&whole).and_then(|()| stream.flush());
}
