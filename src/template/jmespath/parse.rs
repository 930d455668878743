//! Its grammar.

use serde_json::Value as Json;

use super::{Expr, Told};

/// How deep an expression may be nested.
const DEPTH: usize = 100;

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Name(String),
    Quoted(String),
    Number(i64),
    Literal(Json),
    /// Anything else, as it is written.
    Mark(&'static str),
    End,
}

const MARKS: [&str; 25] = [
    "[?", "[]", "||", "&&", "==", "!=", "<=", ">=", ".", "*", "[", "]", "{", "}", "(", ")", ",", ":", "@", "&", "|", "!", "<", ">", "\u{0}",
];

fn tokens(text: &str) -> Told<Vec<Token>> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        if first.is_ascii_alphabetic() || first == '_' {
            let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
            found.push(Token::Name(rest.get(..end).unwrap_or_default().to_owned()));
            rest = rest.get(end..).unwrap_or_default();
        } else if first.is_ascii_digit() || first == '-' {
            let end = rest.get(1..).and_then(|rest| rest.find(|c: char| !c.is_ascii_digit())).map_or(rest.len(), |at| at + 1);
            let number = rest.get(..end).and_then(|digits| digits.parse().ok());
            found.push(Token::Number(number.ok_or_else(|| format!("`{first}` begins no number"))?));
            rest = rest.get(end..).unwrap_or_default();
        } else if matches!(first, '"' | '\'' | '`') {
            let (inner, after) = quoted(rest, first)?;
            found.push(match first {
                '"' => {
                    let json = format!("\"{inner}\"");
                    Token::Quoted(serde_json::from_str(&json).map_err(|_| format!("{json} is no text of JSON"))?)
                }
                '\'' => Token::Literal(Json::from(inner.replace("\\'", "'").replace("\\\\", "\\"))),
                _ => {
                    let inner = inner.replace("\\`", "`");
                    // what is no JSON is a text, as it was before the language was written down
                    Token::Literal(serde_json::from_str(inner.trim()).unwrap_or_else(|_| Json::from(inner.trim_start())))
                }
            });
            rest = after;
        } else {
            let mark = MARKS.iter().find(|mark| rest.starts_with(**mark)).ok_or_else(|| format!("`{first}` has no meaning here"))?;
            found.push(Token::Mark(mark));
            rest = rest.get(mark.len()..).unwrap_or_default();
        }
        rest = rest.trim_start();
    }
    Ok(found)
}

/// What stands between two quotes, and what follows.
fn quoted(text: &str, quote: char) -> Told<(&str, &str)> {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if c == quote {
            return Ok((text.get(1..at).unwrap_or_default(), text.get(at + 1..).unwrap_or_default()));
        }
    }
    Err(format!("{quote} is not closed"))
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
}

pub(super) fn parse(text: &str) -> Told<Expr> {
    let mut parser = Parser { tokens: tokens(text)?, at: 0, depth: 0 };
    let expr = parser.expr(0)?;
    match parser.peek() {
        Token::End => Ok(expr),
        token => Err(format!("{} is not expected there", shown(&token))),
    }
}

fn shown(token: &Token) -> String {
    match token {
        Token::Name(name) | Token::Quoted(name) => format!("`{name}`"),
        Token::Number(number) => format!("`{number}`"),
        Token::Literal(value) => format!("`{value}`"),
        Token::Mark(mark) => format!("`{mark}`"),
        Token::End => "the end".to_owned(),
    }
}

/// How strongly a token binds what stands before it.
fn power(token: &Token) -> u8 {
    match token {
        Token::Mark("|") => 1,
        Token::Mark("||") => 2,
        Token::Mark("&&") => 3,
        Token::Mark("==" | "!=" | "<" | "<=" | ">" | ">=") => 5,
        Token::Mark("[]") => 9,
        Token::Mark("*") => 20,
        Token::Mark("[?") => 21,
        Token::Mark(".") => 40,
        Token::Mark("!") => 45,
        Token::Mark("{") => 50,
        Token::Mark("[") => 55,
        Token::Mark("(") => 60,
        _ => 0,
    }
}

/// What binds less strongly ends a projection.
const STOP: u8 = 10;

impl Parser {
    fn peek(&self) -> Token {
        self.tokens.get(self.at).cloned().unwrap_or(Token::End)
    }

    fn ahead(&self, by: usize) -> Token {
        self.tokens.get(self.at + by).cloned().unwrap_or(Token::End)
    }

    fn next(&mut self) -> Token {
        let token = self.peek();
        self.at += 1;
        token
    }

    fn expect(&mut self, mark: &'static str) -> Told<()> {
        match self.next() {
            Token::Mark(found) if found == mark => Ok(()),
            other => Err(format!("`{mark}` is expected, and there is {}", shown(&other))),
        }
    }

    fn expr(&mut self, binding: u8) -> Told<Expr> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err("the expression is nested too deeply".to_owned());
        }
        let token = self.next();
        let mut left = self.first(token)?;
        while binding < power(&self.peek()) {
            let token = self.next();
            left = self.behind(token, left)?;
        }
        self.depth -= 1;
        Ok(left)
    }

    fn first(&mut self, token: Token) -> Told<Expr> {
        Ok(match token {
            Token::Literal(value) => Expr::Literal(value),
            Token::Name(name) if self.peek() == Token::Mark("(") => {
                self.at += 1;
                Expr::Call(name, self.list(")")?)
            }
            Token::Name(name) | Token::Quoted(name) => Expr::Field(name),
            Token::Mark("@") => Expr::Current,
            Token::Mark("*") => Expr::EachValue(Box::new(Expr::Current), Box::new(self.projected(power(&Token::Mark("*")))?)),
            Token::Mark("[]") => {
                let flat = Expr::Flatten(Box::new(Expr::Current));
                Expr::Each(Box::new(flat), Box::new(self.projected(power(&Token::Mark("[]")))?))
            }
            Token::Mark("[?") => self.filter(Expr::Current)?,
            Token::Mark("[") => match (self.peek(), self.ahead(1)) {
                (Token::Number(_) | Token::Mark(":"), _) => self.index(Expr::Current)?,
                (Token::Mark("*"), Token::Mark("]")) => {
                    self.at += 2;
                    Expr::Each(Box::new(Expr::Current), Box::new(self.projected(power(&Token::Mark("*")))?))
                }
                _ => Expr::List(self.list("]")?),
            },
            Token::Mark("{") => self.map()?,
            Token::Mark("&") => Expr::Reference(Box::new(self.expr(0)?)),
            Token::Mark("!") => Expr::Not(Box::new(self.expr(power(&Token::Mark("!")))?)),
            Token::Mark("(") => {
                let inner = self.expr(0)?;
                self.expect(")")?;
                inner
            }
            other => return Err(format!("{} is not expected there", shown(&other))),
        })
    }

    fn behind(&mut self, token: Token, left: Expr) -> Told<Expr> {
        let Token::Mark(mark) = token else { return Err(format!("{} is not expected there", shown(&token))) };
        let left = Box::new(left);
        Ok(match mark {
            "." if self.peek() == Token::Mark("*") => {
                self.at += 1;
                Expr::EachValue(left, Box::new(self.projected(power(&Token::Mark("*")))?))
            }
            "." => Expr::Sub(left, Box::new(self.dotted(power(&Token::Mark(".")))?)),
            "|" => Expr::Pipe(left, Box::new(self.expr(1)?)),
            "||" => Expr::Or(left, Box::new(self.expr(2)?)),
            "&&" => Expr::And(left, Box::new(self.expr(3)?)),
            "==" | "!=" | "<" | "<=" | ">" | ">=" => Expr::Compare(mark, left, Box::new(self.expr(5)?)),
            "[]" => Expr::Each(Box::new(Expr::Flatten(left)), Box::new(self.projected(9)?)),
            "[?" => self.filter(*left)?,
            "[" => match (self.peek(), self.ahead(1)) {
                (Token::Number(_) | Token::Mark(":"), _) => self.index(*left)?,
                (Token::Mark("*"), Token::Mark("]")) => {
                    self.at += 2;
                    Expr::Each(left, Box::new(self.projected(power(&Token::Mark("*")))?))
                }
                _ => return Err("a number, a slice or `*` is expected in the brackets".to_owned()),
            },
            other => return Err(format!("`{other}` is not expected there")),
        })
    }

    /// What a projection does with each item.
    fn projected(&mut self, binding: u8) -> Told<Expr> {
        match self.peek() {
            token if power(&token) < STOP => Ok(Expr::Current),
            Token::Mark("[" | "[?") => self.expr(binding),
            Token::Mark(".") => {
                self.at += 1;
                self.dotted(binding)
            }
            other => Err(format!("{} is not expected there", shown(&other))),
        }
    }

    /// What may stand behind a dot.
    fn dotted(&mut self, binding: u8) -> Told<Expr> {
        match self.peek() {
            Token::Name(_) | Token::Quoted(_) | Token::Mark("*") => self.expr(binding),
            Token::Mark("[") => {
                self.at += 1;
                Ok(Expr::List(self.list("]")?))
            }
            Token::Mark("{") => {
                self.at += 1;
                self.map()
            }
            other => Err(format!("{} is not expected behind a dot", shown(&other))),
        }
    }

    fn filter(&mut self, left: Expr) -> Told<Expr> {
        let condition = self.expr(0)?;
        self.expect("]")?;
        let right = if self.peek() == Token::Mark("[]") { Expr::Current } else { self.projected(21)? };
        Ok(Expr::Filter(Box::new(left), Box::new(right), Box::new(condition)))
    }

    /// `[1]` and `[1:2:3]`, behind the bracket.
    fn index(&mut self, left: Expr) -> Told<Expr> {
        let left = Box::new(left);
        if let (Token::Number(number), Token::Mark("]")) = (self.peek(), self.ahead(1)) {
            self.at += 2;
            return Ok(Expr::Sub(left, Box::new(Expr::Index(number))));
        }
        let (mut bounds, mut at) = ([None; 3], 0);
        loop {
            match self.next() {
                Token::Number(number) => {
                    if let Some(slot) = bounds.get_mut(at) {
                        *slot = Some(number);
                    }
                }
                Token::Mark(":") if at < 2 => at += 1,
                Token::Mark("]") => break,
                other => return Err(format!("{} is not expected in a slice", shown(&other))),
            }
        }
        let slice = Expr::Sub(left, Box::new(Expr::Slice(bounds)));
        Ok(Expr::Each(Box::new(slice), Box::new(self.projected(20)?)))
    }

    /// Expressions up to a mark, with commas.
    fn list(&mut self, end: &'static str) -> Told<Vec<Expr>> {
        let mut items = Vec::new();
        if self.peek() == Token::Mark(end) {
            self.at += 1;
            return Ok(items);
        }
        loop {
            items.push(self.expr(0)?);
            match self.next() {
                Token::Mark(",") => {}
                Token::Mark(mark) if mark == end => return Ok(items),
                other => return Err(format!("`,` or `{end}` is expected, and there is {}", shown(&other))),
            }
        }
    }

    /// `a: expression, …}`
    fn map(&mut self) -> Told<Expr> {
        let mut entries = Vec::new();
        loop {
            let (Token::Name(name) | Token::Quoted(name)) = self.next() else { return Err("a name is expected in `{…}`".to_owned()) };
            self.expect(":")?;
            entries.push((name, self.expr(0)?));
            match self.next() {
                Token::Mark(",") => {}
                Token::Mark("}") => return Ok(Expr::Map(entries)),
                other => return Err(format!("`,` or `}}` is expected, and there is {}", shown(&other))),
            }
        }
    }
}
