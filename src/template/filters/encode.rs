//! Filters that encode, decode and digest.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use secrecy::SecretString;
use sha1::Sha1;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};

use super::super::encoding::Encoding;
use super::super::fault::{Outcome, fail, fail_hint};
use super::super::repr;
use super::super::spec::{Given, Spec, spec};
use super::super::value::{Dict, V};

pub(super) const TABLE: &[Spec] = &[
    spec("b64encode", &["encoding", "urlsafe"], b64encode),
    spec("b64decode", &["encoding", "urlsafe"], b64decode),
    spec("hash", &["hashtype"], hash),
    spec("md5", &[], |given| Ok(V::from(format!("{:x}", md5::compute(given.own_text()?))))),
    spec("vault", &["secret", "salt", "vault_id", "wrap_object", "vaultid"], vault),
    spec("unvault", &["secret", "vault_id", "vaultid"], unvault),
    spec("checksum", &[], sha1),
    spec("sha1", &[], sha1),
    spec("to_uuid", &["namespace"], to_uuid),
    spec("urlencode", &[], urlencode),
    spec("urldecode", &[], urldecode),
    spec("urlsplit", &["query"], urlsplit),
];

/// Only a text is a secret: no key is derived from anything else.
fn secret_of(given: &Given) -> Outcome<SecretString> {
    match given.need(0, "a secret")?.as_str() {
        Some(secret) => Ok(SecretString::from(secret)),
        None => fail(format!("the secret of `{}` is a text", given.name)),
    }
}

/// A text, encrypted as ansible-vault does it.
fn vault(given: &Given) -> Outcome<V> {
    let (text, secret) = (given.own_str()?, secret_of(given)?);
    given.run.spend(20_000)?;
    let salt = match given.text(1)?.filter(|salt| !salt.is_empty()) {
        Some(salt) => salt.into_bytes(),
        None => rand::random::<[u8; 32]>().to_vec(),
    };
    let id = given.text_or(2, "filter_default")?;
    crate::yaml::seal(text, &secret, &salt, &id).map(V::from).or_else(|error| fail(error.to_string()))
}

fn unvault(given: &Given) -> Outcome<V> {
    let text = given.own_text()?;
    if !crate::yaml::is_encrypted(&text) {
        return Ok(given.value.clone());
    }
    given.run.spend(20_000)?;
    given.run.touch(true);
    let keys = crate::yaml::Keys::new(vec![(given.text_or(1, "filter_default")?, secret_of(given)?)]);
    keys.open_text(&text).map(V::from).or_else(|error| fail(error.to_string()))
}

fn encoding(given: &Given) -> Outcome<Encoding> {
    let name = given.text_or(0, "utf-8")?;
    Encoding::of(&name).map_or_else(|| fail(format!("`{}` knows no encoding {}", given.name, super::super::fault::shown(&name))), Ok)
}

fn b64encode(given: &Given) -> Outcome<V> {
    let (encoding, text) = (encoding(given)?, given.own_text()?);
    let Some(text) = encoding.encode(&text) else { return fail("the text has characters that are not in that encoding") };
    Ok(V::from(if given.flag(1, false) { URL_SAFE.encode(text) } else { STANDARD.encode(text) }))
}

fn b64decode(given: &Given) -> Outcome<V> {
    let (encoding, text) = (encoding(given)?, given.own_text()?);
    // Python passes over whatever does not belong there
    let (engine, odd) = if given.flag(1, false) { (&URL_SAFE, "-_") } else { (&STANDARD, "+/") };
    let clean: String = text.chars().filter(|c| c.is_ascii_alphanumeric() || odd.contains(*c) || *c == '=').collect();
    match engine.decode(clean).map(|bytes| encoding.decode(&bytes)) {
        Ok(Some(text)) => Ok(V::from(text)),
        Ok(None) => fail("the decoded bytes are not text"),
        Err(_) => fail("the text is not base64"),
    }
}

fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn sha1(given: &Given) -> Outcome<V> {
    Ok(V::from(hex(Sha1::digest(given.own_text()?))))
}

fn hash(given: &Given) -> Outcome<V> {
    let text = given.own_text()?;
    Ok(V::from(match given.text_or(0, "sha1")?.as_str() {
        "md5" => format!("{:x}", md5::compute(text)),
        "sha1" => hex(Sha1::digest(text)),
        "sha224" => hex(Sha224::digest(text)),
        "sha256" => hex(Sha256::digest(text)),
        "sha384" => hex(Sha384::digest(text)),
        "sha512" => hex(Sha512::digest(text)),
        other => {
            return fail_hint(
                format!("unsupported hash type {}", super::super::fault::shown(other)),
                "`hash` knows md5, sha1, sha224, sha256, sha384 and sha512",
            );
        }
    }))
}

/// A name's UUID below Ansible's own, or below another (RFC 9562, version 5).
fn to_uuid(given: &Given) -> Outcome<V> {
    let namespace = given.text_or(0, "361E6D51-FAEC-444A-9079-341386DA8E2E")?.replace('-', "");
    let digits: Option<Vec<u8>> = (0..16).map(|at| u8::from_str_radix(namespace.get(at * 2..at * 2 + 2)?, 16).ok()).collect();
    let Some(mut input) = digits.filter(|_| namespace.len() == 32) else {
        let name = given.text_or(0, "")?;
        return fail(format!("invalid value '{}' for 'namespace': it is no UUID", super::super::fault::shown(&name)));
    };
    input.extend(given.own_text()?.bytes());
    let digest = Sha1::digest(input);
    let mut bytes: Vec<u8> = digest.iter().copied().take(16).collect();
    if let Some(byte) = bytes.get_mut(6) {
        *byte = *byte & 0x0f | 0x50;
    }
    if let Some(byte) = bytes.get_mut(8) {
        *byte = *byte & 0x3f | 0x80;
    }
    let mut text = hex(bytes);
    for at in [20, 16, 12, 8] {
        text.insert(at, '-');
    }
    Ok(V::from(text))
}

fn quoted(text: &str, safe: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match char::from(byte) {
            c if c.is_ascii_alphanumeric() || "_.-~".contains(c) || safe.contains(c) => out.push(c),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

fn urlencode(given: &Given) -> Outcome<V> {
    let pairs = if given.value.is_map() {
        given.own_pairs()?
    } else if given.value.is_list() {
        let pair =
            |item: V| Ok((given.run.get(&item, &V::Int(0))?.unwrap_or(V::None), given.run.get(&item, &V::Int(1))?.unwrap_or(V::None)));
        given.own_items()?.into_iter().map(pair).collect::<Outcome<_>>()?
    } else {
        return Ok(V::from(quoted(&given.own_text()?, "/")));
    };
    let encoded = |value: &V| -> Outcome<String> { Ok(quoted(&repr::text(given.run, value)?, "").replace("%20", "+")) };
    let parts = pairs.iter().map(|(key, value)| Ok(format!("{}={}", encoded(key)?, encoded(value)?))).collect::<Outcome<Vec<String>>>()?;
    Ok(V::from(parts.join("&")))
}

fn urldecode(given: &Given) -> Outcome<V> {
    let text = given.own_text()?.replace('+', " ");
    let (mut bytes, mut rest) = (Vec::new(), text.as_str());
    while let Some(byte) = rest.bytes().next() {
        let code = (byte == b'%').then(|| rest.get(1..3).and_then(|digits| u8::from_str_radix(digits, 16).ok())).flatten();
        let length = if code.is_some() { 3 } else { rest.chars().next().map_or(1, char::len_utf8) };
        match code {
            Some(code) => bytes.push(code),
            None => bytes.extend(rest.bytes().take(length)),
        }
        rest = rest.get(length..).unwrap_or("");
    }
    Ok(V::from(String::from_utf8_lossy(&bytes).into_owned()))
}

fn urlsplit(given: &Given) -> Outcome<V> {
    let url = given.own_text()?;
    let (rest, fragment) = url.split_once('#').unwrap_or((&url, ""));
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let is_scheme = |scheme: &str| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    };
    let (scheme, rest) = rest.split_once(':').filter(|(scheme, _)| is_scheme(scheme)).unwrap_or(("", rest));
    let (netloc, path) = match rest.strip_prefix("//") {
        Some(rest) => rest.split_at(rest.find('/').unwrap_or(rest.len())),
        None => ("", rest),
    };
    let (user, host) = netloc.rsplit_once('@').map_or((None, netloc), |(user, host)| (Some(user), host));
    let (username, password) =
        user.map_or((None, None), |user| user.split_once(':').map_or((Some(user), None), |(u, p)| (Some(u), Some(p))));
    let (hostname, port) = match host.strip_prefix('[').and_then(|host| host.split_once(']')) {
        Some((host, port)) => (host, port.strip_prefix(':')),
        None => host.split_once(':').map_or((host, None), |(host, port)| (host, Some(port))),
    };
    let text = |text: Option<&str>| text.map_or(V::None, V::from);
    let mut dict = Dict::new();
    dict.set("fragment", V::from(fragment));
    dict.set("hostname", if hostname.is_empty() { V::None } else { V::from(hostname.to_lowercase()) });
    dict.set("netloc", V::from(netloc));
    dict.set("password", text(password));
    dict.set("path", V::from(path));
    dict.set("port", port.and_then(|port| port.parse().ok()).map_or(V::None, V::Int));
    dict.set("query", V::from(query));
    dict.set("scheme", V::from(scheme.to_lowercase()));
    dict.set("username", text(username));
    match given.text(0)?.filter(|part| !part.is_empty()) {
        None => Ok(V::dict(dict)),
        Some(part) => match dict.get_str(&part) {
            Some(value) => Ok(value.clone()),
            None => fail("`urlsplit` knows no such part of an address"),
        },
    }
}
