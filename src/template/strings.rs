//! Constants of a template.

use minijinja::value::ValueKind;

use super::value::V;

/// The text of one or several quoted texts as they are written, backslashes and all; the backslash before a quote too.
pub(super) fn raw(source: &str) -> Option<String> {
    let (mut text, mut rest) = (String::new(), source.trim());
    while let Some(quote) = rest.chars().next().filter(|c| matches!(c, '"' | '\'')) {
        let inside = rest.get(1..)?;
        let (mut end, mut escaped) = (None, false);
        for (at, c) in inside.char_indices() {
            if c == quote && !escaped {
                end = Some(at);
                break;
            }
            escaped = c == '\\' && !escaped;
        }
        let end = end?;
        text.push_str(inside.get(..end)?);
        rest = inside.get(end + 1..)?.trim_start();
    }
    rest.is_empty().then_some(text)
}

/// A constant that is no text.
pub(super) fn constant(value: &minijinja::Value) -> V {
    match value.kind() {
        ValueKind::Bool => V::Bool(value.is_true()),
        ValueKind::Number if value.is_integer() => i128::try_from(value.clone()).map_or(V::None, V::Int),
        ValueKind::Number => f64::try_from(value.clone()).map_or(V::None, V::Float),
        _ => V::None,
    }
}

#[cfg(test)]
mod tests {
    use super::raw;

    #[test]
    fn texts_as_they_are_written() {
        assert_eq!(raw(r"'a\1'").as_deref(), Some(r"a\1"));
        assert_eq!(raw(r#""it\"s" 'b'"#).as_deref(), Some(r#"it\"sb"#));
        assert_eq!(raw("'open").as_deref(), None);
    }
}
