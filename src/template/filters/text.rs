//! Filters for texts.

use super::super::call::Args;
use super::super::fault::{Outcome, fail, fail_hint, shown};
use super::super::repr;
use super::super::spec::{Given, Spec, spec};
use super::super::value::{Dict, V};
use super::super::{methods, percent};
use super::select;

pub(super) const TABLE: &[Spec] = &[
    spec("lower", &[], lower),
    spec("upper", &[], upper),
    spec("capitalize", &[], capitalize),
    spec("title", &[], title),
    spec("trim", &["chars"], trim),
    spec("replace", &["old", "new", "count"], replace),
    spec("join", &["d", "attribute"], join),
    spec("split", &["sep", "maxsplit"], split),
    spec("indent", &["width", "first", "blank"], indent),
    spec("wordcount", &[], wordcount),
    spec("truncate", &["length", "killwords", "end", "leeway"], truncate),
    spec("center", &["width"], center),
    spec("format", &["*", "**"], format),
    spec("quote", &[], quote),
    spec("comment", &["style", "decoration", "newline", "beginning", "prefix", "prefix_count", "postfix", "postfix_count", "end"], comment),
    spec("escape", &[], escape),
    spec("e", &[], escape),
    spec("safe", &[], safe),
];

fn lower(given: &Given) -> Outcome<V> {
    Ok(V::from(given.own_text()?.to_lowercase()))
}

fn upper(given: &Given) -> Outcome<V> {
    Ok(V::from(given.own_text()?.to_uppercase()))
}

fn capitalize(given: &Given) -> Outcome<V> {
    Ok(V::from(methods::capitalized(&given.own_text()?)))
}

fn title(given: &Given) -> Outcome<V> {
    let (mut out, mut inside) = (String::new(), false);
    for c in given.own_text()?.chars() {
        if inside {
            out.extend(c.to_lowercase())
        } else {
            out.extend(c.to_uppercase())
        }
        inside = !(c.is_whitespace() || "-({[<".contains(c));
    }
    Ok(V::from(out))
}

fn trim(given: &Given) -> Outcome<V> {
    let text = given.own_text()?;
    Ok(V::from(match given.text(0)? {
        None => text.trim(),
        Some(set) => text.trim_matches(|c| set.contains(c)),
    }))
}

fn replace(given: &Given) -> Outcome<V> {
    let (Some(old), Some(new)) = (given.text(0)?, given.text(1)?) else { return fail("`replace` needs what to replace, and by what") };
    let most = given.int(2)?.and_then(|most| usize::try_from(most).ok());
    methods::replaced(given.run, &given.own_text()?, &old, &new, most)
}

fn join(given: &Given) -> Outcome<V> {
    let (mark, mut out) = (given.text_or(0, "")?, String::new());
    for (at, item) in given.own_items()?.iter().enumerate() {
        if at > 0 {
            out.push_str(&mark);
        }
        let before = out.len();
        match given.arg(1) {
            Some(path) => out.push_str(&repr::text(given.run, &select::attribute(given.run, item, path)?)?),
            None => out.push_str(&repr::text(given.run, item)?),
        }
        given.run.bytes(out.len() - before + mark.len())?;
    }
    Ok(V::from(out))
}

fn split(given: &Given) -> Outcome<V> {
    let text = given.own_str()?;
    let mut args = Args::default();
    for at in 0..2 {
        args.positional.push(given.arg(at).cloned().unwrap_or(V::None));
    }
    methods::split(given.run, text, &args, false)
}

fn indent(given: &Given) -> Outcome<V> {
    let text = given.own_text()?;
    let width = match given.arg(0) {
        Some(V::Str(text)) => text.to_string(),
        _ => {
            let width = given.size(0, 4)?;
            given.run.bytes(width)?;
            " ".repeat(width)
        }
    };
    let (first, blank) = (given.flag(1, false), given.flag(2, false));
    let text = text + "\n";
    let lines = methods::lines(&text);
    given.run.bytes(text.len() + lines.len().saturating_mul(width.len()))?;
    let mut out = String::new();
    for (at, line) in lines.iter().enumerate() {
        if at > 0 {
            out.push('\n');
        }
        if (at > 0 && (blank || !line.is_empty())) || (at == 0 && first) {
            out.push_str(&width);
        }
        out.push_str(line);
    }
    Ok(V::from(out))
}

fn wordcount(given: &Given) -> Outcome<V> {
    let text = given.own_text()?;
    let words = text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty());
    Ok(V::Int(words.count() as i128))
}

fn truncate(given: &Given) -> Outcome<V> {
    let (text, length, end, leeway) = (given.own_text()?, given.size(0, 255)?, given.text_or(2, "...")?, given.size(3, 5)?);
    if length < end.chars().count() {
        return fail("`truncate` needs a length that has room for its end mark");
    }
    if text.chars().count() <= length.saturating_add(leeway) {
        return Ok(V::from(text));
    }
    let cut: String = text.chars().take(length - end.chars().count()).collect();
    Ok(V::from(match cut.rsplit_once(' ') {
        Some((words, _)) if !given.flag(1, false) => words.to_owned() + &end,
        _ => cut + &end,
    }))
}

fn center(given: &Given) -> Outcome<V> {
    let args = Args::of(vec![V::Int(given.size(0, 80)? as i128)]);
    methods::call(given.run, &V::from(given.own_text()?), "center", &args)
}

fn format(given: &Given) -> Outcome<V> {
    let values = if given.extra.is_empty() {
        V::tuple(given.rest.clone())
    } else {
        let mut dict = Dict::new();
        given.extra.iter().for_each(|(name, value)| dict.set(name, value.clone()));
        V::dict(dict)
    };
    percent::format(given.run, &given.own_text()?, &values)
}

fn quote(given: &Given) -> Outcome<V> {
    let text = if matches!(given.value, V::None) { String::new() } else { given.own_text()? };
    let plain = |c: char| c.is_ascii_alphanumeric() || "@%_-+=:,./".contains(c);
    Ok(V::from(if !text.is_empty() && text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', "'\"'\"'")) }))
}

fn comment(given: &Given) -> Outcome<V> {
    let text = given.own_text()?;
    let (beginning, decoration, end) = match given.text_or(0, "plain")?.as_str() {
        "plain" => ("", "# ", ""),
        "erlang" => ("", "% ", ""),
        "c" => ("", "// ", ""),
        "cblock" => ("/*", " * ", " */"),
        "xml" => ("<!--", " - ", "-->"),
        other => return fail_hint(format!("invalid style '{}'", shown(other)), "there are plain, erlang, c, cblock and xml"),
    };
    let decoration = given.text_or(1, decoration)?;
    let newline = given.text_or(2, "\n")?;
    let (beginning, end) = (given.text_or(3, beginning)?, given.text_or(8, end)?);
    let (prefix, postfix) = (given.text_or(4, decoration.trim_end())?, given.text_or(6, decoration.trim_end())?);
    let (before, after) = (given.size(5, 1)?, given.size(7, 1)?);
    given.run.bytes(before.saturating_mul(prefix.len() + 1).saturating_add(after.saturating_mul(postfix.len() + 1)))?;
    let marks = decoration.len().saturating_add(newline.len()).saturating_add(1);
    given.run.bytes(text.len().saturating_add(1).saturating_mul(marks))?;
    let mut out = String::new();
    if !beginning.is_empty() {
        out = beginning + &newline;
    }
    if !prefix.is_empty() {
        let line = if prefix == newline { prefix } else { prefix + &newline };
        out.push_str(&line.repeat(before));
    }
    let body = format!("{decoration}{}", text.replace(&newline, &format!("{newline}{decoration}")));
    out.push_str(&body.replace(&format!("{decoration}{newline}"), &format!("{}{newline}", decoration.trim_end())));
    out.push_str(&format!("{newline}{postfix}").repeat(after));
    if !end.is_empty() {
        out.push_str(&newline);
        out.push_str(&end);
    }
    Ok(V::from(out))
}

fn escape(given: &Given) -> Outcome<V> {
    let text = given.own_text()?.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    Ok(V::from(text.replace('\'', "&#39;").replace('"', "&#34;")))
}

fn safe(given: &Given) -> Outcome<V> {
    given.own_text().map(V::from)
}
