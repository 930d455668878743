//! Scalars in lines of their own: `|` and `>`.

use super::Emitter;

/// Where a line ends.
fn is_break(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

impl Emitter<'_> {
    /// The mark, and what a reader has to know of blanks at the beginning and of line ends at the end.
    fn begin(&mut self, mark: &str, text: &str) {
        self.indicator(mark, true, false, false);
        if text.starts_with(|c| c == ' ' || is_break(c)) {
            self.indicator(&self.settings.indent.to_string(), false, false, false);
        }
        let mut back = text.chars().rev();
        match (back.next().is_some_and(is_break), back.next()) {
            (false, _) => self.indicator("-", false, false, false),
            (true, before) if before.is_none_or(is_break) => self.indicator("+", false, false, false),
            _ => {}
        }
        self.break_line();
        (self.whitespace, self.indention) = (true, true);
    }

    fn break_as(&mut self, c: char) {
        if c == '\n' {
            self.break_line();
        } else {
            self.out.push(c);
            self.column = 0;
        }
        self.indention = true;
    }

    /// `|`: line by line as it is.
    pub(super) fn literal(&mut self, text: &str) {
        self.begin("|", text);
        let mut broken = true;
        for c in text.chars() {
            if is_break(c) {
                self.break_as(c);
                broken = true;
            } else {
                if broken {
                    self.line();
                }
                self.put(c);
                (self.indention, broken) = (false, false);
            }
        }
    }

    /// `>`: long lines are broken at blanks, and a line end is an empty line.
    pub(super) fn folded(&mut self, text: &str) {
        self.begin(">", text);
        let (mut broken, mut leading) = (true, true);
        let chars: Vec<char> = text.chars().collect();
        for (at, &c) in chars.iter().enumerate() {
            let next = chars.get(at + 1);
            if is_break(c) {
                if !broken && !leading && c == '\n' {
                    let behind = chars.iter().skip(at).find(|c| !is_break(**c));
                    if behind.is_some_and(|c| !matches!(c, ' ' | '\t')) {
                        self.break_line();
                    }
                }
                self.break_as(c);
                broken = true;
                continue;
            }
            if broken {
                self.line();
                leading = matches!(c, ' ' | '\t');
            }
            if !broken && c == ' ' && next != Some(&' ') && self.column > self.settings.width {
                self.line();
            } else {
                self.put(c);
            }
            (self.indention, broken) = (false, false);
        }
    }
}
