//! Jinja2's grammar: a text becomes a tree, or a problem a person can act on.

use std::ops::Range;

use minijinja::machinery::{Span, Token, ast, parse, parse_expr, tokenize};
use minijinja::syntax::SyntaxConfig;

use super::fault::{Fault, Outcome, fail};
use crate::yaml::guarded;

/// How many operators may stand between one pair of braces: a tree is as deep as a chain of them is long.
const OPERATORS: usize = 1500;
/// How long a template may be; places in it are 32 bit numbers.
const LENGTH: usize = 4 << 20;

/// The bytes of a part.
pub(super) fn range(span: Span) -> Range<usize> {
    span.start_offset as usize..span.end_offset as usize
}

/// Ansible's settings: the line end behind a `{% %}` goes, blanks before it stay. The line end at the end is dropped by us,
/// because Ansible puts it back only behind a text.
fn syntax() -> Outcome<SyntaxConfig> {
    let config = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(false).keep_trailing_newline(true).build();
    config.map_err(|error| Box::new(Fault::new(error.to_string())))
}

/// The tree of a template.
pub(super) fn template(text: &str) -> Outcome<ast::Stmt<'_>> {
    understood(|| {
        bounded(text, false)?;
        parse(text, "", syntax()?).map_err(|error| explained(text, &error))
    })
}

/// The tree of an expression without braces around it.
pub(super) fn expression(text: &str) -> Outcome<ast::Expr<'_>> {
    understood(|| {
        bounded(text, true)?;
        parse_expr(text).map_err(|error| explained(text, &error))
    })
}

/// The parser counts columns in 16 bits, and in a build that checks sums it panics at a mistake behind the last of them.
fn understood<T>(parse: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
    guarded(parse).unwrap_or_else(|| fail("the template cannot be understood, and a line of it is too long to say where"))
}

/// A tree is built and dropped by recursion, so its depth is bounded before there is one.
fn bounded(text: &str, expression: bool) -> Outcome<()> {
    if text.len() > LENGTH {
        return fail("the template is longer than 4 MiB");
    }
    let mut operators = 0;
    for token in tokenize(text, expression, syntax()?) {
        // what is wrong with it the parser says better
        let Ok((token, span)) = token else { return Ok(()) };
        match token {
            Token::VariableStart | Token::BlockStart => operators = 0,
            Token::Comma | Token::Colon | Token::Str(_) | Token::String(_) | Token::Int(_) | Token::TemplateData(_) => {}
            _ => operators += 1,
        }
        if operators > OPERATORS {
            return Err(Box::new(
                Fault::new("the expression is too long").at(range(span)).hint("set parts of it as variables of their own"),
            ));
        }
    }
    Ok(())
}

/// The parser's problem in our words.
fn explained(text: &str, error: &minijinja::Error) -> Box<Fault> {
    let detail =
        error.detail().unwrap_or("it cannot be understood").replace("end of variable block", "`}}`").replace("end of block", "`%}`");
    let span = error.range().unwrap_or(text.len()..text.len());
    let rest = text.get(span.start..).unwrap_or("");
    let before = text.get(..span.end.min(text.len())).unwrap_or("");
    let open = |start: &str, end: &str| before.rfind(start).filter(|at| !before.get(*at..).unwrap_or("").contains(end));
    let fault = if detail.starts_with("unexpected end of input") || detail.contains("unexpected end of string") {
        let string = detail.contains("end of string");
        match (open("{{", "}}"), open("{%", "%}")) {
            _ if string => Fault::new("a text in the template is not closed: its quote is missing").at(span),
            (Some(at), _) => Fault::new("the template is not closed: `}}` is missing").at(at..at + 2),
            (_, Some(at)) if !before.trim_end().ends_with("%}") => Fault::new("the template is not closed: `%}` is missing").at(at..at + 2),
            _ => match unclosed(text) {
                Some((at, word)) => Fault::new(format!("`{{% {word} %}}` is not closed: `{{% end{word} %}}` is missing")).at(at),
                None => Fault::new("the expression ends too early").at(span),
            },
        }
    } else if detail.contains("end of comment") {
        Fault::new("the comment is not closed: `#}` is missing").at(span)
    } else if detail.contains("end of raw block") {
        Fault::new("`{% raw %}` is not closed: `{% endraw %}` is missing").at(span)
    } else if rest.starts_with("{{") || rest.starts_with('{') && before.contains("{{") && detail.contains("unexpected") {
        Fault::new(format!("the template cannot be understood: {detail}"))
            .at(span)
            .hint("inside `{{ }}` a variable is written without braces")
    } else if let Some(word) = detail.strip_prefix("unknown statement ") {
        statement(word).at(span)
    } else if error.kind() == minijinja::ErrorKind::BadEscape {
        Fault::new("a text in the template has a backslash that starts no known character").at(span)
    } else {
        Fault::new(format!("the template cannot be understood: {detail}")).at(span)
    };
    Box::new(fault)
}

fn statement(word: &str) -> Fault {
    let fault = Fault::new(format!("unknown statement `{{% {word} %}}`"));
    match word {
        "include" | "import" | "from" | "extends" | "block" => fault.hint("a value cannot use other templates"),
        _ => fault
            .label(super::fault::meant(word, ["for", "endfor", "if", "elif", "else", "endif", "set", "endset", "macro", "filter", "raw"])),
    }
}

/// The last statement that was opened and not closed.
fn unclosed(text: &str) -> Option<(Range<usize>, String)> {
    let mut open: Vec<(Range<usize>, String)> = Vec::new();
    for (at, _) in text.match_indices("{%") {
        let inside = text.get(at + 2..)?.trim_start_matches(['-', '+']).trim_start();
        let word: String = inside.chars().take_while(char::is_ascii_alphabetic).collect();
        if let Some(closed) = word.strip_prefix("end") {
            if open.last().is_some_and(|(_, word)| word == closed) {
                open.pop();
            }
        } else if matches!(word.as_str(), "for" | "if" | "macro" | "filter" | "with" | "call") {
            open.push((at..at + 2, word));
        }
    }
    open.pop()
}
