//! The text of a template file, which has options of its own and is read as a text, not as a value of YAML.

use minijinja::syntax::SyntaxConfig;

use super::fault::{Fault, Outcome, fail, fail_hint};
use super::options::{Newline, TemplateOptions};

/// The comment by which a file sets its options itself.
const OVERRIDE: &str = "#jinja2:";

/// A file's template, with line ends as Jinja2 has them, and the options that count for it.
pub(super) fn opened(text: &str, options: &TemplateOptions) -> Outcome<(String, TemplateOptions)> {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let Some(rest) = text.strip_prefix(OVERRIDE) else { return Ok((text, options.clone())) };
    let Some((line, rest)) = rest.split_once('\n') else { return fail("a line of its own is needed for `#jinja2:`") };
    let mut options = options.clone();
    for pair in line.split(',') {
        let Some((key, value)) = pair.split_once(':') else {
            let why = format!("missing key-value separator `:` in `{}` of `#jinja2:`", pair.trim());
            return fail_hint(why, "an option is written as `trim_blocks: False`");
        };
        set(&mut options, key.trim(), value.trim())?;
    }
    Ok((rest.to_owned(), options))
}

/// One option of `#jinja2:`; its value is written as in Python.
fn set(options: &mut TemplateOptions, key: &str, value: &str) -> Outcome<()> {
    let text = || {
        let inner = ['\'', '"'].iter().find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote));
        match inner {
            Some(inner) => Ok(inner.replace("\\n", "\n").replace("\\r", "\r").replace("\\\\", "\\")),
            None => fail(format!("`{key}` of `#jinja2:` is a text in quotes, not `{value}`")),
        }
    };
    let truth = || match value {
        "True" => Ok(true),
        "False" => Ok(false),
        _ => fail(format!("`{key}` of `#jinja2:` is True or False, not `{value}`")),
    };
    match key {
        "variable_start_string" => options.variable_start = text()?,
        "variable_end_string" => options.variable_end = text()?,
        "block_start_string" => options.block_start = text()?,
        "block_end_string" => options.block_end = text()?,
        "comment_start_string" => options.comment_start = text()?,
        "comment_end_string" => options.comment_end = text()?,
        "line_statement_prefix" => options.line_statement = text()?,
        "line_comment_prefix" => options.line_comment = text()?,
        "trim_blocks" => options.trim_blocks = truth()?,
        "lstrip_blocks" => options.lstrip_blocks = truth()?,
        "newline_sequence" => {
            options.newline = match text()?.as_str() {
                "\n" => Newline::Unix,
                "\r" => Newline::Mac,
                "\r\n" => Newline::Dos,
                other => return fail(format!("`newline_sequence` of `#jinja2:` is no line end: {other:?}")),
            }
        }
        _ => return fail(format!("`#jinja2:` knows no option `{key}`")),
    }
    Ok(())
}

/// The options as the parser takes them.
pub(super) fn syntax(options: &TemplateOptions) -> Outcome<SyntaxConfig> {
    let mut builder = SyntaxConfig::builder();
    builder
        .variable_delimiters(options.variable_start.clone(), options.variable_end.clone())
        .block_delimiters(options.block_start.clone(), options.block_end.clone())
        .comment_delimiters(options.comment_start.clone(), options.comment_end.clone())
        .line_statement_prefix(options.line_statement.clone())
        .line_comment_prefix(options.line_comment.clone())
        .trim_blocks(options.trim_blocks)
        .lstrip_blocks(options.lstrip_blocks)
        .keep_trailing_newline(true);
    builder.build().map_err(|error| Box::new(Fault::new(format!("the marks of the template cannot be told apart: {error}"))))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use super::super::engine::{Engine, Surroundings};
    use super::*;
    use crate::diagnostics::{Diagnostics, Source};
    use crate::yaml::{Node, Value};

    fn engine() -> Engine {
        let decrypt: super::super::Decrypt = Arc::new(|_| Err(("no password".into(), String::new())));
        Engine::new(Surroundings { env: BTreeMap::new(), dir: ".".into(), home: ".".into(), decrypt, from_yaml: None, programs: false })
    }

    fn with(text: &str, options: &TemplateOptions) -> Result<String, String> {
        let source = Source::new("t.j2", text);
        let place = source.whole();
        let list = Value::List(vec![Node::new("a", place.clone()), Node::new("b", place.clone())]);
        let scope: BTreeMap<String, Node> =
            [("x".to_owned(), Node::new("1", place.clone())), ("list".to_owned(), Node::new(list, place))].into();
        let rendered = engine().render_text(&source, Arc::new(scope), options).map_err(|error| error.render(false))?;
        Ok(rendered.as_str().unwrap().to_owned())
    }

    fn render(text: &str) -> String {
        with(text, &TemplateOptions::default()).unwrap()
    }

    #[test]
    fn a_file_is_a_text() {
        assert_eq!(render("x={{ x }}\n"), "x=1\n");
        assert_eq!(render("{{ list }}"), "['a', 'b']");
        assert_eq!(render("{{ none }}"), "");
        assert_eq!((render(""), render("plain\n\n")), (String::new(), "plain\n\n".into()));
        assert_eq!(render("{% for i in list %}\n{{ i }}\n{% endfor %}\nend"), "a\nb\nend");
    }

    #[test]
    fn backslashes_are_jinjas_and_not_yamls() {
        assert_eq!(render(r"{{ 'a\tb\\c' }}"), "a\tb\\c");
        assert_eq!(render(r"{{ list | join('\n') }}"), "a\nb");
    }

    #[test]
    fn marks_and_blanks_are_optional() {
        let usual = TemplateOptions::default;
        let marks = TemplateOptions {
            variable_start: "[[".into(),
            variable_end: "]]".into(),
            block_start: "<%".into(),
            block_end: "%>".into(),
            comment_start: "<#".into(),
            comment_end: "#>".into(),
            ..usual()
        };
        assert_eq!(with("<% if true %>\n[[ x ]]{{ x }}<# no #>\n<% endif %>\n", &marks).unwrap(), "1{{ x }}\n");
        let kept = TemplateOptions { trim_blocks: false, ..usual() };
        assert_eq!(with("{% if true %}\na\n{% endif %}\n", &kept).unwrap(), "\na\n");
        let stripped = TemplateOptions { lstrip_blocks: true, ..usual() };
        assert_eq!(with("  {% if true %}\n  a\n  {% endif %}\n", &stripped).unwrap(), "  a\n");
        assert_eq!(with("  {% if true %}\n  a\n  {% endif %}\n", &usual()).unwrap(), "    a\n  \n");
        let same = TemplateOptions { block_start: "{{".into(), ..usual() };
        assert!(with("{{ x }}", &same).unwrap_err().contains("cannot be told apart"));
    }

    #[test]
    fn line_ends_are_what_is_asked_for() {
        let dos = TemplateOptions { newline: Newline::Dos, ..TemplateOptions::default() };
        assert_eq!(with("a\n{{ x }}\n", &dos).unwrap(), "a\r\n1\r\n");
        assert_eq!(render("a\r\n{{ x }}\r\n"), "a\n1\n");
    }

    #[test]
    fn a_file_may_set_its_options_itself() {
        assert_eq!(
            render("#jinja2: variable_start_string:'[%', variable_end_string:'%]', trim_blocks: False\n[% x %]{{ x }}\n"),
            "1{{ x }}\n"
        );
        assert_eq!(render("#jinja2: line_statement_prefix:\":\", line_comment_prefix: '##'\n: if true\nfoo ## no\n: endif\n"), "foo \n");
        for bad in
            ["#jinja2: trim_blocks=True\n", "#jinja2: x: 1\n", "#jinja2:\n", "#jinja2: trim_blocks: yes\n", "#jinja2: trim_blocks: True"]
        {
            assert!(with(bad, &TemplateOptions::default()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_mistake_is_shown_in_the_file() {
        let error = with("a\nb {{ nope }}\n", &TemplateOptions::default()).unwrap_err();
        assert!(error.contains("t.j2:2:6"), "{error}");
        let mut problems = Diagnostics::new();
        engine().check_text(&Source::new("t.j2", "a\n{{ x | nope }}\n"), &TemplateOptions::default(), &mut problems);
        assert!(problems.0[0].render(false).contains("t.j2:2:8"), "{problems}");
    }
}
