//! Tera: what the tool itself writes for its users, who may put templates of their own in the place of ours.
//!
//! Strict: what is not there is an error. Nothing is escaped, because what is written is YAML and no HTML.

use std::collections::BTreeMap;

use ::tera::{Context, Error, ErrorKind, Tera};
use serde_json::Value;

use crate::diagnostics::{Diagnostic, Source, similar};

/// Renders a template with values.
///
/// # Errors
/// It is no template, or asks for what is not there; with the place in it.
pub fn render(template: &Source, values: &BTreeMap<String, Value>) -> Result<String, Box<Diagnostic>> {
    let mut tera = Tera::default();
    tera.autoescape_on(Vec::<&str>::new());
    let rendered = tera.add_raw_template(&template.name, &template.text).and_then(|()| {
        let context = Context::from_serialize(values)?;
        tera.render(&template.name, &context)
    });
    rendered.map_err(|error| Box::new(told(template, values, &error)))
}

fn told(template: &Source, values: &BTreeMap<String, Value>, error: &Error) -> Diagnostic {
    let (what, report) = match error.kind() {
        ErrorKind::SyntaxError(report) => ("cannot be read", report),
        ErrorKind::RenderingError(report) => ("cannot be rendered", report),
        other => {
            let first = other.to_string().lines().next().unwrap_or_default().to_owned();
            return Diagnostic::error(format!("the template cannot be rendered: {}", lower(&first))).at(template.whole().first_line());
        }
    };
    let place = template.at(report.span().range.clone()).first_line();
    let word = template.text.get(place.span.clone()).unwrap_or_default().trim().to_owned();
    let error = Diagnostic::error(format!("the template {what}: {}", lower(report.message()))).at(place);
    let is_missing = ["undefined", "not defined", "not found"].iter().any(|sign| report.message().contains(sign));
    if !is_missing {
        return error;
    }
    match similar(&word, values.keys().map(String::as_str)) {
        Some(meant) if meant != word => error.label(format!("did you mean `{meant}`?")),
        _ => {
            let names = values.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
            error.hint(format!("there are {names}; what may be missing is written `{{{{ {word} | default(value=\"x\") }}}}`"))
        }
    }
}

/// As our own errors are written: a small letter, no full stop.
fn lower(message: &str) -> String {
    let message = message.trim_end_matches('.');
    let mut letters = message.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rendered(text: &str) -> Result<String, String> {
        let values = [("owner", json!("pat & co")), ("folders", json!(["a", "b"])), ("on", json!(true)), ("nested", json!({"a": 1}))];
        let values = values.map(|(name, value)| (name.to_owned(), value)).into();
        render(&Source::new("bootstrap/templates/x.yaml.tera", text), &values).map_err(|error| error.render(false))
    }

    #[test]
    fn values_stand_as_they_are() {
        let text =
            "{# c #}owner: \"{{ owner }}\"\n{% for one in folders -%}\n- {{ one }}\n{% endfor %}{% if on %}<{{ nested.a }}>{% endif %}\n";
        assert_eq!(rendered(text).unwrap(), "owner: \"pat & co\"\n- a\n- b\n<1>\n");
        assert_eq!(rendered("{{ nothing | default(value=\"x\") }}").unwrap(), "x");
        assert_eq!(rendered("").unwrap(), "");
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        for (text, line, wanted) in [
            ("a: b\nowner: {{ ownr }}\n", "2:11", "did you mean `owner`?"),
            ("a\n\n  {{ frobnicate }}\n", "3:6", "{{ frobnicate | default(value=\"x\") }}"),
            ("{{ nested.b }}", "1:", "default(value="),
            ("{{ owner", "1:", "the template cannot be read: "),
            ("{% if on %}\n", "", "the template cannot be read: "),
            ("{{ owner | frobnicate }}", "1:", "the template cannot be"),
            ("{{ owner / 2 }}", "1:", "the template cannot be rendered: "),
            ("{% include \"/etc/passwd\" %}", "1:", "the template cannot be"),
        ] {
            let said = rendered(text).unwrap_err();
            assert!(said.contains(&format!("--> bootstrap/templates/x.yaml.tera:{line}")) && said.contains(wanted), "{text}\n{said}");
        }
    }
}
