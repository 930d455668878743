//! Words: quotes, and what is filled in.

use super::{Reader, Word, nested};

impl Reader {
    pub(super) fn word(&mut self) -> Result<Word, String> {
        let from = self.at;
        let (mut text, mut is_literal, mut has_brace) = (String::new(), true, false);
        while let Some(c) = self.peek() {
            match c {
                ' ' | '\t' | '\n' | '\r' | ';' | '&' | '|' | '<' | '>' | '(' | ')' => break,
                '\\' => {
                    self.at += 1;
                    match self.peek() {
                        Some('\n') => {}
                        Some(c) => text.push(c),
                        None => return Err("a backslash at the end".into()),
                    }
                    self.at += 1;
                }
                '\'' => {
                    self.at += 1;
                    self.single(&mut text)?;
                }
                '"' => {
                    self.at += 1;
                    self.double(&mut text, &mut is_literal)?;
                }
                '$' if self.starts("$'") => {
                    self.at += 2;
                    self.escaped(&mut text, &mut is_literal)?;
                }
                '$' if self.starts("$\"") => self.at += 1,
                '$' => self.dollar(&mut text, &mut is_literal)?,
                '`' => self.backquoted(&mut text, &mut is_literal)?,
                c => {
                    is_literal &= !(matches!(c, '*' | '?' | '[') || c == '~' && self.at == from);
                    has_brace |= c == '{';
                    text.push(c);
                    self.at += 1;
                }
            }
        }
        if self.at == from {
            return Err(format!("{:?} where a word is expected", self.peek()));
        }
        let is_braces = has_brace && text.contains('}') && (text.contains(',') || text.contains(".."));
        let is_bracket = text == "[";
        Ok(Word { is_literal: (is_literal || is_bracket) && !is_braces, text })
    }

    fn single(&mut self, text: &mut String) -> Result<(), String> {
        while let Some(c) = self.peek() {
            self.at += 1;
            if c == '\'' {
                return Ok(());
            }
            text.push(c);
        }
        Err("a quote that is not closed".into())
    }

    /// `$'…'`
    fn escaped(&mut self, text: &mut String, is_literal: &mut bool) -> Result<(), String> {
        while let Some(c) = self.peek() {
            self.at += 1;
            match c {
                '\'' => return Ok(()),
                '\\' => {
                    *is_literal = false;
                    text.extend(self.peek());
                    self.at += 1;
                }
                c => text.push(c),
            }
        }
        Err("a quote that is not closed".into())
    }

    fn double(&mut self, text: &mut String, is_literal: &mut bool) -> Result<(), String> {
        while let Some(c) = self.peek() {
            match c {
                '"' => {
                    self.at += 1;
                    return Ok(());
                }
                '\\' => {
                    self.at += 1;
                    match self.peek() {
                        Some('\n') => {}
                        Some(c @ ('$' | '`' | '"' | '\\')) => text.push(c),
                        Some(c) => text.extend(['\\', c]),
                        None => break,
                    }
                    self.at += 1;
                }
                '$' => self.dollar_in(true, text, is_literal)?,
                '`' => self.backquoted(text, is_literal)?,
                c => {
                    text.push(c);
                    self.at += 1;
                }
            }
        }
        Err("a quote that is not closed".into())
    }

    fn dollar(&mut self, text: &mut String, is_literal: &mut bool) -> Result<(), String> {
        self.dollar_in(false, text, is_literal)
    }

    fn dollar_in(&mut self, quotes: bool, text: &mut String, is_literal: &mut bool) -> Result<(), String> {
        let from = self.at;
        self.at += 1;
        match self.peek() {
            Some('(') if self.starts("((") && self.is_sum() => self.arithmetic()?,
            Some('(') => {
                self.at += 1;
                self.subshell()?;
            }
            Some('{') => self.parameter(quotes)?,
            Some(c) if c.is_ascii_alphabetic() || c == '_' => {
                while self.peek().is_some_and(|c| c.is_ascii_alphanumeric() || c == '_') {
                    self.at += 1;
                }
            }
            Some(c) if c.is_ascii_digit() || "@*#?-$!".contains(c) => self.at += 1,
            _ => {
                text.push('$');
                return Ok(());
            }
        }
        *is_literal = false;
        text.extend(self.chars.get(from..self.at).unwrap_or_default());
        Ok(())
    }

    /// Whether `$((` begins a sum and no command in a command: it ends with both at once.
    pub(super) fn is_sum(&self) -> bool {
        let mut open = 0i32;
        for (index, c) in self.chars.iter().enumerate().skip(self.at) {
            match c {
                '(' => open += 1,
                ')' => open -= 1,
                _ => {}
            }
            if open == 1 && *c == ')' {
                return self.chars.get(index + 1) == Some(&')');
            }
            if open == 0 {
                return false;
            }
        }
        false
    }

    /// `${…}`, within double quotes or not.
    fn parameter(&mut self, quotes: bool) -> Result<(), String> {
        self.at += 1;
        let (mut unused, mut literal) = (String::new(), true);
        while let Some(c) = self.peek() {
            match c {
                '}' => {
                    self.at += 1;
                    return Ok(());
                }
                '\\' => self.at += 2,
                // dash takes it for a letter, bash for the beginning of a quote
                '\'' if quotes => return Err("an apostrophe in a variable within double quotes".into()),
                '\'' => {
                    self.at += 1;
                    self.single(&mut unused)?;
                }
                '"' => {
                    self.at += 1;
                    self.double(&mut unused, &mut literal)?;
                }
                '$' => self.dollar(&mut unused, &mut literal)?,
                '`' => self.backquoted(&mut unused, &mut literal)?,
                _ => self.at += 1,
            }
        }
        Err("a variable that is not closed".into())
    }

    fn backquoted(&mut self, text: &mut String, is_literal: &mut bool) -> Result<(), String> {
        self.at += 1;
        let mut inner = String::new();
        loop {
            match self.peek() {
                None => return Err("a backquote that is not closed".into()),
                Some('`') => break,
                Some('\\') if matches!(self.ahead(1), Some('`' | '\\' | '$')) => {
                    inner.extend(self.ahead(1));
                    self.at += 2;
                }
                Some(c) => {
                    inner.push(c);
                    self.at += 1;
                }
            }
        }
        self.at += 1;
        let found = nested(&inner, self.depth)?;
        self.absorb(found);
        text.push_str(&format!("`{inner}`"));
        *is_literal = false;
        Ok(())
    }
}
