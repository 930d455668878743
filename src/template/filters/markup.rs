//! Jinja2's filters for markup, wrapped text and sizes of files.

use super::super::fault::{Outcome, fail};
use super::super::regex::Pattern;
use super::super::repr;
use super::super::spec::{Given, Spec, spec};
use super::super::value::V;

pub(super) const TABLE: &[Spec] = &[
    spec("striptags", &[], striptags),
    spec("xmlattr", &["autospace"], xmlattr),
    spec("forceescape", &[], |given| given.own_text().map(|text| V::from(escaped(&text)))),
    spec("urlize", &["trim_url_limit", "nofollow", "target", "rel", "extra_schemes"], urlize),
    spec("wordwrap", &["width", "break_long_words", "wrapstring", "break_on_hyphens"], wordwrap),
    spec("filesizeformat", &["binary"], filesizeformat),
    spec("pprint", &[], |given| repr::text(given.run, given.value).map(V::from)),
];

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('\'', "&#39;").replace('"', "&#34;")
}

fn striptags(given: &Given) -> Outcome<V> {
    let text = given.own_text()?;
    let (mut out, mut rest) = (String::new(), text.as_str());
    while let Some((before, inside)) = rest.split_once('<') {
        out.push_str(before);
        let end = if inside.starts_with("!--") { "-->" } else { ">" };
        match inside.split_once(end) {
            Some((_, after)) => rest = after,
            None => {
                out.push('<');
                rest = inside;
            }
        }
    }
    out.push_str(rest);
    let words: Vec<&str> = out.split_whitespace().collect();
    let plain = [("&lt;", "<"), ("&gt;", ">"), ("&#39;", "'"), ("&#34;", "\""), ("&quot;", "\""), ("&nbsp;", "\u{a0}"), ("&amp;", "&")];
    Ok(V::from(plain.iter().fold(words.join(" "), |text, (from, to)| text.replace(from, to))))
}

fn xmlattr(given: &Given) -> Outcome<V> {
    let mut parts = Vec::new();
    for (key, value) in given.own_pairs()? {
        if matches!(value, V::None | V::Undefined(_)) {
            continue;
        }
        let key = repr::text(given.run, &key)?;
        if key.contains(|c: char| c.is_whitespace() || "/>=".contains(c)) {
            return fail("a name of `xmlattr` has a blank or one of `/>=` in it");
        }
        parts.push(format!("{}=\"{}\"", escaped(&key), escaped(&repr::text(given.run, &value)?)));
    }
    let text = parts.join(" ");
    Ok(V::from(if text.is_empty() || !given.flag(0, true) { text } else { format!(" {text}") }))
}

/// Addresses in a text become links.
fn urlize(given: &Given) -> Outcome<V> {
    let text = given.own_text()?;
    let limit = given.int(0)?.map(|limit| usize::try_from(limit.max(0)).unwrap_or(usize::MAX));
    let mut rel: Vec<String> = given.text(3)?.map(|rel| rel.split_whitespace().map(str::to_owned).collect()).unwrap_or_default();
    if given.flag(1, false) {
        rel.push("nofollow".into());
    }
    rel.push("noopener".into());
    rel.sort();
    rel.dedup();
    let target = given.text(2)?.map(|target| format!(" target=\"{}\"", escaped(&target))).unwrap_or_default();
    let word = Pattern::new(given.run, r"^([(<]|&lt;)*(https?://|www\.)\S+", false, false)?;
    let mut out = String::new();
    for piece in escaped(&text).split_inclusive(char::is_whitespace) {
        let bare = piece.trim_end();
        if word.first(given.run, bare)?.is_none() {
            out.push_str(piece);
            continue;
        }
        let link = bare.trim_start_matches(['(', '<']).trim_end_matches(['.', ',', ')', '>', '\n']);
        let (head, tail) = (bare.find(link).unwrap_or(0), bare.len() - link.len());
        let short: String = match limit {
            Some(limit) if link.chars().count() > limit => link.chars().take(limit).chain("...".chars()).collect(),
            _ => link.to_owned(),
        };
        let address = if link.starts_with("www.") { format!("https://{link}") } else { link.to_owned() };
        out.push_str(bare.get(..head).unwrap_or_default());
        out.push_str(&format!("<a href=\"{address}\" rel=\"{}\"{target}>{short}</a>", rel.join(" ")));
        out.push_str(bare.get(bare.len() - (tail - head)..).unwrap_or_default());
        out.push_str(piece.get(bare.len()..).unwrap_or_default());
    }
    Ok(V::from(out))
}

fn wordwrap(given: &Given) -> Outcome<V> {
    let (width, breaks) = (given.size(0, 79)?.max(1), given.flag(1, true));
    let (end, hyphens) = (given.text_or(2, "\n")?, given.flag(3, true));
    let text = given.own_text()?;
    given.run.bytes(text.len().saturating_mul(2))?;
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines() {
        wrapped(line, width, breaks, hyphens, &mut lines);
    }
    Ok(V::from(lines.join(&end)))
}

/// Python's `textwrap.wrap`, with blanks kept as they are.
fn wrapped(line: &str, width: usize, breaks: bool, hyphens: bool, lines: &mut Vec<String>) {
    let mut chunks: Vec<String> = Vec::new();
    for word in line.split_inclusive(' ') {
        let bare = word.trim_end_matches(' ');
        if hyphens {
            chunks.extend(bare.split_inclusive('-').map(str::to_owned));
        } else if !bare.is_empty() {
            chunks.push(bare.to_owned());
        }
        if word.len() > bare.len() {
            match chunks.last_mut() {
                Some(last) if last.chars().all(|c| c == ' ') => last.push(' '),
                _ => chunks.push(" ".to_owned()),
            }
        }
    }
    let mut current = String::new();
    for chunk in chunks {
        let mut chunk = chunk;
        loop {
            let length = current.chars().count() + chunk.chars().count();
            if length <= width {
                current.push_str(&chunk);
                break;
            }
            let is_blank = chunk.chars().all(|c| c == ' ');
            if !current.trim_end().is_empty() && chunk.chars().count() <= width || is_blank {
                lines.push(std::mem::take(&mut current).trim_end().to_owned());
                if is_blank {
                    break;
                }
                continue;
            }
            if !breaks {
                if !current.is_empty() {
                    lines.push(std::mem::take(&mut current).trim_end().to_owned());
                }
                current = chunk;
                break;
            }
            let room = width.saturating_sub(current.chars().count()).max(1);
            current.extend(chunk.chars().take(room));
            chunk = chunk.chars().skip(room).collect();
            lines.push(std::mem::take(&mut current).trim_end().to_owned());
        }
    }
    let last = current.trim_end();
    if !last.is_empty() || line.trim().is_empty() {
        lines.push(last.to_owned());
    }
}

fn filesizeformat(given: &Given) -> Outcome<V> {
    let Some(bytes) = given.value.as_float().or_else(|| given.value.as_str().and_then(|text| text.trim().parse().ok())) else {
        return fail(format!("`filesizeformat` needs a number, not {}", given.value.kind()));
    };
    let binary = given.flag(0, false);
    let base: f64 = if binary { 1024.0 } else { 1000.0 };
    if bytes < base {
        return Ok(V::from(if bytes == 1.0 { "1 Byte".to_owned() } else { format!("{} Bytes", bytes.trunc()) }));
    }
    let names = if binary { ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"] } else { ["k", "M", "G", "T", "P", "E", "Z", "Y"] };
    let mut unit = base;
    for (at, name) in names.iter().enumerate() {
        unit *= base;
        if bytes < unit || at + 1 == names.len() {
            return Ok(V::from(format!("{:.1} {name}B", base * bytes / unit)));
        }
    }
    fail("the number is too large")
}
