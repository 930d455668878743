//! A text in place of options: `creates=/x reboot now`, as Ansible takes it apart before it renders templates
//! (parsing/splitter.py).

/// The options that may stand in the text of a command.
const OPTIONS: [&str; 8] = ["creates", "removes", "chdir", "executable", "warn", "stdin", "stdin_add_newline", "strip_empty_ends"];

/// A text taken apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FreeForm {
    /// Options and their values, without quotes around them.
    pub options: Vec<(String, String)>,
    /// What is left, with its blanks and line breaks; `None` if nothing is.
    pub text: Option<String>,
}

/// Takes the options of `command`, `shell`, `raw` and `script` out of the text behind their name.
///
/// # Errors
/// A quote or the braces of a template are not closed.
pub fn free_form(text: &str) -> Result<FreeForm, &'static str> {
    let mut found = FreeForm::default();
    for piece in pieces(text)? {
        match option(&piece) {
            Piece::Option(name, value) => {
                found.options.retain(|(known, _)| *known != name);
                found.options.push((name, value));
            }
            Piece::Text(text) => {
                let whole = found.text.get_or_insert_default();
                if !whole.is_empty() && !whole.ends_with('\n') {
                    whole.push(' ');
                }
                whole.push_str(&text);
            }
        }
    }
    Ok(found)
}

enum Piece {
    Option(String, String),
    Text(String),
}

fn option(piece: &str) -> Piece {
    let text = unescaped(piece);
    if !text.contains('=') {
        return Piece::Text(piece.to_owned());
    }
    // the first that is neither at the beginning nor behind a backslash
    let equals =
        text.match_indices('=').map(|(at, _)| at).find(|at| *at > 0 && !text.get(..*at).is_some_and(|before| before.ends_with('\\')));
    let Some((name, value)) = equals.and_then(|at| Some((text.get(..at)?, text.get(at + 1..)?))) else {
        return Piece::Text(text.replace("\\=", "="));
    };
    if OPTIONS.contains(&name) { Piece::Option(name.to_owned(), unquoted(value.trim()).to_owned()) } else { Piece::Text(piece.to_owned()) }
}

/// Without the quotes around it, if they are the same on both ends and the last is meant.
fn unquoted(text: &str) -> &str {
    let inner = |quote| text.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)).filter(|inner| !inner.ends_with('\\'));
    inner('"').or_else(|| inner('\'')).unwrap_or(text)
}

/// `\n`, `\x41`, `\u00e4`… as characters.
fn unescaped(text: &str) -> String {
    let mut whole = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        let (before, from) = rest.split_at(at);
        whole.push_str(before);
        let code = |digits: usize| {
            let hex = from.get(2..2 + digits).filter(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
            Some((char::from_u32(u32::from_str_radix(hex, 16).ok()?)?, 2 + digits))
        };
        let escape = match from.get(1..).and_then(|rest| rest.chars().next()) {
            Some('U') => code(8),
            Some('u') => code(4),
            Some('x') => code(2),
            Some(c @ ('\\' | '\'' | '"')) => Some((c, 2)),
            Some('a') => Some(('\u{7}', 2)),
            Some('b') => Some(('\u{8}', 2)),
            Some('f') => Some(('\u{c}', 2)),
            Some('n') => Some(('\n', 2)),
            Some('r') => Some(('\r', 2)),
            Some('t') => Some(('\t', 2)),
            Some('v') => Some(('\u{b}', 2)),
            _ => None,
        };
        let (c, length) = escape.unwrap_or(('\\', 1));
        whole.push(c);
        rest = from.get(length..).unwrap_or_default();
    }
    whole.push_str(rest);
    whole
}

/// What is open at a place of the text.
#[derive(Default)]
struct Open {
    quote: Option<char>,
    /// Of `{{`, `{%` and `{#`.
    depths: [usize; 3],
}

impl Open {
    fn is_template(&self) -> bool {
        self.depths.iter().any(|depth| *depth > 0)
    }

    fn read_quotes(&mut self, token: &str) {
        let mut before = None;
        for c in token.chars() {
            if matches!(c, '"' | '\'') && before != Some('\\') {
                match self.quote {
                    Some(quote) if quote == c => self.quote = None,
                    Some(_) => {}
                    None => self.quote = Some(c),
                }
            }
            before = Some(c);
        }
    }
}

/// The text cut at blanks outside quotes and templates; what was between the pieces stays at their ends.
fn pieces(text: &str) -> Result<Vec<String>, &'static str> {
    let mut pieces: Vec<String> = Vec::new();
    let mut open = Open::default();
    let lines: Vec<&str> = text.split('\n').collect();
    for (number, line) in lines.iter().enumerate() {
        let mut continues = false;
        for (index, token) in line.split(' ').enumerate() {
            if token.is_empty() && index != 0 {
                add(&mut pieces, " ");
                continue;
            }
            let was_quoted = open.quote.is_some();
            if token == "\\" && !was_quoted {
                continues = true;
                continue;
            }
            open.read_quotes(token);
            let is_quoted = open.quote.is_some();
            let mut is_added = true;
            if is_quoted && !was_quoted && !open.is_template() {
                pieces.push(token.to_owned());
            } else if open.is_template() || is_quoted || was_quoted {
                if index > 0 && !(index == 0 && was_quoted) {
                    add(&mut pieces, " ");
                }
                add(&mut pieces, token);
            } else {
                is_added = false;
            }
            for (depth, (opening, closing)) in open.depths.iter_mut().zip([("{{", "}}"), ("{%", "%}"), ("{#", "#}")]) {
                let (opened, closed) = (token.matches(opening).count(), token.matches(closing).count());
                let now = (*depth + opened).saturating_sub(closed);
                if now != *depth && !is_added {
                    pieces.push(token.to_owned());
                    is_added = true;
                }
                *depth = now;
            }
            if !is_added && !open.is_template() && !is_quoted && !token.is_empty() {
                pieces.push(token.to_owned());
            }
        }
        if number + 1 != lines.len() && !continues {
            add(&mut pieces, "\n");
        }
    }
    if open.quote.is_some() {
        return Err("a quote is not closed");
    }
    if open.is_template() { Err("the braces of a template are not closed") } else { Ok(pieces) }
}

fn add(pieces: &mut Vec<String>, text: &str) {
    match pieces.last_mut() {
        Some(last) => last.push_str(text),
        None => pieces.push(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> (Vec<(String, String)>, String) {
        let found = free_form(text).unwrap();
        (found.options, found.text.unwrap_or_default())
    }

    #[test]
    fn options_are_taken_out_and_the_text_stays() {
        let (options, text) = of("creates=/a/b removes='/c d' make x=1  all");
        assert_eq!(options, [("creates".to_owned(), "/a/b".to_owned()), ("removes".to_owned(), "/c d".to_owned())]);
        assert_eq!(text, "make x=1  all");
        assert_eq!(
            of("echo \"a  creates=b\" chdir={{ x if y else 'z' }}"),
            (vec![("chdir".into(), "{{ x if y else 'z' }}".into())], "echo \"a  creates=b\"".into())
        );
    }

    #[test]
    fn lines_stay_lines() {
        assert_eq!(of("set -e\n  echo a\necho b\n").1, "set -e\n  echo a\necho b\n");
        assert_eq!(of("echo a \\\n  b").1, "echo a  b");
        assert_eq!(of("cat <<EOF\nwarn=no\nEOF").0, [("warn".to_owned(), "no".to_owned())]);
        assert_eq!(free_form("chdir=/x").unwrap().text, None);
    }

    #[test]
    fn an_escaped_equals_sign_is_none() {
        assert_eq!(of(r"creates\=x y").1, "creates=x y");
        assert_eq!(of("=x").1, "=x");
    }

    #[test]
    fn what_is_not_closed() {
        assert_eq!(free_form("echo it's"), Err("a quote is not closed"));
        assert_eq!(free_form("echo {{ x"), Err("the braces of a template are not closed"));
        assert!(free_form(r"echo it\'s").is_ok());
    }

    #[test]
    fn escapes_are_characters_in_options_only() {
        assert_eq!(of(r#"stdin="a\nb" echo a\nb"#), (vec![("stdin".into(), "a\nb".into())], r"echo a\nb".into()));
        assert_eq!(unescaped(r"\x41\u00e4\q\"), "Aä\\q\\");
    }

    proptest::proptest! {
        #[test]
        fn no_text_is_too_odd(text in "[ -~\n]{0,40}") {
            let _ = free_form(&text);
        }
    }
}
