//! Jinja2's grammar: a text becomes a tree, or a problem a person can act on.

use std::borrow::Cow;
use std::ops::Range;

use minijinja::machinery::{Span, Token, ast, parse, parse_expr, tokenize};
use minijinja::syntax::SyntaxConfig;

use super::fault::{Fault, Outcome, fail};
use super::file_text;
use super::options::TemplateOptions;
use crate::yaml::guarded;

/// How many operators may stand between one pair of braces: a tree is as deep as a chain of them is long.
const OPERATORS: usize = 600;
/// How deep brackets, statements, signs and choices may be nested, each.
const NESTED: usize = 50;
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

/// A template with a blank for each sign `+` before a value, as in `[-1, +1]`: the parser knows only the other sign.
/// `options`: how a file's text is written.
pub(super) fn unsigned<'t>(text: &'t str, options: Option<&TemplateOptions>) -> Outcome<Cow<'t, str>> {
    if !text.contains('+') {
        return Ok(Cow::Borrowed(text));
    }
    let syntax = match options {
        Some(options) => file_text::syntax(options)?,
        None => syntax()?,
    };
    Ok(without_signs(text, false, syntax))
}

/// The same for an expression without braces around it.
pub(super) fn unsigned_expression(text: &str) -> Outcome<Cow<'_, str>> {
    Ok(if text.contains('+') { without_signs(text, true, syntax()?) } else { Cow::Borrowed(text) })
}

fn without_signs(text: &str, expression: bool, syntax: SyntaxConfig) -> Cow<'_, str> {
    let (mut signs, mut value_follows) = (Vec::new(), expression);
    // what the tokens are of a text that is too long nobody wants to know
    if text.len() <= LENGTH {
        for (token, span) in tokenize(text, expression, syntax).map_while(Result::ok) {
            if value_follows && matches!(token, Token::Plus) {
                signs.push(range(span));
            }
            value_follows = match token {
                Token::Ident(word) => matches!(word, "and" | "or" | "not" | "in" | "if" | "elif" | "else"),
                Token::Str(_) | Token::String(_) | Token::Int(_) | Token::Int128(_) | Token::Float(_) | Token::Dot | Token::Pipe => false,
                Token::ParenClose | Token::BracketClose | Token::BraceClose => false,
                _ => true,
            };
        }
    }
    if signs.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut bare = text.to_owned();
    for sign in signs {
        bare.replace_range(sign.clone(), &" ".repeat(sign.len()));
    }
    Cow::Owned(bare)
}

/// The tree of a template.
pub(super) fn template(text: &str) -> Outcome<ast::Stmt<'_>> {
    template_in(text, &syntax()?)
}

/// The tree of a template that is written like that.
pub(super) fn template_in<'t>(text: &'t str, syntax: &SyntaxConfig) -> Outcome<ast::Stmt<'t>> {
    understood(|| {
        bounded(text, false, syntax)?;
        parse(text, "", syntax.clone()).map_err(|error| explained(text, &error, false))
    })
}

/// The tree of an expression without braces around it.
pub(super) fn expression(text: &str) -> Outcome<ast::Expr<'_>> {
    understood(|| {
        bounded(text, true, &syntax()?)?;
        let tree = parse_expr(text).map_err(|error| explained(text, &error, true))?;
        // the parser takes a character that it does not know for the end: `a && b` is `a`
        match tokenize(text, true, syntax()?).find_map(Result::err) {
            Some(error) => Err(explained(text, &error, true)),
            None => Ok(tree),
        }
    })
}

/// The parser counts columns in 16 bits, and in a build that checks sums it panics at a mistake behind the last of them.
fn understood<T>(parse: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
    guarded(parse).unwrap_or_else(|| fail("the template cannot be understood, and a line of it is too long to say where"))
}

/// Whether an expression is one pair of braces: `{{ x }}`.
pub(super) fn is_in_braces(text: &str) -> bool {
    let text = text.trim();
    let Ok(text) = unsigned(text, None) else { return false };
    text.starts_with("{{") && text.ends_with("}}") && matches!(template(&text), Ok(ast::Stmt::Template(tree)) if tree.children.len() == 1)
}

/// An expression that cannot be understood because templates stand in it, outside of quotes, with brackets in place of their
/// braces: `{{ x }} == 1` becomes `( x ) == 1`. That is what was meant while Ansible rendered conditions before it read
/// them, up to 2.18. Everything stays where it is.
pub(super) fn without_braces(text: &str) -> Option<String> {
    let understood = |text: &str| unsigned_expression(text).is_ok_and(|text| expression(&text).is_ok());
    if !text.contains("{{") || understood(text) {
        return None;
    }
    let mut bare = String::with_capacity(text.len());
    let (mut quote, mut open) = (None, false);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let twice = chars.peek() == Some(&c);
        match (quote, c) {
            (None, '{') if twice && !open => (open, _) = (true, bare.push_str("( ")),
            (None, '}') if twice && open => (open, _) = (false, bare.push_str(" )")),
            (None, '\'' | '"') => (quote, _) = (Some(c), bare.push(c)),
            (Some(_), '\\') => {
                bare.push(c);
                bare.extend(chars.next());
                continue;
            }
            (Some(own), c) if own == c => (quote, _) = (None, bare.push(c)),
            _ => {
                bare.push(c);
                continue;
            }
        }
        if matches!(c, '{' | '}') {
            chars.next();
        }
    }
    understood(&bare).then_some(bare)
}

/// A tree is built and dropped by recursion, and the parser has the stack of a whole thread for itself, or so it believes:
/// how deep a tree may become is bounded before there is one.
fn bounded(text: &str, expression: bool, syntax: &SyntaxConfig) -> Outcome<()> {
    if text.len() > LENGTH {
        return fail("the template is longer than 4 MiB");
    }
    let mut depth = Depth::default();
    for token in tokenize(text, expression, syntax.clone()) {
        // what is wrong with it the parser says better
        let Ok((token, span)) = token else { return Ok(()) };
        depth.see(&token);
        if depth.operators > OPERATORS || depth.signs > NESTED || depth.choices > NESTED {
            let fault = Fault::new("the expression is too long").at(range(span));
            return Err(Box::new(fault.hint("set parts of it as variables of their own")));
        }
        if depth.brackets > NESTED || depth.blocks.len() + depth.blocks.iter().sum::<usize>() > NESTED {
            return Err(Box::new(Fault::new("the template is nested too deeply").at(range(span))));
        }
    }
    Ok(())
}

/// What makes a tree deep.
#[derive(Default)]
struct Depth {
    operators: usize,
    brackets: usize,
    /// `not` and `-` one behind the other.
    signs: usize,
    /// `… if … else … if … else …`
    choices: usize,
    /// Open statements, and how many `elif` each has.
    blocks: Vec<usize>,
    statement: Statement,
}

#[derive(Default, PartialEq)]
enum Statement {
    /// Between statements.
    #[default]
    None,
    /// Behind `{%`.
    Start,
    /// In a `set`, which is a block if it has no `=`.
    Set,
    /// Behind the first word.
    Inside,
}

impl Depth {
    fn see(&mut self, token: &Token) {
        match token {
            Token::VariableStart | Token::BlockStart => {
                (self.operators, self.brackets, self.signs, self.choices) = (0, 0, 0, 0);
                self.statement = if matches!(token, Token::BlockStart) { Statement::Start } else { Statement::None };
            }
            Token::BlockEnd if self.statement == Statement::Set => self.blocks.push(0),
            Token::Ident(word) if self.statement == Statement::Start => self.word(word),
            Token::Assign if self.statement == Statement::Set && self.brackets == 0 => self.statement = Statement::Inside,
            Token::ParenOpen | Token::BracketOpen | Token::BraceOpen => self.brackets += 1,
            Token::ParenClose | Token::BracketClose | Token::BraceClose => self.brackets = self.brackets.saturating_sub(1),
            _ => {}
        }
        self.choices += usize::from(matches!(token, Token::Ident("else")));
        self.signs = if matches!(token, Token::Ident("not") | Token::Minus) { self.signs + 1 } else { 0 };
        let counts = match token {
            Token::Ident(word) => matches!(*word, "and" | "or" | "is" | "in"),
            Token::Comma | Token::Colon | Token::Str(_) | Token::String(_) | Token::Int(_) | Token::TemplateData(_) => false,
            Token::ParenClose | Token::BracketClose | Token::BraceClose => false,
            _ => true,
        };
        self.operators += usize::from(counts);
    }

    fn word(&mut self, word: &str) {
        self.statement = if word == "set" { Statement::Set } else { Statement::Inside };
        match word {
            "for" | "if" | "with" | "filter" | "macro" | "call" | "autoescape" | "block" => self.blocks.push(0),
            "elif" => self.blocks.last_mut().into_iter().for_each(|elifs| *elifs += 1),
            word if word.starts_with("end") => {
                self.blocks.pop();
            }
            _ => {}
        }
    }
}

/// The parser's problem in our words.
fn explained(text: &str, error: &minijinja::Error, expression: bool) -> Box<Fault> {
    // the parser takes a character that it does not know for the end
    let unknown = error.detail().is_some_and(|detail| detail.contains("end of input"));
    let lexed = unknown.then(|| syntax().ok().and_then(|syntax| tokenize(text, expression, syntax).find_map(Result::err))).flatten();
    let error = lexed.as_ref().unwrap_or(error);
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
    } else if expression && text.contains("{{") {
        Fault::new(format!("the expression cannot be understood: {detail}")).at(span).hint("an expression is written without `{{ }}`")
    } else if rest.starts_with("{{") || rest.starts_with('{') && before.contains("{{") && detail.contains("unexpected") {
        Fault::new(format!("the template cannot be understood: {detail}"))
            .at(span)
            .hint("inside `{{ }}` a variable is written without braces")
    } else if let Some((word, meant)) = [("&&", "and"), ("||", "or"), ("|", "or"), ("!", "not")]
        .iter()
        .find(|(word, _)| rest.starts_with(word) && (*word != "|" || before.ends_with("||") || before.trim_end().ends_with('|')))
    {
        let word = if *word == "|" { "||" } else { word };
        Fault::new(format!("the template cannot be understood: `{word}` is not an operator")).at(span).hint(format!("write `{meant}`"))
    } else if let Some(word) = detail.strip_prefix("unknown statement ") {
        statement(word).at(span)
    } else if error.kind() == minijinja::ErrorKind::BadEscape {
        Fault::new("a text in the template has a backslash that starts no known character").at(span)
    } else {
        let front = text.get(..span.start).unwrap_or("");
        let open_at = front.rfind("{{");
        let twice = open_at.is_some_and(|at| front.get(..at).is_some_and(|front| front.rfind("{{") > front.rfind("}}")));
        let fault = Fault::new(format!("the template cannot be understood: {detail}")).at(span);
        if front.trim_end().ends_with("{{") {
            fault.hint("nothing stands in the braces: write a variable or an expression")
        } else if twice {
            fault.hint("inside `{{ }}` a variable is written without braces")
        } else if rest.starts_with('=') {
            fault.hint("`==` compares; a template sets no variable here")
        } else if detail.starts_with("unexpected identifier") || detail.starts_with("unexpected string") {
            fault.hint("a `|`, a `~`, a comma or a quote may be missing before it")
        } else {
            fault
        }
    };
    Box::new(fault)
}

fn statement(word: &str) -> Fault {
    let fault = Fault::new(format!("unknown statement `{{% {word} %}}`"));
    let known = [
        "for", "endfor", "if", "elif", "else", "endif", "set", "endset", "macro", "filter", "raw", "include", "import", "extends", "block",
    ];
    fault.label(super::fault::meant(word, known))
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
        } else if matches!(word.as_str(), "for" | "if" | "macro" | "filter" | "with" | "call" | "block") {
            open.push((at..at + 2, word));
        }
    }
    open.pop()
}
