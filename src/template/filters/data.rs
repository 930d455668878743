//! Filters that write and read JSON and YAML.

use super::super::fault::{Fault, Outcome, fail, fail_hint};
use super::super::repr;
use super::super::spec::{Given, Spec, spec};
use super::super::value::V;
use super::super::{convert, jmespath, json_text, yaml_text};

pub(super) const TABLE: &[Spec] = &[
    spec("to_json", &["profile", "**"], to_json),
    spec("to_nice_json", &["indent", "sort_keys", "**"], to_nice_json),
    spec("tojson", &["indent"], tojson),
    spec("from_json", &["profile"], from_json),
    spec("to_yaml", &["**"], to_yaml),
    spec("to_nice_yaml", &["indent", "**"], to_nice_yaml),
    spec("from_yaml", &[], from_yaml),
    spec("from_yaml_all", &[], from_yaml_all),
    spec("json_query", &["expr"], json_query),
];

/// JMESPath, of community.general.
fn json_query(given: &Given) -> Outcome<V> {
    let expression = repr::text(given.run, given.need(0, "an expression")?)?;
    let settings = json_text::Settings { indent: None, sort: false, ascii: false, comma: ",".to_owned(), colon: ":".to_owned() };
    let text = json_text::dump(given.run, given.value, &settings)?;
    given.run.bytes(text.len().saturating_mul(4).saturating_add(expression.len() * 16))?;
    let value = serde_json::from_str(&text).or_else(|_| fail("`json_query` needs what can be written as JSON"))?;
    match jmespath::search(&expression, &value) {
        Ok(found) => json_text::from(given.run, &found),
        Err(why) => fail(format!("`json_query`: {why}")),
    }
}

fn extra<'a>(given: &'a Given, name: &str) -> Option<&'a V> {
    given.extra.iter().find(|(key, _)| key == name).map(|(_, value)| value).filter(|value| !matches!(value, V::None))
}

fn only(given: &Given, known: &[&str]) -> Outcome<()> {
    match given.extra.iter().find(|(name, _)| !known.contains(&name.as_str())) {
        None => Ok(()),
        Some((name, _)) => {
            let label = super::super::fault::meant(name, known.iter().copied());
            Err(Box::new(Fault::new(format!("`{}` takes no `{name}`", given.name)).label(label)))
        }
    }
}

fn width(value: Option<&V>, usual: usize) -> usize {
    value.and_then(V::as_int).and_then(|width| usize::try_from(width).ok()).map_or(usual, |width| width.min(1000))
}

fn json(given: &Given, indent: Option<usize>, sort: bool) -> Outcome<V> {
    only(
        given,
        &["indent", "sort_keys", "ensure_ascii", "separators", "vault_to_text", "preprocess_unsafe", "default", "skipkeys", "allow_nan"],
    )?;
    let mut settings = json_text::Settings {
        indent,
        sort: extra(given, "sort_keys").map_or(sort, V::truth),
        ascii: extra(given, "ensure_ascii").is_none_or(V::truth),
        comma: if indent.is_some() { "," } else { ", " }.to_owned(),
        colon: ": ".to_owned(),
    };
    if let Some(separators) = extra(given, "separators") {
        match given.run.items(separators)?.as_slice() {
            [comma, colon] => {
                settings.comma = repr::text(given.run, comma)?;
                settings.colon = repr::text(given.run, colon)?;
            }
            _ => return fail("`separators` is a pair: what stands between items, and what behind a key"),
        }
    }
    json_text::dump(given.run, given.value, &settings).map(V::from)
}

fn to_json(given: &Given) -> Outcome<V> {
    let indent = extra(given, "indent").map(|indent| width(Some(indent), 0));
    json(given, indent, false)
}

fn to_nice_json(given: &Given) -> Outcome<V> {
    json(given, Some(width(given.arg(0), 4)), given.flag(1, true))
}

/// Jinja2's own: what a browser could take for markup is escaped.
fn tojson(given: &Given) -> Outcome<V> {
    let indent = given.arg(0).map(|indent| width(Some(indent), 0));
    let comma = if indent.is_some() { "," } else { ", " };
    let settings = json_text::Settings { indent, sort: true, ascii: true, comma: comma.to_owned(), colon: ": ".to_owned() };
    let text = json_text::dump(given.run, given.value, &settings)?;
    let text = text.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026").replace('\'', "\\u0027");
    Ok(V::from(text))
}

fn from_json(given: &Given) -> Outcome<V> {
    json_text::read(given.run, given.own_str()?)
}

fn yaml(given: &Given, indent: Option<&V>, flow: Option<bool>) -> Outcome<V> {
    only(
        given,
        &[
            "indent",
            "width",
            "sort_keys",
            "default_flow_style",
            "explicit_start",
            "explicit_end",
            "allow_unicode",
            "line_break",
            "default_style",
            "canonical",
        ],
    )?;
    let canonical = extra(given, "canonical").is_some_and(V::truth);
    let indent = width(indent, 2);
    let settings = yaml_text::Settings {
        // libyaml takes two where it does not like the number
        indent: if (2..=9).contains(&indent) { indent } else { 2 },
        width: match extra(given, "width").and_then(V::as_float) {
            Some(width) if !(0.0..=1e6).contains(&width) => usize::MAX,
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            Some(width) if width > indent as f64 * 2.0 => width as usize,
            _ => 80,
        },
        sort: extra(given, "sort_keys").is_none_or(V::truth),
        flow: extra(given, "default_flow_style").map(V::truth).or(flow),
        start: canonical || extra(given, "explicit_start").is_some_and(V::truth),
        end: extra(given, "explicit_end").is_some_and(V::truth),
        style: extra(given, "default_style").and_then(V::as_str).and_then(|style| style.chars().next()),
        canonical,
    };
    yaml_text::dump(given.run, &convert::forced(given.run, given.value)?, &settings).map(V::from)
}

fn to_yaml(given: &Given) -> Outcome<V> {
    yaml(given, extra(given, "indent"), None)
}

fn to_nice_yaml(given: &Given) -> Outcome<V> {
    yaml(given, Some(given.arg(0).unwrap_or(&V::Int(4))), Some(false))
}

fn documents(given: &Given) -> Outcome<Option<Vec<V>>> {
    let V::Str(text) = given.value else { return Ok(None) };
    given.run.bytes(text.len())?;
    let Some(read) = given.run.around.from_yaml else {
        return fail_hint(format!("`{}` cannot be used here", given.name), "write the value itself");
    };
    match read(text) {
        Ok(documents) => Ok(Some(documents.iter().map(|document| convert::read(given.run, document)).collect::<Outcome<_>>()?)),
        Err(why) => fail(format!("the text is not YAML: {why}")),
    }
}

fn from_yaml(given: &Given) -> Outcome<V> {
    match documents(given)? {
        None => Ok(given.value.clone()),
        Some(documents) if documents.len() > 1 => fail_hint("the text has several documents", "`from_yaml_all` reads them all"),
        Some(documents) => Ok(documents.into_iter().next().unwrap_or(V::None)),
    }
}

fn from_yaml_all(given: &Given) -> Outcome<V> {
    match (documents(given)?, given.value) {
        (Some(documents), _) => Ok(V::list(documents)),
        (None, V::None) => Ok(V::list(Vec::new())),
        (None, value) => Ok(value.clone()),
    }
}
